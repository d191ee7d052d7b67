"""Past seasons in SQL databases: other programs, plans of reads, blocks, pieces of work."""

import re
from typing import Any

import pytest
from django.db import connection, transaction

from leaderboardapp.domain.ranking import number_window
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.sql import maintenance, rank_blocks
from leaderboardapp.stores.sql.models import BlockRow, PastRow, SeasonRow
from tests.stores.contract.archive_model import ENDED_AT, read_season

pytestmark = pytest.mark.stores("sqlite", "postgresql")
PLAYERS = [f"p{number:02}" for number in range(20)]
OTHERS_WRITES = [
    "UPDATE player SET score = score + 5 WHERE board_id = %s",
    "UPDATE player SET name = 'X', data = '{}' WHERE board_id = %s",
    "UPDATE player SET hidden = TRUE WHERE board_id = %s",
    "UPDATE player SET season = season + 1, score = 3 WHERE board_id = %s AND season = 1",
    "UPDATE player SET keys = '[]', email = NULL WHERE board_id = %s",
    "UPDATE player SET reached_at = 1 WHERE board_id = %s",
    "DELETE FROM player WHERE board_id = %s",
]


def execute(sql: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def board(store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A board whose season has ended, with most players not carried over yet, and with blocks."""
    monkeypatch.setattr(maintenance, "CARRY_OVER_ROWS", 3)
    monkeypatch.setattr(rank_blocks, "BLOCK", 4)
    monkeypatch.setattr(rank_blocks, "MOST", 8)
    store.create_board({"id": board_id})
    for number, player in enumerate(PLAYERS):
        row = {"id": player, "name": player, "score": number // 3, "data": {"k": number}}
        store.create_player(board_id, row)
    finish(store, board_id)
    store.start_next_season(board_id, 1, ENDED_AT)
    return board_id


def finish(store: Store, board: str) -> None:
    while store.run_maintenance(board):
        pass


@pytest.mark.parametrize("sql", OTHERS_WRITES)
def test_what_another_program_writes_is_lost_to_no_past_season(
    store: Store, board: str, sql: str
) -> None:
    before = read_season(store, board, 1)
    assert len(before) == len(PLAYERS)
    execute(sql, [board])
    assert read_season(store, board, 1) == before
    execute(
        "UPDATE player SET season = 1, score = 77 WHERE board_id = %s AND player = 'p00'", [board]
    )
    finish(store, board)
    assert read_season(store, board, 1) == before
    assert PastRow.objects.filter(board_id=board).count() == len(PLAYERS)
    window = store.get_ranking_window(board, 1, around="p07", season=1)
    expected = {row["id"]: row["rank"] for row in before}
    assert [row["rank"] for row in number_window(window)] == [expected["p07"]]


def test_a_row_that_another_program_changes_is_carried_over(store: Store, board: str) -> None:
    execute("UPDATE player SET score = 50 WHERE board_id = %s AND player = 'p00'", [board])
    row = store.get_player(board, "p00")
    assert (row["score"], row["not_carried_over"]) == (0, False)
    execute(
        "UPDATE player SET score = 50, season = 2 WHERE board_id = %s AND player = 'p01'", [board]
    )
    assert store.get_player(board, "p01")["score"] == 50
    assert store.get_ranking_window(board, 1, around="p01").before == 0


def test_blocks_of_a_past_season_stay_and_those_of_the_running_one_are_its_own(
    store: Store, board: str
) -> None:
    ended = [*BlockRow.objects.filter(board_id=board, season=1).values_list("place", "count")]
    assert sum(count for _, count in ended) == len(PLAYERS)
    finish(store, board)
    for player in PLAYERS:
        store.add_score(board, player, 7)
    store.update_board(board, {"ranking": "dense"})
    finish(store, board)
    assert [
        *BlockRow.objects.filter(board_id=board, season=1).values_list("place", "count")
    ] == ended
    assert SeasonRow.objects.get(board_id=board).archive == SeasonRow.WHOLE


def test_a_past_season_that_had_no_blocks_gets_them(store: Store, board: str) -> None:
    before = read_season(store, board, 1)
    BlockRow.objects.filter(board_id=board).delete()
    assert read_season(store, board, 1) == before
    finish(store, board)
    assert BlockRow.objects.filter(board_id=board, season=1).count() > 2
    for row in before:
        [numbered] = number_window(store.get_ranking_window(board, 1, around=row["id"], season=1))
        assert numbered["rank"] == row["rank"]


@pytest.mark.parametrize("carried_over", [False, True])
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_every_read_of_a_past_season_is_by_index(
    store: Store, board_id: str, board: str, order: str, carried_over: bool
) -> None:
    store.update_board(board, {"order": order})
    store.start_next_season(board, 2, ENDED_AT)
    store.update_board(board, {"ranking": "dense"})
    for player in PLAYERS:
        store.add_score(board, player, 1)
    store.start_next_season(board, 3, ENDED_AT)
    if carried_over:
        finish(store, board)
    plans: list[str] = []

    def explain(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.search(r'FROM "?(player|past)\b', sql):
            prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            run(f"{prefix} {sql}", params, many, context)
            plans.extend(str(step[-1]) for step in context["cursor"].fetchall())
        return run(sql, params, many, context)

    if connection.vendor == "postgresql":
        execute("SET enable_seqscan = off", [])  # as with many players
        execute("SET enable_bitmapscan = off", [])
        execute("SET enable_sort = off", [])
    with connection.execute_wrapper(explain):
        for season in (1, 2, 3):
            store.get_ranking_window(board, 5, season=season)
            store.get_ranking_window(board, 5, around="p05", season=season)
            store.get_ranking_window(board, 5, from_rank=3, season=season)
        store.list_player_seasons(board, "p05", None, 5)
        store.delete_player(board, "p05")
    assert len(plans) >= 10
    assert "past_player" in " ".join(plans) and "past_ranked" in " ".join(plans)
    for plan in plans:
        assert not re.match(r"SCAN (player|past)\b", plan), plans
        assert not re.search(r"Seq Scan on (player|past)\b", plan), plans


@pytest.mark.stores("postgresql")
def test_moving_a_player_searches_no_season_for_it_even_without_statistics(
    store: Store, board: str
) -> None:
    searches = "SELECT pg_stat_get_xact_numscans('past_ranked'::regclass)"
    with transaction.atomic(), connection.cursor() as cursor:
        before = cursor.execute(searches).fetchone()  # counted earlier, and not sent yet
        cursor.execute("UPDATE player SET reached_at = reached_at WHERE board_id = %s", [board])
        assert PastRow.objects.filter(board_id=board).count() == len(PLAYERS)
        assert cursor.execute(searches).fetchone() == before


def test_players_of_seasons_that_are_kept_no_longer_are_deleted_in_pieces(
    store: Store, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "DELETE_ROWS", 7)
    finish(store, board)
    store.update_board(board, {"keep_seasons": 1})
    store.start_next_season(board, 2, ENDED_AT)
    pieces = [PastRow.objects.filter(board_id=board, season=1).count()]
    while store.run_maintenance(board):
        pieces.append(PastRow.objects.filter(board_id=board, season=1).count())
    assert pieces[0] == len(PLAYERS) and pieces[-1] == 0
    assert max(one - other for one, other in zip(pieces, pieces[1:], strict=False)) == 7
    assert not BlockRow.objects.filter(board_id=board, season=1).exists()
    assert len(read_season(store, board, 2)) == len(PLAYERS)
