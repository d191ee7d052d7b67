"""What documents are as rows, and what becomes of a write."""

from typing import NamedTuple

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    EmailTaken,
    ImportMoved,
    OutcomeUnknown,
    ScoreOutOfRange,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.rows import player_row

NO_BOARD = "no such board"
OUT_OF_RANGE = "score out of range"
WRONG_SEASON = "wrong season"
KNOWN_KEY = "a key of these is known"
IMPORT_MOVED = "import moved"
EMAIL_TAKEN = "email taken"


class Refusal(NamedTuple):
    """A write that the board does not allow."""

    player: str
    reason: str

    def to_exception(self, board: Row) -> Exception:
        if self.reason == WRONG_SEASON:
            return WrongSeason(board["season"])
        return ScoreOutOfRange(self.player, board)


def get_changes_by_id(result: Row) -> dict[str, Row]:
    """What a write that returned its changes did to each document that there was, by its id. Raises
    OutcomeUnknown for a failure of which it does not say which document it met."""
    changes = {each["new_val"]["id"]: each for each in result.get("changes", []) if each["new_val"]}
    told = sum("error" in each for each in changes.values())
    if result["errors"] > told and result["first_error"] != NO_BOARD:
        raise OutcomeUnknown(result["first_error"])
    return changes


def parse_score_change(change: Row | None, player: str) -> Row | Exception | Refusal:
    """The player's row after the write of its score, or why there is none."""
    if change is None:
        return ObjectDoesNotExist()
    reason = change.get("error")
    if reason in (OUT_OF_RANGE, WRONG_SEASON, KNOWN_KEY):
        return Refusal(player, reason)
    if reason:  # such as that its row was malformed; others in the same query were written
        return OutcomeUnknown(reason)
    return player_row(change["new_val"])


def get_updated_document(result: Row) -> Row:
    """The document after an update that returned its changes. Raises ObjectDoesNotExist."""
    raise_for_errors(result)
    if not result.get("changes") or result["changes"][0]["new_val"] is None:
        raise ObjectDoesNotExist
    new: Row = result["changes"][0]["new_val"]
    return new


def raise_if_missing(document: Row | None) -> Row:
    if document is None:
        raise ObjectDoesNotExist
    return document


def raise_for_errors(result: Row, id: str = "") -> None:
    """Failures of single documents raise nothing in the driver; they are counted."""
    error = result.get("first_error", "")
    if not result["errors"]:
        return
    if error.startswith("Duplicate primary key"):
        raise AlreadyExists(id)
    if error == NO_BOARD:
        raise ObjectDoesNotExist
    if error == EMAIL_TAKEN:
        raise EmailTaken
    if error == IMPORT_MOVED:
        raise ImportMoved
    raise StoreUnavailable(error)
