"""manage.py import_scores: add the scores in a file to a board."""

import io
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    ImportMoved,
    StoreUnavailable,
)
from leaderboardapp.domain.fields import id_field, name_field
from leaderboardapp.domain.messages import show
from leaderboardapp.importer import (
    JSON_ENDINGS,
    BadHeader,
    BadRow,
    CountedRow,
    DifferentFile,
    RefusedRow,
    Rules,
    count_rows,
    guess_format,
    import_rows,
    read_csv,
    read_json_lines,
    read_lines,
)
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.stores import get_store

BAD_ROWS_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Add up the scores in a file of CSV (names in the first line) or JSON Lines. They count in "
        "the board's windows, too. Safe to run again after an interruption, or when the file has "
        "grown: no row counts twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--board", required=True, metavar="ID")
        parser.add_argument("--create", action="store_true", help="create the board if missing")
        parser.add_argument(
            "--player-column",
            required=True,
            metavar="COLUMN",
            help="whose score: an id, or a name, which gets an id made from it",
        )
        parser.add_argument(
            "--amount-column", metavar="COLUMN", help="by how much; without it, each row counts 1"
        )
        parser.add_argument(
            "--name-column",
            metavar="COLUMN",
            help="what a new player is called; without it, as in the player column",
        )
        parser.add_argument(
            "--data-column",
            metavar="COLUMN",
            help="a new player's data, a JSON object; without it, new players have none",
        )
        parser.add_argument(
            "--where",
            action="append",
            type=_parse_condition,
            default=[],
            metavar="COLUMN=VALUE",
            help="count only rows with this value; may be repeated",
        )
        parser.add_argument(
            "--format",
            choices=("csv", "jsonl"),
            help=f"default: jsonl for {' and '.join(JSON_ENDINGS)}, otherwise csv",
        )
        parser.add_argument(
            "--name", help="what the import is remembered under; default: the file's name"
        )
        parser.add_argument("--strict", action="store_true", help="stop at the first bad row")

    def handle(self, *args: Any, **options: Any) -> None:
        path, name = options["file"], _read_name(options)
        try:
            if path == "-":
                self.import_file(sys.stdin.buffer, None, name, options)
            else:
                with open(path, "rb") as file:
                    self.import_file(file, os.fstat(file.fileno()).st_size, name, options)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except BadHeader as error:
            raise CommandError(f"{path}: {error}.") from error
        except DifferentFile as error:
            raise CommandError(
                f"{path} is not the file, or these are not the options, of which {name!r} was "
                f"imported: they differ {error}. Nothing was added. To count it as something "
                "new, give it another --name."
            ) from error
        except ImportMoved as error:
            raise CommandError(f"Another import of {name!r} is at work on this board.") from error
        except ObjectDoesNotExist as error:
            raise CommandError("The board was deleted meanwhile.") from error
        except RefusedRow as error:
            raise CommandError(
                f"{_to_sentence(error)} Correct the rows after those that were counted, and run "
                "the same command again."
            ) from error
        except StoreUnavailable as error:
            raise CommandError(
                f"The store failed: {error}. Run the same command again to go on."
            ) from error

    def import_file(
        self, file: BinaryIO, size: int | None, name: str, options: dict[str, Any]
    ) -> None:
        """Import an open file of `size` bytes, None if its size is not known."""
        bad_rows = _BadRows(stop=options["strict"])
        added = 0
        # `disable=None` shows the bar on a terminal only.
        with tqdm(total=size, unit="B", unit_scale=True, disable=None, desc=name) as bar:
            lines = read_lines(io.BufferedReader(_WatchedFile(file, bar)))
            rows = _count_rows(lines, file.name, options, bad_rows)
            board = _require_board(options["board"], create=options["create"])
            try:
                for batch_size in import_rows(get_store(), options["board"], name, rows):
                    added += batch_size
            except KeyboardInterrupt:
                self.stderr.write(
                    f"Stopped after {_count(added, 'row')}. Run the same command again to go on."
                )
                sys.exit(130)
        if bad_rows.number > BAD_ROWS_SHOWN:
            more = _count(bad_rows.number - BAD_ROWS_SHOWN, "more bad row")
            self.stderr.write(f"… and {more}.")
        bad = _count(bad_rows.number, "bad row")
        self.stdout.write(f"{_count(added, 'row')} counted, {bad} left out.{_say_windows(board)}")


class _BadRows:
    """Shows the first bad rows and counts all of them."""

    def __init__(self, *, stop: bool) -> None:
        """`stop` at the first one."""
        self.stop, self.number = stop, 0

    def __call__(self, line: int, error: BadRow) -> None:
        self.number += 1
        if self.stop:
            raise CommandError(f"Line {line}: {error}. Stopped there; fix it and run again.")
        if self.number <= BAD_ROWS_SHOWN:
            tqdm.write(f"line {line}: {error}", file=sys.stderr)


def _count_rows(
    lines: Iterable[str], file_name: str, options: dict[str, Any], on_bad_row: _BadRows
) -> Iterator[CountedRow]:
    """Return the rows that count; the header was read. Raises BadHeader."""
    rules = Rules(
        options["player_column"],
        options["amount_column"],
        _require_distinct(options["where"]),
        options["name_column"],
        options["data_column"],
    )
    file_format = options["format"] or guess_format(file_name)
    rows = read_json_lines(lines) if file_format == "jsonl" else read_csv(lines, rules.columns())
    return count_rows(rows, rules, on_bad_row)


def _read_name(options: dict[str, Any]) -> str:
    """Return what the import is remembered under. Raises CommandError."""
    given = options["name"]
    name = Path(options["file"]).name if given is None else given
    try:
        return str(name_field(name))
    except ValueError as error:
        default = "" if given is not None else f", which the file's name {show(name)} is not"
        raise CommandError(f"--name: must be {error}{default}.") from error


def _require_board(board_id: str, *, create: bool) -> Board:
    """Return the board. Raises CommandError if there is none, unless it is to be created."""
    try:
        id_field(board_id)
    except ValueError as error:
        raise CommandError(f"--board: must be {error}.") from error
    try:
        return Board.get(board_id)
    except ObjectDoesNotExist as error:
        if not create:
            raise CommandError(f"There is no board {board_id!r}; --create makes it.") from error
        try:
            return Board(board_id, name=board_id).save()
        except AlreadyExists:
            return Board.get(board_id)  # somebody else was faster


class _WatchedFile(io.RawIOBase):
    """A file whose progress bar shows how much of it was read."""

    def __init__(self, file: BinaryIO, bar: "tqdm[Any]") -> None:
        self.file, self.bar = file, bar

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        self.bar.update(len(data))
        return len(data)


def _say_windows(board: Board) -> str:
    """Return a sentence about the windows in which rows count, too; nothing without any."""
    names = ", ".join(board.windows)
    return f" Windows in which they count, too: {names}." if names else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _require_distinct(conditions: list[tuple[str, str]]) -> dict[str, str]:
    """Return the values by columns. Raises CommandError if a column is there twice."""
    values = dict(conditions)
    if len(values) < len(conditions):
        raise CommandError("--where: each column may be named once.")
    return values


def _to_sentence(error: Exception) -> str:
    """Return the error's message as a sentence."""
    message = str(error)
    return f"{message[0].upper()}{message[1:]}."


def _parse_condition(text: str) -> tuple[str, str]:
    """Return the column and the value of COLUMN=VALUE."""
    column, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"{text!r} is not of the form COLUMN=VALUE")
    return column, value
