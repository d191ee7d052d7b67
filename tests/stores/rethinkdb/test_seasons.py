"""Resets in RethinkDB, which has no transactions: writes between the steps of a reset."""

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.increment_runs import IncrementRun
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.score_fields import increment_fields
from leaderboardapp.stores.rethinkdb.store import RethinkStore


@pytest.fixture
def board(rethink: RethinkStore, board_id: str) -> str:
    """Create a board with one player, alice, who has 0."""
    rethink.create_board({"id": board_id})
    rethink.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


def test_a_reset_that_comes_too_late_leaves_the_archive_as_it_is(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rethink.add_score(board, "alice", 7)
    first_reads = [rethink.get_board(board)]
    rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    real_get = rethink.db.get_board
    monkeypatch.setattr(
        rethink.db, "get_board", lambda id: first_reads.pop() if first_reads else real_get(id)
    )
    with pytest.raises(WrongSeason, match="season 2"):
        rethink.start_next_season(board, 1, "2027-01-01T00:00:00Z")
    ended_at, _, [alice] = rethink.get_season(board, 1)
    assert (ended_at, alice["score"]) == ("2026-11-30T00:00:00Z", 7)


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("carried_over", [True, False])
def test_what_is_written_during_a_reset_is_in_the_archive_of_its_season(
    rethink: RethinkStore,
    monkeypatch: pytest.MonkeyPatch,
    board_id: str,
    order: str,
    carried_over: bool,
) -> None:
    rethink.create_board({"id": board_id, "order": order, "size": 2})
    scores = {"alice": 1, "bob": 2, "carol": 3, "idle": None}
    for player, score in scores.items():
        rethink.create_player(board_id, {"id": player, "name": player, "score": score})
    real_record = rethink.seasons._record

    def record_with_writes(row: Row, ended_at: str, *, final: bool) -> None:
        if final and carried_over:
            rethink.run_maintenance(board_id)
        elif final:
            rethink.add_score(board_id, "alice", 1)
        if final:
            rethink.create_player(board_id, {"id": "new", "name": "New", "score": 9})
        real_record(row, ended_at, final=final)
        if not final:
            rethink.add_score(board_id, "alice", 7, season=1)
            rethink.add_score(board_id, "alice", -18 if order == "asc" else 2, season=1)

    monkeypatch.setattr(rethink.seasons, "_record", record_with_writes)
    rethink.start_next_season(board_id, 1, "2026-11-30T00:00:00Z")
    kept = [(row["id"], row["score"]) for row in rethink.get_season(board_id, 1)[2]]
    assert kept == (
        [("alice", -10), ("bob", 2)] if order == "asc" else [("alice", 10), ("carol", 3)]
    )


def test_a_season_that_ends_at_once_leaves_the_archive_of_the_one_before(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for player, score in (("bob", 7), ("carol", 9), ("dave", 8)):
        rethink.create_player(board, {"id": player, "name": player, "score": score})
    real_record = rethink.seasons._record

    def end_the_next_one_first(row: Row, ended_at: str, *, final: bool) -> None:
        if final and row["season"] == 1:
            rethink.add_score(board, "bob", 5)
            rethink.update_player(board, "carol", {"hidden": True})
            rethink.delete_player(board, "dave")
            rethink.start_next_season(board, 2, ended_at)
        real_record(row, ended_at, final=final)

    monkeypatch.setattr(rethink.seasons, "_record", end_the_next_one_first)
    rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    first, second = (
        [(row["id"], row["score"]) for row in rethink.get_season(board, season)[2]]
        for season in (1, 2)
    )
    assert first == [("carol", 9), ("!", 8), ("bob", 7), ("alice", 0)]
    assert second == [("bob", 5)]  # nobody else had come to it


def test_a_malformed_player_who_scores_during_a_reset_does_not_stop_it(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rethink.db.run(rethink.db.players.get(row_id(board, "alice")).update({"score": "many"}))
    rethink.create_player(board, {"id": "bob", "name": "Bob", "score": 7})
    real_record = rethink.seasons._record

    def record_with_writes(row: Row, ended_at: str, *, final: bool) -> None:
        if final:
            assert rethink.add_score(board, "alice", 1)["score"] == 1  # of the next season
        real_record(row, ended_at, final=final)

    monkeypatch.setattr(rethink.seasons, "_record", record_with_writes)
    rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    assert [row["id"] for row in rethink.get_season(board, 1)[2]] == ["bob"]


def test_an_increment_that_comes_during_a_reset_counts_for_one_season(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The increment was sent before the reset, and uses the board's document of that time."""
    rethink.add_score(board, "alice", 7)
    ended = rethink.get_board(board)
    real_record = rethink.seasons._record

    def add_late(row: Row, ended_at: str, *, final: bool) -> None:
        real_record(row, ended_at, final=final)
        if final:
            run = IncrementRun([(0, Increment("alice", 1))]).to_wire(now_us())
            alice = rethink.db.players.get(row_id(board, "alice"))
            rethink.db.run(
                alice.update(lambda old: increment_fields(r.expr(ended), old, r.expr(run)))
            )

    monkeypatch.setattr(rethink.seasons, "_record", add_late)
    rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    assert [row["score"] for row in rethink.get_season(board, 1)[2]] == [8]
    assert rethink.get_player(board, "alice")["score"] == 0


def test_a_player_deleted_before_the_season_ends_is_not_in_the_archive(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_record = rethink.seasons._record

    def record_then_delete(row: Row, ended_at: str, *, final: bool) -> None:
        real_record(row, ended_at, final=final)
        if not final:
            rethink.delete_player(board, "alice")

    monkeypatch.setattr(rethink.seasons, "_record", record_then_delete)
    rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    assert rethink.get_season(board, 1)[2] == []


def test_a_board_deleted_during_its_reset_leaves_no_archive(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_record = rethink.seasons._record

    def delete_then_record(row: Row, ended_at: str, *, final: bool) -> None:
        rethink.delete_board(board)
        real_record(row, ended_at, final=final)

    monkeypatch.setattr(rethink.seasons, "_record", delete_then_record)
    with pytest.raises(ObjectDoesNotExist):
        rethink.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    rows = rethink.db.seasons.between([board, 0], [board, r.maxval], index="board")
    assert rethink.db.run(rows) == []
