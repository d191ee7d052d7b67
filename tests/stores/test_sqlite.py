"""What only SQLite's store has to get right."""

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import RANKINGS, RankPosition
from leaderboardapp.stores.sql import rank_blocks as blocks
from leaderboardapp.stores.sql.models import BlockRow, PlayerRow
from leaderboardapp.stores.sql.sqlite import feed as feeds
from leaderboardapp.stores.sql.sqlite import log_writes, store
from leaderboardapp.stores.sql.sqlite.feed import SqliteFeed, SqliteMessageStream
from leaderboardapp.stores.sql.sqlite.store import SqliteStore
from tests.support.programs import PROJECT, wait_until

ADD_FIFTY = """
import django; django.setup()
from leaderboardapp.models import Board, Player
for _ in range(50): Player(Board({board!r}), "alice").score_add(1)
"""


@pytest.fixture
def sqlite() -> SqliteStore:
    store = SqliteStore()
    store.ensure()
    return store


@pytest.fixture
def board(sqlite: SqliteStore, board_id: str) -> str:
    sqlite.create_board({"id": board_id, "name": "", "size": 5})
    sqlite.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


def test_commits_are_durable_and_readers_do_not_wait_for_writers(sqlite: SqliteStore) -> None:
    sqlite.ping()
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def count_steps(read: Callable[[], Any]) -> int:
    """Return how many hundreds of steps SQLite's virtual machine takes to read."""
    calls: list[None] = []
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: calls.append(None), 100)
    try:
        read()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return len(calls)


def add_many_players(board: str, of_each_score: int) -> None:
    """Add players p0, p1, …: so many of each of 4 scores. The first one is hidden."""
    numbers = range(4 * of_each_score)
    PlayerRow.objects.bulk_create(
        PlayerRow(board_id=board, player=f"p{n}", score=n % 4, reached_at=n, hidden=n == 0)
        for n in numbers
    )


