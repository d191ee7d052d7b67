"""Increments in a batch count as they would one after the other."""

import itertools
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboardapp import snapshots
from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.types import MAX_SCORE, Increment, Row
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Store
from tests.support.programs import wait_until

# Mostly such as may go into one write, so that those that may not are noticed.
amounts = st.sampled_from([0, 1, 2, 3, -1, -2, -3, 6, MAX_SCORE, -MAX_SCORE])
increments = st.builds(
    Increment,
    player=st.sampled_from(["ann", "ann", "ann", "ben", "ben", "new", "new"]),
    amount=amounts,
    key=st.sampled_from([None, None, None, "k1", "k2"]),
    season=st.sampled_from([None, None, None, None, 1, 2]),
    name=st.sampled_from([None, None, "A name"]),
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "min": st.integers(-4, 0),
        "max": st.integers(0, 4),
        "max_amount": st.integers(1, 5),
        "order": st.sampled_from(["asc", "desc"]),
    },
)


class Model:
    """Adds one after the other. The player who moved last is the last of `moved`."""

    def __init__(self, board: Row) -> None:
        self.least, self.most = board.get("min", -MAX_SCORE), board.get("max", MAX_SCORE)
        self.largest = board.get("max_amount", MAX_SCORE)
        self.ascends = board.get("order") == "asc"
        self.scores = {"ann": 0, "ben": 0}
        self.keys: set[tuple[str, str]] = set()
        self.moved: list[str] = ["ann", "ben"]
        self.scored: set[str] = set()

    def add(
        self, player: str, amount: int, key: str | None, season: int | None, name: str | None
    ) -> object:
        """Score afterwards, whether it created the player, score before, whether it changed
        anything, and whether its key was known; or the exception's class."""
        is_new = player not in self.scores
        if is_new and not name:
            return "missing"
        previous = self.scores[player] if player in self.scored else None
        if (player, key) in self.keys:
            return self.scores[player], False, previous, False, True
        if season == 2:
            return WrongSeason
        score = self.scores.get(player, 0) + amount
        if not self.least <= score <= self.most or abs(amount) > self.largest:
            return ScoreOutOfRange
        if key:
            self.keys.add((player, key))
        if amount or is_new or (self.ascends and player not in self.scored):
            self.moved = [*(other for other in self.moved if other != player), player]
        self.scored.add(player)
        self.scores[player] = score
        return score, is_new, previous, previous != score, False


def outcome(result: Row | Exception) -> object:
    if isinstance(result, dict):
        fields = ("score", "created", "previous", "changed", "repeated")
        return tuple(result[field] for field in fields)
    return type(result) if isinstance(result, ScoreOutOfRange | WrongSeason) else "missing"


@settings(max_examples=60)
@given(limits, st.lists(st.lists(increments, min_size=1, max_size=12), min_size=1, max_size=3))
@example({"min": -1}, [[Increment("ann", -2), Increment("ann", 2)]])
@example({"max": 1}, [[Increment("ann", 2), Increment("ann", -2)]])
@example({"max": 1}, [[Increment("new", number, None, None, "N") for number in (2, 0, 1, 1)]])
@example({"max": 1}, [[Increment("new", 2, name="N"), Increment("new", 1)]])
@example({}, [[Increment("ann", -MAX_SCORE)], [Increment("ann", MAX_SCORE - n) for n in (0, 1)]])
def test_a_batch_is_what_its_increments_are_one_by_one(
    store: Store, board: Row, batches: list[list[Increment]]
) -> None:
    id = uuid.uuid4().hex
    store.create_board({"id": id, **board})
    for player in ("ann", "ben"):
        store.create_player(id, {"id": player, "name": player})
    model = Model(board)
    for batch in batches:
        expected = [model.add(*increment[:5]) for increment in batch]
        assert [outcome(result) for result in store.add_scores(id, batch)] == expected
    rows = {player: store.get_player(id, player) for player in model.scores}
    assert {player: row["score"] for player, row in rows.items()} == model.scores
    assert sorted(rows, key=lambda player: rows[player]["reached_at"]) == model.moved


