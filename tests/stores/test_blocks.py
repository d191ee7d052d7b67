"""Ranks on large boards: right while many write at once, and however players move."""

import random
import threading

import pytest

from leaderboardapp.domain import ranking as ranks
from leaderboardapp.domain.types import RANKINGS, Amount, Import, Row, Window
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import rank_blocks as rethinkdb
from leaderboardapp.stores.rethinkdb import store as rethinkdb_store
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql import rank_blocks as sql
from leaderboardapp.stores.sql.models import BlockRow
from leaderboardapp.stores.sql.store import SqlStore
from tests.support.programs import wait_until
from tests.support.store import read_around, read_ranked

PLAYERS = [f"p{number}" for number in range(60)]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rethinkdb, sql):
        monkeypatch.setattr(module, "BLOCK", 4)
        monkeypatch.setattr(module, "MOST", 8)
        monkeypatch.setattr(module, "BLOCKS_AT_ONCE", 3)  # so that there are several rounds


@pytest.fixture
def board(store: Store, small_blocks: None, board_id: str) -> str:
    """A board of PLAYERS."""
    store.create_board({"id": board_id, "size": 100})
    for player in PLAYERS:
        store.create_player(board_id, {"id": player, "name": player, "score": 0})
    finish_maintenance(store, board_id)
    return board_id


def finish_maintenance(store: Store, board: str) -> None:
    while store.run_maintenance(board):
        pass


def test_dense_ranks_are_exact_after_an_import_of_new_and_known_players(
    store: Store, board: str
) -> None:
    """Two players reach the same new score, and one reaches another player's."""
    row = store.update_board(board, {"ranking": "dense"})
    for number, player in enumerate(PLAYERS):
        store.set_score(board, player, 10 * number, only_better=False)
    finish_maintenance(store, board)
    amounts = [
        Amount("p0", "A player", (205,)),
        Amount("new", "A player", (205,)),
        Amount("p5", "A player", (300,)),
    ]
    amounts.append(Amount("newer", "A player", (50,)))
    store.import_batch(board, "f", Import(0, 4, "x"), amounts)
    finish_maintenance(store, board)
    expected = ranks.assign_ranks(row, store.get_ranking_window(board, 1000).rows)
    assert len(expected) == len(PLAYERS) + 2
    for row_expected in expected:
        ranked_player = read_ranked(store, board, row_expected["id"])
        assert (
            ranked_player
            and abs(ranked_player["rank"] - row_expected["rank"]) <= ranked_player["bound"]
        )
        assert isinstance(store, RethinkStore) or ranked_player["bound"] == 0


def count_blocks(store: Store, board: str) -> int:
    if isinstance(store, SqlStore):
        return BlockRow.objects.filter(board_id=board).count()
    assert isinstance(store, RethinkStore)
    return len(store.rank_blocks.read_starts(store.get_board(board)))


def ranked(store: Store, board: str) -> tuple[Row, list[Row]]:
    row, players = store.get_top_players([board])[board]
    return row, ranks.assign_ranks(row, players)


def move_players(store: Store, board: str, seed: int) -> None:
    """Set scores, add to them, and hide players, at random, in a thread of its own."""
    chance = random.Random(seed)
    for _ in range(60):
        player = chance.choice(PLAYERS)
        match chance.randrange(4):
            case 0:
                store.set_score(board, player, chance.randrange(20), only_better=False)
            case 1:
                store.update_player(board, player, {"hidden": chance.random() < 0.3})
            case _:
                store.add_score(board, player, chance.randint(-9, 9))
    store.close()


def move_many_during_maintenance(store: Store, board: str) -> None:
    stop = threading.Event()

    def maintain() -> None:
        while not stop.is_set():
            store.run_maintenance(board)
        store.close()

    movers = [threading.Thread(target=move_players, args=[store, board, seed]) for seed in range(3)]
    maintainer = threading.Thread(target=maintain)
    for thread in (*movers, maintainer):
        thread.start()
    for thread in movers:
        thread.join()
    stop.set()
    maintainer.join()


@pytest.mark.parametrize("ranking", RANKINGS)
def test_ranks_are_as_exact_as_they_say_while_many_write(
    store: Store, board: str, ranking: str
) -> None:
    store.update_board(board, {"ranking": ranking})
    move_many_during_maintenance(store, board)
    for settled in (False, True):
        if settled:
            finish_maintenance(store, board)
        row, players = ranked(store, board)
        assert len(players) > 8
        for player in players:
            ranked_player = read_ranked(store, board, player["id"])
            assert ranked_player
            off = abs(ranked_player["rank"] - player["rank"])
            assert off <= (0 if settled else ranked_player["bound"])
    player = random.Random(7).choice(players)
    window = read_around(store, board, player["id"], 5)
    assert [each["rank"] for each in window] == [
        each["rank"] for each in players if each["id"] in {other["id"] for other in window}
    ]


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_bound_covers_what_has_changed_and_little_more(
    store: Store, board: str, monkeypatch: pytest.MonkeyPatch, ranking: str
) -> None:
    store.update_board(board, {"ranking": ranking})
    monkeypatch.setattr(rethinkdb_store, "TOLERANCE_MS", 0)
    store.create_board({"id": f"{board}-2"})
    wait_until(lambda: worst_bound(store, board) == 0, "nothing changed since")
    for player in PLAYERS[:3]:
        store.delete_player(board, player)
    store.set_score(board, PLAYERS[59], 1, only_better=False)
    for player in PLAYERS:
        store.create_player(f"{board}-2", {"id": player, "name": player})
    assert worst_bound(store, board) <= 4


