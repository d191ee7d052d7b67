"""Players as a file: CSV, or JSON Lines."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from django.http import HttpRequest

from leaderboardapp.api.responses import ranked_data
from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.domain.csv_rows import BYTE_ORDER_MARK, write_row
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.models import Board, Player
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import read_parameter

COLUMNS = ("id", "name", "score", "rank")
PLAYERS_AT_ONCE = 1_000  # in one read of the store


class Form(ABC):
    """A form that a file of players may have."""

    content_type: str
    ending: str

    @abstractmethod
    def write(self, pages: Iterable[list[Player]]) -> Iterator[str]:
        """Yield the text of the file."""


class Csv(Form):
    """CSV as the dashboard exports it: with the data as JSON in the last column, and by a mark that
    tells spreadsheets that it is UTF-8."""

    content_type, ending = "text/csv; charset=utf-8", "csv"

    def write(self, pages: Iterable[list[Player]]) -> Iterator[str]:
        yield BYTE_ORDER_MARK + write_row([*COLUMNS, "data"])
        for page in pages:
            yield "".join(map(self._write_player, page))

    def _write_player(self, player: Player) -> str:
        row = ranked_data(player)
        return write_row([*(row[column] for column in COLUMNS), encode_data(player.data)])


class JsonLines(Form):
    """A line of JSON for each player, as in the answer of a page."""

    content_type, ending = "application/x-ndjson", "jsonl"

    def write(self, pages: Iterable[list[Player]]) -> Iterator[str]:
        for page in pages:
            yield "".join(
                json.dumps(ranked_data(player), ensure_ascii=False) + "\n" for player in page
            )


FORMS: dict[str, Form] = {"csv": Csv(), "jsonl": JsonLines()}
MEDIA_TYPES = {
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
}


def choose_form(request: HttpRequest) -> Form:
    """Return the form that the query's `format` names, or else the client prefers; CSV if it
    accepts neither. Raises Problem 422."""
    preferred = request.get_preferred_type([*MEDIA_TYPES]) or "text/csv"
    name = read_parameter(request, "format", MEDIA_TYPES[preferred])
    if name not in FORMS:
        names = " or ".join(FORMS)
        raise Problem(ProblemKind.INVALID_PARAMETER, f"format: must be {names}.")
    return FORMS[name]


def read_ranked(board_id: str, season: int | None = None) -> Iterator[list[Player]]:
    """Yield all ranked players in pages, best first, perhaps of a past season; the first page may
    be empty.

    In the running season, a player whose rank changes meanwhile may be there twice, or not at all.
    Raises BoardNotFound, SeasonNotFound."""
    after, is_whole = None, False
    while not is_whole:
        page = Player.get_page_for_board(Board(board_id), PLAYERS_AT_ONCE, after, season=season)
        yield page
        is_whole = len(page) < PLAYERS_AT_ONCE
        after = page[-1].key() if page else None


def name_file(board_id: str, season: int, form: Form) -> str:
    """Return what a file of a past season is called, of a board or of a window."""
    return f"{'-'.join(filter(None, split_id(board_id)))}-{season}.{form.ending}"
