"""A client of the broker: publishes messages, and counts and takes what is in queues."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pika
from pika.exceptions import ChannelClosedByBroker

from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS, REASON_HEADER, declare_queues
from leaderboardapp.rabbitmq.scores import ScoreHandler
from tests.support.programs import wait_until

EXCHANGE = "leaderboard"


class DeadLetter(NamedTuple):
    id: str | None
    reason: str
    key: str
    body: bytes
    headers: dict[str, Any]


class Broker:
    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def publish(self, key: str, body: Any, **properties: Any) -> None:
        """Publish a message; return when a queue has it. `body` is bytes, or encoded as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        persistent = pika.BasicProperties(delivery_mode=2, **properties)
        self.channel.basic_publish(EXCHANGE, key, content, persistent, mandatory=True)

    def publish_score(
        self,
        board: str,
        player: str,
        amount: int,
        id: str | None = None,
        headers: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        body = {"board": board, "player": player, "amount": amount, **more}
        self.publish("score", body, message_id=id or uuid.uuid4().hex, headers=headers)

    def declare_queues(self) -> None:
        """Create the queue of scores, before there is a worker."""
        with closing(ScoreHandler()) as handler:
            declare_queues(self.connection, handler)

    def get_counts(self, queue: str) -> tuple[int, int]:
        """Return how many messages wait in the queue, and how many consumers it has."""
        channel = self.connection.channel()
        try:
            declared = channel.queue_declare(queue, passive=True).method
            channel.close()
            return declared.message_count, declared.consumer_count
        except ChannelClosedByBroker as error:
            assert error.reply_code == 404
            return 0, 0

    def count_messages(self, queue: str) -> int:
        """Return how many messages wait in the queue."""
        return self.get_counts(queue)[0]

    def wait_for_consumer(self, queue: str = ScoreHandler.queue) -> None:
        wait_until(lambda: self.get_counts(queue)[1], f"a consumer of {queue}")

    def take_dead_letters(self) -> list[DeadLetter]:
        """Take all dead letters out of their queue; return them."""
        letters: list[DeadLetter] = []
        while True:
            method, properties, body = self.channel.basic_get(DEAD_LETTERS, auto_ack=True)
            if method is None or properties is None or body is None:
                return letters
            headers: dict[str, Any] = dict(properties.headers or {})
            letter = DeadLetter(
                properties.message_id,
                headers.get(REASON_HEADER, ""),
                method.routing_key or "",
                body,
                headers,
            )
            letters.append(letter)

    def wait_for_dead_letters(self, count: int = 1) -> list[DeadLetter]:
        """Wait for so many dead letters and take them out of their queue; return them."""
        letters: list[DeadLetter] = []

        def have_come() -> bool:
            letters.extend(self.take_dead_letters())
            return len(letters) >= count

        wait_until(have_come, f"{count} dead letters")
        return letters

    def delete_queues(self) -> None:
        """Delete the queues of scores and dead letters, and the exchanges."""
        channel = self.connection.channel()
        for queue in (ScoreHandler.queue, DEAD_LETTERS):
            channel.queue_delete(queue)
        for exchange in (EXCHANGE, DEAD_LETTERS):
            channel.exchange_delete(exchange)
        channel.close()

    def close(self) -> None:
        self.connection.close()


@contextmanager
def broker_at(url: str) -> Iterator[Broker]:
    broker = Broker(url)
    try:
        yield broker
    finally:
        broker.close()


def get_score(board: Board, player: str = "alice") -> int | None:
    return Player.get_for_board(board, player).score


def total_score(board: Board) -> int:
    return sum(player.score or 0 for player in Player.get_page_for_board(board, 400))


def wait_for_score(board: Board, expected: int, player: str = "alice") -> None:
    wait_until(lambda: get_score(board, player) == expected, f"a score of {expected}")
