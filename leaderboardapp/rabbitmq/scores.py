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
    ScoreOutOfRange,
    WrongSeason,
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
from leaderboardapp.domain.scoring import add_amount, start_with
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
MAX_KNOWN = 100_000
Results = dict[int, Row | Exception]  # by a message's index, the player's row or what went wrong
Known = set[tuple[str, str]]  # board and player, of players who were there a moment ago


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
        self.known: Known = set()  # so that a player is looked up once, not with each message

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
            return process_board(board, boards[board], self.known)

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


def process_board(board: str, scores: list[Score], known: Known) -> Rejections:
    """Add one board's scores, and create missing players; return {index: reason} for rejects.

    `known` are players who need not be looked up, and is changed."""
    results = add_scores(board, scores, known)
    missing = [
        score for score in scores if isinstance(results[score.message_index], PlayerNotFound)
    ]
    if any(score.name for score in missing):  # somebody known was deleted, perhaps
        known.difference_update((board, score.increment.player) for score in missing)
        results |= add_scores(board, missing, known)
    reasons = {
        score.message_index: rejection_reason(score, results[score.message_index])
        for score in scores
    }
    return {index: reason for index, reason in reasons.items() if reason}


def add_scores(board: str, scores: list[Score], known: Known) -> Results:
    """Create the missing players whose name is given, and add all scores in one write, in their
    order; return their results."""
    results = create_named_players(board, scores, known)
    added = get_store().add_scores(board, [score.increment for score in scores])
    for score, result in zip(scores, added, strict=True):
        # Of a missing player, why it was not created says more.
        if score.message_index not in results or not isinstance(result, PlayerNotFound):
            results[score.message_index] = result
    return results


def create_named_players(board: str, scores: list[Score], known: Known) -> Results:
    """Create each missing player at the first score with a name that the board allows.

    Return the scores that created nobody because the board refuses them, each with the reason."""
    refused: Results = {}
    if len(known) > MAX_KNOWN:
        known.clear()
    for score in scores:
        player = (board, score.increment.player)
        if score.name is None or player in known:
            continue
        try:
            require_player(board, score.increment, score.name)
            known.add(player)
        except (ScoreOutOfRange, WrongSeason) as error:
            refused[score.message_index] = error
        except (BoardNotFound, EmailRequired):  # to add the score fails, too
            pass
    return refused


def require_player(board_id: str, increment: Increment, name: str) -> None:
    """Create the player under this name if it is missing and the board allows the increment.

    Raises ScoreOutOfRange, WrongSeason, BoardNotFound, EmailRequired."""
    store, id = get_store(), increment.player
    try:
        store.get_player(board_id, id)
    except PlayerNotFound:
        board = store.get_board(board_id)
        player = {"id": id, **start_with(board, id, None, 0)}
        add_amount(board, player, increment.amount, 0, increment.season)
        try:
            Player(Board(board_id), id, name).save()
        except AlreadyExists:  # somebody else was faster
            pass


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
