"""manage.py export_service: write the whole service to a file."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leaderboardapp.copies import CopyError, give_up_imports, read_whole, write_copy
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.messages import show
from leaderboardapp.stores import get_store


class Command(BaseCommand):
    help = (
        "Write the whole service to a file of JSON Lines, from which import_service makes it again "
        "in any store: boards with all settings, players, email addresses, idempotency keys, past "
        "seasons, windows, imports. The file has its name once it is whole, and FILE.part before. "
        "After an interruption the same command goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument(
            "--give-up-imports",
            action="store_true",
            help="end imports that were interrupted in RethinkDB, and that nobody can end: some of "
            "their last lines stay uncounted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path, unfinished = options["file"], Path(f"{options['file']}.part")
        if os.path.lexists(path):
            raise CommandError(f"{path} is there already. Nothing was written.")
        try:
            # Only for its owner: it has email addresses.
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600)
            with reports_failures(), open(descriptor, "r+b") as file:
                if options["give_up_imports"]:
                    self.give_up_imports()
                with tqdm(unit=" records", disable=None, desc="export") as bar:
                    for _ in write_copy(get_store(), file):
                        bar.update()
                file.flush()
                os.fsync(file.fileno())
                counts = count_records(file)
            os.replace(unfinished, path)
        except OSError as error:
            raise CommandError(f"{unfinished}: {error.strerror}.") from error
        except CopyError as error:
            raise CommandError(
                f"{error}. Delete {unfinished}, and run the same command again; best while nothing "
                "writes."
            ) from error
        self.stdout.write(f"{path}: written. {describe(counts)}")

    def give_up_imports(self) -> None:
        for record, state in give_up_imports(get_store()):
            self.stdout.write(
                f"Gave up the import {show(record['name'])} on board {record['board']}: its lines "
                f"{state.start + 1} to {state.line} are counted for some players only."
            )


@contextmanager
def reports_failures() -> Iterator[None]:
    """Raise CommandError, with what to do, for what may interrupt this command, and the import."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise CommandError(
            "Stopped. Run the same command again to go on.", returncode=130
        ) from error
    except StoreUnavailable as error:
        message = f"The store failed: {error}. Run the same command again to go on."
        raise CommandError(message) from error


def count_records(file: BinaryIO) -> Counter[str]:
    """Read a copy from its first line to its last; return how many records of each kind it has.
    Raises DamagedCopy."""
    # `disable=None` shows the bar on a terminal only.
    with tqdm(unit=" lines", disable=None, desc="check") as bar:
        counts = Counter[str]()
        for line in read_whole(file):
            counts[line.record["kind"]] += 1
            bar.update()
    return counts


def describe(counts: Counter[str]) -> str:
    """Return a sentence that says how many records of each kind there are."""
    names = {
        "board": "boards and windows",
        "season": "past seasons",
        "past": "players of past seasons",
        "player": "players",
        "import": "imports",
    }
    numbers = ", ".join(f"{name}: {counts[kind]}" for kind, name in names.items())
    return f"{numbers[0].upper()}{numbers[1:]}."
