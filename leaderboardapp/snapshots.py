"""A board's one representation: canonical JSON, and the hash that is its ETag and event id."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain import ranking
from leaderboardapp.domain.types import Row
from leaderboardapp.stores import get_store


@dataclass(frozen=True, slots=True)
class Snapshot:
    body: str  # one line of JSON
    fingerprint: str  # the hash of the body: equal bodies, equal fingerprints, in every process
    private: bool = False
    leader: Row | None = None  # the best player, if there is one who has scored in this season

    def headers(self) -> dict[str, str]:
        """Those of the answer to a poll or a long-poll."""
        return {
            "Content-Type": "application/json",
            "Cache-Control": "no-cache",
            "Vary": "Accept, Prefer",
            "ETag": f'"{self.fingerprint}"',
        }

    @classmethod
    def of(cls, board: Row, players: list[Row]) -> "Snapshot":
        """`players` are the board's best, best first."""
        body = json.dumps(board_payload(board, players), ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
        leader = players[0] if players and players[0]["scored"] else None
        return cls(body, digest, board["private"], leader)


def board_payload(board: Row, players: list[Row]) -> dict[str, Any]:
    """What a snapshot shows of a board and its best players, best first."""
    return {
        "id": board["id"],
        "name": board["name"],
        "players": [
            {"id": row["id"], "name": row["name"], "score": row["score"], "rank": row["rank"]}
            for row in ranking.assign_ranks(board, players)
        ],
    }


def read_snapshots(boards: Iterable[str]) -> dict[str, Snapshot]:
    """Snapshots of those boards that exist, read in one go."""
    tops = get_store().get_top_players(boards)
    return {board: Snapshot.of(row, players) for board, (row, players) in tops.items()}


def read_snapshot(board: str) -> Snapshot | None:
    """The board's snapshot as of now; all threads that ask for the same one read it once."""
    return _together(board, None)


def _take_once(board: str, askers: list[None]) -> list[Snapshot | None]:
    return [read_snapshots([board]).get(board)] * len(askers)


_together = Coalescer(_take_once, lambda: get_store().check())
