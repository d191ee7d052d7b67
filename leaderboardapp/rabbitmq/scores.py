"""What a broker's messages mean: scores for the store, and notifications for viewers."""

import json
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple, cast

from django.conf import settings

from leaderboardapp.domain.fields import (
    Field,
    amount_field,
    check_fields,
    id_field,
    key_field,
    name_field,
    parse_json,
    require,
    season_field,
)
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.rabbitmq import consumer, routes
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS, Disconnected, Message, Work
from leaderboardapp.rabbitmq.routes import Target
from leaderboardapp.realtime import publish
from leaderboardapp.realtime.formats import EVENTS, NOTIFICATION, channel
from leaderboardapp.realtime.publish import Control
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import AlreadyExists, Increment, OutcomeUnknown, Row
from leaderboardapp.web.problems import Problem

logger = logging.getLogger(__name__)

SCORE_FIELDS: dict[str, Field] = {
    "board": id_field,
    "player": id_field,
    "amount": amount_field,
    "name": name_field,
    "season": season_field,
    "key": key_field,
}
BOARDS_AT_ONCE = 8  # whose scores are written
IDS_REMEMBERED = 1_000  # of notifications that were shown; many times as many as are in flight
MAX_BODY = 100_000  # bytes of JSON
# A proxy that waits for a viewer, for up to 40 ms, keeps 8 kB and drops what is over.
ROUND_BYTES = 16_000  # of items for one channel, which have everything twice
ROUND_SECONDS = 0.05
UNUSED_MS = 24 * 3600 * 1000  # a proxy's queue is deleted after so long without a worker

Reasons = dict[int, str]  # by the place of a message, why it cannot be done


class Score(NamedTuple):
    place: int
    increment: Increment
    name: str | None  # of the player, if it is to be created


class Scores(Work):
    """Increments, each counted once: its key is in the player's row, which remembers a hundred. So
    that nothing comes again after that, one worker takes them at a time, and they come in order."""

    queue = "leaderboard.scores"
    bindings = ("score.#",)
    # A quorum queue forgets no acknowledgement when the broker is killed. With a limit of
    # deliveries what is given back keeps its place, and this one is never reached.
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": 2**31 - 1,
        "x-dead-letter-exchange": DEAD_LETTERS,
    }

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(BOARDS_AT_ONCE)

    def check(self) -> None:
        get_store().ping()

    def do(self, messages: list[Message], until: float) -> Reasons:
        reasons: Reasons = {}
        boards: dict[str, list[Score]] = defaultdict(list)
        for place, message in enumerate(messages):
            try:
                board, score = read_score(place, message)
                boards[board].append(score)
            except Problem as problem:
                reasons[place] = problem.detail

        def add_in_time(board: str) -> Reasons:
            if time.monotonic() > until:
                raise Disconnected("the batch took too long")
            return add(board, boards[board])

        added = [self.pool.submit(add_in_time, board) for board in boards]
        wait(added)  # for all, or some would still be written when the messages are given back
        for future in added:
            reasons |= future.result()
        return reasons

    def close(self) -> None:
        everybody = threading.Barrier(BOARDS_AT_ONCE)

        def close() -> None:
            everybody.wait()
            get_store().close()

        for _ in range(BOARDS_AT_ONCE):
            self.pool.submit(close)
        self.pool.shutdown()
        get_store().close()


def read_score(place: int, message: Message) -> tuple[str, Score]:
    """With its board. Raises Problem."""
    body = read_body(message)
    if not isinstance(body, dict):
        raise Problem(422, 'The body must be an object: {"board", "player", "amount"}.')
    id = message.properties.message_id
    fields = check_fields({"key": id, **body} if id else body, SCORE_FIELDS)
    board, player, amount = (require(fields, name) for name in ("board", "player", "amount"))
    if "key" not in fields:
        raise Problem(422, "key: missing, and so is the message_id; with either it counts once.")
    increment = Increment(player, amount, fields["key"], fields.get("season"))
    return board, Score(place, increment, fields.get("name"))


def read_body(message: Message) -> Any:
    """Raises Problem."""
    if len(message.body) > MAX_BODY:
        raise Problem(413, f"The body is larger than {MAX_BODY} bytes.")
    return parse_json(message.body)


