"""A player of a board: the score, the rank, and players around."""

import uuid
from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Self

from leaderboardapp import events
from leaderboardapp.domain import ranking
from leaderboardapp.domain.exceptions import PlayerNotFound
from leaderboardapp.domain.searching import SearchPosition, choose_matches, fold
from leaderboardapp.domain.types import (
    Increment,
    Precondition,
    RankPosition,
    Row,
    Selection,
    Window,
    compute_percentile,
    rank_position,
)
from leaderboardapp.models.board import Board, find_changes
from leaderboardapp.stores import get_store

PLAYER_FIELDS = ("name", "score", "hidden")
WRITE_FIELDS = ("created", "previous", "changed", "repeated")
RANK_FIELDS = ("rank", "of", "bound", "windows")


class Player:
    """A player of a board, as read last or to be saved."""

    def __init__(
        self,
        board: Board,
        id: str | None = None,
        name: str = "",
        score: int | None = None,
        email: str | None = None,
        data: Row | None = None,
    ) -> None:
        """Make a player, which `save` creates in the store. Without an id it gets a new UUID.

        Ids are unique on a board, and many boards may have the same id. Without a score the player
        begins with 0, and on an ascending board is not ranked before the first score. No row has
        an email address. `data` is as in player_data.py.
        """
        self.board, self.id, self.name, self.score = board, id or str(uuid.uuid4()), name, score
        self.email, self.hidden = email, False
        self._data: Row | None = {} if data is None else data  # None: not read yet
        # What the last write of the score did, as scoring.describe_write says it.
        self.created = self.changed = self.repeated = False
        self.previous: int | None = None
        self.rank: int | None = None  # set by what reads ranks
        self.bound = 0  # how far off the rank may be, either way
        self.place: int | None = None  # among the players of a selection
        self.of: int | None = None  # how many the ranks count; set with the rank, but by pages
        # By window, `score`, `rank`, `of` and `bound` there, after a write that asked for the rank.
        self.windows: dict[str, Row] = {}
        self._stored: Row | None = None

    def save(self, precondition: Precondition | None = None) -> Self:
        """Create the player, or write the attributes that were changed; return the player.

        Only a changed score is written, so no increment is undone. The precondition is for what
        else is changed of a player who exists. Raises what it raises, AlreadyExists if a new
        player's id is taken, EmailTaken, EmailRequired, EmailNotAsked, ScoreOutOfRange,
        InvalidInput for a field that is not accepted, or ObjectDoesNotExist without the board.
        """
        if self._stored is None:
            row = {"id": self.id, "name": self.name, "score": self.score, "email": self.email}
            stored = get_store().create_player(self.board.id, {**row, "data": self._data})
            events.announce(self.board.id, events.JOINED, events.player_payload(stored))
            return self._load(stored)
        fields = {field: getattr(self, field) for field in PLAYER_FIELDS}
        changes = find_changes(self._stored, {**fields, "data": self._data})
        if "score" in changes:
            self.score_put(changes.pop("score"))
        if changes:
            self._load(get_store().update_player(self.board.id, self.id, changes, precondition))
        elif precondition:
            precondition()
        return self

    @property
    def data(self) -> Row:
        """The player's data, which is read on first use after a write of the score."""
        if self._data is None:
            read = get_store().get_player(self.board.id, self.id).get("data", {})
            self._stored, self._data = {**self.stored(), "data": read}, deepcopy(read)
        return self._data

    @data.setter
    def data(self, data: Row) -> None:
        self._data = data

    def reload(self) -> Self:
        """Read the player from the store; return it. Raises ObjectDoesNotExist."""
        return self._load(get_store().get_player(self.board.id, self.id))

    def delete(self, precondition: Precondition | None = None) -> None:
        """Delete the player, from past seasons too. Raises ObjectDoesNotExist, and what the
        precondition raises."""
        player = self.stored()
        get_store().delete_player(self.board.id, self.id, precondition)
        if not player["hidden"]:
            events.announce(self.board.id, events.LEFT, events.player_payload(player))
        self._stored = None

    def score_add(
        self,
        amount: int,
        key: str | None = None,
        season: int | None = None,
        name: str | None = None,
        ranked: bool = False,
    ) -> Self:
        """Add to the score atomically; return the player with the sum.

        An increment with an idempotency `key` counts once. With `season` it counts only in that
        season. With `name` a player who is missing is created, in the same step. With `ranked` the
        rank after it is read, too. Raises ObjectDoesNotExist, PlayerRefused, WrongSeason,
        InvalidInput.
        """
        row = get_store().add_score(self.board.id, self.id, amount, key, season, name, ranked)
        self._load_scored(row)
        _announce_joined(self)
        return self

    def score_put(
        self,
        score: int,
        only_better: bool = False,
        season: int | None = None,
        name: str | None = None,
        ranked: bool = False,
    ) -> Self:
        """Set the score, or with `only_better` keep a score that is as good; return the player.

        `season`, `name` and `ranked` are as in `score_add`. Raises ObjectDoesNotExist,
        PlayerRefused, WrongSeason, InvalidInput.
        """
        row = get_store().set_score(
            self.board.id, self.id, score, only_better, season, name, ranked
        )
        self._load_scored(row)
        _announce_joined(self)
        return self

    @classmethod
    def add_scores_for_board(
        cls, board: Board, increments: list[Increment]
    ) -> list[Self | Exception]:
        """Add many increments, in this order; return for each the player as `score_add` does, or
        what it raises.

        BoardNotFound is the result of each if there is no such board."""
        results = [
            row if isinstance(row, Exception) else cls(board, row["id"])._load_scored(row)
            for row in get_store().add_scores(board.id, increments)
        ]
        _announce_joined(*(player for player in results if isinstance(player, Player)))
        return results

    def get_rank(self, with_email: bool = False, season: int | None = None) -> int | None:
        """Read the player again; return the rank, from 1, or None if the player is not ranked.

        Score and rank are of one moment. `with_email` reads the email address, too. With the number
        of a past season, player and board are as they were when it ended. Raises BoardNotFound,
        SeasonNotFound, PlayerNotFound.
        """
        window = self._read_window(1, with_email, season)
        row = window.player
        assert row is not None
        self._load(row)._set_rank(next(iter(ranking.number_window(window)), None))
        self.of = window.of
        if with_email:
            self.email = window.emails.get(self.id)
        return self.rank

    @property
    def percentile(self) -> float | None:
        """The percentage of the ranked players (with dense ranking, of scores) who are not better;
        None if it is not known."""
        return compute_percentile(self.rank, self.of)

    def get_around(self, limit: int = 5, season: int | None = None) -> list[Self]:
        """Return a ranking window of `limit` players around this one, best first.

        Near the best and the worst player the window is shifted, so that it stays full. It is empty
        if the player is not ranked. `season` is as in `get_rank`. Raises BoardNotFound,
        SeasonNotFound, PlayerNotFound.
        """
        return self._load_ranked(self.board, self._read_window(limit, season=season))

    @classmethod
    def get_for_board(cls, board: Board, id: str) -> Self:
        """Return the player of this id. Raises ObjectDoesNotExist."""
        return cls(board, id).reload()

    @classmethod
    def get_page_for_board(
        cls,
        board: Board,
        limit: int = 20,
        after: RankPosition | None = None,
        with_emails: bool = False,
        from_rank: int = 1,
        season: int | None = None,
    ) -> list[Self]:
        """Return up to `limit` players with their ranks, best first, from those after `after` on,
        or from the first one whose rank is at least `from_rank`.

        The board is read again, at the same moment. `with_emails` reads email addresses, too.
        `season` is as in `get_rank`. Raises BoardNotFound, SeasonNotFound.
        """
        window = get_store().get_ranking_window(
            board.id, limit, after, None, with_emails, from_rank, season
        )
        return cls._load_ranked(board, window)

    @classmethod
    def select_for_board(
        cls, board: Board, ids: Collection[str], with_emails: bool = False
    ) -> tuple[list[Self], list[str]]:
        """Return the players with these ids, and the ids that no player has.

        The ranked players come first, best first, with their ranks and places; then the others, by
        id. The board is read again, at the same moment. `with_emails` reads email addresses, too.
        Raises BoardNotFound.
        """
        selection = get_store().get_selection(board.id, ids, with_emails)
        rows = ranking.assign_places(selection.board, selection.rows) + selection.unranked
        players = cls._load_selected(board, selection, rows)
        known = {player.id for player in players}
        return players, [id for id in dict.fromkeys(ids) if id not in known]

    @classmethod
    def search_for_board(
        cls,
        board: Board,
        text: str,
        limit: int = 20,
        after: SearchPosition | None = None,
        hidden: bool = False,
        with_emails: bool = False,
    ) -> tuple[list[Self], SearchPosition | None]:
        """Return up to `limit` players whose name or id begins with the text, without case, by that
        text, from the one after `after` on; and after which position others come, None without any.

        They are the `hidden` ones, or the others, with their ranks. The board is read again.
        `with_emails` reads email addresses, too. Raises BoardNotFound.
        """
        prefix, first = fold(text), after or SearchPosition()
        page = get_store().search_players(board.id, prefix, limit, first, hidden, with_emails)
        rows = choose_matches(page, prefix)
        return cls._load_selected(board, page.selection, rows), page.last

    @classmethod
    def get_hidden_for_board(
        cls, board: Board, limit: int = 20, after: str = "", with_emails: bool = False
    ) -> list[Self]:
        """Return up to `limit` hidden players, sorted by id, whose ids come after `after`.

        The board is read again, at the same moment. `with_emails` reads email addresses, too.
        Raises BoardNotFound.
        """
        window = get_store().list_hidden(board.id, after, limit, with_emails=with_emails)
        return cls._load_window(board, window)

    @classmethod
    def get_top_for_board(cls, board: Board, limit: int = 10) -> list[Self]:
        """Return the best players with their ranks, best first."""
        return cls.get_page_for_board(board, limit)

    def key(self) -> RankPosition:
        """Return the player's rank position, for `after`."""
        return rank_position(self.stored())

    @staticmethod
    def get_all_changes() -> Iterator[str]:
        """Yield, without end, the id of each board that any program changes, players included.

        Changes of one board that come faster than they are taken are one. Closing the iterator
        closes the feed.
        """
        feed = get_store().open_feed()
        try:
            while True:
                yield from feed.poll(timeout=0.5)
        finally:
            feed.close()

    def _read_window(
        self, limit: int, with_email: bool = False, season: int | None = None
    ) -> Window:
        """Read the ranking window around the player, and the board. Raises BoardNotFound,
        SeasonNotFound, PlayerNotFound."""
        window = get_store().get_ranking_window(
            self.board.id, limit, around=self.id, with_emails=with_email, season=season
        )
        self.board._load(window.board)
        if window.player is None:
            raise PlayerNotFound(self.board.id, self.id, season)
        return window

    @classmethod
    def _load_ranked(cls, board: Board, window: Window) -> list[Self]:
        rows = ranking.number_window(window)
        players = cls._load_window(board, window._replace(rows=rows))
        for player, row in zip(players, rows, strict=True):
            player._set_rank(row)
            player.of = window.of
        return players

    @classmethod
    def _load_window(cls, board: Board, window: Window) -> list[Self]:
        board._load(window.board)
        emails = window.emails
        return [
            cls(board, row["id"], email=emails.get(row["id"]))._load(row) for row in window.rows
        ]

    @classmethod
    def _load_selected(cls, board: Board, selection: Selection, rows: list[Row]) -> list[Self]:
        board._load(selection.board)
        players = []
        for row in rows:
            player = cls(board, row["id"], email=selection.emails.get(row["id"]))._load(row)
            player.rank, player.place = row.get("rank"), row.get("place")
            player.of, player.bound = selection.of, selection.bound
            players.append(player)
        return players

    def _set_rank(self, row: Row | None) -> None:
        self.rank, self.bound = (row["rank"], row["bound"]) if row else (None, 0)

    def _load_scored(self, row: Row) -> Self:
        """Load the row after a write of the score."""
        for field in (*WRITE_FIELDS, *RANK_FIELDS):
            if field in row:
                setattr(self, field, row.pop(field))
        return self._load(row, has_data=False)

    def _load(self, row: Row, has_data: bool = True) -> Self:
        for field in PLAYER_FIELDS:
            setattr(self, field, row[field])
        data = row.get("data", {}) if has_data else None
        self._stored, self._data = {**row, "data": data}, deepcopy(data)
        return self

    def stored(self) -> Row:
        """Return the stored row, reading it on first use. Raises ObjectDoesNotExist."""
        if self._stored is None:
            self.reload()
        assert self._stored is not None
        return self._stored

    def __repr__(self) -> str:
        return f"<Player: {self.id}, {self.name}, {self.score}>"


def _announce_joined(*players: Player) -> None:
    """Announce those of these players of a board who have joined by a write of their scores."""
    joined = [player for player in players if player.created]
    if joined:
        payloads = [events.player_payload(vars(player)) for player in joined]
        events.announce(joined[0].board.id, events.JOINED, *payloads)
