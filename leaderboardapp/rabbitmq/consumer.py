"""The consumer of a RabbitMQ queue: takes batches, has them processed, then acknowledges them.

A `QueueHandler` says what a queue's messages mean (scores.py, notifications.py). While the store or
a proxy is unreachable, messages stay in the broker. The consumer drops its connection, which
returns all unacknowledged messages, and connects again after a pause.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple, cast

from django.conf import settings
from pika import (
    BasicProperties,
    BlockingConnection,
    DeliveryMode,
)
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.fields import (
    RejectedInput,
    parse_json,
)
from leaderboardapp.domain.types import KEYS_REMEMBERED
from leaderboardapp.metrics import Counter
from leaderboardapp.rabbitmq.connection import HEARTBEAT_SECONDS, BrokerUnavailable, connect
from leaderboardapp.realtime.proxy_client import ProxyUnavailable

logger = logging.getLogger(__name__)
DEAD_LETTERS = "leaderboard.dead-letters"  # an exchange, and its queue
REASON_HEADER = "x-reason"  # why a message is a dead letter
QUEUE_HEADER = "x-queue"  # from which queue it is

# In flight. Messages that were processed and not acknowledged are delivered again, and a player's
# row knows them by their keys, even if all are one player's. The other half of the row is for keys
# of other clients.
PREFETCH = KEYS_REMEMBERED // 2
IDLE_SECONDS = 0.5  # how late a stop signal may be noticed
MAX_ATTEMPTS = 5  # at a message that fails unexpectedly
MAX_BODY = 100_000  # bytes of JSON
MAX_REASON = 500  # characters
MAX_HEADERS = 50_000  # bytes, of a frame's 131,072

MESSAGES = Counter("leaderboard_messages", "Messages of the broker that are done with", "queue")
DEAD = Counter("leaderboard_dead_letters", "Messages that became dead letters", "queue")

Rejections = dict[int, str]  # by a message's index in its batch, why it can never be processed


class Rejected(Exception):
    """A message can never be processed."""

    def __init__(self, detail: str) -> None:
        """`detail`: the reason, a sentence."""
        super().__init__(detail)
        self.detail = detail


class Disconnected(Exception):
    """The broker may have given our unacknowledged messages to another worker."""


# Each has the reason of a rejection as `detail`.
INVALID = (Rejected, RejectedInput)

# Failures that pass by themselves, and of which no message is the cause.
EXPECTED = (BrokerUnavailable, OSError, Disconnected, StoreUnavailable, ProxyUnavailable)


class Message(NamedTuple):
    """One delivery of a message."""

    delivery_tag: int
    routing_key: str | bytes  # bytes if it is no UTF-8
    properties: BasicProperties
    body: bytes

    def identity(self) -> tuple[str | bytes, str | None, bytes]:
        """Return what is equal in all deliveries of the same message."""
        return self.routing_key, self.properties.message_id, self.body


class QueueHandler(ABC):
    """A queue, and the processing of its messages."""

    queue: str
    bindings: Sequence[str]  # patterns of the routing keys that it gets
    arguments: dict[str, Any]  # with which the queue is declared
    dead_letters_rejects = True  # whether rejected messages become dead letters

    @abstractmethod
    def require_ready(self) -> None:
        """Return if messages can be processed now. Raises StoreUnavailable."""

    @abstractmethod
    def process(self, messages: list[Message], deadline: float) -> Rejections:
        """Process the batch; return {index: reason} for rejected messages.

        Starts nothing after `deadline` (time.monotonic()), but raises Disconnected. Raises
        StoreUnavailable, ProxyUnavailable: some messages may have been processed by then, and none
        is in progress any more."""

    @abstractmethod
    def close(self) -> None:
        """Close the handler's connections, after the last batch."""


