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

from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Row

__all__ = ["Board", "ObjectDoesNotExist", "Player"]


class Board:
    def __init__(self, id: str | None = None, name: str = "", size: int = 5) -> None:
        """`size` is how many players its snapshot shows. Without an id it gets a new UUID."""
        self.id, self.name, self.size = id or str(uuid.uuid4()), name, size
        self._stored: Row | None = None

    def save(self) -> Self:
        """Raises AlreadyExists if a new board's id is taken."""
        row = {"id": self.id, "name": self.name, "size": self.size}
        if self._stored is None:
            get_store().create_board(row)
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

    @classmethod
    def get(cls, id: str) -> Self:
        """Raises ObjectDoesNotExist."""
        return cls(id).reload()

    def _load(self, row: Row) -> Self:
        self.name, self.size = row["name"], row["size"]
        self._stored = row
        return self

    def __repr__(self) -> str:
        return f"<Board: {self.id}>"


class Player:
    def __init__(self, board: Board, id: str | None = None, name: str = "", score: int = 0) -> None:
        """Ids are unique on a board; the same player may be on many boards."""
        self.board, self.id, self.name, self.score = board, id or str(uuid.uuid4()), name, score
        self._stored: Row | None = None

    def save(self) -> Self:
        """Raises AlreadyExists if a new player's id is taken, ObjectDoesNotExist if there is no
        such board. Only what was assigned is written, so a rename overwrites no increment."""
        row = {"id": self.id, "name": self.name, "score": self.score}
        if self._stored is None:
            get_store().create_player(self.board.id, row)
        elif changes := _changes(self._stored, row):
            row = get_store().update_player(self.board.id, self.id, changes)
        return self._load(row)

    def reload(self) -> Self:
        """Raises ObjectDoesNotExist."""
        return self._load(get_store().get_player(self.board.id, self.id))

    def delete(self) -> None:
        """Raises ObjectDoesNotExist."""
        get_store().delete_player(self.board.id, self.id)
        self._stored = None

    def score_add(self, amount: int, key: str | None = None) -> Self:
        """Add atomically, once per idempotency `key`; `score` is the sum afterwards.
        Raises ObjectDoesNotExist, ScoreOutOfRange."""
        return self._load(get_store().score_add(self.board.id, self.id, amount, key))

    def get_rank(self) -> int:
        """Counted from 1. Raises ObjectDoesNotExist."""
        return get_store().rank(self.board.id, self.id)

    @classmethod
    def get_for_board(cls, board: Board, id: str) -> Self:
        """Raises ObjectDoesNotExist."""
        return cls(board, id).reload()

    @classmethod
    def get_top_for_board(cls, board: Board, limit: int = 10) -> list[Self]:
        """The best players, best first."""
        return [cls(board, row["id"])._load(row) for row in get_store().top(board.id, limit)]

    @staticmethod
    def get_all_changes() -> Iterator[str]:
        """Endless: the id of each board that changed or had a player change, from any program.
        Changes that come faster than they are taken are told once. Closing it ends the feed."""
        feed = get_store().open_feed()
        try:
            while True:
                yield from feed.changed(timeout=1)
        finally:
            feed.close()

    def _load(self, row: Row) -> Self:
        self.name, self.score = row["name"], row["score"]
        self._stored = row
        return self

    def __repr__(self) -> str:
        return f"<Player: {self.id}, {self.name}, {self.score}>"


def _changes(stored: Row, row: Row) -> Row:
    return {name: value for name, value in row.items() if value != stored[name]}
