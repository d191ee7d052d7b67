"""Windows: a board in which only the scores of a day, a week or a month count (ADR 41).

A window is a board of its own, whose settings follow those of the board to which it belongs.
"""

from collections.abc import Iterable

from leaderboardapp.domain.board_ids import split_id, window_id
from leaderboardapp.domain.schedule import end_after, end_of_next_season, window_schedule
from leaderboardapp.domain.types import BOARD_DEFAULTS, WINDOWS, Row

# Settings that a window takes over from its board. It has no limits: they are the board's.
SHARED_SETTINGS = (
    "name",
    "size",
    "order",
    "ranking",
    "private",
    "show",
    "format",
    "keep_seasons",
)
# Fields of a board whose change is one of its windows, too.
FOLLOWED_FIELDS = {*SHARED_SETTINGS, "schedule", "windows"}


def new_window(board: Row, window: str, now: str) -> Row:
    """Return the row of a window that begins now."""
    schedule = window_schedule(board["schedule"], window)
    return {
        **BOARD_DEFAULTS,
        **_take_shared(board),
        "id": window_id(board["id"], window),
        "schedule": schedule,
        "ends_at": end_after(now, schedule),
        "since": now,
    }


def find_window_changes(board: Row, window: Row, now: str) -> Row:
    """Return the fields of a window that a change of its board's settings changes."""
    name = split_id(window["id"])[1]
    expected = {**_take_shared(board), "schedule": window_schedule(board["schedule"], str(name))}
    changes = {field: value for field, value in expected.items() if value != window[field]}
    if "schedule" in changes:
        changes["ends_at"] = end_after(now, changes["schedule"])
    return changes


def next_season(board: Row, now: str) -> Row:
    """Return the fields of the board that change when its running season ends now."""
    ends_at = end_of_next_season(board, now)
    since = {} if board["since"] is None else {"since": now}
    return {"season": board["season"] + 1, "ends_at": ends_at, **since}


def sort_windows(windows: Iterable[str]) -> list[str]:
    """Return the windows in the order of WINDOWS, each once."""
    named = set(windows)
    return [window for window in WINDOWS if window in named]


def _take_shared(board: Row) -> Row:
    return {name: board[name] for name in SHARED_SETTINGS}
