"""The contract that every store passes: data of players, and what a board shows of it."""

import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples

from leaderboardapp.domain.exceptions import PlayerNotFound
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.domain.types import Amount, Import, Row, rank_position
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.realtime.publish import ProxyPublisher, PublishBatch
from leaderboardapp.snapshots import read_snapshots
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.streams import Feed
from tests.stores.contract.helpers import add_player, wait_for_change
from tests.support.player_data import player_data
from tests.support.programs import wait_until
from tests.support.store import read_page

# What means something to RethinkDB's server, to JavaScript, or to SQL.
STRANGE: Row = {
    "$reql_type$": "TIME",
    "__proto__": {"$reql_type$": "BINARY", "data": "!"},
    "'; DROP TABLE player; --": "%s %(board)s",
    "": [None, True, -0.5, 5e-324, 2**53 - 1, "\u2028\x01\U0001f3c1"],
}
DATA: Row = {"country": "NL", "level": 7, "gear": ["hat"]}


def data_of(store: Store, board: str, player: str) -> Any:
    return store.get_player(board, player).get("data", {})


@examples(max_examples=25)
@given(player_data)
@example({})
@example(STRANGE)
def test_data_comes_back_as_it_was_written(store: Store, board: str, data: Row) -> None:
    player = uuid.uuid4().hex
    created = store.create_player(board, {"id": player, "name": "P", "data": data})
    assert created == store.get_player(board, player)
    assert created.get("data", {}) == data
    changed = store.update_player(board, player, {"data": {"k": data}} if data else {})
    assert changed.get("data", {}) == ({"k": data} if data else {})
    assert data_of(store, board, player) == changed.get("data", {})


def test_data_is_in_every_row_that_is_read(store: Store, board: str) -> None:
    for player in ("alice", "bob", "carol", "dora"):
        store.create_player(board, {"id": player, "name": player, "data": {"who": player}})
    add_player(store, board, "ed")
    store.update_player(board, "dora", {"hidden": True})
    [alice, bob, carol, ed] = read_page(store, board, 9)
    assert [row["data"]["who"] for row in (alice, bob, carol)] == ["alice", "bob", "carol"]
    assert "data" not in ed
    assert store.get_ranking_window(board, 3, around="bob").rows[0]["data"] == {"who": "alice"}
    window = store.get_ranking_window(board, 1, around="bob")
    assert window.player and window.player["data"] == {"who": "bob"}
    after = store.get_ranking_window(board, 1, after=rank_position(bob))
    assert after.rows[0]["data"] == {"who": "carol"}
    [dora] = store.list_hidden(board, "", 9).rows
    assert dora["data"] == {"who": "dora"}


def test_data_is_replaced_whole_and_alone(store: Store, board: str) -> None:
    store.create_player(board, {"id": "alice", "name": "Alice", "score": 3, "data": DATA})
    before = store.get_player(board, "alice")
    assert store.update_player(board, "alice", {"name": "A"})["data"] == DATA
    changed = store.update_player(board, "alice", {"data": {"level": 8}})
    assert changed == {**before, "name": "A", "data": {"level": 8}}
    assert "data" not in store.update_player(board, "alice", {"data": {}})
    assert "data" not in store.get_player(board, "alice")


def test_writes_of_scores_and_seasons_leave_data(store: Store, board: str) -> None:
    for player in ("alice", "bob"):
        store.create_player(board, {"id": player, "name": player, "data": DATA})
    store.add_score(board, "alice", 2, key="k", name="Al")
    store.set_score(board, "alice", 9, only_better=True, name="Al")
    store.import_batch(board, "f", Import(0, 1, "a"), [Amount("alice", "Al", (1,), {"new": 1})])
    store.update_player(board, "bob", {"hidden": True})
    store.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    store.add_score(board, "bob", 2)
    assert data_of(store, board, "alice") == data_of(store, board, "bob") == DATA
    assert store.add_score(board, "carol", 1, name="Carol")["created"]
    assert data_of(store, board, "carol") == {}


