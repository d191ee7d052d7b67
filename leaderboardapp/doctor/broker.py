"""RabbitMQ: whether it answers, and its queues are worked off."""

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pika.exceptions import ChannelClosedByBroker

from leaderboardapp.doctor.findings import Finding, error, warning
from leaderboardapp.rabbitmq.connection import BrokerUnavailable, connect
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS
from leaderboardapp.rabbitmq.worker import build_handlers

PART = "broker"
MANY = 10_000  # messages: some seconds of work
START = "Start amqplistener.py."


def examine_broker() -> Iterator[Finding]:
    """Yield findings of the broker, if AMQP_URL names one."""
    if not settings.AMQP_URL:
        return
    queues = [handler.queue for handler in build_handlers()]
    try:
        yield from (finding for queue in queues for finding in _examine_queue(queue))
        letters, _ = _count(DEAD_LETTERS)
    except (BrokerUnavailable, ImproperlyConfigured) as failure:
        hint = "Start RabbitMQ, or point AMQP_URL to where it runs. Without it leave AMQP_URL out."
        yield error(PART, f"it does not answer: {failure}", hint)
        return
    if letters:
        text = f"{letters} messages were refused, and are in the queue {DEAD_LETTERS}"
        yield warning(PART, text, "Each says why, in its headers: docs/rabbitmq.md.")


def _examine_queue(queue: str) -> Iterator[Finding]:
    waiting, workers = _count(queue)
    if not workers:
        yield error(PART, f"nobody takes the {waiting} messages of the queue {queue}", START)
    elif waiting > MANY:
        hint = "Look at the worker's log, and at the load of the store."
        yield warning(PART, f"{waiting} messages wait in the queue {queue}", hint)
    else:
        yield Finding(PART, f"{queue}: {workers} workers, {waiting} messages wait")


def _count(queue: str) -> tuple[int, int]:
    """Return how many messages wait in a queue, and how many workers it has; zeros if there is no
    such queue. Raises BrokerUnavailable."""
    with connect() as connection:
        try:
            found = connection.channel().queue_declare(queue, passive=True).method
        except ChannelClosedByBroker:
            return 0, 0
        return found.message_count, found.consumer_count
