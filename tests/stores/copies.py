"""Services that are copied, and all that is seen of one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import connection

from leaderboardapp.copies import KINDS, finish_boards, restore_copy, write_copy
from leaderboardapp.domain.exceptions import PlayerNotFound, StoreUnavailable
from leaderboardapp.domain.types import Amount, Import, Increment, Row
from leaderboardapp.snapshots import read_snapshots
from leaderboardapp.stores.base import Store
from tests.stores.contract.archive_model import read_season

ENDED_AT = "2026-11-30T00:00:00Z"
SCHEDULE = {"every": "week", "on": "monday", "at": "06:00", "zone": "Europe/Berlin"}


def fill_service(store: Store) -> None:
    """Make boards of every kind, with players in every state."""
    store.create_board({"id": "plain", "name": "Plain", "windows": ["day", "month"]})
    store.create_board({"id": "empty"})
    store.create_board(
        {"id": "lap", "order": "asc", "ranking": "dense", "min": 0, "max": 99, "max_amount": 50}
        | {"keep_seasons": None, "format": {"type": "time"}, "show": ["car"], "schedule": SCHEDULE}
    )
    store.create_board({"id": "club", "private": True, "ask_email": True, "size": 2})
    for number in range(12):
        data = {"car": f"c{number}", "n": number} if number % 3 else {}
        row = {"id": f"p{number:02}", "name": f"Player {number}", "data": data}
        store.create_player("plain", row)
        store.create_player("lap", row)
        store.create_player("club", {**row, "email": f"p{number}@example.com"})
    for board in ("plain", "lap", "club"):
        for season in (1, 2, 3):
            write_season(store, board, season)
    store.create_player("plain", {"id": "unscored", "name": "Ünscored <&>\u2028"})
    store.import_batch("plain", "scores.csv", Import(0, 3, "abc"), [Amount("p01", "P", (1, 2))])


def write_season(store: Store, board: str, season: int) -> None:
    """Write scores, most of them tied, end the season if it is not the third, and erase somebody
    who was in it."""
    amounts = [(f"p{number:02}", number // 4 + 1) for number in range(12)]
    increments = [Increment(id, amount, f"key {season} {id}") for id, amount in amounts]
    store.add_scores(board, increments[season:])
    if season < 3:
        store.update_player(board, "p08", {"hidden": season == 1})
        store.start_next_season(board, season, ENDED_AT)
        if board == "plain":
            store.start_next_season("plain~day", season, ENDED_AT)
        store.delete_player(board, f"p0{season + 4}")


def see_service(store: Store) -> dict[str, Any]:
    """Return what viewers, the API and another copy see of all boards."""
    records: dict[str, list[Any]] = {kind: list_all(store, kind) for kind in KINDS}
    for board in records["board"]:
        id = board["id"]
        records[id] = [
            *read_season(store, id, None),
            store.get_ranking_window(id, 100, with_emails=True).emails,
            *store.list_hidden(id, "", 100).rows,
            store.list_hidden(id, "", 100, with_emails=True).emails,
            read_snapshots([id])[id].etag(),
        ]
        for number, _ in store.list_seasons(id, None, 100)[1]:
            records[id] += read_season(store, id, number)
            records[id].append(store.get_season(id, number))
            for row in read_season(store, id, number)[:3]:
                with suppress(PlayerNotFound):  # of a window, whose players may have left the board
                    records[id].append(store.list_player_seasons(id, row["id"], None, 100))
            erased = store.get_ranking_window(id, 100, season=number).rows
            records[id] += [sorted((row["id"], row["score"], row["reached_at"]) for row in erased)]
    for order in ("newest", "name"):
        records[order] = store.find_boards(order, "", 100, None, private=True).rows
    return {name: [strip(row) for row in rows] for name, rows in records.items()}


def strip(row: Any) -> Any:
    """Leave out of a row what is no difference to anybody: a copy has everybody carried over, as
    hidden players only are when they are shown again."""
    if not isinstance(row, dict):
        return row
    kept = {name: value for name, value in row.items() if name != "data" or value}
    return {**kept, "not_carried_over": None} if kept.get("hidden") else kept


def list_all(store: Store, kind: str) -> list[Row]:
    rows = store.copies.list_records(kind, None, 10_000)
    return sorted(rows, key=lambda row: str([row.get(name) for name in ("board", "number", "id")]))


def copy_of(store: Store, folder: Path) -> Path:
    path = folder / f"{uuid.uuid4().hex}.jsonl"
    with path.open("w+b") as file:
        for _ in write_copy(store, file):
            pass
    return path


def restore(store: Store, path: Path) -> None:
    with path.open("rb") as file:
        for _ in restore_copy(store, file):
            pass
    for _ in finish_boards(store):
        pass


@contextmanager
def failing_at(store: Any, number: int) -> Iterator[None]:
    """Have the database fail at this call, and at all calls after it."""
    calls = 0

    def count(run: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= number:
            raise StoreUnavailable("gone")
        return run(*arguments)

    if not hasattr(store, "db"):
        with connection.execute_wrapper(count):
            yield
        return
    run = store.db.run
    store.db.run = lambda query: count(run, query)
    try:
        yield
    finally:
        del store.db.run


def restore_with_failures(store: Store, path: Path) -> int:
    """Restore the copy, with one failure after the other; return how many there were."""
    number = 2  # of the database's call that fails
    for failures in range(60):
        try:
            with failing_at(store, number):
                restore(store, path)
        except StoreUnavailable as error:
            if str(error) != "gone":
                raise
            number += 3 + number // 4
            continue
        return failures
    raise AssertionError("it never came to its end")
