"""manage.py import_service: make the whole service from a file that export_service has written."""

from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leaderboardapp.copies import (
    CopyError,
    DamagedCopy,
    finish_boards,
    restore_copy,
)
from leaderboardapp.doctor.listener import is_any_alive
from leaderboardapp.domain.exceptions import ImportMoved
from leaderboardapp.management.commands.export_service import (
    count_records,
    describe,
    reports_failures,
)
from leaderboardapp.stores import get_store


class Command(BaseCommand):
    help = (
        "Make the whole service from a file that export_service has written. The file is checked "
        "from its first line to its last before anything is written. A service that has boards is "
        "refused, unless they are from an interrupted import of the same file, which then goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        try:
            with reports_failures(), open(path, "rb") as file:
                self._import(file, path)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except DamagedCopy as error:
            raise CommandError(f"{path}, {error}. Nothing was imported.") from error
        except CopyError as error:
            raise CommandError(f"{path}: {error}.") from error
        except ImportMoved as error:
            raise CommandError("Another import_service is at work on this service.") from error

    def _import(self, file: BinaryIO, path: str) -> None:
        counts, inserted = count_records(file), 0
        # It would end seasons of boards whose players are still to come.
        if is_any_alive():
            raise CommandError(
                "A listener runs on this store. Stop dblistener.py, and import again."
            )
        total = sum(counts.values()) - 2  # but for the first line and the last
        with tqdm(total=total, unit=" records", disable=None, desc="import") as bar:
            for batch in restore_copy(get_store(), file):
                inserted += len(batch)
                bar.update(batch[-1].number - 1 - bar.n)
        with tqdm(total=counts["board"], unit=" boards", disable=None, desc="ranks") as bar:
            for _ in finish_boards(get_store()):
                bar.update()
        before = f", {total - inserted} of them before" if inserted < total else ""
        self.stdout.write(f"{path}: {total} records are imported{before}. {describe(counts)}")
