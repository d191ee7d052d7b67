"""The loop's steps, with a clock, a feed and an edge that the test holds in its hand."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from leaderboardapp import edge, listener, snapshots
from leaderboardapp.listener import Listener
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.base import Feed, StoreUnavailable
from tests.processes import wait_until


class HandFeed(Feed):
    def __init__(self, world: "World") -> None:
        self.world, self.boards, self.closed = world, set[str](), False

    def changed(self, timeout: float) -> set[str]:
        if self.world.feed_fails:
            raise StoreUnavailable("gone")
        if not self.boards:
            self.world.now += timeout
        boards, self.boards = self.boards, set()
        return boards

    def close(self) -> None:
        self.closed = True


class World:
    """The store's boards, the time, and what has been published when."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.boards: dict[str, Snapshot] = {}
        self.published: list[tuple[float, dict[str, Snapshot | None]]] = []
        self.edge_fails = self.feed_fails = False
        self.feed = HandFeed(self)
        monkeypatch.setattr(listener, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(edge, "publish", self.publish)
        monkeypatch.setattr(snapshots, "take", self.take)

    def change(self, board: str, body: str | None) -> None:
        self.boards.pop(board, None)
        if body is not None:
            self.boards[board] = Snapshot(body, f"hash of {body}")
        self.feed.boards.add(board)

    def take(self, boards: list[str]) -> dict[str, Snapshot]:
        return {board: self.boards[board] for board in boards if board in self.boards}

    def publish(self, items: dict[str, Snapshot | None]) -> None:
        if self.edge_fails:
            raise ConnectionError("gone")
        if items:
            self.published.append((round(self.now - 1000, 3), items))

    def bodies(self, board: str = "b") -> list[tuple[float, str | None]]:
        return [
            (when, snapshot.body if snapshot else None)
            for when, items in self.published
            for name, snapshot in items.items()
            if name == board
        ]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def turns(world: World) -> Iterator[Listener]:
    yield Listener()


def run_until(world: World, loop: Listener, second: float) -> None:
    while world.now < 1000 + second:
        loop.turn(world.feed)


def test_a_change_is_published_at_once_and_repeated_once_after_two_seconds(
    world: World, turns: Listener
) -> None:
    world.change("b", "one")
    run_until(world, turns, 10)
    assert world.bodies() == [(0, "one"), (2, "one")]
    assert not turns.due


def test_changes_within_the_interval_become_one_frame(world: World, turns: Listener) -> None:
    world.change("b", "one")
    turns.turn(world.feed)
    for body in ("two", "three"):
        world.change("b", body)
        turns.turn(world.feed)
    run_until(world, turns, 1)
    assert world.bodies() == [(0, "one"), (0.05, "three")]


def test_a_busy_board_does_not_delay_a_quiet_one(world: World, turns: Listener) -> None:
    world.change("busy", "one")
    turns.turn(world.feed)
    world.change("busy", "two")
    world.change("quiet", "one")
    turns.turn(world.feed)
    assert world.bodies("quiet") == [(0, "one")]


def test_changes_of_many_boards_leave_in_one_batch(world: World, turns: Listener) -> None:
    for number in range(10):
        world.change(f"b{number}", "one")
    turns.turn(world.feed)
    assert len(world.published) == 1
    assert len(world.published[0][1]) == 10


def test_a_snapshot_that_the_edge_has_is_not_sent_again(world: World, turns: Listener) -> None:
    world.change("b", "one")
    run_until(world, turns, 5)
    world.change("b", "one")
    run_until(world, turns, 10)
    assert world.bodies() == [(0, "one"), (2, "one")]


def test_changes_below_the_top_do_not_put_off_the_repeat(world: World, turns: Listener) -> None:
    world.change("b", "one")
    turns.turn(world.feed)
    for tenth in range(1, 50):
        world.now = 1000 + tenth / 10
        world.change("b", "one")
        turns.turn(world.feed)
    assert [body for _, body in world.bodies()] == ["one", "one"]
    assert world.bodies()[1][0] == pytest.approx(2, abs=0.1)


def test_a_return_to_an_earlier_state_is_sent(world: World, turns: Listener) -> None:
    for second, body in enumerate(("one", "two", "one")):
        run_until(world, turns, second)
        world.change("b", body)
    run_until(world, turns, 10)
    assert [body for _, body in world.bodies()] == ["one", "two", "one", "one"]


def test_a_deleted_board_is_closed_and_may_come_back(world: World, turns: Listener) -> None:
    world.change("b", "one")
    run_until(world, turns, 5)
    world.change("b", None)
    run_until(world, turns, 10)
    world.change("b", "one")
    run_until(world, turns, 15)
    assert [body for _, body in world.bodies()] == ["one", "one", None, None, "one", "one"]


def test_what_the_edge_did_not_take_is_due_again(world: World, turns: Listener) -> None:
    world.change("b", "one")
    world.edge_fails = True
    with pytest.raises(ConnectionError):
        turns.turn(world.feed)
    world.edge_fails = False
    world.change("b", "two")
    turns.turn(world.feed)
    assert world.bodies() == [(0, "two")]


def test_more_boards_than_fit_in_a_turn_are_all_published(
    world: World, turns: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_BOARDS_PER_TURN", 3)
    monkeypatch.setattr(listener, "MAX_BOARDS_REMEMBERED", 5)
    for number in range(10):
        world.change(f"b{number}", "one")
    run_until(world, turns, 10)
    assert {board for _, items in world.published for board in items} == {
        f"b{number}" for number in range(10)
    }
    assert len(turns.sent) == 5
    assert not turns.due


def test_it_goes_on_through_failures_of_store_and_edge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds: list[HandFeed] = []

    class Opens:
        def open_feed(self) -> HandFeed:
            if len(feeds) == 1 and not feeds[0].closed:
                raise AssertionError("the old feed is still open")
            feeds.append(world.feed)
            return world.feed

    monkeypatch.setattr(listener, "get_store", Opens)
    monkeypatch.setattr(listener, "BACKOFF_SECONDS", (0.001, 0.002))
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=[stop])
    world.edge_fails = True
    world.change("b", "one")
    thread.start()
    try:
        wait_until(lambda: feeds, "a feed")
        world.feed_fails = True
        wait_until(lambda: len(feeds) > 1, "another feed")
        world.feed_fails = world.edge_fails = False
        wait_until(lambda: world.bodies(), "the change that was waiting")
    finally:
        stop.set()
        thread.join()
    assert world.feed.closed


@pytest.mark.parametrize("failures", [0, 1, 5, 1000])
def test_backoff_grows_to_its_limit_and_is_jittered(failures: int) -> None:
    delays = {listener.backoff(failures) for _ in range(20)}
    most = min(5, 0.1 * 2**failures)
    assert all(most / 2 <= delay <= most for delay in delays)
    assert len(delays) > 1
