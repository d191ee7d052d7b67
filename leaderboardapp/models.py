"""Board and Player: plain classes that feel like Django's, over whichever store is configured.

    board = Board(name="World cup").save()
    alice = Player(board=board, name="Alice").save()
    alice.score_add(5)
    Player.get_top_for_board(board, limit=10)

Any of these may raise StoreUnavailable.
"""

import uuid
from collections.abc import Iterator
from typing import Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp import events
from leaderboardapp.domain import ranking, schedule
from leaderboardapp.domain.types import BOARD_DEFAULTS, RankPosition, Row, Window, rank_position
from leaderboardapp.stores import get_store

__all__ = ["Board", "ObjectDoesNotExist", "Player"]

PLAYER_FIELDS = ("name", "score", "hidden")


class Board:
    def __init__(
        self,
        id: str | None = None,
        name: str = "",
        size: int = 5,
        order: str = "desc",
        ranking: str = "ordinal",
        min: int | None = None,
        max: int | None = None,
        max_amount: int | None = None,
        private: bool = False,
        ask_email: bool = False,
        schedule: str | None = None,
    ) -> None:
        """`size` is how many players its snapshot shows; BOARD_DEFAULTS says what the others mean.
        Without an id it gets a new UUID."""
        self.id, self.name, self.size = id or str(uuid.uuid4()), name, size
        self.order, self.ranking = order, ranking
        self.min, self.max, self.max_amount = min, max, max_amount
        self.private, self.ask_email = private, ask_email
        self.schedule, self.season = schedule, 1
        self.ends_at: str | None = None  # by schedule
        self._stored: Row | None = None

    def row(self) -> Row:
        return {field: getattr(self, field) for field in ("id", *BOARD_DEFAULTS)}

    def stored(self) -> Row:
        """As it was last read, or is, if it was not. Raises ObjectDoesNotExist."""
        if self._stored is None:
            self.reload()
        assert self._stored is not None
        return self._stored

    def save(self) -> Self:
        """Raises AlreadyExists if a new board's id is taken."""
        if self.schedule != (self._stored or BOARD_DEFAULTS)["schedule"]:
            self.ends_at = schedule.end_after(schedule.now(), self.schedule)
        row = self.row()
        if self._stored is None:
            get_store().create_board(row)
            events.announce(self.id, events.CREATED, {"name": self.name})
        elif changes := _changes(self._stored, row):
            row = get_store().update_board(self.id, changes)
        return self._load(row)

    def reload(self) -> Self:
        """Raises ObjectDoesNotExist."""
        return self._load(get_store().get_board(self.id))

    def delete(self) -> None:
        """Its players with it. Raises ObjectDoesNotExist."""
        get_store().delete_board(self.id)
        self._stored = None

    def reset(self) -> Self:
        """End the season that it was read in, and begin the next one, with all scores zero. Raises
        ObjectDoesNotExist, WrongSeason if that season was over already."""
        season = self.stored()["season"]
        row = get_store().start_next_season(self.id, season, schedule.now())
        events.announce(self.id, events.SEASON_ENDED, {"season": season})
        return self._load(row)

    @classmethod
    def get(cls, id: str) -> Self:
        """Raises ObjectDoesNotExist."""
        return cls(id).reload()

    @classmethod
    def get_page(cls, limit: int = 20, after: str = "", private: bool = False) -> list[Self]:
        """Boards by id, from the one after the id `after` on; private ones only if asked for."""
        rows = get_store().list_boards(after, limit, private)
        return [cls(row["id"])._load(row) for row in rows]

    def _load(self, row: Row) -> Self:
        for field in BOARD_DEFAULTS:
            setattr(self, field, row[field])
        self._stored = row
        return self

    def __repr__(self) -> str:
        return f"<Board: {self.id}>"


