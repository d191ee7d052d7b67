"""Fill the store in DATABASE_URL, bypassing the API, as fast as it takes rows.

usage: python -m bench.fill players BOARD NUMBER | boards NUMBER

Adds players p0, p1, … with random scores to a board, or adds boards b0, b1, ….
"""

import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

BATCH = 500  # a busy RethinkDB does not take 2,000 within the time that a query may take
Row = dict[str, Any]


def batches(number: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, number)) for start in range(0, number, BATCH))


def players(number: int) -> Iterator[list[Row]]:
    """Yield batches of players with random scores, the same ones for the same number."""
    generator = random.Random(number)
    for numbers in batches(number):
        if sys.stderr.isatty():
            print(f"\r{numbers[0]} of {number} players", end="\x1b[K\r", file=sys.stderr)
        yield [
            {"player": f"p{n}", "score": generator.randrange(10 * number), "reached_at": n}
            for n in numbers
        ]


def add_players_sql(store: Any, board: str, number: int) -> None:
    from django.db import transaction

    from leaderboardapp.stores.sql.models import PlayerRow

    def add(batches: Iterable[list[Row]]) -> None:
        for rows in batches:
            PlayerRow.objects.bulk_create(PlayerRow(board_id=board, **row) for row in rows)

    remaining = players(number)
    with transaction.atomic():
        add(islice(remaining, 1))  # by which feeds are told
    while some_batches := list(islice(remaining, 20)):  # in each transaction
        with transaction.atomic(), without_triggers():
            add(some_batches)


@contextmanager
def without_triggers() -> Iterator[None]:
    """Take the triggers of players away in SQLite, where they run for each row. The transaction
    ends with them. Rank blocks are counted when maintenance begins with them."""
    from django.db import connection

    with connection.cursor() as cursor:
        triggers = []
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'player'"
            )
            triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def add_players_rethinkdb(store: Any, board: str, number: int) -> None:
    from leaderboardapp.stores.rethinkdb.schema import row_id

    for batch in players(number):
        rows = [{**row, "id": row_id(board, row["player"]), "board": board} for row in batch]
        store.db.run(store.db.players.insert(rows, durability="soft"))


def add_players_redis(url: str, board: str, number: int) -> None:
    """Add the same players to a sorted set of the Redis server at this address."""
    from redis import Redis

    with Redis.from_url(url) as redis:
        for batch in players(number):
            redis.zadd(board, {row["player"]: row["score"] for row in batch})


def add_boards_sql(store: Any, number: int) -> None:
    from leaderboardapp.domain.types import BOARD_DEFAULTS
    from leaderboardapp.stores.sql.models import BoardRow

    rows = (BoardRow(**{**BOARD_DEFAULTS, "id": f"b{n}"}) for n in range(number))
    BoardRow.objects.bulk_create(rows, BATCH)


def add_boards_rethinkdb(store: Any, number: int) -> None:
    for ids in batches(number):
        store.db.run(store.db.boards.insert([{"id": f"b{n}"} for n in ids], durability="soft"))


def add_one_player_each_sql(store: Any, number: int) -> None:
    from leaderboardapp.stores.sql.models import PlayerRow

    rows = (PlayerRow(board_id=f"b{n}", player="p", reached_at=n) for n in range(number))
    PlayerRow.objects.bulk_create(rows, BATCH)


def add_one_player_each_rethinkdb(store: Any, number: int) -> None:
    from leaderboardapp.stores.rethinkdb.rows import player_document

    for ids in batches(number):
        rows = [{**player_document(f"b{n}", "p", ""), "score": 0} for n in ids]
        store.db.run(store.db.players.insert(rows, durability="soft"))


def increment_sql(store: Any, boards: Sequence[str]) -> None:
    from django.db.models import F

    from leaderboardapp.stores.sql.models import PlayerRow

    rows = PlayerRow.objects.filter(board_id__in=boards, player="p")
    assert rows.update(score=F("score") + 1) == len(boards)


def increment_rethinkdb(store: Any, boards: Sequence[str]) -> None:
    from leaderboardapp.stores.rethinkdb.connection import r
    from leaderboardapp.stores.rethinkdb.schema import row_id

    rows = store.db.players.get_all(*(row_id(board, "p") for board in boards))
    result = store.db.run(rows.update({"score": r.row["score"] + 1}))
    assert result["replaced"] == len(boards), result


class Filler(NamedTuple):
    """How one kind of store is filled."""

    add_players: Callable[[Any, str, int], None]  # the store, a board, a number of players
    add_boards: Callable[[Any, int], None]
    add_one_player_each: Callable[[Any, int], None]
    increment: Callable[[Any, Sequence[str]], None]


SQL = Filler(add_players_sql, add_boards_sql, add_one_player_each_sql, increment_sql)
RETHINKDB = Filler(
    add_players_rethinkdb, add_boards_rethinkdb, add_one_player_each_rethinkdb, increment_rethinkdb
)
FILLERS = {"sqlite": SQL, "rethinkdb": RETHINKDB, "postgresql": SQL}


def make_boards(store: str, number: int) -> None:
    """Add boards b0, b1, … with a player p each, to a store that may have no tables yet."""
    from leaderboardapp.stores import get_store

    get_store().ensure()
    FILLERS[store].add_boards(get_store(), number)
    FILLERS[store].add_one_player_each(get_store(), number)


def increment_boards(store: str, boards: Sequence[int]) -> None:
    """Add 1 to the score of the player p on each of these boards, in one statement."""
    from leaderboardapp.stores import get_store

    FILLERS[store].increment(get_store(), [f"b{n}" for n in boards])


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard_project.settings"
    import django

    django.setup()
    from django.conf import settings

    from leaderboardapp.stores import get_store

    store, kind = settings.DATABASE_URL.partition(":")[0], sys.argv[1]
    if kind == "players":
        FILLERS[store].add_players(get_store(), sys.argv[2], int(sys.argv[3]))
    else:
        FILLERS[store].add_boards(get_store(), int(sys.argv[2]))


if __name__ == "__main__":
    main()