def worst_bound(store: Store, board: str) -> int:
    """Each rank is within its bound. The largest of them; after that, all is counted anew."""
    row, players = ranked(store, board)
    ranks_read = [read_ranked(store, board, player["id"]) for player in players]
    for player, rank in zip(players, ranks_read, strict=True):
        assert rank and abs(rank["rank"] - player["rank"]) <= rank["bound"]
    finish_maintenance(store, board)
    return max(int(rank["bound"]) for rank in ranks_read if rank)


def test_a_dense_rank_begins_with_what_its_block_knows(store: Store, board: str) -> None:
    store.update_board(board, {"ranking": "dense"})
    for number, player in enumerate(PLAYERS):
        store.set_score(board, player, number // 3, only_better=False)
    finish_maintenance(store, board)
    row, players = ranked(store, board)
    assert [window.better for window in read_windows(store, board, players)] == [
        index // 3 for index in range(60)
    ]
    raise_first_count(store, board, 100)
    ranks_read = [window.better for window in read_windows(store, board, players)]
    assert sum(better >= 100 for better in ranks_read) > 40


def read_windows(store: Store, board: str, players: list[Row]) -> list[Window]:
    return [store.get_ranking_window(board, 1, around=player["id"]) for player in players]


def raise_first_count(store: Store, board: str, more: int) -> None:
    """That there are more scores in the first block."""
    if isinstance(store, SqlStore):
        first = BlockRow.objects.filter(board_id=board).order_by("place", "reached_at")[0]
        first.count += more
        first.save()
    else:
        assert isinstance(store, RethinkStore)
        document = store.db.blocks.get(board)
        first, *others = store.db.run(document["scores"])
        store.db.run(document.update({"scores": [first, *(number + more for number in others)]}))


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_page_from_a_rank_is_not_empty_while_players_come_after(
    store: Store, board: str, ranking: str
) -> None:
    """Players who have gone since the blocks were counted do not end the ranking."""
    store.update_board(board, {"ranking": ranking})
    for number, player in enumerate(PLAYERS):
        store.set_score(board, player, number // 2, only_better=False)
    finish_maintenance(store, board)
    for player in PLAYERS[20:24]:
        store.update_player(board, player, {"hidden": True})
    row, players = ranked(store, board)
    bound = 0 if isinstance(store, SqlStore) else len(PLAYERS)
    for rank in range(1, players[-1]["rank"] + 1):
        rows = store.get_ranking_window(board, 1, from_rank=rank).rows
        assert rows or rank + 4 > players[-1]["rank"], rank
        if not bound:
            assert rows[0]["id"] == next(p["id"] for p in players if p["rank"] >= rank)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_page_beyond_players_who_are_only_counted_is_empty(
    store: Store, board: str, ranking: str
) -> None:
    """As after SQLite's INSERT OR REPLACE, whose deletions no trigger counts."""
    store.update_board(board, {"ranking": ranking})
    for number, player in enumerate(PLAYERS):
        store.set_score(board, player, number, only_better=False)
    finish_maintenance(store, board)
    raise_last_count(store, board, 5)
    assert store.get_ranking_window(board, 1, from_rank=65).rows == []
    raise_last_count(store, board, 100)  # so that the block is to be split
    finish_maintenance(store, board)
    assert store.get_selection(board, []).of == 60


def raise_last_count(store: Store, board: str, more: int) -> None:
    """That there are more players, or scores, in the last block, if blocks say how many."""
    if isinstance(store, SqlStore):
        last = BlockRow.objects.filter(board_id=board).order_by("-place", "-reached_at")[0]
        last.count += more
        last.save()


def test_blocks_do_not_become_more_while_players_move_on(store: Store, board: str) -> None:
    for score in range(1, 4):
        for player in PLAYERS:
            store.set_score(board, player, score * 100, only_better=False)
            finish_maintenance(store, board)
    assert 60 / 8 <= count_blocks(store, board) <= 2 * 60 / 4 + 1


def test_blocks_that_are_gone_are_made_anew(store: Store, board: str) -> None:
    row, players = ranked(store, board)
    if isinstance(store, SqlStore):
        BlockRow.objects.filter(board_id=board).delete()
    else:
        assert isinstance(store, RethinkStore)
        store.rank_blocks.delete(row)
    assert count_blocks(store, board) <= 1
    for _ in range(2):
        numbers = [window.before for window in read_windows(store, board, players)]
        assert numbers == list(range(60))
        finish_maintenance(store, board)