@pytest.mark.parametrize("most", [3, 1000])
def test_dense_ranks_of_few_scores_read_as_much_however_many_share_them(
    sqlite: SqliteStore, board_id: str, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """With blocks and without any."""
    monkeypatch.setattr(blocks, "BLOCK", 2)
    monkeypatch.setattr(blocks, "MOST", most)
    steps: list[list[int]] = []
    for of_each_score in (2100, 4200):
        board = f"{board_id}-{of_each_score}"
        sqlite.create_board({"id": board, "ranking": "dense"})
        add_many_players(board, of_each_score)
        while sqlite.run_maintenance(board):
            pass
        assert BlockRow.objects.filter(board_id=board).exists() == (most == 3)
        reads: list[Callable[[], Any]] = [
            partial(sqlite.get_ranking_window, board, 1, around="p7"),
            partial(sqlite.get_ranking_window, board, 1, around="p0"),  # hidden
            partial(sqlite.get_ranking_window, board, 1, from_rank=3),
            partial(sqlite.get_score_rank, board, 2),
            partial(sqlite.get_selection, board, [f"p{n}" for n in range(20)]),
            partial(sqlite.run_maintenance, board),
        ]
        steps.append([count_steps(read) for read in reads])
        selection = sqlite.get_selection(board, ["p0", "p1", "p2", "p4", "p7"])
        ranks = {row["id"]: row["rank"] for row in selection.rows}
        assert (ranks, selection.of) == ({"p7": 1, "p2": 2, "p1": 3, "p4": 4}, 4)
        assert sqlite.get_score_rank(board, 1)[1:4] == (3, 0, 4)
    few, many = steps
    assert all(more <= less + 10 for less, more in zip(few, many, strict=True)), steps


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_rank_reads_no_more_than_a_block_however_many_have_the_same_score(
    sqlite: SqliteStore, board_id: str, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """As on a board whose season has just begun, where all have 0."""
    monkeypatch.setattr(blocks, "BLOCK", 100)
    monkeypatch.setattr(blocks, "MOST", 200)
    steps: list[list[int]] = []
    for of_each_score in (500, 2000):
        board = f"{board_id}-{of_each_score}"
        sqlite.create_board({"id": board, "order": order})
        add_many_players(board, of_each_score)
        while sqlite.run_maintenance(board):
            pass
        reads: list[Callable[[], Any]] = [
            partial(sqlite.get_ranking_window, board, 1, around="p450"),
            partial(sqlite.get_ranking_window, board, 1, from_rank=450),
            partial(sqlite.get_selection, board, ["p450", "p451"]),
        ]
        steps.append([count_steps(read) for read in reads])
    few, many = steps
    # Blocks are summed, some ten steps each; a search of all would take hundreds.
    assert all(more <= less + 20 for less, more in zip(few, many, strict=True)), steps


def test_dense_ranks_of_many_scores_are_exact_before_there_are_blocks(
    sqlite: SqliteStore, board_id: str
) -> None:
    sqlite.create_board({"id": board_id, "ranking": "dense"})
    PlayerRow.objects.bulk_create(
        PlayerRow(board_id=board_id, player=f"p{n}", score=n // 2, reached_at=n)
        for n in range(5000)
    )
    assert sqlite.get_selection(board_id, ["p0", "p4999"]).of == 2500
    assert [row["rank"] for row in sqlite.get_selection(board_id, ["p0", "p2001"]).rows] == [
        1500,
        2500,
    ]


def test_a_player_without_a_rank_is_read_without_counting_players_in_blocks(
    sqlite: SqliteStore, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 500)
    monkeypatch.setattr(blocks, "MOST", 1000)
    sqlite.create_board({"id": board_id})
    add_many_players(board_id, 1000)
    read = partial(sqlite.get_ranking_window, board_id, 1, around="p0")
    before = count_steps(read)
    while sqlite.run_maintenance(board_id):
        pass
    assert count_steps(read) < before / 10
    assert read().of == 3999


@pytest.mark.processes
def test_several_processes_write_at_once_and_nothing_is_lost(
    sqlite: SqliteStore, board: str
) -> None:
    feed = sqlite.open_feed()
    writers = [
        subprocess.Popen([sys.executable, "-c", ADD_FIFTY.format(board=board)], cwd=PROJECT)
        for _ in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert sqlite.get_player(board, "alice")["score"] == 150
    wait_until(lambda: board in feed.poll(timeout=0.1), "the feed")
    feed.close()


def test_a_row_changed_by_another_program_is_in_the_feed(sqlite: SqliteStore, board: str) -> None:
    feed = sqlite.open_feed()
    file = sqlite3.connect(connection.settings_dict["NAME"])
    with file:
        file.execute("UPDATE player SET score = 9 WHERE board_id = ?", [board])
    file.close()
    wait_until(lambda: board in feed.poll(timeout=0.1), "the feed")
    feed.close()


def test_a_row_that_moves_changes_both_boards(sqlite: SqliteStore, board: str) -> None:
    other = f"{board}-2"
    sqlite.create_board({"id": other, "name": "", "size": 5})
    feed = sqlite.open_feed()
    PlayerRow.objects.filter(board_id=board).update(board_id=other)
    assert set(feed.poll(timeout=5)) == {board, other}
    feed.close()


@pytest.mark.parametrize("ranking", ["ordinal", "dense"])
def test_rows_that_another_program_writes_count_in_blocks(
    sqlite: SqliteStore, board: str, monkeypatch: pytest.MonkeyPatch, ranking: str
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 2)
    monkeypatch.setattr(blocks, "MOST", 3)
    sqlite.update_board(board, {"ranking": ranking})
    for number in range(12):
        row = {"id": f"p{number}", "name": "A player", "score": number % 9}
        sqlite.create_player(board, row)
    while sqlite.run_maintenance(board):
        pass
    assert BlockRow.objects.filter(board_id=board).count() > 2
    PlayerRow.objects.filter(board_id=board, player__gte="p5").update(score=5)
    PlayerRow.objects.filter(board_id=board, player__in=["p2", "p7"]).delete()
    PlayerRow.objects.filter(board_id=board, player="p3").update(player="renamed")
    players = sqlite.get_ranking_window(board, 100).rows
    better = [len({row["score"] for row in players[:index]}) for index in range(len(players))]
    for index, player in enumerate(players):
        window = sqlite.get_ranking_window(board, 1, around=player["id"])
        if ranking == "ordinal":
            assert window.before == index
        elif index == 0 or players[index - 1]["score"] != player["score"]:
            assert window.better == better[index]


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_every_read_of_the_ranking_is_by_index(sqlite: SqliteStore, board: str, order: str) -> None:
    sqlite.update_board(board, {"order": order})
    sqlite.set_score(board, "alice", 3, False)
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "FROM player" in sql or 'FROM "player"' in sql:
            execute(f"EXPLAIN QUERY PLAN {sql}", params, many, context)
            plans.extend(step[3] for step in context["cursor"].fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        for ranking in RANKINGS:
            sqlite.update_board(board, {"ranking": ranking})
            sqlite.get_ranking_window(board, 5)
            sqlite.get_ranking_window(board, 5, after=RankPosition(3))
            sqlite.get_ranking_window(board, 5, around="alice")
        sqlite.run_maintenance(board)
    assert len(plans) >= 7
    for plan in plans:
        assert not re.match(r"SCAN (player|block)\b|USE TEMP B-TREE", plan), plans
        by_index = "INDEX ranked_" in plan or plan.endswith("(board_id=? AND player=?)")
        assert by_index or not plan.startswith("SEARCH player"), plans


def test_whoever_captures_queries_sees_statements_by_hand(sqlite: SqliteStore, board: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        sqlite.get_ranking_window(board, 5)
    assert [len(captured) > 2, captured[0]["sql"], captured[-1]["sql"]] == [True, "BEGIN", "COMMIT"]


def test_the_change_table_grows_with_boards_not_with_changes(
    sqlite: SqliteStore, board: str
) -> None:
    for _ in range(10):
        sqlite.add_score(board, "alice", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM change WHERE board = %s", [board])
        assert cursor.fetchone() == (1,)


def test_a_database_that_stays_locked_is_unavailable_and_then_not(
    sqlite: SqliteStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    file.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        sqlite.add_score(board, "alice", 1)
    assert sqlite.get_player(board, "alice")["score"] == 0, "reading does not wait"
    file.execute("ROLLBACK")
    file.close()
    assert sqlite.add_score(board, "alice", 1)["score"] == 1


@pytest.mark.parametrize(
    ("name", "unknown"),
    [("SQLITE_IOERR_FSYNC", True), ("SQLITE_IOERR_WRITE", False), ("SQLITE_BUSY", False)],
)
def test_a_commit_that_may_be_in_the_log_is_of_unknown_outcome(name: str, unknown: bool) -> None:
    def commit() -> None:
        cause = sqlite3.OperationalError("disk I/O error")
        cause.sqlite_errorname = name
        raise OperationalError("disk I/O error") from cause

    with pytest.raises(StoreUnavailable) as raised:
        SqliteStore().run(commit)
    assert isinstance(raised.value, OutcomeUnknown) == unknown


@pytest.fixture
def feed(sqlite: SqliteStore) -> Iterator[SqliteFeed]:
    """A feed that has been idle for longer than any commit takes."""
    feed = SqliteFeed()
    feed.writes.told_at -= 10
    yield feed
    feed.close()


def test_an_idle_feed_sleeps(feed: SqliteFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    monkeypatch.setattr(feed, "_read", lambda: looks.append(None))
    assert feed.poll(timeout=0.1) == {}
    assert len(looks) == 2  # at first and at last


def test_a_write_to_the_log_wakes_an_idle_feed(
    sqlite: SqliteStore, board: str, feed: SqliteFeed
) -> None:
    feed.poll(timeout=0)
    told_at = feed.writes.told_at = feed.writes.told_at - 10
    sqlite.add_score(board, "alice", 1)
    assert feed.writes.wait(60) is False
    assert feed.writes.told_at > told_at
    assert feed.poll(timeout=10) == {board: []}


def test_without_inotify_a_feed_looks_all_the_time(
    sqlite: SqliteStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: Any) -> None:
        raise OSError("Too many open files")

    monkeypatch.setattr(log_writes, "INotify", refuse)
    feed = SqliteFeed()
    assert feed.writes.wait(60) is False  # and a test that waits so long fails
    sqlite.add_score(board, "alice", 1)
    assert feed.poll(timeout=10) == {board: []}
    feed.close()


@pytest.mark.parametrize(("reader", "rest"), [(SqliteFeed, 0.01), (SqliteMessageStream, 0.05)])
def test_writes_that_go_on_and_on_do_not_keep_a_reader_awake(
    sqlite: SqliteStore,
    board: str,
    reader: type[SqliteFeed] | type[SqliteMessageStream],
    rest: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, looks = reader(), list[None]()
    feed.found_at -= 10
    monkeypatch.setattr(feed, "_read", lambda: looks.append(None))
    ended = threading.Event()

    def write_on() -> None:
        while not ended.is_set():
            sqlite.add_score(board, "alice", 1)
        sqlite.close()

    writing = threading.Thread(target=write_on)
    writing.start()
    feed.poll(timeout=0.3)
    looks.clear()
    feed.poll(timeout=0.5)
    ended.set()
    writing.join()
    feed.close()
    assert len(looks) <= 0.5 / rest + 5


def test_a_feed_of_a_linked_file_is_told_of_writes(
    sqlite: SqliteStore, board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(connection.settings_dict["NAME"])
    monkeypatch.setitem(connections.settings["default"], "NAME", str(link))
    feed = SqliteFeed()
    assert feed.connection.settings_dict["NAME"] == str(link)
    feed.writes.told_at -= 10
    sqlite.add_score(board, "alice", 1)
    assert feed.writes.wait(60) is False
    assert feed.poll(timeout=10) == {board: []}
    feed.close()


def test_a_feed_without_tables_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(feeds, "LogWrites", opened.append)
    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "empty.sqlite3"))
    with pytest.raises(OperationalError, match="no such table"):
        SqliteFeed()
    assert not opened


def test_a_thread_that_does_not_get_the_write_lock_is_refused(
    sqlite: SqliteStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()
    monkeypatch.setattr(store, "_write_lock", lock)
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.05)
    with lock, pytest.raises(StoreUnavailable, match="busy"):
        sqlite.add_score(board, "alice", 1)
    assert sqlite.add_score(board, "alice", 1)["score"] == 1
