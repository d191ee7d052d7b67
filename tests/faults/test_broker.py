"""Eight thousand messages, while the worker, the broker and the store are killed in turn.

Every score is exact, and only the bad messages become dead letters. Pushpin is killed, too."""

import json
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pika
from pika.exceptions import AMQPError

from tests.amqp.broker import EXCHANGE, Broker, DeadLetter, broker_at
from tests.e2e.viewers import Api, Viewer
from tests.faults.conftest import Server
from tests.faults.load import EventSource, make_board
from tests.support.programs import START_SECONDS, wait_until
from tests.support.servers import RabbitServer
from tests.support.stack import Stack

MESSAGES = 8_000  # some 15 s of them, so that each kill falls while they flow
PLAYERS = [f"p{number}" for number in range(10)]
BAD_EVERY = 100
# Few messages of each player: a repeated one counts once only while its key is remembered.
BATCH_SIZE = 50


class Publisher(threading.Thread):
    """Publishes the messages, each batch again until the broker has it.

    The last quarter waits until `is_open` is set."""

    def __init__(self, url: str, messages: list[tuple[str, bytes]]) -> None:
        super().__init__()
        self.url, self.messages = url, messages
        self.published = 0
        self.is_open = threading.Event()
        self.stopping = threading.Event()

    def run(self) -> None:
        while self.published < len(self.messages) and not self.stopping.is_set():
            try:
                self.publish()
            except (AMQPError, OSError):
                self.stopping.wait(0.2)

    def publish(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            channel = connection.channel()
            channel.tx_select()
            while self.published < len(self.messages) and not self.stopping.is_set():
                if self.published >= len(self.messages) * 3 / 4 and not self.is_open.wait(0.2):
                    connection.process_data_events()  # heartbeats
                    continue
                batch = self.messages[self.published : self.published + BATCH_SIZE]
                for id, body in batch:
                    properties = pika.BasicProperties(message_id=id, delivery_mode=2)
                    channel.basic_publish(EXCHANGE, "score", body, properties)
                channel.tx_commit()
                self.published += len(batch)
        finally:
            if connection.is_open:
                connection.close()


def make_messages(board: str) -> tuple[list[tuple[str, bytes]], Counter[str], set[str]]:
    """Make the messages; return (id, body) of each, the scores they add up to, and the ids of bad
    ones."""
    bad_bodies: list[Any] = [b"{", {"board": "nowhere", "player": "p0", "amount": 1}]
    bad_bodies.append({"board": board, "player": "nobody", "amount": 1})
    messages, scores, bad = [], Counter[str](), set()
    for number in range(MESSAGES):
        id = uuid.uuid4().hex
        if number % BAD_EVERY == 7:
            body = bad_bodies[number // BAD_EVERY % len(bad_bodies)]
            bad.add(id)
        else:
            # Half of them for one player, whose row remembers a hundred of their keys.
            player = PLAYERS[number % len(PLAYERS) if number % 2 else 0]
            amount = number % 5 + 1
            body = {"board": board, "player": player, "amount": amount, "name": player}
            scores[player] += amount
        messages.append((id, body if isinstance(body, bytes) else json.dumps(body).encode()))
    return messages, scores, bad


def total(viewer: EventSource) -> int:
    """Add up the scores that the viewer is shown."""
    return sum(viewer.scores().values())


def kill_in_turn(
    stack: Stack,
    server: Server,
    rabbit: RabbitServer,
    publisher: Publisher,
    viewer: EventSource,
    everything: int,
) -> None:
    """Kill the worker, end it, kill the broker and the store, each when more messages have been
    counted; wait until the scores add up to `everything`."""
    wait_until(lambda: total(viewer) > everything / 8, "the first messages", 60)
    stack.amqp.restart()
    # What the worker before has counted may still be on its way to the viewer.
    wait_until(lambda: "taking messages" in stack.amqp.output(), "the worker", 60)
    wait_until(lambda: total(viewer) > everything / 5, "more messages", 60)
    stack.amqp.process.terminate()
    assert stack.amqp.process.wait(60) == 0
    stack.amqp.start()
    wait_until(lambda: total(viewer) > everything / 4, "more messages", 60)
    rabbit.program.restart()
    wait_until(lambda: total(viewer) > everything / 2, "half of the messages", 90)
    publisher.is_open.set()
    server.program.restart()
    assert total(viewer) < everything, "each kill fell while messages flowed"
    wait_until(lambda: total(viewer) >= everything, "all of them", 120)


def take_dead_letters(url: str, count: int) -> list[DeadLetter]:
    """Wait for dead letters of so many messages, and for an empty queue; return the letters."""
    letters: list[DeadLetter] = []
    with broker_at(url) as broker:

        def have_come() -> bool:
            letters.extend(broker.take_dead_letters())
            return len({letter.id for letter in letters}) >= count

        wait_until(have_come, f"{count} dead letters")
        wait_until(lambda: broker.count_messages("leaderboard.scores") == 0, "an empty queue")
    return letters


def test_all_messages_count_once_whatever_is_killed(
    server_stack: Stack, own_server: Server, rabbit: RabbitServer, board_id: str
) -> None:
    api, url = Api(server_stack.port), server_stack.env["AMQP_URL"]
    board = make_board(api, board_id)
    assert api("PATCH", board, {"size": len(PLAYERS) + 2}).status == 200
    with broker_at(url) as broker:
        broker.wait_for_consumer()
    messages, scores, bad = make_messages(board_id)
    publisher = Publisher(url, messages)
    with EventSource(server_stack.port, board) as viewer:
        try:
            publisher.start()
            everything = sum(scores.values())
            kill_in_turn(server_stack, own_server, rabbit, publisher, viewer, everything)
        finally:
            publisher.stopping.set()
            publisher.join()
        wait_until(
            lambda: {name: score for name, score in viewer.scores().items() if score} == scores,
            f"{scores}",
        )
    letters = take_dead_letters(url, len(bad))
    read = {row["id"]: row["score"] for row in api("GET", board).json["players"] if row["score"]}
    assert read == scores
    assert {letter.id for letter in letters} == bad
    assert all(letter.reason for letter in letters)


def wait_until_shown(stack: Stack, broker: Broker, queue: str) -> None:
    """Wait until a viewer who connects is shown a notification.

    Right after Pushpin's start, a viewer may get none, for more than ten seconds."""
    attempts: list[Any] = []

    def is_shown() -> bool:
        try:
            with Viewer(stack.port, "/events/invoices/") as viewer:
                broker.publish("invoice.paid", "another one")
                with suppress(AssertionError):
                    wait_until(lambda: viewer.heard("notification"), "it", 2)
                attempts.append((viewer.response.status, viewer.closed.is_set(), viewer.others))
                return bool(viewer.heard("notification"))
        except (OSError, HTTPException) as error:
            attempts.append(error)
            return False

    try:
        wait_until(is_shown, "another one", 40)
    except AssertionError:
        logs = (program.log.read_text() for program in stack.programs)
        report = "\n".join([f"{attempts}, {broker.get_counts(queue)}", *logs])
        raise AssertionError(report) from None


def test_while_pushpin_is_unreachable_notifications_wait_in_the_broker(
    rabbit: RabbitServer, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    url = rabbit.vhost(uuid.uuid4().hex)
    routes = "invoice.*=/events/invoices/"
    with (
        Stack(new_database("sqlite"), tmp_path, amqp_url=url, amqp_routes=routes) as stack,
        broker_at(url) as broker,
    ):
        queue = f"leaderboard.notifications.{stack.env['GRIP_URL'].split('/')[2].split('?')[0]}"
        broker.wait_for_consumer(queue)
        stack.pushpin.signal_all(signal.SIGKILL)
        stack.pushpin.process.wait()
        known = len(stack.amqp.log.read_text())

        def is_refused() -> bool:
            # What comes before the worker notices that Pushpin has ended is for nobody.
            broker.publish("invoice.paid", "early")
            return "did not take" in stack.amqp.log.read_text()[known:]

        wait_until(is_refused, "a failed attempt")
        for number in range(3):
            broker.publish("invoice.paid", number)
        wait_until(lambda: broker.count_messages(queue) > 3, "all to be returned")
        stack.pushpin.start()
        stack.pushpin.wait_for_port(stack.port)
        wait_until(stack.answers, "an answer through Pushpin", START_SECONDS)
        # The worker retries within five seconds; what it publishes before viewers come is gone.
        wait_until(lambda: broker.get_counts(queue) == (0, 1), "all to be taken")
        wait_until_shown(stack, broker, queue)
        wait_until(lambda: broker.get_counts(queue) == (0, 1), "all to be taken")
        assert broker.take_dead_letters() == []