class Player:
    def __init__(
        self,
        board: Board,
        id: str | None = None,
        name: str = "",
        score: int | None = None,
        email: str | None = None,
    ) -> None:
        """Ids are unique on a board; the same player may be on many boards. Without a score it
        begins with 0; on an ascending board it is not ranked before it has one. An email
        address is kept with a new player, and shown nowhere."""
        self.board, self.id, self.name, self.score = board, id or str(uuid.uuid4()), name, score
        self.email, self.hidden = email, False
        self.rank: int | None = None  # where it was read with one
        self.bound = 0  # how far off the rank may be, either way
        self._stored: Row | None = None

    def save(self) -> Self:
        """Raises AlreadyExists if a new player's id is taken, EmailTaken, ObjectDoesNotExist if
        there is no such board, ScoreOutOfRange. Only what was assigned is written, so a rename
        overwrites no increment."""
        if self._stored is None:
            row = {"id": self.id, "name": self.name, "score": self.score, "email": self.email}
            stored = get_store().create_player(self.board.id, row)
            events.announce(self.board.id, events.JOINED, events.player_payload(stored))
            return self._load(stored)
        changes = _changes(self._stored, {field: getattr(self, field) for field in PLAYER_FIELDS})
        if "score" in changes:
            score = changes.pop("score")
            self._load(get_store().set_score(self.board.id, self.id, score, only_better=False))
        if changes:
            self._load(get_store().update_player(self.board.id, self.id, changes))
        return self

    def reload(self) -> Self:
        """Raises ObjectDoesNotExist."""
        return self._load(get_store().get_player(self.board.id, self.id))

    def delete(self) -> None:
        """Raises ObjectDoesNotExist."""
        player = self._row()
        get_store().delete_player(self.board.id, self.id)
        if not player["hidden"]:
            events.announce(self.board.id, events.LEFT, events.player_payload(player))
        self._stored = None

    def score_add(self, amount: int, key: str | None = None, season: int | None = None) -> Self:
        """Add atomically, once per idempotency `key`, in the running season, or only in `season`;
        `score` is the sum afterwards. Raises ObjectDoesNotExist, ScoreOutOfRange, WrongSeason."""
        return self._load(get_store().add_score(self.board.id, self.id, amount, key, season))

    def score_put(self, score: int, only_better: bool = False, season: int | None = None) -> Self:
        """Set it, or with `only_better` leave one that is as good; `score` is what it is
        afterwards. Raises ObjectDoesNotExist, ScoreOutOfRange, WrongSeason."""
        row = get_store().set_score(self.board.id, self.id, score, only_better, season)
        return self._load(row)

    def get_rank(self) -> int | None:
        """Counted from 1; None if the player is not ranked. Raises ObjectDoesNotExist."""
        self._rank(get_player_with_rank(self.board.stored(), self._row()))
        return self.rank

    def get_around(self, limit: int = 5) -> list[Self]:
        """A window of the ranking with the player in it. Raises ObjectDoesNotExist."""
        rows = get_window_around(self.board.stored(), self._row(), limit)
        return self._ranked(self.board, rows)

    @classmethod
    def get_for_board(cls, board: Board, id: str) -> Self:
        """Raises ObjectDoesNotExist."""
        return cls(board, id).reload()

    @classmethod
    def get_page_for_board(
        cls, board: Board, limit: int = 20, after: RankPosition | None = None
    ) -> list[Self]:
        """Players with their ranks, best first, from the one after the key on. Raises
        ObjectDoesNotExist if there is no such board."""
        return cls._ranked(board, get_ranked_page(board.stored(), limit, after))

    @classmethod
    def get_hidden_for_board(cls, board: Board, limit: int = 20, after: str = "") -> list[Self]:
        """Hidden players by id, from the one after the id `after` on."""
        rows = get_store().list_hidden(board.id, after, limit)
        return [cls(board, row["id"])._load(row) for row in rows]

    @classmethod
    def get_top_for_board(cls, board: Board, limit: int = 10) -> list[Self]:
        """The best players, best first, with their ranks."""
        return cls.get_page_for_board(board, limit)

    def key(self) -> RankPosition:
        """The player's place in the ranking, for `after`."""
        return rank_position(self._row())

    @staticmethod
    def get_all_changes() -> Iterator[str]:
        """Endless: the id of each board that changed or had a player change, from any program.
        Changes that come faster than they are taken are told once. Closing it ends the feed."""
        feed = get_store().open_feed()
        try:
            while True:
                yield from feed.poll(timeout=1)
        finally:
            feed.close()

    @classmethod
    def _ranked(cls, board: Board, rows: list[Row]) -> list[Self]:
        players = [cls(board, row["id"])._load(row) for row in rows]
        for player, row in zip(players, rows, strict=True):
            player._rank(row)
        return players

    def _rank(self, row: Row | None) -> None:
        self.rank, self.bound = (row["rank"], row["bound"]) if row else (None, 0)

    def _load(self, row: Row) -> Self:
        for field in PLAYER_FIELDS:
            setattr(self, field, row[field])
        self._stored = row
        return self

    def _row(self) -> Row:
        if self._stored is None:
            self.reload()
        assert self._stored is not None
        return self._stored

    def __repr__(self) -> str:
        return f"<Player: {self.id}, {self.name}, {self.score}>"


def _changes(stored: Row, row: Row) -> Row:
    return {name: value for name, value in row.items() if value != stored[name]}


# Ranks from the store come with a `bound`, how far off they may be, either way; 0 if exact.


def get_ranked_page(board: Row, limit: int, after: RankPosition | None = None) -> list[Row]:
    """Ranked players, best first, from the one after the key on."""
    return _number_window(board, get_store().get_ranking_window(board, limit, after))


def get_window_around(board: Row, player: Row, limit: int) -> list[Row]:
    """A window of `limit` ranked players with the player in its middle, or as near to it as the
    best and the worst allow; nobody, if the player is not ranked."""
    if not ranking.is_ranked(board, player):
        return []
    return _number_window(board, get_store().get_ranking_window(board, limit, around=player))


def get_player_with_rank(board: Row, player: Row) -> Row | None:
    """The player with `rank` and `bound`; None if the player is not ranked."""
    return next(iter(get_window_around(board, player, limit=1)), None)


def _number_window(board: Row, window: Window) -> list[Row]:
    rows = ranking.assign_ranks(board, window.rows, window.before + 1, window.better + 1)
    return [{**row, "bound": window.bound} for row in rows]
