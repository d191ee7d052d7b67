"""The contract that every store passes: past seasons with all ranked players."""

import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    PlayerNotFound,
    SeasonNotFound,
)
from leaderboardapp.domain.ranking import assign_ranks, number_window
from leaderboardapp.domain.types import RANKINGS, Amount, Import, Increment
from leaderboardapp.stores.base import Store
from tests.stores.contract.archive_model import (
    ENDED_AT,
    Kept,
    Model,
    assert_is_kept,
    read_season,
    shown,
)

PIECES = {"CARRY_OVER_ROWS": 2, "DELETE_ROWS": 2, "BLOCK": 2, "MOST": 3}


@pytest.fixture(autouse=True)
def small_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a few players are several pieces of work, and several blocks."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("leaderboardapp.stores"):
            for constant, value in PIECES.items():
                if hasattr(module, constant):
                    monkeypatch.setattr(module, constant, value)


def fill(store: Store, board: str, scores: dict[str, int]) -> None:
    for player, score in scores.items():
        store.create_player(board, {"id": player, "name": player.title(), "score": score})


def finish(store: Store, board: str) -> None:
    while store.run_maintenance(board):
        pass


def end_season(store: Store, board: str) -> int:
    """End the running season; return its number."""
    season: int = store.get_board(board)["season"]
    store.start_next_season(board, season, ENDED_AT)
    return season


def scores_of(store: Store, board: str, season: int) -> list[tuple[str, int, int]]:
    return [(row["id"], row["score"], row["rank"]) for row in read_season(store, board, season)]


