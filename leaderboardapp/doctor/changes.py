"""Changes, from the store to viewers: of a board of each listener, by several connections."""

import statistics
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import requests

from leaderboardapp.doctor.findings import Finding, error
from leaderboardapp.doctor.probe import PLAYER
from leaderboardapp.doctor.viewers import PART, Viewer, judge, patience
from leaderboardapp.models import Board, Player
from leaderboardapp.stores import get_store

VIEWERS = 4  # of each board: a front sends connections to its Pushpins by turns
SETTLE_SECONDS = 2.0  # on a busy machine a listener took more than one to read who comes
SCORE = 41
UNTOLD = (
    "the store keeps a change, and does not say that there was one, so viewers are not shown it",
    "Run manage.py ensure_store. In PostgreSQL, see whether triggers are off, as pg_restore "
    "--disable-triggers leaves them: ALTER TABLE player ENABLE TRIGGER ALL.",
)


def examine_changes(url: str, boards: Mapping[str, str], token: str) -> Iterator[Finding]:
    """Yield findings of how changes of these boards are shown, each with its listener. Raises
    StreamRefused, RequestException, StoreUnavailable."""
    viewers, waits = [], []
    with ExitStack() as stack:
        for board in (board for board in boards for _ in range(VIEWERS)):
            viewers.append(stack.enter_context(Viewer(url, board, token)))
            waits.append(viewers[-1].read_until(b"data:") - viewers[-1].asked_at)
        yield judge("a stream's first snapshot comes after", statistics.median(waits))
        # The listener reads a board for each who comes, and would show a change by that, too.
        time.sleep(SETTLE_SECONDS)
        position = get_store().position()
        pool = stack.enter_context(ThreadPoolExecutor(len(viewers)))
        shown_at = pool.map(_wait_for_change, viewers)
        changed_at = {board: _change(board) for board in boards}
        times = {
            viewer: max(0.0, at - changed_at[viewer.board])
            for viewer, at in zip(viewers, shown_at, strict=True)
            if at is not None
        }
    blind = [viewer for viewer in viewers if viewer not in times]
    if blind:
        changed = set(get_store().changed_since(position))
        yield from _explain(boards, viewers, blind, changed)
    else:
        yield judge("a change is shown after", max(times.values()))


def _change(board: str) -> float:
    """Change a score of the board; return when that was done (time.monotonic())."""
    Player(board=Board(id=board), id=PLAYER).score_add(SCORE)
    return time.monotonic()


def _wait_for_change(viewer: Viewer) -> float | None:
    """Return when the viewer was shown the change; None if it was not."""
    try:
        return viewer.read_until(b'"score":%d' % SCORE)
    except requests.RequestException:
        return None


def _explain(
    boards: Mapping[str, str],
    viewers: Sequence[Viewer],
    blind: Sequence[Viewer],
    changed: Collection[str],
) -> Iterator[Finding]:
    """Yield why these viewers were not shown the change."""
    lit = {viewer.board for viewer in viewers} - {viewer.board for viewer in blind}
    partly = {viewer.board for viewer in viewers if viewer not in blind} - lit
    dark = [board for board in boards if board not in lit | partly]
    if any(board not in changed for board in dark):
        yield error("store", *UNTOLD)
    elif len(dark) == len(boards):
        yield error(
            PART,
            f"a change is not shown within {patience():g} s, though the stream is open",
            "Look at what is said of the listener, and whether its GRIP_URL has this Pushpin.",
        )
    else:
        for board in dark:
            yield error(
                "listener",
                f"changes of boards of {boards[board]} (host, process) are not shown, those of "
                "others are",
                "Start it again with the GRIP_URL of the others. If it has that: see its log.",
            )
    if partly:
        count = sum(viewer.board in partly for viewer in blind)
        total = sum(viewer.board in partly for viewer in viewers)
        yield error(
            PART,
            f"a change is shown to some viewers of a board, and not to {count} of {total}",
            "Name each Pushpin that the front sends viewers to in GRIP_URL, that of the listeners, "
            "too. Else look at the log of the one that shows nothing.",
        )