def test_more_players_than_fit_in_one_write_are_all_written(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    players = [f"p{number}" for number in range(250)]
    for player in players:
        store.create_player(board_id, {"id": player, "name": player})
    results = store.add_scores(
        board_id, [Increment(player, number) for number, player in enumerate(players)]
    )
    scores = [result["score"] for result in results if isinstance(result, dict)]
    assert scores == list(range(250))


def test_each_of_many_threads_gets_its_own_sum(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    store.create_player(board_id, {"id": "hot", "name": "Hot"})

    def add(_: int) -> list[int]:
        own = [store.add_score(board_id, "hot", 1)["score"] for _ in range(10)]
        store.close()
        return own

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(add, range(8)))
    assert sorted(itertools.chain(*sums)) == list(range(1, 81))
    assert all(own == sorted(own) for own in sums)


def call_together(
    monkeypatch: pytest.MonkeyPatch, coalescer: Coalescer[Any, Any, Any], call: Callable[[], Any]
) -> tuple[list[Any], list[int]]:
    """Return the results of four threads, three of which call while the first batch is running, and
    how many calls each batch answered."""
    work, begun, may_go = coalescer.work, threading.Event(), threading.Event()
    sizes: list[int] = []

    def held(board: str, items: list[Any]) -> list[Any]:
        sizes.append(len(items))
        begun.set()
        assert may_go.wait(10)
        return work(board, items)

    def call_and_close() -> Any:
        answer = call()
        get_store().close()
        return answer

    monkeypatch.setattr(coalescer, "work", held)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call_and_close)]
        assert begun.wait(10)
        calls += [pool.submit(call_and_close) for _ in range(3)]
        wait_until(
            lambda: [len(batch.items) for batch in coalescer.pending.values()] == [3], "the others"
        )
        may_go.set()
        return [future.result(10) for future in calls], sizes


def test_threads_that_add_at_the_same_moment_share_a_write(
    store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_board({"id": board_id})
    store.create_player(board_id, {"id": "hot", "name": "Hot"})
    scores, sizes = call_together(
        monkeypatch, store._coalesce_add, lambda: store.add_score(board_id, "hot", 1)["score"]
    )
    assert scores[0] == 1 and sorted(scores[1:]) == [2, 3, 4]
    assert sizes == [1, 3]


def test_polls_at_the_same_moment_share_a_read(
    store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_board({"id": board_id})
    snapshots_read, sizes = call_together(
        monkeypatch, snapshots._coalescer, lambda: snapshots.read_snapshot(board_id)
    )
    assert snapshots_read[0] and snapshots_read == [snapshots_read[0]] * 4
    assert sizes == [1, 3]


def test_each_ranked_increment_of_a_batch_answers_the_rank_of_its_own_score(
    store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id})
    batch = [
        Increment("a", 3, name="A"),
        Increment("b", 1, name="B", ranked=True),
        Increment("b", 1, ranked=True),
        Increment("b", 4, ranked=True),
        Increment("a", 9, ranked=True),
    ]
    rows = [row for row in store.add_scores(board_id, batch) if isinstance(row, dict)]
    assert [(row["score"], row.get("rank")) for row in rows] == [
        (3, None),
        (1, 2),
        (2, 2),
        (6, 2),
        (12, 1),
    ]
    assert rows[-1]["reached_at"] > rows[0]["reached_at"]


def test_an_increment_without_rank_does_not_wait_for_the_ranks_of_others(
    store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_board({"id": board_id})
    asked, go_on = threading.Event(), threading.Event()

    def add_scores(board: str, increments: list[Increment]) -> list[Any]:
        if any(increment.ranked for increment in increments):
            asked.set()
            assert go_on.wait(30)
        return [{"rank": increment.ranked} for increment in increments]

    for coalescer in (store._coalesce_add, store._coalesce_ranked_add):
        monkeypatch.setattr(coalescer, "work", add_scores)
    ranked = threading.Thread(
        target=store.add_score, args=(board_id, "a", 1), kwargs={"ranked": True}
    )
    ranked.start()
    assert asked.wait(30)
    assert store.add_score(board_id, "b", 1) == {"rank": False}
    go_on.set()
    ranked.join()
