"""From a real broker to viewers: scores through the store, notifications through the proxy."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.amqp.broker import Broker, broker_at
from tests.e2e.test_websockets import closing_code, message, watch
from tests.e2e.viewers import Api, Viewer, settle, token
from tests.support.programs import wait_until
from tests.support.stack import Stack

MARK = "invoice.sent.mark"  # the routing key of messages that only say that they have come


@pytest.fixture
def broker(stack: Stack) -> Iterator[Broker]:
    with broker_at(stack.env["AMQP_URL"]) as broker:
        yield broker


def receive(socket: ClientConnection, event: str) -> Any:
    """Return the data of the first such event that comes."""

    def receive_next() -> Any:
        received = message(socket)
        return received["data"] if received["event"] == event else None

    return wait_until(receive_next, event)


def test_a_score_from_the_broker_reaches_every_viewer(
    stack: Stack, broker: Broker, board: str, board_id: str
) -> None:
    with Viewer(stack.port, board) as viewer, watch(stack, board) as socket:
        viewer.wait_for(lambda event: True, "the snapshot")
        broker.publish_score(board_id, "alice", 7)
        broker.publish_score(board_id, "carol", 9, name="Carol")
        wait_until(lambda: viewer.scores() == {"Carol": 9, "Alice": 7, "Bob": 0}, "the scores")
        wait_until(
            lambda: '"score":9' in json.dumps(receive(socket, "update"), separators=(",", ":")),
            "the scores on the socket",
        )

        def joined() -> list[str]:
            return [event["player"]["id"] for event in viewer.heard("joined")]

        wait_until(lambda: joined()[-1:] == ["carol"], "the newcomer")


@pytest.fixture
def customer() -> str:
    """A customer of one test only: the socket's proxy may still be publishing notifications of the
    test before, in the channel of all invoices."""
    return uuid.uuid4().hex


@contextmanager
def hear(stack: Stack, broker: Broker, path: str = "/events/invoices/") -> Iterator[Viewer]:
    """A viewer who has been shown the newest notification. Those before it are taken away: one who
    joins may be shown some that were just published."""
    mark = uuid.uuid4().hex
    with Viewer(stack.port, path) as viewer:
        broker.publish(MARK, mark)

        def has_heard() -> bool:
            return any(event["data"] == mark for event in viewer.heard("notification"))

        wait_until(has_heard, "the newest notification")
        viewer.others.clear()
        yield viewer


def without_marks(viewer: Viewer) -> list[Any]:
    return [event for event in viewer.heard("notification") if event["key"] != MARK]


def test_each_viewer_of_a_channel_is_shown_its_notifications(
    stack: Stack, broker: Broker, customer: str
) -> None:
    paths = ("/events/invoices/", f"/events/customer-{customer}/")
    with (
        hear(stack, broker) as one,
        hear(stack, broker) as another,
        Viewer(stack.port, paths[1]) as own,
        watch(stack, paths[1]) as socket,
    ):
        id, key = uuid.uuid4().hex, f"invoice.paid.{customer}"
        broker.publish("invoice.sent.other", [1, None], message_id=f"{id}-2")
        broker.publish(key, {"total": "12.50 €"}, message_id=id)
        paid = {"id": id, "key": key, "data": {"total": "12.50 €"}}
        sent = {"id": f"{id}-2", "key": "invoice.sent.other", "data": [1, None]}
        for viewer in (one, another):
            wait_until(lambda: len(without_marks(viewer)) == 2, "both")  # noqa: B023
            assert without_marks(viewer) == [sent, paid]
        assert receive(socket, "notification") == paid
        wait_until(lambda: own.heard("notification"), "its own")
        assert own.heard("notification") == [paid]


@pytest.mark.stores("sqlite")
def test_viewers_are_shown_all_of_a_burst(stack: Stack, broker: Broker, customer: str) -> None:
    path = f"/events/customer-{customer}/"
    with Viewer(stack.port, path) as viewer, watch(stack, path) as socket:
        for number in range(300):
            broker.publish(f"invoice.paid.{customer}", {"number": number, "filling": "x" * 1500})
        wait_until(lambda: len(viewer.heard("notification")) >= 300, "all", 60)
        shown = [event["data"]["number"] for event in viewer.heard("notification")]
        assert shown == [*range(300)]
        # Keep-alives may come between them.
        by_socket = [receive(socket, "notification")["data"]["number"] for _ in range(300)]
        assert by_socket == [*range(300)]


def test_a_repeated_message_is_shown_once(stack: Stack, broker: Broker) -> None:
    with hear(stack, broker) as viewer:
        id = uuid.uuid4().hex
        for _ in range(3):
            broker.publish("invoice.paid.acme", 1, message_id=id)
        broker.publish("invoice.paid.acme", 2)
        broker.publish("invoice.paid.acme", 2)
        wait_until(lambda: len(viewer.heard("notification")) >= 3, "the last ones")
        shown = [(event["id"], event["data"]) for event in viewer.heard("notification")]
        assert shown == [(id, 1), (None, 2), (None, 2)]


def test_notifications_of_a_private_board_are_for_readers_of_the_board(
    stack: Stack, broker: Broker, api: Api, board: str, board_id: str
) -> None:
    settle(stack, board)
    with Viewer(stack.port, board) as viewer:
        viewer.wait_for(lambda event: True, "the snapshot")
        broker.publish(f"match.{board_id}.goal", "a goal")
        wait_until(lambda: viewer.heard("notification"), "the goal")
        assert viewer.heard("notification")[0]["data"] == "a goal"
        api("PATCH", board, {"private": True})
        with watch(stack, board, f"?token={token('read', board_id)}") as socket:
            receive(socket, "update")
            broker.publish(f"match.{board_id}.goal", "another goal")
            # The first goal may come before: the socket was opened when it was just published.
            wait_until(
                lambda: receive(socket, "notification")["data"] == "another goal", "another goal"
            )
        wait_until(viewer.closed.is_set, "the stream to end")
    assert len(viewer.heard("notification")) == 1


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("invoice.paid.acme", b"no JSON", "The body is not JSON in UTF-8"),
        ("invoice.paid.acme", b'"\\ud800"', "This cannot be shown"),
        ("invoice.paid.acme", b'{"a": 1, "a": 1}', "a: is there twice"),
        ("invoice.paid.acme", b'"%s"' % (b"x" * 100_000), "The body is larger than 100000 bytes"),
        ("invoice.paid.a b", b"1", "'customer-a b'"),
        ("match.nowhere.goal", b"1", "There is no board nowhere"),
        (b"invoice.paid.\xff", b"1", "This cannot be shown"),
    ],
)
def test_a_rejected_notification_is_one_dead_letter_with_two_proxies(
    stack: Stack, broker: Broker, key: Any, body: bytes, reason: str
) -> None:
    with hear(stack, broker) as viewer:
        broker.publish(key, body, message_id="bad")
        broker.publish("invoice.paid.acme", "good")
        wait_until(lambda: viewer.heard("notification"), "the next one")
        assert [event["data"] for event in viewer.heard("notification")] == ["good"]
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "bad" and reason in letter.reason
    queues = [
        f"leaderboard.notifications.{url.split('/')[2].split('?')[0]}"
        for url in stack.env["GRIP_URL"].split()
    ]
    assert len(queues) == 2
    wait_until(lambda: not any(map(broker.count_messages, queues)), "both queues to be empty")
    assert broker.take_dead_letters() == []


def test_a_missing_target_leaves_the_others_their_notification(
    stack: Stack, broker: Broker
) -> None:
    goal = uuid.uuid4().hex  # those of the tests before may be shown, too
    with Viewer(stack.port, "/events/matches/") as viewer:
        broker.publish("match.nowhere.goal", goal)
        wait_until(
            lambda: goal in [event["data"] for event in viewer.heard("notification")], "the goal"
        )
    [letter] = broker.wait_for_dead_letters()
    assert letter.reason == "There is no board nowhere."


def test_a_message_id_that_is_no_text_makes_a_dead_letter(stack: Stack, broker: Broker) -> None:
    broker.publish("invoice.paid.acme", 1, message_id=b"\xff")
    [letter] = broker.wait_for_dead_letters()
    assert "This cannot be shown" in letter.reason


def test_a_channel_without_a_route_is_not_found(stack: Stack, api: Api) -> None:
    assert api("GET", "/events/secrets/").status == 404
    with watch(stack, "/events/secrets/") as socket:
        assert closing_code(socket) == 4404


def test_the_command_publishes(stack: Stack, broker: Broker, board: str, board_id: str) -> None:
    body = json.dumps({"board": board_id, "player": "alice", "amount": 5})
    with Viewer(stack.port, board) as viewer:
        for _ in range(2):
            done = stack.manage("amqp", "publish", "score", body, "--id", "once")
            assert done.returncode == 0, done.stderr
            assert "published, with the message_id once" in done.stdout
        done = stack.manage("amqp", "publish", "score.late", body)
        assert done.returncode == 0
        wait_until(lambda: viewer.scores()["Alice"] == 10, "both scores")


def test_the_command_reports_mistakes(stack: Stack, broker: Broker) -> None:
    for arguments, mistake in (
        (("score", "{"), "The body is not JSON"),
        (("nobody.wants.this", "1"), "no queue takes messages with the key nobody.wants.this"),
    ):
        done = stack.manage("amqp", "publish", *arguments)
        assert done.returncode == 1
        assert mistake in done.stderr and "Traceback" not in done.stderr
