"""Tables and indexes in RethinkDB: made, brought up to date, and used."""

import uuid
from contextlib import closing

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.rethinkdb import schema
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.rethinkdb.helpers import top


def test_keys_are_those_of_the_consoles_r_uuid(rethink: RethinkStore) -> None:
    for text in ("b/p", "board_1/A-b_C", "x" * 64 + "/" + "y" * 64):
        assert rethink.db.run(r.uuid(text)) == row_id(*text.split("/"))


def test_players_of_an_earlier_version_are_ranked_after_ensure(
    rethinkdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "REWRITTEN_AT_ONCE", 3)
    old = RethinkStore(f"{rethinkdb_url}_of_an_earlier_version")
    old.ensure()
    old.db.run(old.db.players.set_write_hook(None))
    for index in ("asc", "desc"):
        old.db.run(old.db.players.index_drop(index))
    old.db.run(old.db.players.index_create("season_desc", lambda row: row["score"]))
    old.create_board({"id": "b", "size": 5})
    for number in range(10):
        old.create_player("b", {"id": f"p{number}", "name": "A player", "score": number})
    old.ensure()
    assert top(old, "b") == [(f"p{number}", number) for number in reversed(range(10))]
    assert "season_desc" not in old.db.run(old.db.players.index_list())
    changed_at = old.db.players.get(row_id("b", "p1"))["changed_at"]
    before = old.db.run(changed_at)
    old.ensure()
    assert old.db.run(changed_at) == before
    old.close()


def test_a_top_is_read_by_index(rethink: RethinkStore, board: str) -> None:
    row = rethink.db.boards.get(board)
    assert "order_by(index=" in str(rethink.ranking.select_top_rows(row))
    for index in rethink.db.run(r.table("players").index_status("desc", "asc")):
        assert index["ready"]


def test_a_table_that_may_not_be_made_says_so(rethink: RethinkStore, rethinkdb_url: str) -> None:
    users = r.db("rethinkdb").table("users")
    rethink.db.run(users.insert({"id": "reader", "password": "secret"}, conflict="replace"))
    address = rethinkdb_url.replace("//", "//reader:secret@")
    rethink.db.run(r.db(address.rpartition("/")[2]).grant("reader", {"read": True, "write": True}))
    # Names that no version has had, so they are still to be made.
    with pytest.MonkeyPatch.context() as patch, closing(RethinkStore(address)) as reader:
        patch.setattr(schema, "TABLES", {"one": {}, "two": {}})
        with pytest.raises(StoreUnavailable, match="permission"):
            reader.ensure()
    rethink.db.run(users.get("reader").delete())


def test_ensure_is_safe_to_repeat(rethink: RethinkStore, board: str) -> None:
    rethink.ensure()
    assert rethink.get_board(board)["id"] == board
    assert uuid.UUID(row_id(board, "alice")).version == 5


def test_what_is_missing_is_a_fault_until_ensure(rethinkdb_url: str) -> None:
    with closing(RethinkStore(f"{rethinkdb_url}_with_faults")) as store:
        [missing] = store.examine().faults
        assert "players" in missing.text and "missing" in missing.text
        store.ensure()
        store.db.run(store.db.players.set_write_hook(None))
        store.db.run(store.db.players.index_drop("desc"))
        store.db.run(r.table_drop("tickets"))
        texts = [fault.text for fault in store.examine().faults]
        assert [word in text for word, text in zip(WORDS, texts, strict=True)] == [True] * 3
        store.ensure()
        assert store.examine().faults == []


WORDS = ("tickets", "desc", "write hook")
