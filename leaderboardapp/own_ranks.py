"""A player's own rank as viewers are shown it: where the player stands, as canonical JSON."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.types import PlayerStandings, Row, Standing
from leaderboardapp.snapshots import Snapshot, compute_fingerprint
from leaderboardapp.stores import get_store

AROUND = 5  # players, the own one among them


class OwnRanks(NamedTuple):
    """The own ranks of some of a board's players."""

    private: bool  # whether the board is
    players: dict[str, Snapshot]  # by id, of those who are on the board
    bound: int  # how far off they may be


def read_own_ranks(board: str, players: Collection[str]) -> OwnRanks:
    """Read the own ranks of these players in one call of the store. Raises BoardNotFound."""
    standings = get_store().get_standings(board, players, AROUND)
    snapshots = {id: _build(standings, standing) for id, standing in standings.players.items()}
    return OwnRanks(standings.board["private"], snapshots, standings.bound)


def read_own_rank(board: str, player: str) -> tuple[bool, Snapshot | None]:
    """Return whether the board is private, and the player's own rank, None without the player.

    Coalesces concurrent calls: players of a board for whom threads ask are read at once. Raises
    BoardNotFound."""
    found = _coalescer(board, player)
    if found is None:
        raise BoardNotFound(board)
    return found


def _build(standings: PlayerStandings, standing: Standing) -> Snapshot:
    payload = {
        **_payload(standing.row),
        "of": standings.of,
        "around": [_payload(row) for row in standing.around],
        **({"exact": False, "bound": standings.bound} if standings.bound else {}),
    }
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Snapshot(body, compute_fingerprint(body), standings.board["private"])


def _payload(row: Row) -> dict[str, Any]:
    return {field: row[field] for field in ("id", "name", "score", "rank")}


def _read_for_all(board: str, players: list[str]) -> list[tuple[bool, Snapshot | None] | None]:
    try:
        read = read_own_ranks(board, {*players})
    except BoardNotFound:  # each caller raises an exception of its own
        return [None] * len(players)
    return [(read.private, read.players.get(player)) for player in players]


_coalescer = Coalescer(_read_for_all, lambda: get_store().check(), "own ranks")
