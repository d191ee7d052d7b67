"""The service's own events, published by the program that makes them happen."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from leaderboardapp import events
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.domain.types import Increment
from leaderboardapp.listener import event_forwarder
from leaderboardapp.listener.event_forwarder import EventForwarder
from leaderboardapp.listener.leaders import LeaderChange
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.models import Board, Player
from leaderboardapp.pubsub import Missed, Queue
from leaderboardapp.realtime.publish import PublishBatch, Publisher
from leaderboardapp.stores.base import Store
from tests.support.programs import wait_until


@pytest.fixture
def queue(store: Store, board_id: str) -> Iterator[Queue]:
    with events.exchange.queue({"board": board_id}) as queue:
        yield queue


def read_events(queue: Queue, count: int) -> list[tuple[str, Any]]:
    """Return so many events of the queue, sorted: name and payload."""
    messages = [*itertools.islice(queue.subscribe(), count)]
    assert not any(isinstance(message, Missed) for message in messages)
    return sorted(((topic["event"], payload) for topic, payload in messages), key=str)  # type: ignore[index, call-overload]


def test_boards_players_and_seasons_are_announced(queue: Queue, board_id: str) -> None:
    board = Board(board_id, name="A board").save()
    player = Player(board, "alice", "Alice").save()
    player.score_add(5)
    board.reset()
    player.delete()
    assert read_events(queue, 4) == [
        ("board created", {"name": "A board"}),
        ("joined", {"player": {"id": "alice", "name": "Alice", "score": 0}}),
        ("left", {"player": {"id": "alice", "name": "Alice", "score": 5}}),
        ("season ended", {"season": 1}),
    ]


def test_a_season_that_ends_by_schedule_is_announced(
    queue: Queue, store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id, "schedule": "daily", "ends_at": "2020-01-01T00:00:00Z"})
    Maintenance(store, ALL_PARTS.have).end_season(store.get_board(board_id))
    assert read_events(queue, 1) == [("season ended", {"season": 1})]


def test_that_a_hidden_player_left_is_not_announced(queue: Queue, board_id: str) -> None:
    board = Board(board_id).save()
    hidden, seen = Player(board, "hidden", "H").save(), Player(board, "seen", "S").save()
    hidden.hidden = True
    hidden.save().delete()
    seen.delete()
    left = [payload["player"]["id"] for name, payload in read_events(queue, 4) if name == "left"]
    assert left == ["seen"]


def test_players_who_join_by_one_request_are_announced_together(
    queue: Queue, store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, calls, publish = Board(board_id).save(), [], store.publish

    def count(exchange: str, topic: str, payloads: Sequence[str]) -> None:
        calls.append(len(payloads))
        publish(exchange, topic, payloads)

    monkeypatch.setattr(store, "publish", count)
    increments = [Increment(f"p{number}", 1, name=f"P {number}") for number in range(20)]
    Player.add_scores_for_board(board, [*increments, *increments])
    joined = [payload["player"] for name, payload in read_events(queue, 21) if name == "joined"]
    assert sorted(player["id"] for player in joined) == sorted(row.player for row in increments)
    assert calls == [20]


def test_what_cannot_be_announced_has_happened_all_the_same(
    store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "publish", fail)
    Board(board_id).save()
    assert Board.get(board_id)


class NullPublisher:
    """A publisher without viewers."""

    def __init__(self) -> None:
        self.boards: list[str] = []  # of which events came

    def enqueue(self, batch: PublishBatch) -> None:
        self.boards += batch.events


def test_events_of_boards_of_other_listeners_are_left_to_them(store: Store, board_id: str) -> None:
    ids, publisher = [f"{board_id}-{number}" for number in range(4)], NullPublisher()
    for id in ids:
        store.create_board({"id": id})
    own = {ids[1], ids[3]}

    def forward() -> bool:
        for id in ids:
            events.announce(id, events.SEASON_ENDED, {"season": 1})
        return own <= {*publisher.boards}

    with EventForwarder(cast(Publisher, publisher), own.__contains__):
        wait_until(forward, "events, as soon as it is subscribed")
    assert {*publisher.boards} == own


def test_in_a_close_race_the_leader_is_announced_now_and_then(
    queue: Queue, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_forwarder, "LEADER_SECONDS", 0.3)
    rows = {id: {"id": id, "name": id, "score": 1} for id in ("alice", "bob", "carol")}
    with EventForwarder(cast(Publisher, NullPublisher()), ALL_PARTS.have) as forwarder:

        def change_leader(previous: str, leader: str) -> None:
            forwarder.enqueue({board_id: LeaderChange(previous, rows[leader])})

        change_leader("bob", "alice")
        wait_until(lambda: not forwarder.leader_changes, "the first to be taken")
        change_leader("alice", "bob")
        change_leader("bob", "alice")  # and so nothing has changed
        wait_until(lambda: not forwarder.leader_changes, "that to be taken")
        change_leader("alice", "bob")
        wait_until(lambda: not forwarder.leader_changes, "the next to be taken")
        change_leader("bob", "alice")
        change_leader("alice", "carol")
        leaders = [payload["player"]["id"] for _, payload in read_events(queue, 3)]
    assert sorted(leaders) == ["alice", "bob", "carol"]
