"""Archives in RethinkDB, which has no transactions: failures and other writes between any two of
their queries."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, PlayerNotFound, StoreUnavailable
from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.types import Amount, Import, Row
from leaderboardapp.stores.rethinkdb import archives, rank_blocks, schema
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.schema import blocks_id, row_id
from leaderboardapp.stores.rethinkdb.sort_keys import LAST_KEY
from leaderboardapp.stores.rethinkdb.store import RethinkStore

ENDED_AT = "2026-11-30T00:00:00Z"
STEPS = ("sync()", ".replace(")
Ranks = list[tuple[str, int, int, int]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "CARRY_OVER_ROWS", 2)


def make_board(store: RethinkStore, **settings: Any) -> str:
    """Make a board of four players; p3 is the best."""
    board = uuid.uuid4().hex
    store.create_board({"id": board, **settings})
    amounts = [Amount(f"p{number}", "A player", (number,)) for number in range(4)]
    store.import_batch(board, "f", Import(0, 4, "a"), amounts)
    return board


def read(store: RethinkStore, board: str, season: int | None = None) -> Ranks:
    """Return id, score, rank and bound of each player of a season."""
    rows = number_window(store.get_ranking_window(board, 100, season=season))
    return [(row["id"], row["score"], row["rank"], row["bound"]) for row in rows]


def finish(store: RethinkStore, board: str) -> None:
    while store.run_maintenance(board):
        pass


def is_complete(store: RethinkStore, board: str) -> bool:
    """Return whether nobody is in a past season but in the table."""
    behind = store.db.players.between([board, r.minval], [board, 2], index="desc")
    row = store.db.run(store.db.seasons.get(row_id(board, "1")))
    return bool(row["complete"] and not store.db.run(behind.count()))


@contextmanager
def failing(store: RethinkStore, number: int, done: bool) -> Iterator[list[int]]:
    """Let the query of this number fail, before or after it is `done`. Gives a list that has the
    number once it has failed."""
    real_run, numbers, failed = store.db.run, count(), []

    def run(query: Any) -> Any:
        if next(numbers) != number:
            return real_run(query)
        failed.append(number)
        if done:
            real_run(query)
        raise OutcomeUnknown("the connection has broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.db, "run", run)
        yield failed


@pytest.mark.parametrize("done", [False, True])
def test_an_archive_is_right_whichever_query_fails(rethink: RethinkStore, done: bool) -> None:
    for number in count():
        board = make_board(rethink)
        expected = read(rethink, board)
        with failing(rethink, number, done) as failed, suppress(StoreUnavailable):
            rethink.start_next_season(board, 1, ENDED_AT)
            rethink.add_score(board, "p1", 9)
            finish(rethink, board)
        if rethink.get_board(board)["season"] == 1:
            assert read(rethink, board) == expected
            rethink.start_next_season(board, 1, ENDED_AT)
        assert read(rethink, board, 1) == expected, number
        rethink.set_score(board, "p1", 9, only_better=False)
        assert read(rethink, board, 1) == expected, number
        finish(rethink, board)
        assert read(rethink, board, 1) == expected, number
        assert is_complete(rethink, board)
        assert [row[:3] for row in read(rethink, board)][0] == ("p1", 9, 1)
        assert len(read(rethink, board)) == 4
        if not failed:
            break
    assert number > 20


def test_nobody_is_carried_over_before_the_disk_has_what_another_process_inserted(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make_board(rethink)
    rethink.start_next_season(board, 1, ENDED_AT)
    blocks = rethink.db.blocks.get(blocks_id(board, 1))
    while rethink.db.run(blocks)["upto"] != LAST_KEY:
        rethink.run_maintenance(board)
    low, high = [board, r.minval], [board, r.maxval]
    rethink.db.run(rethink.db.past.between(low, high, index="place").delete())
    real_run, queries, ended = rethink.db.run, list[str](), list[int]()

    def run(query: Any) -> Any:
        queries.append(str(query))
        if "sync()" in queries[-1] and not ended:  # of the process that ends here
            ended.append(len(queries))
            raise OutcomeUnknown("the connection has broken")
        return real_run(query)

    monkeypatch.setattr(rethink.db, "run", run)
    with pytest.raises(OutcomeUnknown):
        rethink.run_maintenance(board)
    finish(rethink, board)
    first = next(name for query in queries[ended[0] :] for name in STEPS if name in query)
    assert first == "sync()"


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_a_deletion_is_complete_whichever_query_fails_if_it_is_repeated(
    rethink: RethinkStore, pieces: int, done: bool
) -> None:
    for number in count():
        board = make_board(rethink)
        expected = [row for row in read(rethink, board) if row[0] != "p1"]
        rethink.start_next_season(board, 1, ENDED_AT)
        for _ in range(pieces):
            rethink.run_maintenance(board)
        with failing(rethink, number, done) as failed, suppress(StoreUnavailable):
            rethink.delete_player(board, "p1")
        if failed:
            with suppress(PlayerNotFound):
                rethink.delete_player(board, "p1")
        assert read(rethink, board, 1) == expected, number
        finish(rethink, board)
        assert read(rethink, board, 1) == expected, number
        assert is_complete(rethink, board)
        assert not find_traces(rethink, board, "p1")
        if not failed:
            break


def find_traces(store: RethinkStore, board: str, player: str) -> list[Row]:
    """Return all documents of the board that name the player, or that are left of it."""
    rows = [
        row
        for table in (store.db.players, store.db.past, store.db.blocks)
        for row in store.db.run(table.filter({"board": board}))
    ]
    return [row for row in rows if player in str(row) or ("score" not in row and "upto" not in row)]


def run_once(real: Callable[..., Any], first: Callable[[], object]) -> Callable[..., Any]:
    """Return the method with something done before its first call."""
    waiting = [first]

    def call(*arguments: Any) -> Any:
        if waiting:
            waiting.pop()()
        return real(*arguments)

    return call


@pytest.mark.parametrize("amount", [-9, 1, 9])
@pytest.mark.parametrize("step", ["_insert", "_replace_blocks", "_release"])
def test_an_increment_of_the_ended_season_that_comes_late_is_in_its_archive(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch, step: str, amount: int
) -> None:
    """The increment was sent before the season ended, and is written while its player is moved."""
    board = make_board(rethink)

    def add_late() -> None:
        document = rethink.db.players.get(row_id(board, "p3"))
        rethink.db.run(document.update({"score": 3 + amount, "reached_at": 2**52}))

    real = getattr(rethink.archives, step)
    monkeypatch.setattr(rethink.archives, step, run_once(real, add_late))
    rethink.start_next_season(board, 1, ENDED_AT)
    finish(rethink, board)
    scores = sorted([(3 + amount, "p3"), (2, "p2"), (1, "p1"), (0, "p0")], reverse=True)
    assert read(rethink, board, 1) == [
        (player, score, rank, 0) for rank, (score, player) in enumerate(scores, start=1)
    ]
    assert rethink.get_player(board, "p3")["score"] == 0


def test_two_processes_that_move_the_same_piece_move_it_once(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make_board(rethink)
    expected = read(rethink, board)
    for step in ("_insert", "_replace_blocks", "_release"):
        real = getattr(rethink.archives, step)
        # The other one does all that is left.
        other = run_once(real, lambda: finish(rethink, board))
        monkeypatch.setattr(rethink.archives, step, other)
    rethink.start_next_season(board, 1, ENDED_AT)
    finish(rethink, board)
    assert read(rethink, board, 1) == expected
    assert is_complete(rethink, board)


def test_a_player_erased_while_it_is_moved_does_not_come_back(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("_insert", "_replace_blocks", "_release"):
        board = make_board(rethink)
        expected = [row for row in read(rethink, board) if row[0] != "p3"]
        with monkeypatch.context() as patch:
            real = getattr(rethink.archives, step)
            erase = run_once(real, partial(rethink.delete_player, board, "p3"))
            patch.setattr(rethink.archives, step, erase)
            rethink.start_next_season(board, 1, ENDED_AT)
            finish(rethink, board)
        assert read(rethink, board, 1) == expected, step
        assert not find_traces(rethink, board, "p3")


def test_a_piece_that_comes_after_its_season_was_deleted_is_deleted_too(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make_board(rethink, keep_seasons=1)

    def expire() -> None:
        rethink.start_next_season(board, 2, ENDED_AT)
        finish(rethink, board)

    late = run_once(rethink.archives._insert, expire)
    monkeypatch.setattr(rethink.archives, "_insert", late)
    rethink.start_next_season(board, 1, ENDED_AT)
    finish(rethink, board)
    of_season = rethink.db.past.between([board, 1], [board, 1, r.maxval], index="place")
    assert rethink.db.run(of_season.count()) == 0


def test_a_reader_whose_rows_are_moved_meanwhile_reads_again(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make_board(rethink)
    expected = read(rethink, board)
    rethink.start_next_season(board, 1, ENDED_AT)
    blocks = rethink.db.blocks.get(blocks_id(board, 1))
    cut = [board, 1, *rethink.db.run(blocks["upto"])]
    order = r.expr({"board": board, "season": 1, "blocks": blocks_id(board, 1), "cut": cut})
    assert not rethink.db.run(rethink.past.rows.is_outdated(order))
    finish(rethink, board)
    assert rethink.db.run(rethink.past.rows.is_outdated(order))
    real_run, answers = rethink.past._run_query, [[], expected]

    def run(*arguments: Any) -> Row:
        answer = real_run(*arguments)
        missing = not answers.pop(0)
        return {**answer, "outdated": missing, "rows": [] if missing else answer["rows"]}

    monkeypatch.setattr(rethink.past, "_run_query", run)
    assert read(rethink, board, 1) == expected


def test_blocks_of_a_large_board_serve_its_past_season_at_once(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_blocks, "BLOCK", 1)
    monkeypatch.setattr(rank_blocks, "MOST", 2)
    board = make_board(rethink)
    finish(rethink, board)
    rethink.add_score(board, "p0", 9)  # after the count
    rethink.start_next_season(board, 1, ENDED_AT)
    window = rethink.get_ranking_window(board, 1, around="p1", season=1)
    assert abs(number_window(window)[0]["rank"] - 4) <= window.bound
    assert window.of == 4
    finish(rethink, board)
    window = rethink.get_ranking_window(board, 1, around="p1", season=1)
    assert (number_window(window)[0]["rank"], window.bound, window.of) == (4, 0, 4)


def test_seasons_of_an_earlier_version_are_their_tops(rethinkdb_url: str) -> None:
    old = RethinkStore(f"{rethinkdb_url}_with_tops_only")
    old.ensure()
    old.create_board({"id": "b", "size": 2})
    old.create_player("b", {"id": "p1", "name": "P1", "score": 3})
    old.db.run(old.db.boards.get("b").update({"season": 2}))
    player = {"reached_at": 1, "hidden": False, "scored": True, "not_carried_over": False}
    season = {
        "id": row_id("b", "1"),
        "board": "b",
        "number": 1,
        "ended_at": ENDED_AT,
        "settings": {"id": "b", "size": 2, "season": 1},
        "players": [
            {"id": "p9", "name": "P9", "score": 9, **player},
            {"id": "p8", "name": "P8", "score": 8, "data": '{"k": 1}', **player},
        ],
        "final": True,
    }
    old.db.run(old.db.seasons.insert(season, conflict="replace"))
    for _ in range(2):
        old.ensure()
        finish(old, "b")
        assert read(old, "b", 1) == [("p9", 9, 1, 0), ("p8", 8, 2, 0)]
        window = old.get_ranking_window("b", 1, around="p8", season=1)
        assert window.of is None and window.rows[0]["data"] == {"k": 1}
        assert [row["id"] for row in old.get_season("b", 1)[2]] == ["p9", "p8"]
    assert old.get_board("b")["keep_seasons"] == 12
    old.delete_board("b")
    old.close()


def test_a_board_of_an_earlier_version_with_many_seasons_keeps_them(rethinkdb_url: str) -> None:
    old = RethinkStore(f"{rethinkdb_url}_with_many_seasons")
    old.ensure()
    old.create_board({"id": "b"})
    old.db.run(old.db.boards.get("b").update({"season": 14}))
    old.db.run(old.db.boards.get("b").replace(lambda row: row.without("keep_seasons")))
    seasons = [
        {"id": row_id("b", str(n)), "board": "b", "number": n, "ended_at": ENDED_AT, "final": True}
        for n in range(1, 14)
    ]
    recorded = [{**season, "settings": {"id": "b"}, "players": []} for season in seasons]
    old.db.run(old.db.seasons.insert(recorded, conflict="replace"))
    old.ensure()
    old.start_next_season("b", 14, ENDED_AT)
    assert len(old.list_seasons("b", None, 99)[1]) == 14
    old.delete_board("b")
    old.close()


def test_players_in_the_indexes_of_an_earlier_version_are_ranked_during_and_after_ensure(
    rethinkdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = RethinkStore(f"{rethinkdb_url}_with_single_keys")
    old.ensure()
    old.create_board({"id": "b"})
    players = old.db.players
    for index in ("desc", "asc"):
        old.db.run(players.index_drop(index))
        old.db.run(players.index_create(index, r.row[index]))
    old.db.run(players.set_write_hook(None))
    old.db.run(players.index_wait("desc", "asc"))
    row = {"board": "b", "season": 1, "name": "A player", "scored": True}
    for n in range(3):
        keys = {order: ["b", 1, score, n, f"p{n}"] for order, score in (("desc", -n), ("asc", n))}
        id = row_id("b", f"p{n}")
        old.db.run(
            players.insert(
                {**row, **keys, "id": id, "player": f"p{n}", "score": n, "reached_at": n}
            )
        )
    rankings = []

    def make_multiple(connection: Any, make: Any = schema._make_multiple) -> None:
        old.add_score("b", "p2", 3)  # while ensure makes other indexes, which may take long
        rankings.append(read(old, "b"))
        make(connection)
        rankings.append(read(old, "b"))

    monkeypatch.setattr(schema, "_make_multiple", make_multiple)
    for score in (5, 8):
        old.ensure()
        ranking = [("p2", score, 1, 0), ("p1", 1, 2, 0), ("p0", 0, 3, 0)]
        assert rankings[-2:] == [ranking, ranking]
    old.start_next_season("b", 1, ENDED_AT)
    finish(old, "b")
    assert read(old, "b", 1) == ranking
    [document] = old.db.run(players.get_all(row_id("b", "p1")))
    assert not {"desc", "asc", "archived", "unarchived"} & document.keys()
    old.delete_board("b")
    old.close()
