"""A copy: the whole service as one file of JSON Lines, which any store can write and read.

The first line has the copy's id, and the last one how many records there are between. Each line
ends with a hash of all lines up to it, so a changed, missing or exchanged line is found where it
is. Records come in an order in which each can be inserted: boards, past seasons with their
players, players, imports (stores/copies.py).

A copy is written on from its last whole record, and read on from the store's progress, so either
may be interrupted. Neither holds more than a page of records in memory.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import AlreadyExists, ImportMoved
from leaderboardapp.domain.messages import show
from leaderboardapp.domain.types import BOARD_DEFAULTS, Import, RankPosition, Row, rank_position
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.copies import Progress

VERSION = 1
BEGINNING = b'{"kind":"copy"'  # of the first line
RECORDS_AT_ONCE = 500  # read, or inserted in one call
BYTES_AT_ONCE = 1_000_000  # inserted in one call, about
MAX_LINE = 2**24  # bytes; what is longer is no line of a copy
_LINE = re.compile(rb'(\{.*),"hash":"([0-9a-f]{16})"\}\n', re.DOTALL)

_SCORE = ("board", "id", "name", "score", "reached_at", "scored", "data")
_TOP = ("id", "name", "score", "reached_at", "hidden", "scored", "not_carried_over", "data")
FIELDS: dict[str, tuple[str, ...]] = {
    "copy": ("version", "id", "boards"),
    "board": ("id", "created_at", *BOARD_DEFAULTS),
    "season": ("board", "number", "ended_at", "settings", "top", "whole"),
    "past": ("season", *_SCORE),
    "player": ("hidden", "keys", "email", *_SCORE),
    "import": ("board", "name", "line", "digest", "done"),
    "end": ("records",),
}
KINDS = ("board", "season", "player", "import")  # that stores list, in the order of a copy


OUTDATED = "A season has ended since the copy was begun, or a board has come or gone"


class CopyError(Exception):
    """Why there can be no copy, or why it is not taken."""


class DamagedCopy(CopyError):
    """A line that is not as it was written."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


class Line(NamedTuple):
    """A line of a copy."""

    number: int
    record: Row
    end: int  # where it ends in the file, in bytes


class Chain:
    """The hash of all lines of a copy up to one."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, record: Row) -> bytes:
        """Return the line of a record, the next one."""
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        self._digest.update(text)
        return text[:-1] + f',"hash":"{self._digest.hexdigest()[:16]}"}}\n'.encode()

    def read(self, line: bytes, number: int) -> Row:
        """Return the record of the next line, without its hash. Raises DamagedCopy, and is then
        as it was."""
        match = _LINE.fullmatch(line)
        if match is None:
            cut = "" if line.endswith(b"\n") else "; the file ends within it"
            raise DamagedCopy(number, f"it is no line of a copy{cut}")
        text, digest = match[1] + b"}", self._digest.copy()
        digest.update(text)
        if digest.hexdigest()[:16] != match[2].decode():
            raise DamagedCopy(number, "it was changed, or lines before it are missing or exchanged")
        record = _check_record(json.loads(text), number)
        self._digest = digest
        return record


def _check_record(record: Row, number: int) -> Row:
    kind = record.get("kind")
    fields = FIELDS.get(str(kind))
    if kind == "board":  # a copy of an earlier version lacks settings that came later
        record = {**BOARD_DEFAULTS, **record}
    if fields is None or {*record} != {"kind", *fields}:
        names = ", ".join(record)
        raise DamagedCopy(number, f"this version knows no record {kind!r} of {names}")
    if kind == "copy" and record["version"] != VERSION:
        raise DamagedCopy(number, f"the copy is of version {record['version']}, not {VERSION}")
    if (kind == "copy") != (number == 1):
        raise DamagedCopy(number, "a copy begins with a record 'copy', and has no other one")
    return record


def read_lines(file: BinaryIO, chain: Chain | None = None) -> Iterator[Line]:
    """Yield the lines from the beginning on. Raises DamagedCopy."""
    chain, end = chain or Chain(), 0
    file.seek(0)
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1):
        end += len(line)
        yield Line(number, chain.read(line, number), end)


def read_whole(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a copy, at the end of which nothing is missing. Raises DamagedCopy."""
    last = None
    for last in read_lines(file):
        if last.record["kind"] == "end" and last.record["records"] != last.number - 2:
            raise DamagedCopy(last.number, "lines before it are missing")
        yield last
    if last is None or last.record["kind"] != "end":
        number = last.number if last else 0
        raise DamagedCopy(number + 1, "it is missing: a copy ends with a record 'end'")


def write_copy(store: Store, file: BinaryIO) -> Iterator[Row]:
    """Write a copy to the file, which may have the beginning of one; yield each new record when it
    is written. Raises CopyError if a season has ended meanwhile, or a board has come or gone."""
    chain, boards = Chain(), _hash_boards(store)
    first, last = _resume(file, chain)
    if last and last.record["kind"] == "end":
        return
    if first is None:
        id = uuid.uuid4().hex
        file.write(chain.write({"kind": "copy", "version": VERSION, "id": id, "boards": boards}))
    elif first.record["boards"] != boards:
        raise CopyError(OUTDATED)
    number = last.number - 1 if last else 0
    try:
        for record in _list_records(store, last.record if last else None):
            file.write(chain.write(record))
            number += 1
            yield record
    except ObjectDoesNotExist as error:
        raise CopyError(OUTDATED) from error
    if boards != _hash_boards(store):
        raise CopyError(OUTDATED)
    file.write(chain.write({"kind": "end", "records": number}))


