"""Players of a season that ends: how they are created, and how far they are moved to its archive.

What each store has of this is in its own tables, which no request shows.
"""

import json
import random
from typing import Any, Protocol

from django.db import transaction

from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.rows import player_document
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql.models import BoardRow, PastRow, PlayerRow, SeasonRow

ROWS_AT_ONCE = 500  # created by one statement


def make_scores(number: int) -> dict[str, int]:
    """Return scores by player, of which some are the same. The ids are in no order of these."""
    generator = random.Random(number)
    return {f"p{n}": generator.randrange(number) for n in range(number)}


class Moving(Protocol):
    """Players of a board in the tables of a store, and its progress in moving them."""

    def fill(self, scores: dict[str, int]) -> None:
        """Create players with these scores, which they have reached one after the other."""

    def has_begun(self, season: int) -> bool:
        """Return whether the end of the season has begun, as far as others can see."""

    def count(self, season: int) -> float:
        """Return how many players are moved."""

    def is_done(self, season: int) -> bool:
        """Return whether the past season is whole, and nobody is in it elsewhere."""


def open_moving(store: Store, board: str) -> Moving:
    """Return the progress on the board, in the store of this process."""
    return RethinkMoving(store, board) if isinstance(store, RethinkStore) else SqlMoving(board)


class SqlMoving:
    def __init__(self, board: str) -> None:
        self.board = board

    def fill(self, scores: dict[str, int]) -> None:
        rows = (
            PlayerRow(board_id=self.board, player=player, name=player, score=score, reached_at=n)
            for n, (player, score) in enumerate(scores.items())
        )
        with transaction.atomic():
            PlayerRow.objects.bulk_create(rows, ROWS_AT_ONCE)

    def has_begun(self, season: int) -> bool:
        return BoardRow.objects.get(id=self.board).season > season

    def count(self, season: int) -> float:
        return PastRow.objects.filter(board_id=self.board, season=season).count()

    def is_done(self, season: int) -> bool:
        whole = SeasonRow.objects.filter(
            board_id=self.board, number=season, archive=SeasonRow.WHOLE
        )
        left = PlayerRow.objects.filter(board_id=self.board, season__lte=season)
        return whole.exists() and not left.exists()


class RethinkMoving:
    """Players are inserted into the table first, and then carried over."""

    def __init__(self, store: RethinkStore, board: str) -> None:
        self.db, self.board = store.db, board

    def fill(self, scores: dict[str, int]) -> None:
        documents = [
            {**player_document(self.board, player, player), "score": score, "reached_at": n}
            for n, (player, score) in enumerate(scores.items())
        ]
        for start in range(0, len(documents), ROWS_AT_ONCE):
            piece = documents[start : start + ROWS_AT_ONCE]
            self.db.run(self.db.players.insert(r.json(json.dumps(piece))))

    def has_begun(self, season: int) -> bool:
        return bool(self.db.run(self._seasons(season).count()))

    def count(self, season: int) -> float:
        inserted = self._between(self.db.past, season, season, "place")
        carried_over = self._between(self.db.players, season + 1, r.maxval, "desc")
        numbers = self.db.run(r.expr([inserted.count(), carried_over.count()]))
        # Who scores is carried over at once.
        return sum(numbers) / 2 if numbers[0] else 0

    def is_done(self, season: int) -> bool:
        whole = self._seasons(season).filter(r.row["complete"]).count()
        left = self._between(self.db.players, 1, season, "desc").count()
        return bool(self.db.run(r.expr([whole, left])) == [1, 0])

    def _seasons(self, season: int) -> Any:
        return self.db.seasons.get_all([self.board, season], index="board")

    def _between(self, table: Any, first: int, last: Any, index: str) -> Any:
        return table.between([self.board, first], [self.board, last, r.maxval], index=index)
