"""What only RethinkDB's store has to get right: rows of any form, and writes cut short."""

from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import AlreadyExists, OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import BOARD_DEFAULTS, Amount, Import, Increment, Row
from leaderboardapp.stores.rethinkdb import database, score_updates
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.rethinkdb.helpers import top


def test_a_row_made_in_the_console_is_a_player(rethink: RethinkStore, board: str) -> None:
    row = {"board": board, "player": "bob", "name": "Bob", "score": 3, "reached_at": 1}
    rethink.db.run(r.table("players").insert({"id": r.uuid(f"{board}/bob"), **row}))
    assert rethink.add_score(board, "bob", 1)["score"] == 4
    assert top(rethink, board) == [("bob", 4), ("alice", 0)]


def test_rows_that_lack_something_keep_no_other_from_being_shown(
    rethink: RethinkStore, board: str
) -> None:
    rethink.db.run(r.table("boards").insert({"id": f"{board}-bare"}))
    for fields in ({"score": 1, "reached_at": 1}, {"name": "No score"}):
        player = {"board": f"{board}-bare", "player": "bob", **fields}
        rethink.db.run(r.table("players").insert(player))
    tops = rethink.get_top_players([board, f"{board}-bare"])
    assert [row["id"] for row in tops[board][1]] == ["alice"]
    row, [bob] = tops[f"{board}-bare"]
    assert row == {**BOARD_DEFAULTS, "id": f"{board}-bare"}
    assert (bob["id"], bob["name"], bob["score"], bob["hidden"]) == ("bob", "", 1, False)
    leader = rethink.get_leaders([f"{board}-bare"])[f"{board}-bare"]
    assert leader is not None and (leader["id"], leader["name"]) == ("bob", "")


def test_a_malformed_row_can_be_written_and_is_not_ranked(
    rethink: RethinkStore, board: str
) -> None:
    bob = {"id": row_id(board, "bob"), "board": board, "player": "bob", "reached_at": 1}
    for fields in (
        {},
        {"score": None},
        {"score": "many"},
        {"score": 1, "reached_at": {"a": "b"}},
        {"score": 1, "season": None, "hidden": 1},
    ):
        written = rethink.db.run(rethink.db.players.insert({**bob, **fields}, conflict="replace"))
        assert not written["errors"]
        assert top(rethink, board) == [("alice", 0)]
    rethink.db.run(rethink.db.players.get(bob["id"]).update({"score": 1, "hidden": None}))
    assert top(rethink, board) == [("bob", 1), ("alice", 0)]
    rethink.db.run(rethink.db.players.get(bob["id"]).replace(lambda row: row.without("score")))
    assert top(rethink, board) == [("alice", 0)]


def test_a_malformed_row_keeps_no_other_from_being_added_to(
    rethink: RethinkStore, board: str
) -> None:
    rethink.db.run(rethink.db.players.insert({"id": row_id(board, "bob"), "board": board}))
    increments = [Increment(player, 1) for player in ("alice", "bob", "alice")]
    first, second, third = rethink.add_scores(board, increments)
    assert isinstance(second, OutcomeUnknown)
    assert [row["score"] for row in (first, third) if isinstance(row, dict)] == [1, 2]
    with pytest.raises(OutcomeUnknown):
        rethink.add_score(board, "bob", 1)


@pytest.mark.parametrize(
    ("keys", "most", "queries"),
    [
        (("key", "key"), None, 1),  # the same key is in no write twice
        ((None, None), 1, 2),  # too much together, so refused, and then sent singly
    ],
)
def test_a_failure_after_something_was_written_is_an_unknown_outcome(
    rethink: RethinkStore,
    board: str,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str | None, ...],
    most: int | None,
    queries: int,
) -> None:
    rethink.update_board(board, {"max": most})
    run, allowed = rethink.db.run, iter([True] * queries)

    def fail_later(query: Any) -> Any:
        if next(allowed, False):
            return run(query)
        raise StoreUnavailable

    monkeypatch.setattr(score_updates, "WRITES_AT_ONCE", 1)
    monkeypatch.setattr(rethink.db, "run", fail_later)
    with pytest.raises(OutcomeUnknown):
        rethink.add_scores(board, [Increment("alice", 1, key) for key in keys])
    monkeypatch.undo()
    assert top(rethink, board) == [("alice", 1)]