TEN = {f"p{number}": number // 2 for number in range(10)}


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_the_whole_ranking_is_read_before_and_after_each_piece_of_carrying_over(
    store: Store, board: str, order: str, ranking: str
) -> None:
    store.update_board(board, {"order": order, "ranking": ranking})
    fill(store, board, TEN)
    store.create_player(board, {"id": "unscored", "name": "Unscored"})
    store.create_player(board, {"id": "hidden", "name": "Hidden", "score": 9})
    store.update_player(board, "hidden", {"hidden": True})
    finish(store, board)
    before = number_window(store.get_ranking_window(board, 100))
    expected = Kept.from_rows(before, ranking == "dense")
    assert len(before) == (11 if order == "desc" else 10)
    end_season(store, board)
    assert_is_kept(store, board, 1, expected)
    store.run_maintenance(board)
    assert_is_kept(store, board, 1, expected)
    while store.run_maintenance(board):
        rows = read_season(store, board, 1)
        assert [shown(row) for row in rows] == [row[:4] for row in expected.players]
    assert_is_kept(store, board, 1, expected)


def test_the_board_of_a_past_season_is_as_it_was(store: Store, board: str) -> None:
    fill(store, board, {"alice": 1})
    store.update_board(board, {"order": "asc", "size": 3})
    end_season(store, board)
    store.update_board(board, {"order": "desc", "name": "Another", "ranking": "dense"})
    window = store.get_ranking_window(board, 1, season=1)
    assert window.board["id"] == board and window.board["season"] == 1
    assert [window.board[name] for name in ("order", "name", "size")] == ["asc", "A board", 3]


WRITES: dict[str, Callable[[Store, str, str], Any]] = {
    "increment": lambda store, board, player: store.add_score(board, player, 5),
    "bulk": lambda store, board, player: store.add_scores(board, [Increment(player, 50)] * 2),
    "set": lambda store, board, player: store.set_score(board, player, 99, only_better=True),
    "import": lambda store, board, player: store.import_batch(
        board, player, Import(0, 9, "x"), [Amount(player, "X", (1, 2))]
    ),
    "rename": lambda store, board, player: store.update_player(board, player, {"name": "X"}),
    "data": lambda store, board, player: store.update_player(board, player, {"data": {"k": 2}}),
    "hide": lambda store, board, player: store.update_player(board, player, {"hidden": True}),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("carried_over", [False, True])
def test_no_write_changes_a_past_season(
    store: Store, board: str, write: str, carried_over: bool
) -> None:
    fill(store, board, TEN)
    for player in TEN:
        store.update_player(board, player, {"data": {"k": 1}})
    end_season(store, board)
    before = read_season(store, board, 1)
    if carried_over:
        finish(store, board)
    for player in TEN:
        WRITES[write](store, board, player)
        assert read_season(store, board, 1) == before
    finish(store, board)
    assert read_season(store, board, 1) == before
    assert {row["data"]["k"] for row in before} == {1}
    end_season(store, board)
    finish(store, board)
    assert read_season(store, board, 1) == before


def test_who_was_hidden_at_the_end_is_in_no_past_season(store: Store, board: str) -> None:
    fill(store, board, TEN)
    for player in ("p3", "p4", "p5"):
        store.update_player(board, player, {"hidden": True})
    end_season(store, board)
    before = scores_of(store, board, 1)
    assert len(before) == 7
    store.update_player(board, "p3", {"hidden": False})
    store.add_score(board, "p4", 1)
    store.delete_player(board, "p5")
    finish(store, board)
    assert scores_of(store, board, 1) == before
    assert seasons_of(store, board, "p3", None, 9) == []


def test_seasons_that_end_one_after_the_other_lose_nothing(store: Store, board: str) -> None:
    fill(store, board, TEN)
    first = [(*row[:2], row[2]) for row in scores_of_running(store, board)]
    end_season(store, board)
    store.set_score(board, "p0", 3, only_better=False)
    running = scores_of_running(store, board)
    end_season(store, board)
    end_season(store, board)
    for _ in range(2):
        assert scores_of(store, board, 1) == first
        assert scores_of(store, board, 2) == running
        finish(store, board)


def scores_of_running(store: Store, board: str) -> list[tuple[str, int, int]]:
    rows = number_window(store.get_ranking_window(board, 100))
    return [(row["id"], row["score"], row["rank"]) for row in rows]


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("carried_over", [False, True])
def test_erasing_players_changes_nobody_elses_rank(
    store: Store, board: str, carried_over: bool, ranking: str
) -> None:
    store.update_board(board, {"ranking": ranking, "size": 4})
    fill(store, board, TEN)
    end_season(store, board)
    if carried_over:
        finish(store, board)
    expected = Kept.from_rows(read_season(store, board, 1), ranking == "dense")
    top = expected.players[:4]
    for player in ("p5", "p9", "p4", "p0", "p8"):
        store.delete_player(board, player)
        expected.erase(player)
        assert_is_kept(store, board, 1, expected)
        window = store.get_ranking_window(board, 1, around=player, season=1)
        assert (window.player, window.rows) == (None, [])
    finish(store, board)
    assert_is_kept(store, board, 1, expected)
    _, row, players = store.get_season(board, 1)
    ranked = [(player["id"], player["rank"]) for player in assign_ranks(row, players)]
    assert ranked == [(id, rank) for id, *_, rank in top if id not in ("p9", "p8")]


@pytest.mark.parametrize("carried_over", [False, True])
def test_an_erased_player_in_a_tie_keeps_its_rank_and_no_trace_of_its_id(
    store: Store, board: str, clock: Callable[[int], None], carried_over: bool
) -> None:
    fill(store, board, dict.fromkeys(["alice", "alice-", "bob", "carl", "dora"], 7))
    end_season(store, board)
    if carried_over:
        finish(store, board)
    expected = Kept.from_rows(read_season(store, board, 1), is_dense=False)
    for player in ("carl", "bob", "alice", "alice-"):
        store.delete_player(board, player)
        expected.erase(player)
        assert_is_kept(store, board, 1, expected)
    _, _, top = store.get_season(board, 1)
    text = str([*top, *store.get_ranking_window(board, 100, season=1).rows]).lower()
    assert "dora" in text
    assert not [name for name in ("alice", "bob", "carl") if name in text]


def test_a_player_who_was_erased_and_joins_again_has_no_past(store: Store, board: str) -> None:
    fill(store, board, TEN)
    end_season(store, board)
    store.delete_player(board, "p9")
    fill(store, board, {"p9": 3})
    assert store.list_player_seasons(board, "p9", None, 10)[1] == []
    assert scores_of(store, board, 1)[:2] == [("p8", 4, 1), ("p6", 3, 3)]


def test_only_as_many_past_seasons_are_kept_as_the_board_says(store: Store, board: str) -> None:
    store.update_board(board, {"keep_seasons": 2})
    fill(store, board, TEN)
    for _ in range(3):
        end_season(store, board)
    for _ in range(2):
        assert [number for number, _ in store.list_seasons(board, None, 10)[1]] == [3, 2]
        with pytest.raises(SeasonNotFound):
            store.get_season(board, 1)
        with pytest.raises(SeasonNotFound):
            store.get_ranking_window(board, 1, season=1)
        assert 1 not in seasons_of(store, board, "p9", None, 10)
        finish(store, board)
    store.update_board(board, {"keep_seasons": 1})
    assert len(store.list_seasons(board, None, 10)[1]) == 2  # until the next season ends
    end_season(store, board)
    assert [number for number, _ in store.list_seasons(board, None, 10)[1]] == [4]
    store.update_board(board, {"keep_seasons": None})
    for _ in range(3):
        end_season(store, board)
    assert [number for number, _ in store.list_seasons(board, None, 10)[1]] == [7, 6, 5, 4]


def test_a_players_own_history_is_listed_newest_first(store: Store, board: str) -> None:
    store.update_board(board, {"order": "asc", "ranking": "competition"})
    fill(store, board, {"alice": 5, "bob": 5, "carl": 1})
    end_season(store, board)
    store.set_score(board, "alice", 3, only_better=False)
    end_season(store, board)
    store.set_score(board, "bob", 3, only_better=False)
    end_season(store, board)
    store.update_board(board, {"order": "desc", "ranking": "ordinal"})
    for _ in range(2):
        row, past = store.list_player_seasons(board, "alice", None, 10)
        assert row["season"] == 4
        assert [season.row["score"] for season in past] == [3, 5]
        assert {season.ended_at for season in past} == {ENDED_AT}
        assert [season.board["order"] for season in past] == ["asc", "asc"]
        for season, rank, of in zip(past, (1, 2), (1, 3), strict=True):
            assert abs(season.row["rank"] - rank) <= season.bound
            assert season.bound or season.of in (of, None)
        assert seasons_of(store, board, "alice", None, 10) == [2, 1]
        assert seasons_of(store, board, "alice", 2, 10) == [1]
        assert seasons_of(store, board, "bob", None, 1) == [3]
        finish(store, board)


def seasons_of(store: Store, board: str, player: str, before: int | None, limit: int) -> list[int]:
    _, past = store.list_player_seasons(board, player, before, limit)
    return [season.board["season"] for season in past]


def test_what_is_missing_is_not_found(store: Store, board: str) -> None:
    fill(store, board, {"alice": 1})
    end_season(store, board)
    for season in (2, 3, 0):
        with pytest.raises(SeasonNotFound):
            store.get_ranking_window(board, 1, season=season)
    with pytest.raises(BoardNotFound):
        store.get_ranking_window("nowhere", 1, season=1)
    with pytest.raises(BoardNotFound):
        store.list_player_seasons("nowhere", "alice", None, 1)
    with pytest.raises(PlayerNotFound):
        store.list_player_seasons(board, "bob", None, 1)


def test_a_board_that_is_made_again_has_no_past(store: Store, board: str) -> None:
    fill(store, board, TEN)
    end_season(store, board)
    store.delete_board(board)
    store.create_board({"id": board})
    fill(store, board, {"p1": 2})
    with pytest.raises(SeasonNotFound):
        store.get_ranking_window(board, 1, season=1)
    end_season(store, board)
    finish(store, board)
    assert scores_of(store, board, 1) == [("p1", 2, 1)]


PLAYERS = st.sampled_from("abcdef")
SCORES = st.integers(-2, 2)
actions = st.one_of(
    st.tuples(st.just("create"), PLAYERS, SCORES | st.none()),
    st.tuples(st.just("set"), PLAYERS, SCORES),
    st.tuples(st.just("add"), PLAYERS, SCORES),
    st.tuples(st.just("name"), PLAYERS, st.sampled_from(["X", "Y"])),
    st.tuples(st.just("data"), PLAYERS, st.sampled_from([{}, {"k": 1}])),
    st.tuples(st.just("hidden"), PLAYERS, st.booleans()),
    st.tuples(st.just("delete"), PLAYERS),
    st.tuples(st.just("reset")),
    st.tuples(st.just("piece")),
    st.tuples(st.just("tick")),
    st.tuples(st.just("order"), st.sampled_from(["desc", "asc"])),
    st.tuples(st.just("ranking"), st.sampled_from(RANKINGS)),
    st.tuples(st.just("keep"), st.sampled_from([1, 2, None])),
)


def act(store: Store, board: str, model: Model, kind: str, *values: Any) -> None:
    """Do it to the model, and to the store."""
    match kind, *values:
        case "reset":
            for player, row in model.players.items():
                row["ranked"] = not store.get_player(board, player)["not_carried_over"]
            model.reset()
            end_season(store, board)
        case ("piece",):
            store.run_maintenance(board)
        case "order" | "ranking", value:
            setattr(model, kind, value)
            store.update_board(board, {kind: value})
        case "keep", value:
            model.keep = value
            store.update_board(board, {"keep_seasons": value})
        case "create", player, score:
            model.players[player] = new_player(model, player, score)
            store.create_player(board, {"id": player, "name": player, "score": score})
        case "delete", player:
            model.delete(player)
            store.delete_player(board, player)
        case "set", player, score:
            model.write(player, score)
            store.set_score(board, player, score, only_better=False)
        case "add", player, amount:
            model.write(player, model.players[player]["score"] + amount)
            store.add_score(board, player, amount)
        case _, player, value:
            model.players[player][kind] = value
            store.update_player(board, player, {kind: value})


def new_player(model: Model, player: str, score: int | None) -> dict[str, Any]:
    scored = {"score": score or 0, "scored": score is not None, "at": model.now, "ranked": True}
    return {"name": player, "data": {}, "hidden": False, **scored}


@settings(max_examples=40)
@given(st.lists(actions, max_size=25))
def test_past_seasons_are_those_of_the_model_after_each_step(
    store: Store, clock: Callable[[int], None], done: list[Any]
) -> None:
    board, model = uuid.uuid4().hex, Model()
    store.create_board({"id": board})
    for kind, *values in done:
        if kind == "tick":
            model.now += 1
        elif (
            not values
            or not isinstance(values[0], str)
            or len(values[0]) > 1
            or (kind == "create") != (values[0] in model.players)
        ):
            clock(model.now)
            act(store, board, model, kind, *values)
        for season, expected in model.past.items():
            rows = read_season(store, board, season)
            assert [shown(row) for row in rows] == [row[:4] for row in expected.players]
    for season, expected in model.past.items():
        assert_is_kept(store, board, season, expected)
    assert [number for number, _ in store.list_seasons(board, None, 99)[1]] == [*model.past][::-1]