def test_an_import_gives_data_to_those_whom_it_creates(store: Store, board: str) -> None:
    amounts = [Amount("alice", "Alice", (1,), STRANGE), Amount("bob", "Bob", (2,))]
    store.import_batch(board, "f", Import(0, 2, "a"), amounts)
    assert data_of(store, board, "alice") == STRANGE
    assert data_of(store, board, "bob") == {}
    refused = [Amount("carol", "Carol", (1,), {"k": "\0"}), Amount("dora", "Dora", (1,))]
    with pytest.raises(InvalidInput, match="data: must be a JSON object"):
        store.import_batch(board, "g", Import(0, 2, "a"), refused)
    with pytest.raises(PlayerNotFound):
        store.get_player(board, "dora")


@pytest.mark.parametrize("data", [{"k": "\0"}, {"k": "x" * 1024}, {"k": 2**53}, [], None])
def test_data_that_is_not_accepted_changes_nothing(store: Store, board: str, data: Any) -> None:
    store.create_player(board, {"id": "alice", "name": "Alice", "data": DATA})
    with pytest.raises(InvalidInput, match="data: must be a JSON object of at most 1,024 bytes"):
        store.update_player(board, "alice", {"name": "A", "data": data})
    assert store.get_player(board, "alice")["name"] == "Alice"
    assert data_of(store, board, "alice") == DATA
    if data is not None:
        with pytest.raises(InvalidInput):
            store.create_player(board, {"id": "bob", "name": "Bob", "data": data})
        with pytest.raises(PlayerNotFound):
            store.get_player(board, "bob")


def test_a_precondition_on_data_holds_or_nothing_is_written(store: Store, board: str) -> None:
    store.create_player(board, {"id": "alice", "name": "Alice", "data": DATA})
    rows: list[Row] = []

    def precondition() -> Row:
        row = store.get_player(board, "alice")
        rows.append(row)
        return row

    store.update_player(board, "alice", {"data": STRANGE}, precondition)
    store.update_player(board, "alice", {"data": {}}, precondition)
    store.update_player(board, "alice", {"data": DATA}, precondition)
    assert [row.get("data", {}) for row in rows] == [DATA, STRANGE, {}]
    assert data_of(store, board, "alice") == DATA


def test_settings_come_back_and_others_are_refused(store: Store, board: str) -> None:
    row = store.get_board(board)
    assert (row["show"], row["format"]) == ([], {"type": "points"})
    settings = {"show": ["country", "$reql_type$"], "format": {"type": "decimal", "places": 2}}
    assert store.update_board(board, settings, lambda: row) == {**row, **settings}
    assert store.get_board(board) == {**row, **settings}
    assert {**row, **settings} in store.list_boards(board[:-1], 100)
    assert store.update_board(board, {"name": "B"}, lambda: store.get_board(board))["name"] == "B"
    for refused in ({"show": "country"}, {"show": ["a", "a"]}, {"format": "time"}):
        with pytest.raises(InvalidInput):
            store.update_board(board, refused)
    assert store.get_board(board) == {**row, **settings, "name": "B"}


def test_a_setting_replaces_the_one_before_and_keeps_nothing_of_it(
    store: Store, board: str
) -> None:
    row = store.get_board(board)
    for score_format in (
        {"type": "decimal", "places": 2, "unit": "km"},
        {"type": "time"},
        {"type": "points", "unit": "goals"},
        {"type": "points"},
    ):
        for precondition in (None, lambda: store.get_board(board)):
            changed = store.update_board(board, {"format": score_format}, precondition)
            assert changed == store.get_board(board) == {**row, "format": score_format}


