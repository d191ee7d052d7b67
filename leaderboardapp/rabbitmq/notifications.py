"""The handler of notifications: messages that viewers are shown."""

import json
import time
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import TypeVar, cast

from django.conf import settings

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.models import Board
from leaderboardapp.rabbitmq import notification_routes as routes
from leaderboardapp.rabbitmq.consumer import (
    INVALID,
    Disconnected,
    Message,
    QueueHandler,
    Rejected,
    Rejections,
    read_body,
)
from leaderboardapp.rabbitmq.notification_routes import Target
from leaderboardapp.realtime import items
from leaderboardapp.realtime.formats import EVENTS, NOTIFICATION, board_channel, to_line
from leaderboardapp.realtime.proxy_client import ProxyClient, Publication
from leaderboardapp.stores import get_store

IDS_REMEMBERED = 1_000  # of published notifications; many times as many as are in flight

# While the proxy waits for a viewer, up to 40 ms, it buffers 8 kB and drops the rest.
PACED_BYTES = 16_000  # of items for one channel; an item has the data twice
PACE_SECONDS = 0.05  # after each paced batch
UNUSED_MS = 24 * 3600 * 1000  # a proxy's queue is deleted after so long without a worker

WITHOUT_LINE_ENDS = str.maketrans("\r\n", "  ")

Id = TypeVar("Id", bound=Hashable)


class NotificationHandler(QueueHandler):
    """Publishes notifications to one proxy.

    Each proxy has a queue of its own, so that an unreachable one delays no other. One worker
    consumes at a time, so that viewers are shown them in order."""

    arguments = {
        "x-queue-type": "classic",
        "x-single-active-consumer": True,
        "x-expires": UNUSED_MS,
    }

    def __init__(self, client: ProxyClient, dead_letters_rejects: bool) -> None:
        """`dead_letters_rejects`: True for one of the proxies, whose queues have all the same
        messages."""
        self.client, self.dead_letters_rejects = client, dead_letters_rejects
        self.published: dict[Hashable, None] = {}  # notifications' identities, the newest last
        self.queue = f"leaderboard.notifications.{client.uri.partition('://')[2]}"
        self.bindings = [route.binding for route in settings.AMQP_ROUTES]

    def require_ready(self) -> None:
        """Raise ProxyUnavailable if it is known that the proxy would not get what is published. If
        it is not, messages may be taken and returned."""
        self.client.check()

    def process(self, messages: list[Message], deadline: float) -> Rejections:
        """Publish the batch's notifications at the proxy's pace; return {index: reason} for
        rejected messages."""
        notifications, rejections = self.read_batch(messages)
        for identities in paced_batches(notifications):
            if time.monotonic() > deadline:
                raise Disconnected("the batch took too long")
            self.client.publish(notifications[identity] for identity in identities)
            newest = [*self.published, *identities][-IDS_REMEMBERED:]
            self.published = dict.fromkeys(newest)
            time.sleep(PACE_SECONDS)
        return rejections

    def read_batch(self, messages: list[Message]) -> tuple[dict[Hashable, Publication], Rejections]:
        """Read the messages; return notifications by identity, without those already published,
        and {index: reason} for rejected messages."""
        notifications: dict[Hashable, Publication] = {}
        rejections: Rejections = {}
        channels: dict[str, str] = {}  # of boards, known in this batch
        for index, message in enumerate(messages):
            try:
                for notification in read_notifications(message, channels):
                    identity = identify(message, notification.channel)
                    if identity not in self.published:  # else it is a redelivery
                        notifications.setdefault(identity, notification)
            except INVALID as error:
                rejections[index] = error.detail
        return notifications, rejections

    def close(self) -> None:
        """Close the connections to the proxy and the store."""
        self.client.close()
        get_store().close()


def identify(message: Message, channel: str) -> Hashable:
    """Return what all deliveries of a notification have in common; without an id, a new object."""
    id = message.properties.message_id
    return (id, message.routing_key, channel) if id else object()


def read_notifications(message: Message, channels: dict[str, str]) -> Iterator[Publication]:
    """Read a message; yield a notification for each target that exists.

    `channels` has the GRIP channels of boards by id, and gets those of others. Raises one of
    INVALID at the end if a target does not exist."""
    body = read_body(message)
    failures = []
    try:
        # Raises for half of a surrogate pair, which no viewer's language need accept.
        json.dumps(body, ensure_ascii=False, default=str).encode()
        data = build_data(message)
        for target in routes.find_targets(settings.AMQP_ROUTES, cast(str, message.routing_key)):
            try:
                to = get_grip_channel(target, channels)
                yield items.event_item(to, NOTIFICATION, data)
            except BoardNotFound as error:
                failures.append(str(error))
    except (ValueError, TypeError, RecursionError) as error:  # no text, too deep
        raise Rejected(f"This cannot be shown: {error}.") from error
    if failures:
        raise Rejected(" ".join(failures))


def build_data(message: Message) -> str:
    """Return the `data` of a notification as JSON in one line: the id, the key and the body.

    The body stays as it was sent, so that numbers are not rounded. Between JSON's tokens, and only
    there, it may have ends of lines, which an event stream does not carry."""
    id, key = to_line(message.properties.message_id), to_line(message.routing_key)
    body = message.body.decode().translate(WITHOUT_LINE_ENDS)
    return f'{{"id":{id},"key":{key},"data":{body}}}'


def paced_batches(notifications: dict[Id, Publication]) -> Iterator[list[Id]]:
    """Split notifications into batches that a proxy can take one after the other; yield their
    identities.

    Each channel's notifications keep their order, and fill a batch up to PACED_BYTES. A larger one
    has a batch for itself."""
    waiting = list(notifications)
    while waiting:
        sizes = Counter[str]()
        batch: list[Id] = []
        later: list[Id] = []
        for identity in waiting:
            channel = notifications[identity].channel
            is_first = channel not in sizes
            sizes[channel] += len(notifications[identity].json)
            (batch if is_first or sizes[channel] <= PACED_BYTES else later).append(identity)
        yield batch
        waiting = later


def get_grip_channel(target: Target, channels: dict[str, str]) -> str:
    """Return the GRIP channel of a target's viewers. Raises BoardNotFound."""
    if target.kind == "events":
        return EVENTS.format(target.id)
    if target.id not in channels:
        channels[target.id] = board_channel(target.id, Board.get(target.id).private)
    return channels[target.id]
