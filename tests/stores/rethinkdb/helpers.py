"""What the tests of RethinkDB read to compare."""

from leaderboardapp.stores.rethinkdb.store import RethinkStore


def top(store: RethinkStore, board: str) -> list[tuple[str, int]]:
    return [(row["id"], row["score"]) for row in store.get_ranking_window(board, 100).rows]
