"""What a broker's messages mean: scores for the store, and notifications for viewers."""

import json
import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.conf import settings

from leaderboardapp import amqp, edge, routing
from leaderboardapp.amqp import Disconnected, Message, Work
from leaderboardapp.edge import Control
from leaderboardapp.fields import (
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
from leaderboardapp.messages import EVENTS, NOTIFICATION, channel
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.problems import Problem
from leaderboardapp.routing import Target
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import AlreadyExists, Increment, Row, StoreUnavailable

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
IDS_REMEMBERED = 1_000  # of notifications that were shown; some ten times as many as are in flight
MAX_NOTIFICATION = 100_000  # bytes of JSON
UNUSED_MS = 7 * 24 * 3600 * 1000  # a proxy's queue is deleted after so long without a worker

Reasons = dict[int, str]  # by the place of a message, why it cannot be done


class Score(NamedTuple):
    place: int
    increment: Increment
    name: str | None  # of the player, if it is to be created


class Scores(Work):
    """Increments, each counted once: its key is in the player's row. One worker takes them at a
    time; with two, one that vanishes may have its messages done again after a hundred others."""

    queue = "leaderboard.scores"
    bindings = ("score.#",)
    # A quorum queue forgets no acknowledgement when the broker is killed.
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}

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

        for found in self.pool.map(add_in_time, boards):
            reasons |= found
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
    body = parse_json(message.body)
    if not isinstance(body, dict):
        raise Problem(422, 'The body must be an object: {"board", "player", "amount"}.')
    id = message.properties.message_id
    fields = check_fields({"key": id, **body} if id else body, SCORE_FIELDS)
    board, player, amount = (require(fields, name) for name in ("board", "player", "amount"))
    if "key" not in fields:
        raise Problem(422, "key: missing, and so is the message_id; with either it counts once.")
    increment = Increment(player, amount, fields["key"], fields.get("season"))
    return board, Score(place, increment, fields.get("name"))


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
    """By their places. Raises StoreUnavailable."""
    results = get_store().add_scores(board, [score.increment for score in scores])
    for result in results:
        if isinstance(result, StoreUnavailable):
            raise result
    return {score.place: result for score, result in zip(scores, results, strict=True)}


def reason(score: Score, result: Row | Exception) -> str | None:
    match result:
        case ObjectDoesNotExist():
            return (
                f"There is no player {score.increment.player}; one whose name is given is created, "
                "unless the board asks for an email address."
            )
        case Exception():
            return f"{str(result).rstrip('.')}."
    return None


class Notifications(Work):
    """What viewers are shown by one proxy. Each proxy has a queue, so that one that is away holds
    up no other."""

    # Whatever the vhost's default: a quorum queue gives up after some failures.
    arguments = {"x-queue-type": "classic", "x-expires": UNUSED_MS}

    def __init__(self, control: Control, tells: bool) -> None:
        """`tells`: whether bad messages become dead letters, which is for one of the proxies."""
        self.control, self.tells = control, tells
        self.shown: dict[str, None] = {}  # message_ids, the newest last
        self.queue = f"leaderboard.notifications.{control.uri.partition('://')[2]}"
        self.bindings = [route.binding for route in settings.AMQP_ROUTES]

    def check(self) -> None:
        """No harm is done by taking them, however often they are given back."""

    def do(self, messages: list[Message], until: float) -> Reasons:
        reasons: Reasons = {}
        items: list[bytes] = []
        channels: dict[Target, str] = {}  # known in this batch
        shown = dict(self.shown)
        for place, message in enumerate(messages):
            id = message.properties.message_id
            if id and id in shown:  # given again, because it was not acknowledged
                continue
            try:
                items += read_notification(message, channels)
                shown |= {id: None} if id else {}
            except Problem as problem:
                reasons[place] = problem.detail
        if time.monotonic() > until:
            raise Disconnected("the batch took too long")
        self.control.publish(items)
        self.shown = dict(list(shown.items())[-IDS_REMEMBERED:])
        return reasons if self.tells else {}

    def close(self) -> None:
        self.control.close()
        get_store().close()


def read_notification(message: Message, channels: dict[Target, str]) -> list[bytes]:
    """An item for each target. Raises Problem."""
    if len(message.body) > MAX_NOTIFICATION:
        raise Problem(413, f"The body is larger than {MAX_NOTIFICATION} bytes.")
    data, id = parse_json(message.body), message.properties.message_id
    try:
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        message.key.encode()
        targets = routing.targets(settings.AMQP_ROUTES, message.key)
    except (ValueError, RecursionError, AttributeError) as error:
        raise Problem(422, f"This cannot be shown: {error}.") from error
    told = {"id": id, "key": message.key, "data": data}
    for target in targets - channels.keys():
        channels[target] = channel_of(target)
    return [edge.event_item(channels[target], NOTIFICATION, told) for target in targets]


def channel_of(target: Target) -> str:
    """Raises Problem if there is no such board."""
    if target.kind == "events":
        return EVENTS.format(target.id)
    try:
        return channel(target.id, Board.get(target.id).private)
    except ObjectDoesNotExist as error:
        raise Problem(404, f"There is no board {target.id}.") from error


def run(stop: threading.Event) -> None:
    """Until `stop` is set. Raises ImproperlyConfigured."""
    if not settings.AMQP_URL:
        logger.info(
            "AMQP_URL is not set, so there is nothing to do: set it, or leave this process out"
        )
        stop.wait()
        return
    amqp.parameters(settings.AMQP_URL)
    works: list[Work] = [Scores()]
    if settings.AMQP_ROUTES:
        works += [Notifications(each, tells=not at) for at, each in enumerate(edge.controls())]
    threads = [threading.Thread(target=amqp.Consumer(each, stop).run) for each in works]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()