def test_players_added_while_their_board_was_deleted_do_not_come_back(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_record = rethink.imports.record_progress

    def delete_then_record(board: str, name: str, state: Import) -> None:
        if state.done:
            rethink.delete_board(board)
        real_record(board, name, state)

    monkeypatch.setattr(rethink.imports, "record_progress", delete_then_record)
    with pytest.raises(ObjectDoesNotExist):
        rethink.import_batch(board, "f", Import(0, 10, "x"), [Amount("bob", "Bob", (3,))])
    with pytest.raises(ObjectDoesNotExist):
        rethink.get_player(board, "bob")
    latecomer = {"board": board, "player": "latecomer", "name": "", "score": 3, "reached_at": 1}
    rethink.db.run(r.table("players").insert(latecomer))
    rethink.create_board({"id": board, "name": "", "size": 5})
    assert top(rethink, board) == []


def test_a_taken_id_does_not_cost_the_board_its_players(rethink: RethinkStore, board: str) -> None:
    with pytest.raises(AlreadyExists):
        rethink.create_board({"id": board, "name": "", "size": 5})
    assert len(top(rethink, board)) == 1


@pytest.mark.parametrize("cut", ["before the players", "after the players"])
def test_an_import_batch_that_was_cut_short_counts_once(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    real_run, upto = rethink.db.run, Import(0, 10, "digest")
    amounts = [Amount("alice", "Alice", (2,)), Amount("bob", "Bob", (3,))]

    def failing_run(query: Any) -> Any:
        players = "insert(" in str(query) and "'batches'" in str(query)
        if players and cut == "before the players":
            raise StoreUnavailable("cut")
        result = real_run(query)
        if players:
            raise StoreUnavailable("cut")
        return result

    monkeypatch.setattr(rethink.db, "run", failing_run)
    with pytest.raises(StoreUnavailable, match="cut"):
        rethink.import_batch(board, "f", upto, amounts)
    monkeypatch.undo()
    assert rethink.get_import(board, "f") == upto._replace(done=False)
    rethink.import_batch(board, "f", upto, amounts)
    assert rethink.get_import(board, "f") == upto
    assert top(rethink, board) == [("bob", 3), ("alice", 2)]


def test_a_big_board_is_deleted_in_pieces(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DELETE_ROWS", 3)
    amounts = [Amount(f"p{number}", "P", (1,)) for number in range(10)]
    rethink.import_batch(board, "f", Import(0, 10, "x"), amounts)
    rethink.delete_board(board)
    rethink.db.run(rethink.db.boards.insert({"id": board}))
    assert top(rethink, board) == []


def test_a_board_that_was_deleted_in_part_is_not_said_to_be_untouched(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rethink.db, "delete_in_pieces", fail)
    with pytest.raises(OutcomeUnknown):
        rethink.delete_board(board)


def test_a_precondition_is_asked_again_when_data_has_changed_meanwhile(
    rethink: RethinkStore, board: str
) -> None:
    rethink.create_player(board, {"id": "dora", "name": "Dora", "data": {"k": 1}})
    asked = []

    def precondition() -> Row:
        row = rethink.get_player(board, "dora")
        asked.append(row["data"])
        if len(asked) == 1:
            rethink.update_player(board, "dora", {"data": {"k": 2}})
        return row

    rethink.update_player(board, "dora", {"data": {"k": 3}}, precondition)
    assert asked == [{"k": 1}, {"k": 2}]
    assert rethink.get_player(board, "dora")["data"] == {"k": 3}
