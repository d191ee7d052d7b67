"""The handler of scores: messages become increments in the store."""

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from leaderboardapp.domain.exceptions import OutcomeUnknown, PlayerNotFound
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
from leaderboardapp.domain.types import Increment
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


class Score(NamedTuple):
    """A message as an increment."""

    message_index: int  # in its batch
    increment: Increment


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
    increment = Increment(player, amount, fields["key"], fields.get("season"), fields.get("name"))
    return board, Score(index, increment)


def process_board(board: str, scores: list[Score]) -> Rejections:
    """Add one board's scores; return {index: reason} for rejected ones."""
    results = Player.add_scores_for_board(Board(board), [score.increment for score in scores])
    reasons = {
        score.message_index: rejection_reason(result)
        for score, result in zip(scores, results, strict=True)
    }
    return {index: reason for index, reason in reasons.items() if reason}


def rejection_reason(result: Player | Exception) -> str | None:
    """Return why a score is rejected, a sentence; None if it was added."""
    match result:
        case PlayerNotFound():
            return f"{result} One whose name is given is created."
        case OutcomeUnknown():  # its row is malformed, say, and would be so the next time
            return f"It is not known whether this was counted: {str(result).rstrip('.')}."
        case Exception():
            return f"{str(result).rstrip('.')}."
    return None
