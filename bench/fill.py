"""usage: python -m bench.fill players BOARD NUMBER | boards NUMBER

Adds players p0, p1, … with random scores to a board of the store in DATABASE_URL, or boards b0, b1,
…, past the API and as fast as the store takes them.
"""

import os
import random
import sys
from collections.abc import Iterator
from typing import Any

BATCH = 500  # a busy RethinkDB does not take 2,000 within the time that a query may take
Row = dict[str, Any]


def players(number: int) -> Iterator[list[Row]]:
    """In batches, with random scores."""
    chance = random.Random(number)
    for start in range(0, number, BATCH):
        if sys.stderr.isatty():
            print(f"\r{start} of {number} players", end="\x1b[K\r", file=sys.stderr)
        yield [
            {"player": f"p{n}", "score": chance.randrange(10 * number), "reached_at": n}
            for n in range(start, min(start + BATCH, number))
        ]


def fill_sqlite(store: Any, board: str, number: int) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for batch in players(number):
            cursor.executemany(
                "INSERT INTO player"
                " (board_id, player, score, reached_at, name, hidden, scored, season, keys)"
                f" VALUES ('{board}', %(player)s, %(score)s, %(reached_at)s, '', 0, 1, 1, '[]')",
                batch,
            )


def fill_rethinkdb(store: Any, board: str, number: int) -> None:
    from leaderboardapp.stores.rethinkdb.tables import row_id

    for batch in players(number):
        rows = [{**row, "id": row_id(board, row["player"]), "board": board} for row in batch]
        store.run(store.players.insert(rows, durability="soft"))


def boards_sqlite(store: Any, number: int) -> None:
    from django.db import transaction

    with transaction.atomic():
        for n in range(number):
            store.create_board({"id": f"b{n}"})


def boards_rethinkdb(store: Any, number: int) -> None:
    for start in range(0, number, BATCH):
        ids = range(start, min(start + BATCH, number))
        store.run(store.boards.insert([{"id": f"b{n}"} for n in ids], durability="soft"))


FILL = {"sqlite": fill_sqlite, "rethinkdb": fill_rethinkdb}
BOARDS = {"sqlite": boards_sqlite, "rethinkdb": boards_rethinkdb}


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard_project.settings"
    import django

    django.setup()
    from django.conf import settings

    from leaderboardapp.stores import get_store

    store, what = settings.DATABASE_URL.partition(":")[0], sys.argv[1]
    if what == "players":
        FILL[store](get_store(), sys.argv[2], int(sys.argv[3]))
    else:
        BOARDS[store](get_store(), int(sys.argv[2]))


if __name__ == "__main__":
    main()
