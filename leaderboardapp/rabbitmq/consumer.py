"""Messages of a RabbitMQ broker, taken in batches, done, and only then acknowledged.

What a queue's messages mean is its `Work` (scores.py). What cannot be done now,
with the store or a proxy away, stays in the broker: the connection is closed, which gives back all
that was taken, and opened again after a pause.
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
from pika.exceptions import AMQPError, ChannelClosedByBroker

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.fields import (
    parse_json,
)
from leaderboardapp.domain.types import KEYS_REMEMBERED
from leaderboardapp.rabbitmq.connection import HEARTBEAT_SECONDS, connect, describe_error
from leaderboardapp.realtime.proxy_client import ProxyUnavailable
from leaderboardapp.web.problems import Problem

logger = logging.getLogger(__name__)
DEAD_LETTERS = "leaderboard.dead-letters"  # an exchange, and its queue
REASON_HEADER = "x-reason"  # the header that says why a message is a dead letter

# In flight. What was done and not acknowledged comes again, and is known by its key in the player's
# row, even if all of it is for one player; the other half of the row is for keys of other clients.
PREFETCH = KEYS_REMEMBERED // 2
IDLE_SECONDS = 0.5  # how late a stop signal may be seen
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again
MAX_TRIES = 5  # of a message that fails as nothing should
MAX_REASON = 500
MAX_HEADERS = 50_000  # bytes, of a frame's 131,072


class Message(NamedTuple):
    tag: int  # of the delivery
    key: str | bytes  # routing key; bytes if it is no UTF-8
    properties: BasicProperties
    body: bytes

    def identity(self) -> tuple[str | bytes, str | None, bytes]:
        """What it has in common with itself when it is delivered again."""
        return self.key, self.properties.message_id, self.body


class Disconnected(Exception):
    """The broker no longer counts on us, or may not."""


class QueueHandler(ABC):
    """A queue, and what is done with its messages."""

    queue: str
    bindings: Sequence[str]  # patterns of the routing keys that it gets
    arguments: dict[str, Any]  # with which it is declared
    dead_letters_rejects = True  # of bad messages, by dead letters

    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable while it is better not to take any messages."""

    @abstractmethod
    def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
        """All of them; of those that can never be done, by place, the reason. Begins nothing after
        `until` (time.monotonic()), but raises Disconnected. Raises StoreUnavailable,
        EdgeUnavailable, and then some have been done, perhaps, but none is being done any more."""

    @abstractmethod
    def close(self) -> None:
        """Its connections, when it has done the last of them."""


