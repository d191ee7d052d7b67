"""Viewers who join while a board changes, proxies that go and come back: nobody stays outdated."""

from itertools import pairwise
from typing import Any, cast

import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp.listener import publish_scheduler
from leaderboardapp.listener.publish_scheduler import LOSSY
from leaderboardapp.realtime.formats import board_channel
from leaderboardapp.realtime.hold_channels import NO_BOARD, hold_channel, parse_hold
from tests.unit.scheduler_world import run_until
from tests.unit.watched_world import SeveralViewer, Watched

BOARDS = st.sampled_from("ab")
PROXIES = st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("put"), BOARDS, st.sampled_from("xyz"), st.booleans()),
    st.tuples(st.just("change"), BOARDS, st.none()),
    st.tuples(st.just("open"), BOARDS),
    st.tuples(st.just("open_both")),
    st.tuples(st.just("hold"), PROXIES),
    st.tuples(st.just("go"), PROXIES),
    st.tuples(st.just("come_back"), PROXIES),
    st.tuples(st.just("start")),
    st.tuples(st.just("settle"), PROXIES, st.booleans()),
    st.tuples(st.just("run"), st.sampled_from([0.01, 0.06, 3.0])),
)


@given(steps=st.lists(STEPS, max_size=40))
@example(  # a board that is again as a viewer had it, but not as the viewer saw it last
    steps=[
        *(("put", "a", "x", False), ("open", "a"), ("hold", 0), ("run", 3.0)),
        *(("put", "a", "y", False), ("run", 3.0), ("go", 0), ("put", "a", "x", False)),
    ]
)
@example(  # a board is public again while a proxy is away, which comes back with another change
    steps=[
        *(("put", "a", "x", True), ("run", 3.0), ("open", "a"), ("hold", 0), ("run", 3.0)),
        *(("go", 0), ("open", "a"), ("hold", 1), ("run", 0.01)),
        *(("put", "a", "x", False), ("run", 0.06), ("run", 3.0), ("open", "a"), ("hold", 1)),
        *(("run", 0.01), ("put", "a", "y", False), ("come_back", 0), ("run", 0.06)),
    ]
)
@example(steps=[("put", "a", "x", False), ("open_both",), ("hold", 0), ("change", "a", None)])
@example(steps=[("put", "a", "x", False), ("open_both",), ("change", "a", None), ("hold", 0)])
def test_whatever_happens_no_viewer_stays_outdated(steps: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = Watched(monkeypatch)
        for name, *arguments in steps:
            if name == "go":
                world.clients[arguments[0]].away = True
            elif name == "settle":
                world.clients[arguments[0]].is_unsettled = not arguments[1]
            elif name == "come_back":
                world.clients[arguments[0]].come_back()
            else:
                getattr(world, name)(*arguments)
        world.end()
        assert all(viewer.is_up_to_date(world.boards) for viewer in world.viewers())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_who_joins_is_sent_what_was_published_meanwhile_and_nothing_twice(world: Watched) -> None:
    world.put("a", "x")
    world.run()
    for _ in range(2):  # the first viewer of the board, and another one
        world.open("a")
        world.open("a")
        world.hold(0)
        world.run()
        world.put("a", world.boards["a"].body + "y")
        world.run(1)
        world.hold(0)
        world.run()
        run_until(world, world.scheduler, world.now - 990)
    assert [viewer.seen for viewer in world.clients[0].viewers] == [
        ["x", "xy", "xyy"],
        ["x", "xy", "xyy"],
        ["xy", "xyy"],
        ["xy", "xyy"],
    ]


def test_a_stream_of_several_boards_outlives_them(world: Watched) -> None:
    world.put("a", "x")
    world.run()
    world.open_both()
    world.change("a", None)
    world.run()
    world.hold(0)
    world.run()
    [viewer] = world.clients[0].viewers
    assert isinstance(viewer, SeveralViewer)
    assert viewer.last == {"a": (NO_BOARD, False), "b": (NO_BOARD, False)}
    world.put("a", "y")
    world.put("b", "z")
    world.run(1)
    assert viewer.last == {"a": ("y", False), "b": ("z", False)}
    world.change("b", None)
    world.run(1)
    assert viewer.last == {"a": ("y", False), "b": (NO_BOARD, False)}
    assert not viewer.is_closed
    world.put("b", "z", private=True)
    world.run(1)
    assert viewer.is_closed


def test_who_joins_while_a_board_is_deleted_is_told_once(world: Watched) -> None:
    world.put("a", "x")
    world.put("b", "z")
    world.run()
    for _ in range(2):
        world.open_both()
    world.hold(0)
    world.run()
    world.change("a", None)
    world.hold(0)
    world.run()
    viewers = world.clients[0].viewers
    assert [cast(SeveralViewer, viewer).told for viewer in viewers] == [[("a", NO_BOARD)]] * 2


@pytest.mark.parametrize("is_told", [True, False])
def test_who_joins_does_not_have_a_board_published_more_often(
    world: Watched, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    """Whether the feed has told of the change before, or only the joiner's news has woken it."""
    world.put("a", "x")
    world.run()
    world.open("a")
    world.hold(0)
    world.run(3)
    with monkeypatch.context() as patch:
        if not is_told:
            patch.setattr(world.feed, "poll", lambda timeout: {})
        for body in ("y", "z", "xy", "yz"):
            world.put("a", body)
            world.open("a")
            world.hold(0)
            world.run(0.001)
    run_until(world, world.scheduler, 8)
    times = [when for when, _ in world.bodies("a")]
    gaps = [round(after - before, 3) for before, after in pairwise(times)]
    assert min(gaps) >= settings.PUBLISH_INTERVAL
    assert {viewer.seen[-1] for viewer in world.viewers()} == {"yz"}


def test_what_was_read_for_a_joiner_is_published_when_the_feed_tells_of_it(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_scheduler, "MAX_BOARDS_REMEMBERED", 1)
    for board in ("a", "b"):
        world.put(board, "x")
        world.run(3)
        world.open(board)
        world.hold(0)
        world.run(3)
    assert "a" not in world.scheduler.states
    world.put("a", "y")
    late, world.feed.changes = world.feed.changes, {}
    world.open("a")
    world.hold(0)
    world.run(0.1)
    world.feed.changes = late
    run_until(world, world.scheduler, 20)
    assert [viewer.seen[-1] for viewer in world.viewers() if viewer.board == "a"] == ["y", "y"]


def test_after_so_much_that_some_may_be_lost_streams_are_sent_the_repeat(world: Watched) -> None:
    world.put("a", "x")
    world.run()
    world.open("a")
    world.hold(0)
    for number in range(LOSSY + 1):
        world.put("a", str(number))
        world.run(settings.PUBLISH_INTERVAL)
    run_until(world, world.scheduler, 10)
    [viewer] = world.viewers()
    assert viewer.seen[-2:] == [str(LOSSY), str(LOSSY)] and viewer.seen[-3] != str(LOSSY)


@pytest.mark.parametrize("change", ["y", "x"])
def test_streams_of_boards_that_another_listener_had_are_sent_the_repeat(
    world: Watched, change: str
) -> None:
    for board in "ab":
        world.put(board, "x")
        world.open(board)
        world.hold(0)
    world.feed.changes.clear()
    world.clients[0].take_news()
    world.scheduler.rewind(1)
    world.put("a", change)
    world.clients[0].repeat_held(lambda channel: "-a" in channel)
    run_until(world, world.scheduler, 10)
    world.put("b", "y")
    run_until(world, world.scheduler, 20)
    assert [viewer.seen for viewer in world.viewers()] == [["x", change, change], ["x", "y"]]


def test_streams_are_sent_no_repeat_where_no_listener_has_published_anything(
    world: Watched,
) -> None:
    world.put("a", "x")
    world.open("a")
    world.hold(0)
    world.scheduler.rewind(0)
    world.put("a", "y")
    run_until(world, world.scheduler, 10)
    assert [viewer.seen for viewer in world.viewers()] == [["x", "y"]]


def test_viewers_of_boards_of_other_listeners_are_left_to_them(world: Watched) -> None:
    world.put("a", "x")
    world.open("a")
    world.put("a", "y")
    world.scheduler.joiners.is_own = lambda board: board != "a"
    world.hold(0)
    world.scheduler.joiners.collect()
    assert not world.scheduler.joiners.boards()


def test_a_board_that_nobody_watches_is_not_read(world: Watched) -> None:
    world.run()
    world.put("a", "x")
    world.read_snapshots = lambda boards: pytest.fail("it was read")  # type: ignore[method-assign]
    run_until(world, world.scheduler, 10)
    assert not world.scheduler.due_at and not world.scheduler.changed


def test_a_proxy_that_is_back_is_sent_all_again_and_no_other_is(world: Watched) -> None:
    world.put("a", "x")
    world.run()
    for proxy in (0, 1):
        world.open("a")
        world.hold(proxy)
    run_until(world, world.scheduler, 5)
    world.clients[0].away = True
    world.clients[0].come_back()
    run_until(world, world.scheduler, 10)
    assert [viewer.seen for viewer in world.viewers()] == [["x", "x"], ["x"]]


def test_a_crowd_that_joins_a_proxy_that_was_just_connected_to_is_sent_little(
    world: Watched,
) -> None:
    world.put("a", "x")
    world.run()
    world.clients[0].is_unsettled = True
    for _ in range(50):
        world.open("a")
        world.hold(0)
        world.run()
    run_until(world, world.scheduler, 10)
    assert sum(len(viewer.seen) for viewer in world.viewers()) <= 52


@given(board=st.from_regex(r"[A-Za-z0-9_~-]{1,64}(@week)?", fullmatch=True), private=st.booleans())
def test_a_hold_says_which_board_it_is_of(board: str, private: bool) -> None:
    channel = board_channel(board, private)
    alone = hold_channel(channel, "abc")
    first, hold = parse_hold(channel), parse_hold(alone)
    assert first and hold
    assert first == (channel, board, private, None, None)
    assert hold == (alone, board, private, "abc", None)
    assert alone != hold_channel(channel, "abc"), "each has its own"
    assert parse_hold("events-all") is parse_hold("expires-7") is None


@pytest.mark.parametrize("channel", ["", "hold.", "hold.a", "hold.board-a", "hold.a.b", "lobby"])
def test_channels_of_other_services_on_a_proxy_are_no_holds(channel: str) -> None:
    assert parse_hold(channel) is None
