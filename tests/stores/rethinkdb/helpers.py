"""What the tests of RethinkDB read to compare."""

from collections.abc import Callable

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.support.programs import wait_until


def top(store: RethinkStore, board: str) -> list[tuple[str, int]]:
    return [(row["id"], row["score"]) for row in store.get_ranking_window(board, 100).rows]


def first_answer(call: Callable[[], Row]) -> Row:
    """Return the call's first answer."""

    def answer_or_none() -> Row | None:
        try:
            return call()
        except StoreUnavailable:
            return None

    row = wait_until(answer_or_none, "the server to be back")
    assert row is not None
    return row