def add(board: str, scores: list[Score]) -> Reasons:
    results = write(board, scores)
    unknown = [score for score in scores if isinstance(results[score.place], ObjectDoesNotExist)]
    if unknown:
        try:
            results |= introduce(Board.get(board), unknown)
        except ObjectDoesNotExist:
            gone = Problem(404, f"There is no board {board}.")
            results |= {score.place: gone for score in unknown}
    told = {score.place: reason(score, results[score.place]) for score in scores}
    return {place: reason for place, reason in told.items() if reason}


def introduce(board: Board, scores: list[Score]) -> dict[int, Row | Exception]:
    """Create the players of whom there is a name, and add their scores. Raises ObjectDoesNotExist
    if there is no such board."""
    named = {score.increment.player: score.name for score in scores if score.name}
    if not named or board.ask_email:
        return {}
    for player, name in named.items():
        try:
            Player(board, player, name).save()
        except AlreadyExists:  # by now
            pass
    return write(board.id, [score for score in scores if score.increment.player in named])


def write(board: str, scores: list[Score]) -> dict[int, Row | Exception]:
    """By their places."""
    results = get_store().add_scores(board, [score.increment for score in scores])
    return {score.place: result for score, result in zip(scores, results, strict=True)}


def reason(score: Score, result: Row | Exception) -> str | None:
    match result:
        case ObjectDoesNotExist():
            return (
                f"There is no player {score.increment.player}; one whose name is given is created, "
                "unless the board asks for an email address."
            )
        case OutcomeUnknown():  # its row is malformed, say, and will be so the next time
            return f"It is not known whether this was counted: {str(result).rstrip('.')}."
        case Exception():
            return f"{str(result).rstrip('.')}."
    return None


class Notification(NamedTuple):
    channel: str
    item: bytes


class Notifications(Work):
    """What viewers are shown by one proxy. Each proxy has a queue, so that one that is away holds
    up no other, and one worker takes them at a time, so that they are shown in their order."""

    arguments = {
        "x-queue-type": "classic",
        "x-single-active-consumer": True,
        "x-expires": UNUSED_MS,
    }

    def __init__(self, control: Control, tells: bool) -> None:
        """`tells`: whether bad messages become dead letters, which is for one of the proxies."""
        self.control, self.tells = control, tells
        self.shown: dict[Any, None] = {}  # names of notifications, the newest last
        self.queue = f"leaderboard.notifications.{control.uri.partition('://')[2]}"
        self.bindings = [route.binding for route in settings.AMQP_ROUTES]

    def check(self) -> None:
        """No harm is done by taking them, however often they are given back."""

    def do(self, messages: list[Message], until: float) -> Reasons:
        reasons: Reasons = {}
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
        for names in rounds(items):
            if time.monotonic() > until:
                raise Disconnected("the batch took too long")
            self.control.publish(items[name].item for name in names)
            shown = [*self.shown, *names][-IDS_REMEMBERED:]
            self.shown = dict.fromkeys(shown)
            time.sleep(ROUND_SECONDS)
        return reasons

    def close(self) -> None:
        self.control.close()
        get_store().close()


def read_notification(message: Message, boards: dict[str, str]) -> Iterator[Notification]:
    """One for each target that there is. Raises Problem, if there is one that is not, last."""
    told = {"id": message.properties.message_id, "key": message.key, "data": read_body(message)}
    problems = []
    try:
        json.dumps(told, allow_nan=False)
        for target in routes.targets(settings.AMQP_ROUTES, cast(str, message.key)):
            try:
                to = channel_of(target, boards)
                yield Notification(to, publish.event_item(to, NOTIFICATION, told))
            except ObjectDoesNotExist:
                problems.append(f"There is no board {target.id}.")
    except (ValueError, TypeError, RecursionError) as error:  # no text, no number, too deep
        raise Problem(422, f"This cannot be shown: {error}.") from error
    if problems:
        raise Problem(404, " ".join(problems))


def rounds(items: dict[Any, Notification]) -> Iterator[list[Any]]:
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


def run(stop: threading.Event) -> None:
    """Until `stop` is set. Raises ImproperlyConfigured."""
    if not settings.AMQP_URL:
        logger.info(
            "AMQP_URL is not set, so there is nothing to do: set it, or leave this process out"
        )
        stop.wait()
        return
    consumer.parameters(settings.AMQP_URL)
    works: list[Work] = [Scores()]
    if settings.AMQP_ROUTES:
        works += [Notifications(each, tells=not at) for at, each in enumerate(publish.controls())]
    threads = [threading.Thread(target=consumer.Consumer(each, stop).run) for each in works]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()
