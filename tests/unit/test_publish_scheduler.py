"""The scheduler's steps, with a clock, a feed and a publisher that the test holds in its hand."""

from itertools import pairwise
from typing import cast

import pytest
from django.conf import settings

from leaderboardapp import snapshots
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.types import MAX_JOINED, Row
from leaderboardapp.listener import publish_scheduler as module
from leaderboardapp.listener.leaders import READ_SECONDS
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.realtime.publish import Publisher
from leaderboardapp.snapshots import Snapshot
from tests.unit.scheduler_world import World, run_until


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def scheduler(world: World) -> PublishScheduler:
    return PublishScheduler(cast(Publisher, world), checkpoint=0, is_own=ALL_PARTS.have)


def test_a_change_is_published_at_once_and_repeated_once_after_two_seconds(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    run_until(world, scheduler, 10)
    assert world.bodies() == [(0, "one"), (2, "one")]
    assert not scheduler.due_at


def test_changes_within_the_interval_become_one_snapshot(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    scheduler.run_once(world.feed)
    for body in ("two", "three"):
        world.change("b", body)
        scheduler.run_once(world.feed)
    run_until(world, scheduler, 1)
    assert world.bodies() == [(0, "one"), (0.05, "three")]


def test_a_quiet_board_that_becomes_private_is_sent_at_once(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    run_until(world, scheduler, 5)
    before = len(world.published)
    world.boards["b"] = Snapshot("one", "hash of one", private=True)
    world.feed.changes["b"] = []
    scheduler.run_once(world.feed)
    assert len(world.published) == before + 1


def test_a_visibility_change_is_announced_for_two_seconds_and_with_the_repeat(
    world: World, scheduler: PublishScheduler
) -> None:
    for second in range(9):
        run_until(world, scheduler, second)
        world.boards["b"] = Snapshot(f"{second}", f"hash of {second}", private=second > 4)
        world.feed.changes["b"] = []
    run_until(world, scheduler, 20)
    announced = [when for when, _ in world.visibility_announced]
    assert announced == [0, 1, 5, 6, 10], (
        "when it was first published, became private, and was repeated"
    )


def test_a_visibility_change_of_a_board_that_is_never_quiet_is_announced_again(
    world: World, scheduler: PublishScheduler
) -> None:
    for step in range(50):
        run_until(world, scheduler, step / 2)
        # Private for so short a time that it was not read meanwhile.
        world.boards["b"] = Snapshot(f"{step}", f"hash of {step}")
        world.feed.changes["b"] = []
        scheduler.run_once(world.feed)
    assert [when for when, _ in world.visibility_announced] == [0, 0.5, 1, 1.5, 11.5, 21.5]


def test_a_busy_board_does_not_delay_a_quiet_one(world: World, scheduler: PublishScheduler) -> None:
    world.change("busy", "one")
    scheduler.run_once(world.feed)
    world.change("busy", "two")
    world.change("quiet", "one")
    scheduler.run_once(world.feed)
    assert world.bodies("quiet") == [(0, "one")]


def test_changes_of_many_boards_leave_in_one_batch(
    world: World, scheduler: PublishScheduler
) -> None:
    for number in range(10):
        world.change(f"b{number}", "one")
    scheduler.run_once(world.feed)
    assert len(world.published) == 1
    assert len(world.published[0][1]) == 10


def test_a_change_that_shows_no_difference_is_repeated_only_once_quiet(
    world: World, scheduler: PublishScheduler
) -> None:
    """It may have been two changes, there and back, with a viewer joining in between."""
    world.change("b", "one")
    run_until(world, scheduler, 5)
    world.change("b", "one")
    run_until(world, scheduler, 20)
    assert world.bodies() == [(0, "one"), (2, "one"), (7, "one")]


def test_changes_below_the_top_cost_a_snapshot_in_two_seconds_and_end_with_one(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    scheduler.run_once(world.feed)
    for tenth in range(1, 50):
        world.now = 1000 + tenth / 10
        world.change("b", "one")
        scheduler.run_once(world.feed)
    run_until(world, scheduler, 20)
    assert [round(when) for when, _ in world.bodies()] == [0, 2, 4, 6, 8][: len(world.bodies())]
    assert 6.9 <= world.bodies()[-1][0] <= 9, "the last one is two seconds after the last change"


def test_more_busy_boards_than_one_read_takes_are_served_alike(
    world: World, scheduler: PublishScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BOARDS_READ", 3)
    for run in range(100):
        for number in range(6):
            world.change(f"b{number}", f"run {run}")
        world.now += settings.PUBLISH_INTERVAL
        scheduler.run_once(world.feed)
    counts = [len(world.bodies(f"b{number}")) for number in range(6)]
    assert min(counts) >= 45 and max(counts) <= 55


def test_a_return_to_an_earlier_state_is_sent(world: World, scheduler: PublishScheduler) -> None:
    for second, body in enumerate(("one", "two", "one")):
        run_until(world, scheduler, second)
        world.change("b", body)
    run_until(world, scheduler, 10)
    assert [body for _, body in world.bodies()] == ["one", "two", "one", "one"]


def test_a_deleted_board_is_closed_and_may_come_back(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    run_until(world, scheduler, 5)
    world.change("b", None)
    run_until(world, scheduler, 10)
    world.change("b", "one")
    run_until(world, scheduler, 15)
    assert [body for _, body in world.bodies()] == ["one", "one", None, None, "one", "one"]


def test_what_could_not_be_read_is_due_again(
    world: World, scheduler: PublishScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("b", "one")
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "read_snapshots", lambda boards: raise_unavailable())
        with pytest.raises(StoreUnavailable):
            scheduler.run_once(world.feed)
    scheduler.run_once(world.feed)
    assert world.bodies() == [(0, "one")]


def raise_unavailable() -> None:
    raise StoreUnavailable("gone")


def test_a_feed_without_a_heartbeat_is_given_up(world: World, scheduler: PublishScheduler) -> None:
    run_until(world, scheduler, 60)
    world.feed_is_dead = True
    with pytest.raises(StoreUnavailable, match="silent"):
        run_until(world, scheduler, 60 + 30)


def test_the_backlog_is_worked_off_beside_live_changes(
    world: World, scheduler: PublishScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BOARDS_READ", 3)
    for number in range(10):
        world.change(f"b{number}", "old")
    scheduler.backlog, world.feed.changes = set(world.feed.changes), {}
    scheduler.run_once(world.feed)
    world.change("live", "one")
    scheduler.run_once(world.feed)
    assert world.bodies("live"), "live changes do not wait for the backlog"
    run_until(world, scheduler, 10)
    assert all(
        [body for _, body in world.bodies(f"b{number}")] == ["old", "old"] for number in range(10)
    )


def test_a_board_of_the_backlog_that_is_to_be_repeated_is_published_once(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    run_until(world, scheduler, 1)
    world.now = 1002
    scheduler.backlog.add("b")
    run_until(world, scheduler, 10)
    assert world.bodies() == [(0, "one"), (2, "one")]


def test_the_checkpoint_follows_at_the_distance_of_a_repeat(
    world: World, scheduler: PublishScheduler
) -> None:
    for second in range(10):
        run_until(world, scheduler, second)
        scheduler.advance_checkpoint(position=100 + second)
    # 2 s until the repeat, 0.05 s between two snapshots, 1 s until something counts as overdue.
    assert scheduler.checkpoint == 109 - 4


@pytest.mark.parametrize("reason", ["overdue", "backlog", "publisher"])
def test_the_checkpoint_waits_for_what_is_not_published(
    world: World, scheduler: PublishScheduler, reason: str
) -> None:
    scheduler.advance_checkpoint(position=1)
    world.now += 10
    if reason == "overdue":
        scheduler.due_at["b"] = world.now - 5
    elif reason == "backlog":
        scheduler.backlog.add("b")
    else:
        world.lag = 5
    for _ in range(100):
        assert scheduler.advance_checkpoint(position=2) == 0
        world.now += 1
        scheduler.due_at = dict.fromkeys(scheduler.due_at, world.now - 5)
    assert len(scheduler.checkpoints) < 5, "it does not grow meanwhile"
    scheduler.due_at, scheduler.backlog, world.lag = {}, set(), 0
    world.now += 10
    assert scheduler.advance_checkpoint(position=3) >= 1


def test_more_boards_than_one_read_takes_are_all_published(
    world: World, scheduler: PublishScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BOARDS_READ", 3)
    monkeypatch.setattr(module, "MAX_BOARDS_REMEMBERED", 5)
    for number in range(10):
        world.change(f"b{number}", "one")
    run_until(world, scheduler, 10)
    assert {board for _, items in world.published for board in items} == {
        f"b{number}" for number in range(10)
    }
    assert len(scheduler.states) == 5
    assert not scheduler.due_at


def test_newcomers_are_published_once_and_when_their_board_is_read(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    scheduler.run_once(world.feed)
    world.join("bob")
    scheduler.run_once(world.feed)
    assert world.joined == [], "not before the interval is over"
    world.join("carol")
    run_until(world, scheduler, 10)
    assert world.joined == [("b", "bob", False), ("b", "carol", False)]


def test_newcomers_of_a_private_board_are_published_to_those_who_may_see_it(
    world: World, scheduler: PublishScheduler
) -> None:
    world.boards["b"] = Snapshot("one", "hash of one", private=True)
    world.join("bob")
    run_until(world, scheduler, 1)
    assert world.joined == [("b", "bob", True)]


def test_the_newest_of_many_newcomers_are_published(
    world: World, scheduler: PublishScheduler
) -> None:
    world.change("b", "one")
    for number in range(MAX_JOINED + 5):
        world.join(f"p{number}")
    run_until(world, scheduler, 1)
    assert [player for _, player, _ in world.joined] == [f"p{n}" for n in range(5, MAX_JOINED + 5)]


def test_newcomers_of_a_deleted_board_are_forgotten(
    world: World, scheduler: PublishScheduler
) -> None:
    world.join("bob", "gone")
    run_until(world, scheduler, 1)
    assert world.joined == []
    assert scheduler.newcomers == {}


def set_leader(world: World, player: str | None) -> None:
    row = {"id": player, "name": player, "score": 1} if player else None
    world.change("b", f"led by {player}")
    world.boards["b"] = Snapshot(f"led by {player}", f"hash of {player}", leader=row)


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_new_leader_is_noticed_but_not_the_first_one_that_is_seen(
    world: World, scheduler: PublishScheduler, is_watched: bool
) -> None:
    world.unwatched = set() if is_watched else {"b"}
    noticed = []
    for number, player in enumerate(("alice", "alice", "bob", None, "bob", None, "alice"), 1):
        set_leader(world, player)
        run_until(world, scheduler, number * (READ_SECONDS + 1))
        noticed.append([lead.leader["id"] for lead in scheduler.leaders.take_changes().values()])
    assert noticed == [[], [], ["bob"], [], ["bob"], [], ["alice"]]


def test_the_leaders_of_boards_that_nobody_watches_are_read_together_and_seldom(
    world: World, scheduler: PublishScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.unwatched = {"a", "b"}
    reads = []

    def get_leaders(boards: list[str]) -> dict[str, Row]:
        reads.append((world.now - 1000, sorted(boards)))
        return {}

    monkeypatch.setattr(world, "get_leaders", get_leaders)
    for number in range(80):
        world.change("ab"[number % 2], str(number))
        run_until(world, scheduler, (number + 1) / 10)
    run_until(world, scheduler, 12)
    times = [when for when, _ in reads]
    assert all(after - before >= READ_SECONDS for before, after in pairwise(times))
    assert len(reads) <= 6 and reads[-1][1] == ["a", "b"]
    assert not world.published and not scheduler.leaders.unread


def test_changes_of_boards_of_other_listeners_are_left_to_them(world: World) -> None:
    scheduler = PublishScheduler(cast(Publisher, world), 0, is_own=lambda board: board != "b")
    world.change("b", "x")
    world.change("c", "x")
    run_until(world, scheduler, 5)
    assert world.bodies("c") and not world.bodies("b")


@pytest.mark.parametrize("came_back", [False, True])
def test_what_another_listener_has_by_now_or_had_is_forgotten(
    world: World, came_back: bool
) -> None:
    own = {"b", "c"}
    scheduler = PublishScheduler(cast(Publisher, world), 0, own.__contains__)
    world.change("b", "x")
    set_leader(world, "alice")
    run_until(world, scheduler, 5)
    world.change("b", "y")
    scheduler.collect_changes(world.feed)
    scheduler.backlog |= own
    scheduler.leaders.read_later("b")
    if not came_back:
        own.remove("b")
    new = [number for number in range(16) if Parts(16, frozenset({number})).have("b")]
    scheduler.forget_others(Parts(16, frozenset(new if came_back else ())))
    scheduler.joiners.returned["b"].clear()
    known = (scheduler.states, scheduler.due_at, scheduler.changed, scheduler.leaders.ids)
    assert not any("b" in each for each in known) and scheduler.backlog == {"c"}
    own.add("b")  # and meanwhile anything may have been published
    world.change("b", "x")
    run_until(world, scheduler, 10)
    assert world.bodies("b")[-1][1] == "x" and len(world.bodies("b")) > 2


def test_a_checkpoint_that_is_gone_back_to_stays_until_all_is_published(
    world: World, scheduler: PublishScheduler
) -> None:
    for position in range(10, 20):
        run_until(world, scheduler, position - 10)
        scheduler.advance_checkpoint(position)
    assert scheduler.checkpoint > 10
    scheduler.rewind(7)
    assert scheduler.advance_checkpoint(20) == 7
    began = world.now - 1000
    run_until(world, scheduler, began + 1)
    assert scheduler.advance_checkpoint(21) == 7
    run_until(world, scheduler, began + 4)
    assert scheduler.advance_checkpoint(22) == 20
