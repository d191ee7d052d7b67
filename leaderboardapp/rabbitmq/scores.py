"""The handler of scores: messages become increments in the store."""

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    BoardNotFound,
    EmailRequired,
    OutcomeUnknown,
    PlayerNotFound,
)
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
from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq.consumer import (
    DEAD_LETTERS,
    INVALID,
    Disconnected,
    Message,
    QueueHandler,
    Rejected,
    Rejections,
    read_body,
)
from leaderboardapp.stores import get_store

SCORE_FIELDS: dict[str, Field] = {
    "board": id_field,
    "player": id_field,
    "amount": amount_field,
    "name": name_field,
    "season": season_field,
    "key": key_field,
}
BOARDS_AT_ONCE = 8  # whose scores are written at the same time
Results = dict[int, Row | Exception]  # by a message's index, the player's row or what went wrong


class Score(NamedTuple):
    """A message as an increment."""

    message_index: int  # in its batch
    increment: Increment
    name: str | None  # of the player, if it may be created


class ScoreHandler(QueueHandler):
    """Adds increments to the store, each counted once by its idempotency key.

    A player's row remembers only its newest keys. So one worker consumes at a time, and messages
    come in order: none comes again after more keys than that."""

    queue = "leaderboard.scores"
    bindings = ("score.#",)
    # A quorum queue loses no acknowledgement when the broker is killed. Only with a delivery limit
    # do returned messages keep their position; this limit is never reached.
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": 2**31 - 1,
        "x-dead-letter-exchange": DEAD_LETTERS,
    }

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(BOARDS_AT_ONCE)

    def require_ready(self) -> None:
        """Return if the store answers. Raises StoreUnavailable."""
        get_store().ping()

    def process(self, messages: list[Message], deadline: float) -> Rejections:
        """Add the batch's increments, board by board; return {index: reason} for rejected ones."""
        rejections: Rejections = {}
        boards: dict[str, list[Score]] = defaultdict(list)
        for index, message in enumerate(messages):
            try:
                board, score = read_score(index, message)
                boards[board].append(score)
            except INVALID as error:
                rejections[index] = error.detail

        def process_before_deadline(board: str) -> Rejections:
            if time.monotonic() > deadline:
                raise Disconnected("the batch took too long")
            return process_board(board, boards[board])

        futures = [self.pool.submit(process_before_deadline, board) for board in boards]
        wait(futures)  # for all, or some would be written after the messages are returned
        for future in futures:
            rejections |= future.result()
        return rejections

    def close(self) -> None:
        """Close the store's connection of each thread, and end the threads."""
        all_threads = threading.Barrier(BOARDS_AT_ONCE)

        def close_connection() -> None:
            all_threads.wait()  # so that each thread takes one of these calls
            get_store().close()

        for _ in range(BOARDS_AT_ONCE):
            self.pool.submit(close_connection)
        self.pool.shutdown()
        get_store().close()


def read_score(index: int, message: Message) -> tuple[str, Score]:
    """Read a message; return its board's id and the score. Raises one of INVALID."""
    body = read_body(message)
    if not isinstance(body, dict):
        raise Rejected('The body must be an object: {"board", "player", "amount"}.')
    id = message.properties.message_id
    fields = check_fields({"key": id, **body} if id else body, SCORE_FIELDS)
    board, player, amount = (require(fields, name) for name in ("board", "player", "amount"))
    if "key" not in fields:
        raise Rejected("key: missing, and so is the message_id; with either it counts once.")
    increment = Increment(player, amount, fields["key"], fields.get("season"))
    return board, Score(index, increment, fields.get("name"))


def process_board(board: str, scores: list[Score]) -> Rejections:
    """Add one board's scores, and create missing players; return {index: reason} for rejects."""
    results = add_scores(board, scores)
    unknown = [
        score for score in scores if isinstance(results[score.message_index], PlayerNotFound)
    ]
    if unknown:
        try:
            results |= create_named_players(Board(board), unknown)
        except BoardNotFound as error:  # it was deleted meanwhile
            results |= {score.message_index: error for score in unknown}
    reasons = {
        score.message_index: rejection_reason(score, results[score.message_index])
        for score in scores
    }
    return {index: reason for index, reason in reasons.items() if reason}


def create_named_players(board: Board, scores: list[Score]) -> Results:
    """Create the players whose name is given, and add their scores; return their results.

    Creates none on a board that asks for an email address. Raises BoardNotFound."""
    named = {score.increment.player: score.name for score in scores if score.name}
    if not named:
        return {}
    for player, name in named.items():
        try:
            Player(board, player, name).save()
        except AlreadyExists:  # somebody else was faster
            pass
        except EmailRequired:
            return {}
    return add_scores(board.id, [score for score in scores if score.increment.player in named])


def add_scores(board: str, scores: list[Score]) -> Results:
    """Add the scores in one write; return their results."""
    results = get_store().add_scores(board, [score.increment for score in scores])
    return {score.message_index: result for score, result in zip(scores, results, strict=True)}


def rejection_reason(score: Score, result: Row | Exception) -> str | None:
    """Return why a score is rejected, a sentence; None if it was added."""
    match result:
        case PlayerNotFound():
            return (
                f"{result} One whose name is given is created, unless the board asks for an email "
                "address."
            )
        case OutcomeUnknown():  # its row is malformed, say, and would be so the next time
            return f"It is not known whether this was counted: {str(result).rstrip('.')}."
        case Exception():
            return f"{str(result).rstrip('.')}."
    return None
