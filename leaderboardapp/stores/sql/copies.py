"""Copies of the whole service, out of an SQL database and into one."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from django.db import IntegrityError
from django.db.models import Q

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    ImportMoved,
    StoreUnavailable,
)
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.searching import BOARDS
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.copies import Copies, Progress
from leaderboardapp.stores.sql.access import DatabaseAccess
from leaderboardapp.stores.sql.models import (
    BlockRow,
    BoardRow,
    CopyRow,
    ImportRow,
    PastRow,
    PlayerRow,
    SearchRow,
    SeasonRow,
)
from leaderboardapp.stores.sql.reading import find_emails
from leaderboardapp.stores.sql.search import remember_board, remember_players
from leaderboardapp.stores.sql.statements import (
    BOARD_COLUMNS,
    PLAYER_RECORDS,
    build_sort_key,
    player_row,
    read,
)

SCORE_FIELDS = ("name", "score", "reached_at", "scored")


class SqlCopies(Copies):
    """The records of an SQL database, in the order of their keys."""

    def __init__(self, database: DatabaseAccess) -> None:
        self.database = database

    def list_records(self, kind: str, after: Row | None, limit: int) -> list[Row]:
        return self.database.run(lambda: [*LISTS[kind](after, limit)])

    def get_progress(self) -> Progress:
        return self.database.run(_read_progress)

    def insert(self, kind: str, records: Sequence[Row], old: Progress, new: Progress) -> None:
        def work() -> None:
            if _read_progress() != old:
                raise ImportMoved(old.copy)
            INSERTS[kind](records)
            CopyRow.objects.update_or_create(id=1, defaults=new._asdict())

        try:
            self.database.transaction(None, work)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AlreadyExists(str(error)) from error
            raise


def _read_progress() -> Progress:
    row = CopyRow.objects.filter(id=1).values_list(*Progress._fields).first()
    return Progress(*row) if row else Progress()


def _list_boards(after: Row | None, limit: int) -> Iterator[Row]:
    boards = BoardRow.objects.filter(id__gt=after["id"] if after else "").order_by("id")
    rows = list(boards.values(*BOARD_COLUMNS)[:limit])
    texts = SearchRow.objects.filter(board=BOARDS, player__in=[row["id"] for row in rows])
    newest = dict(texts.values_list("player", "newest"))
    for row in rows:
        yield {**row, "created_at": -(newest.get(row["id"]) or 0)}


def _list_seasons(after: Row | None, limit: int) -> Iterator[Row]:
    seasons = SeasonRow.objects.order_by("board_id", "number")
    if after:
        same = Q(board_id=after["board"], number__gt=after["number"])
        seasons = seasons.filter(same | Q(board_id__gt=after["board"]))
    for row in seasons[:limit]:
        yield {
            "board": row.board_id,
            "number": row.number,
            "ended_at": row.ended_at,
            "settings": row.settings,
            "whole": row.archive != SeasonRow.TOP,
        }


def _list_players(after: Row | None, limit: int) -> Iterator[Row]:
    board, id = (after["board"], after["id"]) if after else ("", "")
    rows = read(PLAYER_RECORDS, {"board": board, "player": id, "limit": limit})
    for board, columns in groupby(rows, key=itemgetter(0)):
        players = [(player_row(row[2:]), json.loads(row[1])) for row in columns]
        emails = find_emails(board, [row for row, _ in players])
        for row, keys in players:
            del row["not_carried_over"]
            yield {
                "board": board,
                "data": None,
                **row,
                "keys": keys,
                "email": emails.get(row["id"]),
            }


def _list_imports(after: Row | None, limit: int) -> Iterator[Row]:
    imports = ImportRow.objects.order_by("board_id", "name")
    if after:
        same = Q(board_id=after["board"], name__gt=after["name"])
        imports = imports.filter(same | Q(board_id__gt=after["board"]))
    for board, name, line, digest in imports.values_list("board_id", "name", "line", "digest")[
        :limit
    ]:
        yield {"board": board, "name": name, "line": line, "digest": digest, "done": True}


def _insert_boards(records: Sequence[Row]) -> None:
    BoardRow.objects.bulk_create(
        BoardRow(**{column: record[column] for column in BOARD_COLUMNS}) for record in records
    )
    for record in records:
        if not is_window(record["id"]):
            remember_board(record, record["created_at"])


def _insert_seasons(records: Sequence[Row]) -> None:
    SeasonRow.objects.bulk_create(
        SeasonRow(
            board_id=record["board"],
            number=record["number"],
            ended_at=record["ended_at"],
            settings=record["settings"],
            players=record["top"],
            # Maintenance makes it whole, when it has made rank blocks.
            archive=SeasonRow.MOVING if record["whole"] else SeasonRow.TOP,
        )
        for record in records
    )


def _insert_past(records: Sequence[Row]) -> None:
    for (board, number), rows in groupby(records, key=itemgetter("board", "season")):
        season = SeasonRow.objects.get(board_id=board, number=number)
        PastRow.objects.bulk_create(
            PastRow(
                board_id=board,
                season=number,
                player=row["id"],
                place=build_sort_key(season.settings, row["score"]),
                data=encode_data(row["data"]),
                **{field: row[field] for field in SCORE_FIELDS},
            )
            for row in rows
        )
        # Maintenance may have counted those who came before.
        BlockRow.objects.filter(board_id=board, season=number).delete()
        if season.archive == SeasonRow.WHOLE:
            season.archive = SeasonRow.MOVING
            season.save()


def _insert_players(records: Sequence[Row]) -> None:
    boards = BoardRow.objects.in_bulk({record["board"] for record in records})
    PlayerRow.objects.bulk_create(
        PlayerRow(
            board_id=row["board"],
            player=row["id"],
            hidden=row["hidden"],
            season=boards[row["board"]].season,
            keys=row["keys"],
            email=None if is_window(row["board"]) else row["email"],  # kept once
            data=encode_data(row["data"]),
            **{field: row[field] for field in SCORE_FIELDS},
        )
        for row in records
    )
    for board, rows in groupby(records, key=itemgetter("board")):
        if not is_window(board):
            remember_players(board, [*rows])


def _insert_imports(records: Sequence[Row]) -> None:
    ImportRow.objects.bulk_create(
        ImportRow(board_id=row["board"], name=row["name"], line=row["line"], digest=row["digest"])
        for row in records
    )


LISTS: dict[str, Callable[[Row | None, int], Iterator[Row]]] = {
    "board": _list_boards,
    "season": _list_seasons,
    "player": _list_players,
    "import": _list_imports,
}
INSERTS: dict[str, Callable[[Sequence[Row]], None]] = {
    "board": _insert_boards,
    "season": _insert_seasons,
    "past": _insert_past,
    "player": _insert_players,
    "import": _insert_imports,
}
