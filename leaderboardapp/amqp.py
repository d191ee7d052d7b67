"""Messages of a RabbitMQ broker, taken in batches, done, and only then acknowledged.

What a queue's messages mean is its `Work` (leaderboardapp/incoming.py). What cannot be done now,
with the store or a proxy away, stays in the broker: the connection is closed, which gives back all
that was taken, and opened again after a pause.
"""

import logging
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pika import BasicProperties, BlockingConnection, DeliveryMode, SSLOptions, URLParameters
from pika.adapters.blocking_connection import BlockingChannel
from pika.connection import Parameters
from pika.exceptions import AMQPError, ChannelClosedByBroker

from leaderboardapp.backoff import backoff
from leaderboardapp.edge import EdgeUnavailable
from leaderboardapp.stores.base import KEYS_REMEMBERED, StoreUnavailable

logger = logging.getLogger(__name__)

DEAD_LETTERS = "leaderboard.dead-letters"  # an exchange, and its queue
REASON = "x-reason"  # the header that says why a message is a dead letter
# In flight. A player's row remembers so many keys, so all that the broker may give again, because
# it was done and not acknowledged, is known there, even if all of it is for one player.
PREFETCH = KEYS_REMEMBERED
HEARTBEAT_SECONDS = 10  # a broker that is silent for two of them is gone, and to it so are we
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 0.5  # how late a stop signal may be seen
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again
MAX_REASON = 500
MAX_HEADERS = 50_000  # bytes, of a frame's 131,072


class Message(NamedTuple):
    tag: int  # of the delivery
    key: str  # routing key; bytes if it is no UTF-8
    properties: BasicProperties
    body: bytes


class Disconnected(Exception):
    """The broker no longer counts on us, or may not."""


class Work(ABC):
    """A queue, and what is done with its messages."""

    queue: str
    bindings: Sequence[str]  # patterns of the routing keys that it gets
    arguments: dict[str, Any]  # with which it is declared

    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable while it is better not to take any messages."""

    @abstractmethod
    def do(self, messages: list[Message], until: float) -> dict[int, str]:
        """All of them; of those that can never be done, by place, the reason. Begins nothing after
        `until` (time.monotonic()), but raises Disconnected. Raises StoreUnavailable,
        EdgeUnavailable, and then some may have been done."""

    @abstractmethod
    def close(self) -> None:
        """Its connections, when it has done the last of them."""


class Consumer:
    """Of one queue, with a connection of its own."""

    def __init__(self, work: Work, stop: threading.Event) -> None:
        self.work, self.stop = work, stop

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
                failures = failures + 1 if time.monotonic() - began < CALM_SECONDS else 0
                pause, expected = backoff(failures), isinstance(error, EXPECTED)
                message = "%s: %s; trying again in %.1f s"
                told = describe(error)
                logger.error(message, self.work.queue, told, pause, exc_info=not expected)
                self.stop.wait(pause)
        self.work.close()

    def consume(self, connection: BlockingConnection) -> None:
        """Until `stop` is set. What was taken by then is done."""
        declare(connection, self.work)
        letters, channel = connection.channel(), connection.channel()
        letters.tx_select()
        channel.basic_qos(prefetch_count=PREFETCH)
        taken: list[Message] = []

        def take(_: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
            taken.append(Message(method.delivery_tag, method.routing_key, properties, body))

        channel.basic_consume(self.work.queue, take)
        logger.info("taking messages from %s", self.work.queue)
        heard = time.monotonic()
        while not self.stop.is_set():
            until = heard + HEARTBEAT_SECONDS
            connection.process_data_events(IDLE_SECONDS)
            heard = time.monotonic()
            if not channel.consumer_tags:
                raise Disconnected("the queue was deleted")
            if taken:
                # Not if this process was stopped, say: somebody else may have them by now.
                reasons = self.work.do(taken, until)
                for place, reason in reasons.items():
                    bury(letters, self.work.queue, taken[place], reason)
                if reasons:
                    letters.tx_commit()
                channel.basic_ack(taken[-1].tag, multiple=True)
                taken.clear()


EXPECTED = (AMQPError, OSError, Disconnected, StoreUnavailable, EdgeUnavailable)


@contextmanager
def connect() -> Iterator[BlockingConnection]:
    """To the broker in AMQP_URL. Raises AMQPError, OSError."""
    connection = BlockingConnection(parameters(settings.AMQP_URL))
    try:
        yield connection
    finally:
        if connection.is_open:
            connection.close()


def parameters(url: str) -> Parameters:
    """Raises ImproperlyConfigured for certificates that cannot be read."""
    address, _, options = url.partition("?")
    found = URLParameters(address)
    found.heartbeat = HEARTBEAT_SECONDS
    found.socket_timeout = found.stack_timeout = CONNECT_SECONDS
    found.blocked_connection_timeout = 3 * HEARTBEAT_SECONDS
    found.client_properties = {"connection_name": "leaderboard"}
    if address.startswith("amqps:"):
        try:
            context = ssl.create_default_context(cafile=options.partition("=")[2] or None)
        except OSError as error:
            raise ImproperlyConfigured(
                f"AMQP_URL: {options} cannot be read ({error}): name a file of certificates (PEM)."
            ) from error
        found.ssl_options = SSLOptions(context, found.host)
    return found


def declare(connection: BlockingConnection, work: Work) -> None:
    """The exchange, if it is not there in whatever form, the queue, and that of dead letters."""
    try:
        connection.channel().exchange_declare(settings.AMQP_EXCHANGE, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        connection.channel().exchange_declare(settings.AMQP_EXCHANGE, "topic", durable=True)
    channel = connection.channel()
    channel.exchange_declare(DEAD_LETTERS, "fanout", durable=True)
    channel.queue_declare(DEAD_LETTERS, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
    # Whatever the broker itself takes out of the queue is a dead letter, too.
    arguments = {**work.arguments, "x-dead-letter-exchange": DEAD_LETTERS}
    channel.queue_declare(work.queue, durable=True, arguments=arguments)
    for binding in work.bindings:
        channel.queue_bind(work.queue, settings.AMQP_EXCHANGE, binding)
    channel.close()


def bury(letters: BlockingChannel, queue: str, message: Message, reason: str) -> None:
    """Publish it as a dead letter; it is one when the channel's transaction is committed."""
    logger.warning("a dead letter, from %s: %.200r", queue, reason)
    # A header that is no text is of no use, and CC would have it routed elsewhere, too.
    headers = {**(message.properties.headers or {})}
    headers = {name: value for name, value in headers.items() if name not in ("CC", "BCC")}
    told = {REASON: reason[:MAX_REASON].encode(errors="replace").decode(), "x-queue": queue}
    properties = copy(message.properties)
    properties.headers = {**headers, **told}
    if sum(map(len, properties.encode())) > MAX_HEADERS:  # which no frame may hold any more
        properties.headers = told
    properties.delivery_mode = DeliveryMode.Persistent.value
    properties.expiration = properties.user_id = None  # the latter would have to be ours
    letters.basic_publish(DEAD_LETTERS, message.key, message.body, properties)


def describe(error: Exception) -> str:
    """pika's have their text in repr(), if anywhere."""
    if isinstance(error, AMQPError):
        return f"the broker in AMQP_URL: {error!r}"
    return str(error) or type(error).__name__
