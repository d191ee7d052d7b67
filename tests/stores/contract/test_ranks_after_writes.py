"""Ranks that a write of a score answers with, if they are asked for."""

import threading
import uuid
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.types import RANKINGS, Increment, Row
from leaderboardapp.stores.base import Store

PLAYERS = "abcd"
writes = st.tuples(
    st.sampled_from(["add", "set", "best", "bulk"]), st.sampled_from(PLAYERS), st.integers(-2, 4)
)
boards = st.fixed_dictionaries(
    {"order": st.sampled_from(["asc", "desc"]), "ranking": st.sampled_from(RANKINGS)}
)


def write(store: Store, board: str, kind: str, player: str, number: int) -> Any:
    if kind == "add":
        return store.add_score(board, player, number, name=player, ranked=True)
    if kind == "bulk":
        [row] = store.add_scores(board, [Increment(player, number, name=player, ranked=True)])
        return row
    return store.set_score(board, player, number, kind == "best", name=player, ranked=True)


def expect(board: Row, scores: dict[str, int], reached: dict[str, int], player: str) -> int:
    """The rank, counted plainly."""
    sign = 1 if board["order"] == "asc" else -1
    better = {other: s for other, s in scores.items() if sign * s < sign * scores[player]}
    if board["ranking"] == "dense":
        return len(set(better.values())) + 1
    if board["ranking"] == "competition":
        return len(better) + 1
    ties = [o for o in scores if scores[o] == scores[player] and reached[o] < reached[player]]
    return len(better) + len(ties) + 1


@settings(max_examples=25)
@given(boards, st.lists(writes, min_size=1, max_size=8))
def test_a_write_answers_the_rank_that_its_score_has(
    store: Store, board: Row, steps: list[tuple[str, str, int]]
) -> None:
    id = uuid.uuid4().hex
    store.create_board({"id": id, **board})
    scores: dict[str, int] = {}
    reached: dict[str, int] = {}
    for moment, (kind, player, number) in enumerate(steps):
        row = write(store, id, kind, player, number)
        if row["score"] != scores.get(player):
            scores[player], reached[player] = row["score"], moment
        assert row["rank"] == expect(board, scores, reached, player)
        assert row["bound"] == 0


def test_only_who_asks_gets_a_rank_and_a_hidden_player_has_none(
    store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id})
    rows: list[Any] = store.add_scores(
        board_id,
        [
            Increment("a", 1, name="A"),
            Increment("b", 2, name="B", ranked=True),
            Increment("nobody", 2, ranked=True),
        ],
    )
    assert "rank" not in rows[0]
    assert (rows[1]["rank"], rows[1]["of"]) == (1, 2)
    assert isinstance(rows[2], Exception)
    assert "rank" not in store.set_score(board_id, "a", 5, only_better=False)
    store.update_player(board_id, "b", {"hidden": True})
    hidden = store.add_score(board_id, "b", 1, ranked=True)
    assert (hidden["score"], hidden["rank"], hidden["of"]) == (3, None, 1)


def test_a_repeated_increment_answers_the_rank_of_now(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    first = store.add_score(board_id, "a", 1, "key", name="A", ranked=True)
    store.add_score(board_id, "b", 2, name="B")
    again = store.add_score(board_id, "a", 1, "key", ranked=True)
    assert (first["rank"], again["rank"], again["repeated"]) == (1, 2, True)


def test_a_single_player_is_the_first_after_each_write_however_many_there_are(
    store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id})
    store.create_player(board_id, {"id": "a", "name": "A"})
    ranks: list[tuple[int | None, int | None]] = []

    def score() -> None:
        for _ in range(10):
            row = store.add_score(board_id, "a", 1, ranked=True)
            ranks.append((row["rank"], row["of"]))
        store.close()

    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ranks == [(1, 1)] * 40
