"""A board, and its settings."""

import uuid
from copy import deepcopy
from typing import Self

from leaderboardapp import events
from leaderboardapp.domain import schedule as schedules
from leaderboardapp.domain.joining import check_board
from leaderboardapp.domain.types import BOARD_DEFAULTS, Precondition, Row, ScoreRank
from leaderboardapp.stores import get_store

# Without what only the boards of windows have: there is no such Board.
ROW_FIELDS = ("id", *(field for field in BOARD_DEFAULTS if field != "since"))


class Board:
    """A board with its settings, as they were read last or are to be saved."""

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
        player_writes: str = "none",
        schedule: str | Row | None = None,
        show: list[str] | None = None,
        format: Row | None = None,
        keep_seasons: int | None = BOARD_DEFAULTS["keep_seasons"],
        windows: list[str] | None = None,
    ) -> None:
        """Make a board, which `save` creates in the store. Without an id it gets a new UUID.

        `size` is the number of players in a snapshot; BOARD_DEFAULTS describes all settings.
        """
        self.id, self.name, self.size = id or str(uuid.uuid4()), name, size
        self.order, self.ranking = order, ranking
        self.min, self.max, self.max_amount = min, max, max_amount
        self.private, self.ask_email, self.player_writes = private, ask_email, player_writes
        self.show = [] if show is None else show
        self.windows = [] if windows is None else windows
        self.format: Row = {**BOARD_DEFAULTS["format"]} if format is None else format
        self.schedule, self.keep_seasons, self.season = schedule, keep_seasons, 1
        self.ends_at: str | None = None  # when the season ends by schedule, UTC
        self._stored: Row | None = None

    def row(self) -> Row:
        """Return the id and all settings, saved or not."""
        return {field: getattr(self, field) for field in ROW_FIELDS}

    def next_ends(self) -> list[str]:
        """Return when the running season ends by schedule, and two that follow; none without a
        schedule."""
        return schedules.list_ends_shown(self.row(), schedules.now())

    def stored(self) -> Row:
        """Return the stored row, reading it on first use. Raises ObjectDoesNotExist."""
        if self._stored is None:
            self.reload()
        assert self._stored is not None
        return self._stored

    def save(self, precondition: Precondition | None = None) -> Self:
        """Create the board, or update the settings that were changed; return the board.

        The precondition is for an update. Raises what it raises, AlreadyExists if a new board's id
        is taken, ObjectDoesNotExist if the board was deleted, InvalidInput for an id or a setting
        that is not accepted.
        """
        schedule = (self._stored or BOARD_DEFAULTS)["schedule"]
        if self.schedule != schedule:
            self.schedule = check_board({"schedule": self.schedule})["schedule"]
        if self.schedule != schedule:
            self.ends_at = schedules.end_after(schedules.now(), self.schedule)
        row = self.row()
        if self._stored is None:
            get_store().create_board(row)
            events.announce(self.id, events.CREATED, {"name": self.name})
        elif changes := find_changes(self._stored, row):
            row = get_store().update_board(self.id, changes, precondition)
        elif precondition:
            precondition()
        return self._load(row)

    def get_score_rank(self, score: int) -> ScoreRank:
        """Read the board again; return the rank that a new player would have who reached the score
        now. Raises BoardNotFound."""
        rank = get_store().get_score_rank(self.id, score)
        self._load(rank.board)
        return rank

    def is_loaded(self) -> bool:
        """Return whether the settings are those of the store, as they were at the last read."""
        return self._stored is not None

    def reload(self) -> Self:
        """Read the board from the store; return it. Raises ObjectDoesNotExist."""
        return self._load(get_store().get_board(self.id))

    def delete(self, precondition: Precondition | None = None) -> None:
        """Delete the board with its players. Raises ObjectDoesNotExist, and what the precondition
        raises."""
        get_store().delete_board(self.id, precondition)
        self._stored = None

    def reset(self) -> Self:
        """End the season in which the board was read, and begin the next one; return the board.

        All scores are zero then. Raises ObjectDoesNotExist, or WrongSeason if that season was over
        already.
        """
        season = self.stored()["season"]
        row = get_store().start_next_season(self.id, season, schedules.now())
        events.announce(self.id, events.SEASON_ENDED, {"season": season})
        return self._load(row)

    @classmethod
    def get(cls, id: str) -> Self:
        """Return the board of this id. Raises ObjectDoesNotExist."""
        return cls(id).reload()

    @classmethod
    def get_page(cls, limit: int = 20, after: str = "", private: bool = False) -> list[Self]:
        """Return up to `limit` boards, sorted by id, whose ids come after `after`.

        Private boards are among them only with `private`.
        """
        rows = get_store().list_boards(after, limit, private=private)
        return [cls(row["id"])._load(row) for row in rows]

    def _load(self, row: Row) -> Self:
        for field in ROW_FIELDS:
            setattr(self, field, deepcopy(row[field]))
        self._stored = row
        return self

    def __repr__(self) -> str:
        return f"<Board: {self.id}>"


def find_changes(stored: Row, row: Row) -> Row:
    """Return the fields of `row` that differ from the stored ones."""
    return {name: value for name, value in row.items() if value != stored[name]}
