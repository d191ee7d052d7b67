"""A board's snapshot: canonical JSON, and the fingerprint that is its `ETag` and event `id`."""

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain import ranking
from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.domain.player_data import select_shown
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.stores import get_store

# Cache-Control: may be kept, and is asked for again before each use; or is for one client only.
REVALIDATED, PRIVATE = "no-cache", "private, no-store"
MOST_CACHED = 500  # boards in a process
# After which a board is read again whatever its change number: a database that was put in the
# other one's place beneath the running service may have given it to something else.
CACHE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board's top players, or a player's own rank, as every transport shows them."""

    body: str  # one line of JSON
    fingerprint: str  # the hash of the body: equal bodies, equal fingerprints, in every process
    private: bool = False
    leader: Row | None = None  # the best player, if that one has scored in this season

    def etag(self) -> str:
        """Return the entity tag."""
        return f'"{self.fingerprint}"'

    def headers(self) -> dict[str, str]:
        """Return the headers of a response whose body is this snapshot."""
        return {
            "Content-Type": "application/json",
            "Cache-Control": PRIVATE if self.private else REVALIDATED,
            "Vary": "Accept, Prefer",
            "ETag": self.etag(),
        }

    @classmethod
    def from_rows(cls, board: Row, players: list[Row]) -> "Snapshot":
        """Make a snapshot of a board's row and its top players' rows, best first."""
        payload = {**board_payload(board, players), **season_fields(board)}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        fingerprint = compute_fingerprint(body)
        leader = players[0] if players and players[0]["scored"] else None
        return cls(body, fingerprint, board["private"], leader)


def compute_fingerprint(text: str) -> str:
    """Return a hash of the text, in hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def board_payload(board: Row, players: list[Row]) -> dict[str, Any]:
    """Return what a snapshot says of a board and its top players, which come best first.

    What is as by default is left out: `format`, and `data` of a player of whom nothing is shown."""
    rows = ranking.assign_ranks(board, players)
    payloads: list[Row] = [
        {"id": row["id"], "name": row["name"], "score": row["score"], "rank": row["rank"]}
        for row in rows
    ]
    if board["show"]:
        for payload, row in zip(payloads, rows, strict=True):
            if shown := select_shown(board["show"], row.get("data", {})):
                payload["data"] = shown
    is_default = board["format"] == BOARD_DEFAULTS["format"]
    format = {} if is_default else {"format": board["format"]}
    owner, window = split_id(board["id"])
    period = {"window": window, "since": board["since"]} if window else {}
    return {"id": owner, "name": board["name"], **period, **format, "players": payloads}


def season_fields(board: Row) -> dict[str, Any]:
    """Return what a snapshot says of the running season: its number from the second one on, and
    when it ends, if that is known."""
    fields = {} if board["season"] == 1 else {"season": board["season"]}
    return fields if board["ends_at"] is None else {**fields, "ends_at": board["ends_at"]}


def read_snapshots(boards: Iterable[str]) -> dict[str, Snapshot]:
    """Read boards in one call of the store; return {board id: snapshot} of those that exist."""
    rows = get_store().get_top_players(boards)
    return {id: Snapshot.from_rows(board, players) for id, (board, players) in rows.items()}


def read_snapshot(board: str) -> Snapshot | None:
    """Return the board's current snapshot, or None without such a board.

    Coalesces concurrent calls: all threads that ask for a board read it once."""
    return read_together([board]).get(board)


def read_together(boards: Sequence[str]) -> dict[str, Snapshot]:
    """Read boards as read_snapshots does. Coalesces concurrent calls for the same boards."""
    return _coalescer(tuple(boards), None)


class Kept(NamedTuple):
    """A snapshot that was read after this change number of its board, and when that was."""

    number: int
    read_at: float  # by time.monotonic()
    snapshot: Snapshot


class SnapshotCache:
    """The snapshots that this process has read last, each with its board's change number.

    While the store says the same one, the board has not changed (ADR 65)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[str, Kept] = {}

    def get(self, boards: Iterable[str]) -> dict[str, Kept]:
        """Return what there is of these boards, unless it is old."""
        oldest = time.monotonic() - CACHE_SECONDS
        entries = {board: self.entries.get(board) for board in boards}
        return {board: kept for board, kept in entries.items() if kept and kept.read_at >= oldest}

    def put(self, numbers: Mapping[str, int], snapshots: Mapping[str, Snapshot]) -> None:
        """Remember snapshots that were read after these change numbers of their boards."""
        now = time.monotonic()
        with self.lock:
            for board in numbers.keys() & snapshots.keys():
                self.entries.pop(board, None)  # the oldest ones come first
                self.entries[board] = Kept(numbers[board], now, snapshots[board])
            while len(self.entries) > MOST_CACHED:
                del self.entries[next(iter(self.entries))]


def _read_for_all(boards: tuple[str, ...], callers: list[None]) -> list[dict[str, Snapshot]]:
    """Return the boards' snapshots, once for each caller."""
    # Before the numbers: what is kept of a board later may be newer than its number here, and newer
    # than what is kept of another one. What is answered together is of one moment.
    kept = cache.get(boards)
    numbers = get_store().read_change_numbers(boards)
    if all(board in kept and kept[board].number == numbers.get(board) for board in boards):
        found = {board: kept[board].snapshot for board in boards}
    else:
        found = read_snapshots(boards)
        cache.put(numbers, found)
    return [found] * len(callers)


cache = SnapshotCache()
_coalescer = Coalescer(_read_for_all, lambda: get_store().check(), "snapshots")
