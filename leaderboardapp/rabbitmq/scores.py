"""What a broker's messages mean: scores for the store, and notifications for viewers."""

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from leaderboardapp.domain.exceptions import AlreadyExists, OutcomeUnknown
from leaderboardapp.domain.fields import (
    Field,
    amount_field,
    check_fields,
    id_field,
    key_field,
    name_field,
    require,
    season_field,
)
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.rabbitmq.consumer import (
    DEAD_LETTERS,
    Disconnected,
    Message,
    QueueHandler,
    Rejections,
    read_body,
)
from leaderboardapp.stores import get_store
from leaderboardapp.web.problems import Problem

SCORE_FIELDS: dict[str, Field] = {
    "board": id_field,
    "player": id_field,
    "amount": amount_field,
    "name": name_field,
    "season": season_field,
    "key": key_field,
}
BOARDS_AT_ONCE = 8  # whose scores are written


class Score(NamedTuple):
    place: int
    increment: Increment
    name: str | None  # of the player, if it is to be created


class ScoreHandler(QueueHandler):
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

    def process(self, messages: list[Message], deadline: float) -> Rejections:
        reasons: Rejections = {}
        boards: dict[str, list[Score]] = defaultdict(list)
        for place, message in enumerate(messages):
            try:
                board, score = read_score(place, message)
                boards[board].append(score)
            except Problem as problem:
                reasons[place] = problem.detail

        def add_in_time(board: str) -> Rejections:
            if time.monotonic() > deadline:
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


def add(board: str, scores: list[Score]) -> Rejections:
    results = write(board, scores)
    unknown = [score for score in scores if isinstance(results[score.place], ObjectDoesNotExist)]
    if unknown:
        try:
            results |= create_named_players(Board.get(board), unknown)
        except ObjectDoesNotExist:
            gone = Problem(404, f"There is no board {board}.")
            results |= {score.place: gone for score in unknown}
    told = {score.place: reason(score, results[score.place]) for score in scores}
    return {place: reason for place, reason in told.items() if reason}


def create_named_players(board: Board, scores: list[Score]) -> dict[int, Row | Exception]:
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
