"""What the server answers to a write: rows, or the reasons why there are none.

The driver raises nothing when a single document fails. The answer counts such failures in
`errors`, and has the text of one in `first_error`.
"""

from collections.abc import Collection
from typing import NamedTuple

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    BoardNotFound,
    EmailTaken,
    ImportMoved,
    OutcomeUnknown,
    PlayerNotFound,
    ScoreOutOfRange,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.rows import player_row
from leaderboardapp.stores.rethinkdb.schema import row_id

# Texts of errors that our own queries raise in the server.
NO_BOARD = "no such board"
OUT_OF_RANGE = "score out of range"
WRONG_SEASON = "wrong season"
KNOWN_KEY = "a key of these is known"
IMPORT_MOVED = "import moved"
EMAIL_TAKEN = "email taken"
OUTDATED = "outdated"  # what the write was checked against has changed since
ROW_CHANGED = "the row has changed since the precondition held"


class Refusal(NamedTuple):
    """A write that the board does not allow, with one of the reasons above."""

    player: str
    reason: str

    def to_exception(self, board: Row) -> Exception:
        """Return the exception that says what the board allows."""
        if self.reason == WRONG_SEASON:
            return WrongSeason(board["season"])
        return ScoreOutOfRange(self.player, board)


class ScoreWrite(NamedTuple):
    """Whose score a write changes, and with which idempotency keys."""

    player: str
    keys: list[str] = []


class Counted(NamedTuple):
    """What a write to a board says for its windows."""

    windows: list[str]
    key_time: int | None  # `key_times` of its first key; None: not known


def get_changes_by_id(result: Row) -> dict[str, Row]:
    """Return the change of each document that existed, by its id.

    Raises OutcomeUnknown for a failure that names no document.
    """
    changes = {
        change["new_val"]["id"]: change for change in result.get("changes", []) if change["new_val"]
    }
    named = sum("error" in change for change in changes.values())
    if result["errors"] > named and result["first_error"] != NO_BOARD:
        raise OutcomeUnknown(result["first_error"])
    return changes


def parse_score_changes(
    written: Row, board: str, writes: Collection[ScoreWrite]
) -> list[Row | Exception | Refusal]:
    """Return for each write the player's row afterwards, as scoring.describe_write gives it, or why
    there is none.

    If the board has windows, a row has a field more: `counted`, which is to be taken out."""
    changes = get_changes_by_id(written)
    if written.get("first_error") == NO_BOARD:
        return [BoardNotFound(board) for _ in writes]
    results = [
        _parse_score_change(changes.get(row_id(board, write.player)), board, write)
        for write in writes
    ]
    if windows := written.get("windows"):
        for result, write in zip(results, writes, strict=True):
            if isinstance(result, dict):
                document = changes[row_id(board, write.player)]["new_val"]
                result["counted"] = Counted(windows, _find_key_time(document, write.keys))
    return results


def get_updated_document(result: Row, missing: Exception) -> Row:
    """Return the document after an update that returned its changes. Raises `missing` if there was
    none."""
    raise_for_errors(result)
    if not result.get("changes") or result["changes"][0]["new_val"] is None:
        raise missing
    new: Row = result["changes"][0]["new_val"]
    return new


def raise_for_errors(result: Row, board: str = "", id: str = "") -> None:
    """Raise the exception for a failed document, if there is one. `board` names one that is not
    there, and `id` a duplicate."""
    error = result.get("first_error", "")
    if not result["errors"]:
        return
    if error.startswith("Duplicate primary key"):
        raise AlreadyExists(id)
    if error == NO_BOARD:
        raise BoardNotFound(board)
    if error == EMAIL_TAKEN:
        raise EmailTaken
    if error == IMPORT_MOVED:
        raise ImportMoved
    raise StoreUnavailable(error)


def _parse_score_change(
    change: Row | None, board: str, write: ScoreWrite
) -> Row | Exception | Refusal:
    player = write.player
    if change is None:
        return PlayerNotFound(board, player)
    reason = change.get("error")
    if reason in (OUT_OF_RANGE, WRONG_SEASON, KNOWN_KEY):
        return Refusal(player, reason)
    if reason:  # such as that its row was malformed; others in the same query were written
        return OutcomeUnknown(reason)
    new, old = player_row(change["new_val"]), change["old_val"]
    if old is None:
        return scoring.describe_write(None, new)
    repeated = not set(write.keys).isdisjoint(old.get("keys", []))
    before = player_row(old, change["new_val"].get("season") or 1)
    return scoring.describe_write(before, new, repeated)


def _find_key_time(document: Row, keys: list[str]) -> int | None:
    """Return when the newest season of a window had begun, in microseconds, as the first of the
    keys was counted; None if that is not known."""
    known, times = document.get("keys", []), document.get("key_times", [])
    if not keys or keys[0] not in known:
        return None
    index = known.index(keys[0]) - len(known) + len(times)  # keys may be older than their times
    return int(times[index]) if index >= 0 else None
