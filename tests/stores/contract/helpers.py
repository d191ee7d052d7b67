"""Short calls of a store, and what is compared of its answers."""

import uuid
from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.types import (
    Amount,
    Import,
    Row,
)
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.streams import Feed
from tests.support.programs import wait_until


def add_player(store: Store, board: str, player: str, score: int = 0) -> Row:
    store.create_player(board, {"id": player, "name": player.title(), "score": score})
    return store.get_player(board, player)


def make_board(store: Store, **settings: Any) -> str:
    """Create a board with these settings, and three players who have a point; return its id."""
    id = f"board-{uuid.uuid4().hex[:12]}"
    store.create_board({"id": id, "name": "A board", **settings})
    for player in ("alice", "bob", "carl"):
        add_player(store, id, player, 1)
    return id


def finish(store: Store, board: str) -> None:
    """Do all of the board's pending maintenance."""
    while store.run_maintenance(board):
        pass


def top_scores(store: Store, board: str) -> dict[str, int]:
    return {row["id"]: row["score"] for row in store.get_ranking_window(board, 1000).rows}


def rank_of(store: Store, board: str, player: str) -> int:
    return store.get_ranking_window(board, 1, around=player).before + 1


def public_fields(row: Row) -> Row:
    return {field: row[field] for field in ("id", "name", "score")}


def wait_for_change(feed: Feed, board: str) -> None:
    wait_until(lambda: board in feed.poll(timeout=0.1), f"{board} in the feed")


def every_kind_of_change(store: Store, board: str) -> list[Callable[[], object]]:
    """To be made in this order."""
    return [
        lambda: add_player(store, board, "alice"),
        lambda: store.add_score(board, "alice", 1),
        lambda: store.update_player(board, "alice", {"name": "B"}),
        lambda: store.import_batch(board, "f", Import(0, 9, "a"), [Amount("bob", "Bob", (1,))]),
        lambda: store.delete_player(board, "alice"),
        lambda: store.update_board(board, {"name": "B"}),
        lambda: store.delete_board(board),
    ]


def join(store: Store, board: str, player: str, email: str) -> None:
    store.create_player(board, {"id": player, "name": player, "email": email})


def emails_of(store: Store, board: str) -> dict[str, str]:
    return store.get_ranking_window(board, 100, with_emails=True).emails
