"""Blocks of ranks in PostgreSQL, which its triggers count whoever writes."""

import random
import re
import threading

import psycopg
import pytest

from leaderboardapp.domain import ranking as ranks
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import RANKINGS
from leaderboardapp.stores.sql import rank_blocks as blocks
from leaderboardapp.stores.sql.models import BlockRow
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from tests.stores.postgresql.conftest import Console
from tests.support.store import read_ranked

PLAYERS = [f"p{number}" for number in range(30)]


def update_rows(url: str, board: str, seed: int) -> None:
    """Write as another program does: several rows in a statement."""
    chance = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as console:
        for _ in range(10):
            some = chance.sample(PLAYERS, 5)
            try:
                console.execute(
                    "UPDATE player SET score = %s, hidden = %s"
                    " WHERE board_id = %s AND player = ANY(%s)",
                    [chance.randrange(20), chance.random() < 0.2, board, some],
                )
            except psycopg.errors.DeadlockDetected:
                pass  # as a program has to expect that locks several rows


def set_scores(postgres: PostgresStore, board: str, seed: int) -> None:
    """Write as the service does, with its maintenance between the writes."""
    chance = random.Random(seed)
    for _ in range(15):
        try:
            postgres.set_score(board, chance.choice(PLAYERS), chance.randrange(20), False)
            postgres.run_maintenance(board)
        except StoreUnavailable as error:
            assert re.search("deadlock|lock timeout", str(error))
    postgres.close()


def test_counts_of_blocks_are_exact_whoever_writes(
    postgres: PostgresStore,
    board: str,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service and other programs at once, with several rows in a statement and all rankings."""
    # Deadlocks are frequent here. With the default of one second each, the waits of one write add
    # up to its time limit.
    with psycopg.connect(postgresql_url, autocommit=True) as console:
        console.execute(f"ALTER DATABASE {console.info.dbname} SET deadlock_timeout = '20ms'")
    monkeypatch.setattr(blocks, "BLOCK", 4)
    monkeypatch.setattr(blocks, "MOST", 8)
    for player in PLAYERS:
        postgres.create_player(board, {"id": player, "name": "A player", "score": 0})
    for ranking in RANKINGS:
        row = postgres.update_board(board, {"ranking": ranking})
        threads = [
            *(
                threading.Thread(target=update_rows, args=[postgresql_url, board, n])
                for n in (1, 2)
            ),
            *(threading.Thread(target=set_scores, args=[postgres, board, n]) for n in (3, 4)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while postgres.run_maintenance(board):
            pass
        assert BlockRow.objects.filter(board_id=board).count() >= 2
        expected = ranks.assign_ranks(row, postgres.get_ranking_window(board, 100).rows)
        rows_read = [read_ranked(postgres, board, player["id"]) for player in expected]
        assert [row and row["rank"] for row in rows_read] == [row["rank"] for row in expected]


def test_an_older_snapshot_does_not_miss_the_first_block(
    postgres: PostgresStore, board: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MOST", 0)
    console.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    console.execute("SELECT 1 FROM player")
    assert postgres.run_maintenance(board)
    assert BlockRow.objects.filter(board_id=board).exists()
    with pytest.raises(psycopg.errors.SerializationFailure):
        console.execute("UPDATE player SET score = 3 WHERE board_id = %s", [board])