def _resume(file: BinaryIO, chain: Chain) -> tuple[Line | None, Line | None]:
    """Return the first line of an unfinished copy, and the last one that is whole, behind which the
    file is cut off."""
    first = last = None
    with suppress(DamagedCopy):  # it was interrupted within this line
        for last in read_lines(file, chain):
            first = first or last
    if first is None:
        file.seek(0)
        begun = file.read(len(BEGINNING))
        if not BEGINNING.startswith(begun):
            raise CopyError("It has something else than the beginning of a copy")
    file.seek(last.end if last else 0)
    file.truncate()
    return first, last


def _hash_boards(store: Store) -> str:
    """Return a hash of which boards there are, and in which seasons."""
    digest = hashlib.sha256()
    for board in _read_pages(store, "board", None):
        digest.update(f"{board['id']} {board['season']}\n".encode())
    return digest.hexdigest()[:16]


def _read_pages(store: Store, kind: str, last: Row | None) -> Iterator[Row]:
    """Yield all records of a kind, from the one after `last` on."""
    while page := store.copies.list_records(kind, last, RECORDS_AT_ONCE):
        yield from page
        last = page[-1]


def _list_records(store: Store, last: Row | None) -> Iterator[Row]:
    """Yield all records of the service in the order of a copy, from the one after `last` on."""
    kind = last["kind"] if last and last["kind"] != "copy" else KINDS[0]
    last = last if last and last["kind"] == kind else None
    if last and kind in ("season", "past"):
        position = rank_position(last) if kind == "past" else None
        kind, number = "season", last.get("season") or last.get("number")
        last = {"board": last["board"], "number": number}
        yield from _list_past(store, last, position)
    for own in KINDS[KINDS.index(kind) :]:
        for record in _read_pages(store, own, last if own == kind else None):
            yield _complete(store, own, record)
            if own == "season":
                yield from _list_past(store, record, None)


def _complete(store: Store, kind: str, record: Row) -> Row:
    """Return the record as a copy has it. Raises CopyError for an import that no other store could
    go on with."""
    if not record.get("done", True):
        raise CopyError(
            f"The import {show(record['name'])} on board {record['board']} was interrupted: run "
            "import_scores again to its end first, or give it up with --give-up-imports"
        )
    if kind == "season":
        _, _, top = store.get_season(record["board"], record["number"])
        record = {
            **record,
            "top": [{name: row[name] for name in _TOP if name in row} for row in top],
        }
    return {"kind": kind, **record}


def _list_past(store: Store, season: Row, position: RankPosition | None) -> Iterator[Row]:
    """Yield the players of a past season, from the position on."""
    board, number = season["board"], season["number"]
    while True:
        window = store.get_ranking_window(board, RECORDS_AT_ONCE, position, season=number)
        if not window.rows:
            return
        for row in window.rows:
            fields = {field: row.get(field) for field in _SCORE[1:]}
            yield {"kind": "past", "board": board, "season": number, **fields}
        position = rank_position(window.rows[-1])


def give_up_imports(store: Store) -> Iterator[tuple[Row, Import]]:
    """End imports that were interrupted within a batch, whose lines are counted for some players
    only, and stay so; yield the record of each, and how far it had come. Raises CopyError for one
    that goes on meanwhile."""
    for record in _read_pages(store, "import", None):
        if not record["done"]:
            board, name = record["board"], record["name"]
            state = store.get_import(board, name)
            try:
                store.import_batch(board, name, state, [])
            except ImportMoved as error:
                text = f"The import {show(name)} on board {board} is running: wait for its end"
                raise CopyError(text) from error
            yield record, state


def restore_copy(store: Store, file: BinaryIO) -> Iterator[list[Line]]:
    """Insert the records of a copy; yield those of each call. Records that are in the store from
    an interrupted call are left out. Raises CopyError, DamagedCopy, ImportMoved."""
    lines = read_lines(file)
    copy = next(lines).record["id"]
    progress = store.copies.get_progress()
    if not store.copies.list_records("board", None, 1):
        store.copies.insert("board", [], progress, Progress(copy, 1))
        progress = Progress(copy, 1)
    elif progress.copy != copy:
        raise CopyError("The service has boards, which are not from this copy")
    rest = (line for line in lines if line.number > progress.line)
    for batch in _make_batches(line for line in rest if line.record["kind"] != "end"):
        records = [line.record for line in batch]
        new = Progress(copy, batch[-1].number)
        try:
            store.copies.insert(records[0]["kind"], records, progress, new)
        except AlreadyExists as error:
            lines_of = f"{batch[0].number} to {new.line}"
            raise CopyError(
                f"Lines {lines_of} have what somebody else has written meanwhile ({error})"
            ) from error
        progress = new
        yield batch


def _make_batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield lines of one kind, no more than one call inserts."""
    batch: list[Line] = []
    for line in lines:
        if batch and (
            line.record["kind"] != batch[0].record["kind"]
            or len(batch) == RECORDS_AT_ONCE
            or line.end - batch[0].end > BYTES_AT_ONCE
        ):
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def finish_boards(store: Store) -> Iterator[str]:
    """Do the maintenance that new boards need; yield each board's id then."""
    for board in _read_pages(store, "board", None):
        while store.run_maintenance(board["id"]):
            pass
        yield board["id"]