class Consumer:
    """Of one queue, with a connection of its own."""

    def __init__(self, work: QueueHandler, stop: threading.Event) -> None:
        self.work, self.stop = work, stop
        self.at_once = PREFETCH  # messages that are done together, at most
        # A message that failed alone in a way that nobody expected, and how often.
        self.failing: Message | None = None
        self.tries = 0

    def run(self) -> None:
        """Until `stop` is set, through every failure of the broker, the store and the edge."""
        failures = 0
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.work.check()
                with connect() as connection:
                    self.consume(connection)
            except Exception as error:  # whatever it is, messages are not to wait for ever
                expected = isinstance(error, EXPECTED)
                if isinstance(error, Disconnected):  # perhaps they were too many for the time
                    self.at_once = max(1, self.at_once // 2)
                elif not expected:  # perhaps it is one of them
                    self.at_once = 1
                failures = failures + 1 if time.monotonic() - began < CALM_SECONDS else 0
                pause = backoff(failures)
                message = "%s: %s; trying again in %.1f s"
                told = describe_error(error) or type(error).__name__
                logger.error(message, self.work.queue, told, pause, exc_info=not expected)
                self.stop.wait(pause)
        self.work.close()

    def consume(self, connection: BlockingConnection) -> None:
        """Until `stop` is set. What was taken by then is done."""
        declare(connection, self.work)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        taken: list[Message] = []

        def take(_: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
            taken.append(Message(method.delivery_tag, method.routing_key, properties, body))

        channel.basic_consume(self.work.queue, take)
        logger.info("taking messages from %s", self.work.queue)
        read = time.monotonic()
        while not self.stop.is_set():
            # What is read next may have lain there since the last time. If that was long ago,
            # because this process was stopped, say, somebody else has been given it by now.
            deadline = read + HEARTBEAT_SECONDS
            connection.process_data_events(0 if taken else IDLE_SECONDS)
            read = time.monotonic()
            if not channel.consumer_tags:
                raise Disconnected("the queue was deleted")
            if taken:
                some = taken[: self.at_once]
                self.finish(connection, channel, some, self.process(some, deadline))
                del taken[: len(some)]
                self.at_once = min(PREFETCH, 2 * self.at_once)

    def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
        """As `Work.do`; but what fails alone, again and again, in a way that is nobody's absence,
        can never be done, and holds up no other."""
        try:
            return self.work.process(messages, deadline)
        except EXPECTED:
            raise
        except Exception as error:
            if len(messages) > 1:
                raise
            [message] = messages
            again = self.failing is not None and message.identity() == self.failing.identity()
            self.failing, self.tries = message, self.tries + 1 if again else 1
            if self.tries < MAX_TRIES:
                raise
            logger.exception("%s: given up after %d tries", self.work.queue, self.tries)
            failed = f"it failed {self.tries} times, the last time with {error!r}"
            return {0: f"It is not known whether this was done: {failed}."}

    def finish(
        self,
        connection: BlockingConnection,
        channel: BlockingChannel,
        messages: list[Message],
        reasons: dict[int, str],
    ) -> None:
        """Acknowledge what was done, and then bury the others, because a broker that is short of
        memory or of disk takes no dead letters."""
        if not reasons or not self.work.dead_letters_rejects:
            channel.basic_ack(messages[-1].tag, multiple=True)
            return
        for place, message in enumerate(messages):
            if place not in reasons:
                channel.basic_ack(message.tag)
        declare(connection, self.work)  # whoever looks at dead letters may have deleted their queue
        letters = connection.channel()
        letters.tx_select()
        for place, reason in reasons.items():
            dead_letter(letters, self.work.queue, messages[place], reason)
        letters.tx_commit()
        letters.close()
        for place in reasons:
            channel.basic_ack(messages[place].tag)


EXPECTED = (AMQPError, OSError, Disconnected, StoreUnavailable, ProxyUnavailable)


def declare(connection: BlockingConnection, work: QueueHandler) -> None:
    """The exchange, if it is not there in whatever form, the queue, and that of dead letters."""
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
    channel.queue_declare(work.queue, durable=True, arguments=work.arguments)
    for binding in work.bindings:
        channel.queue_bind(work.queue, settings.AMQP_EXCHANGE, binding)
    channel.close()


def dead_letter(letters: BlockingChannel, queue: str, message: Message, reason: str) -> None:
    """Publish it as a dead letter; it is one when the channel's transaction is committed."""
    logger.warning("a dead letter, from %s: %.200r", queue, reason)
    # With CC it would be routed elsewhere, too.
    headers = {**(message.properties.headers or {})}
    headers = {name: value for name, value in headers.items() if name not in ("CC", "BCC")}
    told = {REASON_HEADER: reason[:MAX_REASON].encode(errors="replace").decode(), "x-queue": queue}
    properties = copy(message.properties)
    properties.headers = {**headers, **told}
    if sum(map(len, properties.encode())) > MAX_HEADERS:  # which no frame may hold any more
        properties.headers = told
    properties.delivery_mode = DeliveryMode.Persistent.value
    properties.expiration = properties.user_id = None  # the latter would have to be ours
    letters.basic_publish(DEAD_LETTERS, cast(str, message.key), message.body, properties)


MAX_BODY = 100_000  # bytes of JSON
Rejections = dict[int, str]  # by the place of a message, why it cannot be done


def read_body(message: Message) -> Any:
    """Raises Problem."""
    if len(message.body) > MAX_BODY:
        raise Problem(413, f"The body is larger than {MAX_BODY} bytes.")
    return parse_json(message.body)
