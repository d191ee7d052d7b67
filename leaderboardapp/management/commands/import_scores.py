"""manage.py import_scores: add the scores in a file to a board."""

import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    ImportMoved,
    StoreUnavailable,
)
from leaderboardapp.domain.fields import id_field
from leaderboardapp.importer import (
    BadRow,
    DifferentFile,
    MissingColumn,
    RefusedRow,
    Rules,
    count_rows,
    import_rows,
    read_csv,
    read_json_lines,
)
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.stores import get_store

JSON_ENDINGS = (".jsonl", ".ndjson")
BAD_ROWS_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Add up the scores in a file of CSV (names in the first line) or JSON Lines. Safe to run "
        "again after an interruption, or when the file has grown: no row counts twice."
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
        path, name = options["file"], options["name"] or os.path.basename(options["file"])
        try:
            if path == "-":
                self.import_file(sys.stdin.buffer, None, name, options)
            else:
                with open(path, "rb") as file:
                    self.import_file(file, os.fstat(file.fileno()).st_size, name, options)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except MissingColumn as error:
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
        rules = Rules(options["player_column"], options["amount_column"], dict(options["where"]))
        file_format = options["format"] or ("jsonl" if file.name.endswith(JSON_ENDINGS) else "csv")
        _require_board(options["board"], create=options["create"])
        added = bad = 0

        def on_bad_row(line: int, error: BadRow) -> None:
            nonlocal bad
            bad += 1
            if options["strict"]:
                raise CommandError(f"Line {line}: {error}. Stopped there; fix it and run again.")
            if bad <= BAD_ROWS_SHOWN:
                tqdm.write(f"line {line}: {error}", file=sys.stderr)

        # `disable=None` shows the bar on a terminal only.
        bar = tqdm(total=size, unit="B", unit_scale=True, disable=None, desc=name)
        lines = _read_lines(file, bar)
        rows = (
            read_json_lines(lines) if file_format == "jsonl" else read_csv(lines, rules.columns())
        )
        counted = count_rows(rows, rules, on_bad_row)
        try:
            with bar:
                for batch_size in import_rows(get_store(), options["board"], name, counted):
                    added += batch_size
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped after {added} rows. Run the same command again to go on.")
            sys.exit(130)
        if bad > BAD_ROWS_SHOWN:
            self.stderr.write(f"… and {bad - BAD_ROWS_SHOWN} more bad rows.")
        self.stdout.write(f"{added} rows counted, {bad} bad rows left out.")


def _require_board(board_id: str, *, create: bool) -> None:
    """Raise CommandError if there is no such board, unless it is to be created."""
    try:
        id_field(board_id)
    except ValueError as error:
        raise CommandError(f"--board: must be {error}.") from error
    try:
        Board.get(board_id)
    except ObjectDoesNotExist as error:
        if not create:
            raise CommandError(f"There is no board {board_id!r}; --create makes it.") from error
        try:
            Board(board_id, name=board_id).save()
        except AlreadyExists:
            pass  # somebody else was faster


def _read_lines(file: BinaryIO, bar: "tqdm[Any]") -> Iterator[str]:
    for number, line in enumerate(file):
        bar.update(len(line))
        # A broken byte becomes a character that no name may have: a bad row, not the end.
        yield line.decode("utf-8-sig" if number == 0 else "utf-8", errors="surrogateescape")


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