class Consumer:
    """Consumes one queue, on a connection of its own."""

    def __init__(self, handler: QueueHandler, stop: threading.Event) -> None:
        self.handler, self.stop = handler, stop
        self.batch_size = PREFETCH  # messages that are processed together, at most
        self.suspect: Message | None = None  # the last one that failed alone, unexpectedly
        self.attempts = 0  # at processing it
        for metric in (MESSAGES, DEAD):
            metric.count(handler.queue, by=0)

    def run(self) -> None:
        """Consume the queue until `stop` is set, through failures of broker, store and proxy."""
        queue, wait = self.handler.queue, self.stop.wait
        supervise(queue, self.connect_and_consume, wait, EXPECTED, self.shrink_batches)
        self.handler.close()

    def connect_and_consume(self) -> None:
        """Consume the queue on a new connection until `stop` is set. Raises whatever fails."""
        self.handler.require_ready()
        with connect() as connection:
            self.consume(connection)

    def shrink_batches(self, error: Exception) -> None:
        """Choose the size of the next batches after a failure.

        Half of it if the batch may have been too large for its time; 1 if one of its messages may
        be the cause."""
        if isinstance(error, Disconnected):
            self.batch_size = max(1, self.batch_size // 2)
        elif not isinstance(error, EXPECTED):
            self.batch_size = 1

    def consume(self, connection: BlockingConnection) -> None:
        """Process and acknowledge messages until `stop` is set; finish the batch begun by then."""
        declare_queues(connection, self.handler)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        received: list[Message] = []

        def receive(_: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
            received.append(Message(method.delivery_tag, method.routing_key, properties, body))

        channel.basic_consume(self.handler.queue, receive)
        logger.info("taking messages from %s", self.handler.queue)
        read_at = time.monotonic()
        while not self.stop.is_set():
            # What is read next may have waited in the socket since the last read. If that was long
            # ago, because this process was stopped, say, the broker has given it to another worker.
            deadline = read_at + HEARTBEAT_SECONDS
            connection.process_data_events(0 if received else IDLE_SECONDS)
            read_at = time.monotonic()
            if not channel.consumer_tags:
                raise Disconnected("the queue was deleted")
            if received:
                batch = received[: self.batch_size]
                self.acknowledge(connection, channel, batch, self.process(batch, deadline))
                MESSAGES.count(self.handler.queue, by=len(batch))
                del received[: len(batch)]
                self.batch_size = min(PREFETCH, 2 * self.batch_size)

    def process(self, messages: list[Message], deadline: float) -> Rejections:
        """Process the batch; return {index: reason} for rejected messages.

        Rejects a message that has failed alone and unexpectedly MAX_ATTEMPTS times, so that it
        blocks no other. Raises what the handler raises."""
        try:
            return self.handler.process(messages, deadline)
        except EXPECTED:
            raise
        except Exception as error:
            if len(messages) > 1 or self.count_attempt(messages[0]) < MAX_ATTEMPTS:
                raise
            logger.exception("%s: given up after %d tries", self.handler.queue, self.attempts)
            failure = f"it failed {self.attempts} times, the last time with {error!r}"
            return {0: f"It is not known whether this was done: {failure}."}

    def count_attempt(self, message: Message) -> int:
        """Count a failed attempt at a message that was processed alone; return how many it has."""
        repeated = self.suspect is not None and message.identity() == self.suspect.identity()
        self.suspect, self.attempts = message, self.attempts + 1 if repeated else 1
        return self.attempts

    def acknowledge(
        self,
        connection: BlockingConnection,
        channel: BlockingChannel,
        messages: list[Message],
        rejections: Rejections,
    ) -> None:
        """Acknowledge processed messages first, then rejected ones when they are dead letters.

        In this order, because a broker short of memory or disk takes no dead letters."""
        if not rejections or not self.handler.dead_letters_rejects:
            channel.basic_ack(messages[-1].delivery_tag, multiple=True)
            return
        for index, message in enumerate(messages):
            if index not in rejections:
                channel.basic_ack(message.delivery_tag)
        declare_queues(connection, self.handler)  # the dead letters' queue may have been deleted
        dead_letters = connection.channel()
        dead_letters.tx_select()
        for index, reason in rejections.items():
            dead_letter(dead_letters, self.handler.queue, messages[index], reason)
        dead_letters.tx_commit()
        DEAD.count(self.handler.queue, by=len(rejections))
        dead_letters.close()
        for index in rejections:
            channel.basic_ack(messages[index].delivery_tag)


def declare_queues(connection: BlockingConnection, handler: QueueHandler) -> None:
    """Create the exchange, the handler's queue with its bindings, and the dead letters' queue.

    An exchange that exists is used as it is."""
    channel = connection.channel()
    try:
        channel.exchange_declare(settings.AMQP_EXCHANGE, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        channel = connection.channel()
        channel.exchange_declare(settings.AMQP_EXCHANGE, "topic", durable=True)
    channel.exchange_declare(DEAD_LETTERS, "fanout", durable=True)
    channel.queue_declare(DEAD_LETTERS, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
    channel.queue_declare(handler.queue, durable=True, arguments=handler.arguments)
    for binding in handler.bindings:
        channel.queue_bind(handler.queue, settings.AMQP_EXCHANGE, binding)
    channel.close()


def dead_letter(channel: BlockingChannel, queue: str, message: Message, reason: str) -> None:
    """Publish a rejected message as a dead letter, in the channel's transaction."""
    logger.warning("a dead letter, from %s: %.200r", queue, reason)
    # With CC or BCC the broker would route it to other queues, too.
    kept = {
        name: value
        for name, value in (message.properties.headers or {}).items()
        if name not in ("CC", "BCC")
    }
    added = {
        REASON_HEADER: reason[:MAX_REASON].encode(errors="replace").decode(),
        QUEUE_HEADER: queue,
    }
    properties = copy(message.properties)
    properties.headers = {**kept, **added}
    if sum(map(len, properties.encode())) > MAX_HEADERS:  # too large for a frame with ours
        properties.headers = added
    properties.delivery_mode = DeliveryMode.Persistent.value
    properties.expiration = None
    properties.user_id = None  # the broker refuses any but ours
    channel.basic_publish(DEAD_LETTERS, cast(str, message.routing_key), message.body, properties)


def read_body(message: Message) -> Any:
    """Parse the message's body; return its JSON value. Raises one of INVALID."""
    if len(message.body) > MAX_BODY:
        raise Rejected(f"The body is larger than {MAX_BODY} bytes.")
    return parse_json(message.body)
