"""Notifications: messages that viewers are shown."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from django.conf import settings

from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.rabbitmq import routes
from leaderboardapp.rabbitmq.consumer import (
    Disconnected,
    Message,
    QueueHandler,
    Rejections,
    read_body,
)
from leaderboardapp.rabbitmq.routes import Target
from leaderboardapp.realtime import items
from leaderboardapp.realtime.formats import EVENTS, NOTIFICATION, channel
from leaderboardapp.realtime.proxy_client import ProxyClient
from leaderboardapp.stores import get_store
from leaderboardapp.web.problems import Problem

IDS_REMEMBERED = 1_000  # of notifications that were shown; many times as many as are in flight

# A proxy that waits for a viewer, for up to 40 ms, keeps 8 kB and drops what is over.
ROUND_BYTES = 16_000  # of items for one channel, which have everything twice
ROUND_SECONDS = 0.05
UNUSED_MS = 24 * 3600 * 1000  # a proxy's queue is deleted after so long without a worker


class Notification(NamedTuple):
    channel: str
    item: bytes


class NotificationHandler(QueueHandler):
    """What viewers are shown by one proxy. Each proxy has a queue, so that one that is away holds
    up no other, and one worker takes them at a time, so that they are shown in their order."""

    arguments = {
        "x-queue-type": "classic",
        "x-single-active-consumer": True,
        "x-expires": UNUSED_MS,
    }

    def __init__(self, client: ProxyClient, dead_letters_rejects: bool) -> None:
        """`tells`: whether bad messages become dead letters, which is for one of the proxies."""
        self.client, self.dead_letters_rejects = client, dead_letters_rejects
        self.shown: dict[Any, None] = {}  # names of notifications, the newest last
        self.queue = f"leaderboard.notifications.{client.uri.partition('://')[2]}"
        self.bindings = [route.binding for route in settings.AMQP_ROUTES]

    def check(self) -> None:
        """No harm is done by taking them, however often they are given back."""

    def process(self, messages: list[Message], deadline: float) -> Rejections:
        reasons: Rejections = {}
        items: dict[Any, Notification] = {}
        boards: dict[str, str] = {}  # their channels, known in this batch
        for place, message in enumerate(messages):
            try:
                for found in read_notification(message, boards):
                    id = message.properties.message_id
                    name = (id, message.key, found.channel) if id else object()
                    if name not in self.shown:  # else it is given again, not being acknowledged
                        items.setdefault(name, found)
            except Problem as problem:
                reasons[place] = problem.detail
        for names in paced_batches(items):
            if time.monotonic() > deadline:
                raise Disconnected("the batch took too long")
            self.client.publish(items[name].item for name in names)
            shown = [*self.shown, *names][-IDS_REMEMBERED:]
            self.shown = dict.fromkeys(shown)
            time.sleep(ROUND_SECONDS)
        return reasons

    def close(self) -> None:
        self.client.close()
        get_store().close()


def read_notification(message: Message, boards: dict[str, str]) -> Iterator[Notification]:
    """One for each target that there is. Raises Problem, if there is one that is not, last."""
    told = {"id": message.properties.message_id, "key": message.key, "data": read_body(message)}
    problems = []
    try:
        json.dumps(told, allow_nan=False)
        for target in routes.find_targets(settings.AMQP_ROUTES, cast(str, message.key)):
            try:
                to = channel_of(target, boards)
                yield Notification(to, items.event_item(to, NOTIFICATION, told))
            except ObjectDoesNotExist:
                problems.append(f"There is no board {target.id}.")
    except (ValueError, TypeError, RecursionError) as error:  # no text, no number, too deep
        raise Problem(422, f"This cannot be shown: {error}.") from error
    if problems:
        raise Problem(404, " ".join(problems))


def paced_batches(items: dict[Any, Notification]) -> Iterator[list[Any]]:
    """Names of what is published at the same time, of each channel in its order."""
    waiting = list(items)
    while waiting:
        sizes = Counter[str]()
        now: list[Any] = []
        later: list[Any] = []
        for name in waiting:
            channel, item = items[name]
            first = channel not in sizes
            sizes[channel] += len(item)
            (now if first or sizes[channel] <= ROUND_BYTES else later).append(name)
        yield now
        waiting = later


def channel_of(target: Target, boards: dict[str, str]) -> str:
    """Raises ObjectDoesNotExist."""
    if target.kind == "events":
        return EVENTS.format(target.id)
    if target.id not in boards:
        boards[target.id] = channel(target.id, Board.get(target.id).private)
    return boards[target.id]
