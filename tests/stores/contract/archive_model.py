"""A board and its past seasons as dictionaries, and the same read from a store."""

from dataclasses import dataclass, field
from typing import Any, Self

from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.types import Row, rank_position
from leaderboardapp.stores.base import Store

ENDED_AT = "2026-11-30T00:00:00Z"


@dataclass
class Kept:
    """What a past season keeps: (id, name, score, data, rank) of each player who was ranked and is
    not erased, best first, and how many its ranks count."""

    players: list[tuple[Any, ...]]
    of: int

    @classmethod
    def from_rows(cls, rows: list[Row], is_dense: bool) -> Self:
        """Return it of numbered rows, before anybody is erased."""
        of = len({row["score"] for row in rows}) if is_dense else len(rows)
        return cls([(*shown(row), row["rank"]) for row in rows], of)

    def erase(self, player: str) -> None:
        self.players = [row for row in self.players if row[0] != player]


@dataclass
class Model:
    """What a board is, and what its past seasons keep."""

    order: str = "desc"
    ranking: str = "ordinal"
    keep: int | None = 12
    players: dict[str, Row] = field(default_factory=dict)
    past: dict[int, Kept] = field(default_factory=dict)
    season: int = 1
    now: int = 1

    def write(self, player: str, score: int) -> None:
        row = self.players[player]
        had_score = row["scored"] or self.order == "desc"
        if score != row["score"] or not had_score:
            row |= {"at": self.now}
        row |= {"score": score, "scored": True, "ranked": True}

    def delete(self, player: str) -> None:
        del self.players[player]
        for kept in self.past.values():
            kept.erase(player)

    def rank(self) -> list[tuple[Any, ...]]:
        sign = 1 if self.order == "asc" else -1
        rows = [
            (sign * row["score"], row["at"], id, row)
            for id, row in self.players.items()
            if row["ranked"] and not row["hidden"] and (row["scored"] or self.order == "desc")
        ]
        rows.sort(key=lambda row: row[:3])
        keys, distinct = [row[0] for row in rows], sorted({row[0] for row in rows})
        ranks = {
            "ordinal": [*range(1, len(rows) + 1)],
            "competition": [keys.index(key) + 1 for key in keys],
            "dense": [distinct.index(key) + 1 for key in keys],
        }[self.ranking]
        return [
            (id, row["name"], row["score"], row["data"], rank)
            for (*_, id, row), rank in zip(rows, ranks, strict=True)
        ]

    def reset(self) -> None:
        ranked = self.rank()
        of = len({row[2] for row in ranked}) if self.ranking == "dense" else len(ranked)
        self.past[self.season] = Kept(ranked, of)
        if self.keep is not None:
            self.past = dict([*self.past.items()][-self.keep :])
        self.season += 1
        for row in self.players.values():
            row |= {"score": 0, "scored": False, "ranked": False}


def read_season(store: Store, board: str, season: int | None, limit: int = 3) -> list[Row]:
    """Return the rows of all pages of a season, with ranks; None is the running one."""
    rows: list[Row] = []
    while True:
        after = rank_position(rows[-1]) if rows else None
        window = store.get_ranking_window(board, limit, after, season=season)
        page = number_window(window)
        assert len(page) <= limit
        rows += page
        if len(page) < limit:
            return rows


def shown(row: Row) -> tuple[Any, ...]:
    """Return what is compared of a row, but for its rank, which may have a bound."""
    return row["id"], row["name"], row["score"], row.get("data", {})


def assert_ranks(rows: list[Row], expected: list[int]) -> None:
    for row, rank in zip(rows, expected, strict=True):
        assert abs(row["rank"] - rank) <= row["bound"], (row, rank)


def assert_is_kept(store: Store, board: str, season: int, expected: Kept) -> None:
    """Assert that all reads of a past season give these players with their ranks."""
    kept = expected.players
    rows = read_season(store, board, season)
    assert [shown(row) for row in rows] == [row[:4] for row in kept]
    assert_ranks(rows, [row[4] for row in kept])
    for index, (player, *_, rank) in enumerate(kept):
        window = store.get_ranking_window(board, 3, around=player, season=season)
        around = number_window(window)
        first = max(0, min(index - 1, len(kept) - 3))
        assert [shown(row) for row in around] == [row[:4] for row in kept[first : first + 3]]
        assert_ranks(around, [row[4] for row in kept[first : first + 3]])
        assert window.player and shown(window.player) == kept[index][:4]
        if not window.bound and window.of is not None:
            assert window.of == expected.of
        from_rank = number_window(store.get_ranking_window(board, 2, from_rank=rank, season=season))
        if not any(row["bound"] for row in from_rank):
            begin = next(n for n, row in enumerate(kept) if row[4] >= rank)
            assert [row["id"] for row in from_rank] == [row[0] for row in kept[begin : begin + 2]]