def test_a_snapshot_has_what_the_board_shows(store: Store, board: str) -> None:
    store.create_player(board, {"id": "alice", "name": "Alice", "score": 1, "data": DATA})
    before = read_snapshots([board])[board].body
    assert before == (
        f'{{"id":"{board}","name":"A board","players":'
        '[{"id":"alice","name":"Alice","score":1,"rank":1}]}'
    )
    assert "data" not in store.get_top_players([board])[board][1][0]
    settings = {"show": ["level", "gear", "country"], "format": {"type": "time"}}
    store.update_board(board, settings)
    assert store.get_top_players([board])[board][1][0]["data"] == DATA
    assert read_snapshots([board])[board].body == (
        f'{{"id":"{board}","name":"A board","format":{{"type":"time"}},"players":'
        '[{"id":"alice","name":"Alice","score":1,"rank":1,"data":{"level":7,"country":"NL"}}]}'
    )
    store.update_board(board, {"show": ["missing"], "format": {"type": "points"}})
    assert read_snapshots([board])[board].body == before


def test_a_past_season_keeps_what_was_shown(store: Store, board: str) -> None:
    store.update_board(board, {"show": ["country"], "format": {"type": "time"}})
    store.create_player(board, {"id": "alice", "name": "Alice", "score": 1, "data": STRANGE})
    store.create_player(board, {"id": "bob", "name": "Bob", "score": 2, "data": DATA})
    add_player(store, board, "carol", 3)
    store.start_next_season(board, 1, "2026-11-30T00:00:00Z")
    store.update_board(board, {"show": [], "format": {"type": "points"}})
    store.update_player(board, "bob", {"data": {"country": "BE"}})
    _, settings, players = store.get_season(board, 1)
    assert (settings["show"], settings["format"]) == (["country"], {"type": "time"})
    assert [row.get("data", {}) for row in players] == [{}, DATA, STRANGE]
    store.start_next_season(board, 2, "2026-12-01T00:00:00Z")
    assert not any("data" in row for row in store.get_season(board, 2)[2])


class Recorder:
    """A publisher that remembers the snapshots, without repeats."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.proxies: list[ProxyPublisher] = []

    def is_watched(self, board: str) -> bool:
        return True

    def enqueue(self, batch: PublishBatch) -> None:
        for snapshot in batch.snapshots.values():
            if snapshot and snapshot.body not in self.bodies[-1:]:
                self.bodies.append(snapshot.body)

    def lag_seconds(self) -> float:
        return 0.0


def test_a_change_is_published_if_it_is_shown(store: Store, board: str, feed: Feed) -> None:
    store.update_board(board, {"show": ["country"]})
    store.create_player(board, {"id": "alice", "name": "Alice", "data": DATA})
    publisher = Recorder()
    scheduler = PublishScheduler(publisher, 0, ALL_PARTS.have)  # type: ignore[arg-type]

    def publishes(text: str) -> None:
        def is_published() -> bool:
            scheduler.run_once(feed)
            return bool(publisher.bodies) and text in publisher.bodies[-1]

        wait_until(is_published, text)

    publishes('"data":{"country":"NL"}')
    wait_until(lambda: not scheduler.run_once(feed), "the feed to be quiet")
    published = len(publisher.bodies)
    store.update_player(board, "alice", {"data": {**DATA, "level": 8}})
    wait_until(lambda: board in scheduler.run_once(feed), "the change that is not shown")
    assert len(publisher.bodies) == published
    store.update_player(board, "alice", {"data": {"country": "BE"}})
    publishes('"data":{"country":"BE"}')
    store.update_player(board, "alice", {"data": {}})
    publishes('"rank":1}]')
    assert len(publisher.bodies) == published + 2


def test_a_change_of_data_is_a_change(store: Store, board: str, feed: Feed) -> None:
    add_player(store, board, "alice")
    wait_for_change(feed, board)
    wait_until(lambda: not feed.poll(timeout=0.05), "the feed to be quiet")
    position = store.position()
    store.update_player(board, "alice", {"data": DATA})
    wait_for_change(feed, board)
    assert board in store.changed_since(position)
