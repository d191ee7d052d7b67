"""manage.py export_scores: write the players of a board, a window or a past season to a file."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leaderboardapp.api.exports import FORMS, PLAYERS_AT_ONCE, read_ranked
from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import StoreUnavailable, WindowNotFound
from leaderboardapp.domain.fields import id_field, season_field
from leaderboardapp.domain.types import WINDOWS
from leaderboardapp.importer import JSON_ENDINGS, guess_format
from leaderboardapp.models import Board, ObjectDoesNotExist, Player


class Command(BaseCommand):
    help = (
        "Write players with their scores and ranks to a file of CSV or JSON Lines: those of a "
        "board or of one of its windows, as they are now or as of the end of a past season. Hidden "
        "players come last, without a rank; a past season has none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file, or - for standard output")
        parser.add_argument("--board", required=True, metavar="ID")
        parser.add_argument("--window", choices=WINDOWS, help="a window of the board")
        parser.add_argument("--season", type=int, metavar="NUMBER", help="a past season")
        parser.add_argument(
            "--format",
            choices=tuple(FORMS),
            help=f"default: jsonl for {' and '.join(JSON_ENDINGS)}, otherwise csv",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        form = FORMS[options["format"] or guess_format(path)]
        try:
            pages = _read_players(_find_board(options), options["season"])
            with self._open(path) as write:
                for text in form.write(pages):
                    write(text)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except ObjectDoesNotExist as error:
            raise CommandError(str(error)) from error
        except StoreUnavailable as error:
            raise CommandError(f"The store failed: {error}. Run the same command again.") from error

    @contextmanager
    def _open(self, path: str) -> Iterator[Callable[[str], object]]:
        """Yield what writes to the file, which has its name only once it is whole."""
        if path == "-":
            yield partial(self.stdout.write, ending="")
            return
        unfinished = Path(f"{path}.part")
        try:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                yield file.write
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def _find_board(options: dict[str, Any]) -> str:
    """Return the id of the board that is read: the one that is named, or that of its window.

    Raises CommandError for what cannot be, BoardNotFound, WindowNotFound."""
    for option, field in (("board", id_field), ("season", season_field)):
        try:
            if options[option] is not None:
                field(options[option])
        except ValueError as error:
            raise CommandError(f"--{option}: must be {error}.") from error
    board, window = Board.get(options["board"]), options["window"]
    if window is None:
        return board.id
    if window not in board.windows:
        raise WindowNotFound(board.row(), window)
    return window_id(board.id, window)


def _read_players(board_id: str, season: int | None) -> Iterator[list[Player]]:
    """Yield all players in pages, the ranked ones first, each player once."""
    seen: set[str] = set()  # of the running season; a past one does not change
    pages = read_ranked(board_id, season)
    for page in pages if season is not None else _chain_hidden(pages, board_id):
        yield [player for player in page if player.id not in seen]
        if season is None:
            seen.update(player.id for player in page)


def _chain_hidden(pages: Iterator[list[Player]], board_id: str) -> Iterator[list[Player]]:
    """Yield the pages, and then those of the hidden players, by id."""
    yield from pages
    after: str | None = ""
    while after is not None:
        page = Player.get_hidden_for_board(Board(board_id), PLAYERS_AT_ONCE, after)
        yield page
        after = page[-1].id if len(page) == PLAYERS_AT_ONCE else None
