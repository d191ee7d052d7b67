"""Listeners come, go and stand still while boards change: each part has one of them at most, and
nobody stays outdated."""

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.types import Changes
from leaderboardapp.listener import lease, publish_scheduler
from leaderboardapp.realtime.publish import PublishBatch
from leaderboardapp.snapshots import Snapshot
from tests.unit.sharing_world import BOARDS, PARTS, HandFeed, Process, World

SETTLED_SECONDS = 15.0

RUNS = st.tuples(st.just("run"), st.sampled_from([0.01, 0.1, 0.5, 3.0]))
STEPS = st.one_of(
    st.tuples(st.sampled_from(["begin", "hold", "store goes", "store comes", "store is silent"])),
    st.tuples(st.sampled_from(["kill", "stop", "freeze", "thaw", "stick"]), st.integers(0, 3)),
    st.tuples(st.just("change"), st.sampled_from(BOARDS), st.sampled_from("xyz")),
    st.tuples(st.sampled_from(["open", "look at"]), st.sampled_from(BOARDS)),
    RUNS,
    RUNS,
    st.tuples(st.just("run_for"), st.sampled_from([0.7, 2.0, 5.0])),
)
BEGUN: list[Any] = [
    ("begin",),
    ("begin",),
    *(("change", board, "x") for board in BOARDS),
    ("run_for", 5.0),
]
OPENED: list[Any] = [("open", board) for board in BOARDS]
HELD = [("hold",)] * len(BOARDS)
WATCHED = [*OPENED, *HELD, ("run_for", 3.0)]
CHANGED = [("change", board, "y") for board in BOARDS]
UNCHANGED = [("change", board, "x") for board in BOARDS]


def do(world: World, name: str, *arguments: Any) -> None:
    if name == "begin":
        world.processes += [Process(world)] if len(world.processes) < 4 else []
    elif name.startswith("store"):
        world.is_away, world.is_silent = name == "store goes", name == "store is silent"
    elif name in ("kill", "stop", "freeze", "thaw", "stick"):
        for process in world.processes[arguments[0] : arguments[0] + 1]:
            if name == "kill":
                world.processes.remove(process)
            elif name == "stop":
                process.stop()
            elif name == "stick":
                process.client.is_stuck = True
            else:
                process.is_frozen = name == "freeze"
    elif name == "look at":  # and be held at once
        world.open(*arguments)
        world.hold()
    else:
        getattr(world, name)(*arguments)


@hypothesis.settings(max_examples=50)
@given(steps=st.lists(STEPS, min_size=5, max_size=50), tells_holds=st.booleans())
@example([*CHANGED, ("run", 0.1), ("freeze", 0), ("run_for", 5.0), ("thaw", 0)], True)
@example([*CHANGED, ("run", 0.1), ("freeze", 0), ("run_for", 5.0), ("thaw", 0)], False)
@example([*CHANGED, ("run", 0.1), ("kill", 1), ("run_for", 5.0)], False)
@example([*CHANGED, ("begin",), ("run", 0.1), ("run", 3.0)], False)
@example([("stick", 0), *CHANGED, ("run_for", 20.0), ("kill", 0)], False)  # it was far behind
@example(  # a board is again as it was when one listener had it, but not as viewers saw it last
    [
        *(("stop", 1), ("run_for", 5.0), ("begin",), ("run_for", 5.0)),
        *(*CHANGED, ("run_for", 5.0), ("stop", 1), *UNCHANGED),
    ],
    False,
)
@example([*OPENED, *CHANGED, ("run_for", 20.0), *HELD, ("kill", 0)], True)
@example([("stop", 0), *CHANGED, ("store goes",), ("run", 3.0)], True)
def test_no_part_has_two_listeners_and_no_viewer_stays_outdated(
    steps: list[Any], tells_holds: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch, tells_holds=tells_holds)
        for step in [*BEGUN, *WATCHED, *steps]:
            do(world, *step)
        world.is_away = world.is_silent = False
        while world.opening:
            world.hold()
        if not world.processes:
            do(world, "begin")
        for process in world.processes:
            process.is_frozen = process.client.is_stuck = False
        world.run_for(SETTLED_SECONDS)
        parts = [process.listener.lease.parts for process in world.processes]
        assert sorted(number for each in parts for number in each.numbers) == [*range(PARTS)]
        sizes = [len(each.numbers) for each in parts]
        assert max(sizes) - min(sizes) <= 1
        assert all(viewer.is_up_to_date(world.boards) for viewer in world.viewers)


def test_what_is_published_to_a_viewer_comes_once_while_listeners_share() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for step in BEGUN + WATCHED:
            do(world, *step)
        for body in "yzy":
            for board in BOARDS:
                world.change(board, body)
            world.run_for(1.0)
        assert {tuple(viewer.seen[-4:]) for viewer in world.viewers} == {("x", "y", "z", "y")}
        owners = [process.listener.lease for process in world.processes]
        assert [sum(map(owner.is_own, BOARDS)) for owner in owners] != [0, len(BOARDS)]
        assert all(ALL_PARTS.have(board) for board in BOARDS)


def test_parts_that_leave_and_come_back_while_the_backlog_is_read_are_caught_up_on() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch, tells_holds=False)
        for step in BEGUN[1:] + WATCHED:
            do(world, *step)
        died: list[Any] = [("kill", 0), *CHANGED, ("run", 5.0), ("begin",)]
        for step in died:
            do(world, *step)
        own = world.processes[0].listener.lease
        changed_since = world.changed_since

        def wait(board: str, is_done: Callable[[], bool]) -> Iterator[str]:
            while not is_done():
                world.now += 0.25
                for process in world.processes[1:]:
                    process.run()
                yield board

        def read_slowly(position: int) -> Iterator[str]:
            monkeypatch.setattr(world, "changed_since", changed_since)
            boards = changed_since(position)
            do(world, "begin")
            yield from wait("a", lambda: len(own.parts.numbers) < PARTS and not own.leaving)
            yield from boards
            do(world, "kill", 1)
            yield from wait("a", lambda: own.parts.are_all())

        monkeypatch.setattr(world, "changed_since", read_slowly)
        world.run_for(SETTLED_SECONDS)
        assert own.parts.are_all() and not own.taken
        assert all(viewer.is_up_to_date(world.boards) for viewer in world.viewers)


def test_a_feed_is_waited_for_until_the_next_look_and_not_at_all_if_viewers_are_to_be_told() -> (
    None
):
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        polled: list[tuple[float, bool]] = []
        poll = HandFeed.poll

        def record(feed: HandFeed, timeout: float) -> Changes:
            polled.append((timeout, feed.is_woken))
            return poll(feed, timeout)

        monkeypatch.setattr(HandFeed, "poll", record)
        do(world, "begin")
        world.run_for(3.0)
        assert polled[0][1] and polled[-1] == (publish_scheduler.IDLE_SECONDS, False)
        do(world, "begin")
        world.run_for(6.0)
        assert polled[-2:] == [(lease.LOOK_SECONDS, False)] * 2


def test_a_batch_of_a_part_that_was_given_up_is_not_published() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for step in BEGUN[1:] + WATCHED:
            do(world, *step)
        [one] = world.processes
        one.listener.publisher.enqueue(
            PublishBatch({board: Snapshot("old", "old") for board in BOARDS}, new={*BOARDS})
        )
        one.listener.lease.parts = Parts(PARTS, frozenset({0, 1}))
        own = {*filter(one.listener.lease.is_own, BOARDS)}
        one.publish()
        assert {v.board for v in world.viewers if v.seen[-1] == "old"} == own != {*BOARDS}
