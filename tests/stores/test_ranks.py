"""Ranks, pages and windows are those of a plain model, whatever was done to the players before."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain import ranking as ranks
from leaderboardapp.domain.archive import is_erased
from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.types import RANKINGS, Increment, Row, rank_position
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import rank_blocks as rethinkdb
from leaderboardapp.stores.sql import rank_blocks as sql
from tests.support.store import read_around, read_page, read_ranked

PLAYERS = "abcdefg"
ENDED_AT = "2026-11-30T00:00:00Z"
SCORES = st.integers(-2, 2)  # few, so that there are ties

actions = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(PLAYERS)),
    st.tuples(st.just("add"), st.sampled_from(PLAYERS), SCORES),
    st.tuples(st.just("set"), st.sampled_from(PLAYERS), SCORES),
    st.tuples(st.just("best"), st.sampled_from(PLAYERS), SCORES),
    st.tuples(st.just("hide"), st.sampled_from(PLAYERS), st.booleans()),
    st.tuples(st.just("delete"), st.sampled_from(PLAYERS)),
    st.tuples(st.just("order"), st.sampled_from(["desc", "asc"])),
    st.tuples(st.just("add"), st.sampled_from(PLAYERS), SCORES, st.integers(1, 3)),
    st.tuples(st.just("ranking"), st.sampled_from(RANKINGS)),
    st.tuples(st.just("reset"), st.just("")),
)


class Model:
    """A board as a dictionary: player → [score, when it was reached, hidden, scored]."""

    def __init__(self, order: str, ranking: str, size: int) -> None:
        self.order, self.ranking, self.size = order, ranking, size
        self.players: dict[str, list[Any]] = {}
        self.past: list[list[tuple[str, int]]] = []  # of each season, the final top

    @property
    def sign(self) -> int:
        return 1 if self.order == "asc" else -1

    def counts(self, row: list[Any]) -> bool:
        """On a descending board, the 0 that a player begins with is a score."""
        return row[3] or self.order == "desc"

    def act(
        self, now: int, kind: str, player: str, value: Any = None, season: int | None = None
    ) -> None:
        if season not in (None, len(self.past) + 1):
            return
        if kind in ("order", "ranking"):
            setattr(self, kind, player)
        elif kind == "reset":
            self.past.append([(player, score) for player, score, _ in self.ranked()[: self.size]])
            for row in self.players.values():
                row[0], row[3] = 0, False
        elif kind == "create":
            self.players.setdefault(player, [0, now, False, False])
        elif kind == "delete":
            if self.players.pop(player, None):
                self.past = [[row for row in top if row[0] != player] for top in self.past]
        elif player in self.players:
            row = self.players[player]
            if kind == "hide":
                row[2] = value
                return
            new = row[0] + value if kind == "add" else value
            worse = (row[0] - new) * self.sign <= 0
            if kind == "best" and self.counts(row) and worse:
                return
            moved = new != row[0] or not self.counts(row)
            row[:] = [new, now if moved else row[1], row[2], True]

    def ranked(self) -> list[tuple[str, int, int]]:
        """Players with score and rank, best first."""
        rows = [(p, row) for p, row in self.players.items() if self.counts(row) and not row[2]]
        rows.sort(key=lambda item: (item[1][0] * self.sign, item[1][1]))
        scores = [row[0] for _, row in rows]
        distinct = sorted(set(scores), key=lambda score: score * self.sign)
        ranks_of = {
            "ordinal": [index + 1 for index in range(len(rows))],
            "competition": [scores.index(score) + 1 for score in scores],
            "dense": [distinct.index(score) + 1 for score in scores],
        }[self.ranking]
        return [(p, row[0], rank) for (p, row), rank in zip(rows, ranks_of, strict=True)]


def act(
    store: Store, board: str, kind: str, player: str, value: Any = None, season: int | None = None
) -> None:
    match kind:
        case "order" | "ranking":
            store.update_board(board, {kind: player})
        case "reset":
            row = store.get_board(board)
            store.start_next_season(board, row["season"], ENDED_AT)
        case "create":
            store.create_player(board, {"id": player, "name": player})
        case "delete":
            store.delete_player(board, player)
        case "hide":
            store.update_player(board, player, {"hidden": value})
        case "add":
            [result] = store.add_scores(board, [Increment(player, value, season=season)])
            assert not isinstance(result, Exception) or isinstance(result, WrongSeason)
        case _:
            store.set_score(board, player, value, only_better=kind == "best")


def id_score_rank(rows: list[Row]) -> list[tuple[str, int, int]]:
    return [(row["id"], row["score"], row["rank"]) for row in rows]


def window(ranked: list[Any], index: int, limit: int) -> list[Any]:
    """`limit` rows with the one at `index` among them, in the middle if there are enough."""
    first = max(0, min(index - (limit - 1) // 2, len(ranked) - limit))
    return ranked[first : first + limit]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a few players make several."""
    for module in (rethinkdb, sql):
        monkeypatch.setattr(module, "BLOCK", 2)
        monkeypatch.setattr(module, "MOST", 3)


