"""A client of the broker: publishes, and looks at what is in queues."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import pika
from pika.exceptions import ChannelClosedByBroker

from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS, REASON_HEADER, declare
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
        """Once some queue has it. `body`: bytes, or what JSON can say."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        persistent = pika.BasicProperties(delivery_mode=2, **properties)
        self.channel.basic_publish(EXCHANGE, key, content, persistent, mandatory=True)

    def score(
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

    def declare(self) -> None:
        """The queue of scores, before there is a worker."""
        with closing(ScoreHandler()) as scores:
            declare(self.connection, scores)

    def look(self, queue: str) -> tuple[int, int]:
        """How many messages wait there, and how many consumers it has."""
        channel = self.connection.channel()
        try:
            found = channel.queue_declare(queue, passive=True).method
            channel.close()
            return found.message_count, found.consumer_count
        except ChannelClosedByBroker as error:
            assert error.reply_code == 404
            return 0, 0

    def count(self, queue: str) -> int:
        """Of messages that wait there."""
        return self.look(queue)[0]

    def wait_for_consumer(self, queue: str = ScoreHandler.queue) -> None:
        wait_until(lambda: self.look(queue)[1], f"a consumer of {queue}")

    def dead_letters(self) -> list[DeadLetter]:
        """All of them, taken out of their queue."""
        found: list[DeadLetter] = []
        while True:
            method, properties, body = self.channel.basic_get(DEAD_LETTERS, auto_ack=True)
            if method is None or properties is None or body is None:
                return found
            headers: dict[str, Any] = dict(properties.headers or {})
            letter = DeadLetter(
                properties.message_id,
                headers.get(REASON_HEADER, ""),
                method.routing_key or "",
                body,
                headers,
            )
            found.append(letter)

    def wait_for_dead_letters(self, count: int = 1) -> list[DeadLetter]:
        found: list[DeadLetter] = []

        def all_there() -> bool:
            found.extend(self.dead_letters())
            return len(found) >= count

        wait_until(all_there, f"{count} dead letters")
        return found

    def forget(self) -> None:
        """Scores and dead letters, and the exchanges."""
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


def score(board: Board, player: str = "alice") -> int | None:
    return Player.get_for_board(board, player).score


def total(board: Board) -> int:
    return sum(player.score or 0 for player in Player.get_page_for_board(board, 400))


def wait_for_score(board: Board, expected: int, player: str = "alice") -> None:
    wait_until(lambda: score(board, player) == expected, f"a score of {expected}")
