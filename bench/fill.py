"""usage: python -m bench.fill players BOARD NUMBER | boards NUMBER

Adds players p0, p1, … with random scores to a board of the store in DATABASE_URL, or boards b0, b1,
…, past the API and as fast as the store takes them.
"""

import os
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

BATCH = 500  # a busy RethinkDB does not take 2,000 within the time that a query may take
Row = dict[str, Any]


def batches(number: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, number)) for start in range(0, number, BATCH))


def players(number: int) -> Iterator[list[Row]]:
    """In batches, with random scores."""
    chance = random.Random(number)
    for numbers in batches(number):
        if sys.stderr.isatty():
            print(f"\r{numbers[0]} of {number} players", end="\x1b[K\r", file=sys.stderr)
        yield [
            {"player": f"p{n}", "score": chance.randrange(10 * number), "reached_at": n}
            for n in numbers
        ]


def fill_sql(store: Any, board: str, number: int) -> None:
    from django.db import transaction

    from leaderboardapp.stores.sql.models import PlayerRow

    batches = players(number)
    while some := list(islice(batches, 20)):  # in each transaction
        with transaction.atomic():
            for rows in some:
                PlayerRow.objects.bulk_create(PlayerRow(board_id=board, **row) for row in rows)


def fill_rethinkdb(store: Any, board: str, number: int) -> None:
    from leaderboardapp.stores.rethinkdb.schema import row_id

    for batch in players(number):
        rows = [{**row, "id": row_id(board, row["player"]), "board": board} for row in batch]
        store.db.run(store.db.players.insert(rows, durability="soft"))


def boards_sql(store: Any, number: int) -> None:
    from leaderboardapp.domain.types import BOARD_DEFAULTS
    from leaderboardapp.stores.sql.models import BoardRow

    rows = (BoardRow(**{**BOARD_DEFAULTS, "id": f"b{n}"}) for n in range(number))
    BoardRow.objects.bulk_create(rows, BATCH)


def boards_rethinkdb(store: Any, number: int) -> None:
    for ids in batches(number):
        store.db.run(store.db.boards.insert([{"id": f"b{n}"} for n in ids], durability="soft"))


def one_each_sql(store: Any, number: int) -> None:
    from leaderboardapp.stores.sql.models import PlayerRow

    rows = (PlayerRow(board_id=f"b{n}", player="p", reached_at=n) for n in range(number))
    PlayerRow.objects.bulk_create(rows, BATCH)


def one_each_rethinkdb(store: Any, number: int) -> None:
    from leaderboardapp.stores.rethinkdb.rows import player_document

    for ids in batches(number):
        rows = [{**player_document(f"b{n}", "p", ""), "score": 0} for n in ids]
        store.db.run(store.db.players.insert(rows, durability="soft"))


def add_one_sql(store: Any, boards: Sequence[str]) -> None:
    from django.db.models import F

    from leaderboardapp.stores.sql.models import PlayerRow

    rows = PlayerRow.objects.filter(board_id__in=boards, player="p")
    assert rows.update(score=F("score") + 1) == len(boards)


def add_one_rethinkdb(store: Any, boards: Sequence[str]) -> None:
    from leaderboardapp.stores.rethinkdb.connection import r
    from leaderboardapp.stores.rethinkdb.schema import row_id

    rows = store.db.players.get_all(*(row_id(board, "p") for board in boards))
    done = store.db.run(rows.update({"score": r.row["score"] + 1}))
    assert done["replaced"] == len(boards), done


FILL = {"sqlite": fill_sql, "rethinkdb": fill_rethinkdb, "postgresql": fill_sql}
BOARDS = {"sqlite": boards_sql, "rethinkdb": boards_rethinkdb, "postgresql": boards_sql}
ONE_EACH = {"sqlite": one_each_sql, "rethinkdb": one_each_rethinkdb, "postgresql": one_each_sql}
ADD_ONE = {"sqlite": add_one_sql, "rethinkdb": add_one_rethinkdb, "postgresql": add_one_sql}


def make_boards(store: str, number: int) -> None:
    """Boards b0, b1, … with a player p each, in a store that may be quite new."""
    from leaderboardapp.stores import get_store

    get_store().ensure()
    BOARDS[store](get_store(), number)
    ONE_EACH[store](get_store(), number)


def add_one(store: str, boards: Sequence[int]) -> None:
    """To the score of each of these boards' player, in one statement."""
    from leaderboardapp.stores import get_store

    ADD_ONE[store](get_store(), [f"b{n}" for n in boards])


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