def assert_windows(store: Store, row: Row, model: Model, limit: int) -> None:
    """Each ranked player has the model's rank and window, and each other one has neither."""
    board, expected = row["id"], model.ranked()
    for index, (player, _, rank) in enumerate(expected):
        ranked = read_ranked(store, board, player)
        assert ranked and ranked["rank"] == rank
        around = read_around(store, board, player, limit)
        assert id_score_rank(around) == window(expected, index, limit)
    for player in model.players.keys() - {player for player, *_ in expected}:
        assert read_ranked(store, board, player) is None
        assert read_around(store, board, player, limit) == []


@settings(max_examples=25)
@given(
    st.sampled_from(["desc", "asc"]),
    st.sampled_from(RANKINGS),
    st.lists(actions, max_size=30),
    st.integers(1, 4),
)
def test_ranks_pages_and_windows_are_those_of_the_model(
    store: Store, small_blocks: None, order: str, ranking: str, done: list[Any], limit: int
) -> None:
    board = uuid.uuid4().hex
    store.create_board({"id": board, "order": order, "ranking": ranking, "size": limit})
    model = Model(order, ranking, limit)
    for now, (kind, player, *values) in enumerate(done):
        if kind in ("order", "ranking", "reset") or (kind == "create") != (player in model.players):
            act(store, board, kind, player, *values)
        model.act(now, kind, player, *values)
        while store.run_maintenance(board):
            pass
    row, expected = store.get_board(board), model.ranked()
    assert row["season"] == len(model.past) + 1
    for season, top in enumerate(model.past, start=1):
        ended_at, _, players = store.get_season(board, season)
        assert ended_at == ENDED_AT
        kept = [player for player in players if not is_erased(player)]
        assert [(player["id"], player["score"]) for player in kept] == top

    paged: list[Row] = []
    while page := read_page(store, board, limit, rank_position(paged[-1]) if paged else None):
        assert len(page) == min(limit, len(expected) - len(paged))
        paged += page
    assert id_score_rank(paged) == expected
    assert (
        id_score_rank(ranks.assign_ranks(row, store.get_top_players([board])[board][1]))
        == expected[:limit]
    )
    assert_windows(store, row, model, limit)


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [("ordinal", [4, 5, 6, 7]), ("competition", [3, 5, 5, 7]), ("dense", [2, 3, 3, 4])],
)
def test_rows_are_numbered_from_the_middle_of_a_ranking(ranking: str, expected: list[int]) -> None:
    board: Row = {"ranking": ranking}
    rows: list[Row] = [{"id": "p", "score": score} for score in (7, 5, 5, 1)]
    # Before them: a 9, an 8 in dense ranking's eyes, and another 7.
    first = {"ordinal": 4, "competition": 3, "dense": 2}[ranking]
    assert [row["rank"] for row in ranks.assign_ranks(board, rows, 4, first)] == expected
