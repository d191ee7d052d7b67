"""By which texts players and boards are found: the beginning of a name or an id, without case
(ADR 53).

All stores keep what `fold` returns, and compare it by its code points. Boards are kept as if they
were players of a board BOARDS, where private ones are hidden.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import regex

from leaderboardapp.domain.types import Row, Selection

BOARDS = ""  # no board has this id
ORDERS = ("newest", "name")  # of boards
MAX_KEY_LENGTH = 100  # characters of a search key; some letters become several
LAST_CHARACTER = "\U0010ffff"
_IGNORED = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_FORBIDDEN = regex.compile(r"[\p{Cc}\p{Cs}]")  # that stores do not take, and no name has

P = TypeVar("P")


class SearchKeys(NamedTuple):
    """The texts by which one player is found."""

    name: str
    id: str


class SearchPosition(NamedTuple):
    """A position among those who are found: by the key, then by the player's id."""

    key: str = ""
    player: str = ""


class BoardPosition(NamedTuple):
    """A position in a list of boards: by the key of its order, then by id."""

    key: str | int
    id: str


class BoardPage(NamedTuple):
    """A page of a list of boards."""

    rows: list[Row]
    last: BoardPosition | None  # after which others come; None: these are all


class SearchPage(NamedTuple):
    """Players whom the store has found, some of whom it may have found twice."""

    positions: Sequence[SearchPosition]
    selection: Selection  # of all of them who are there
    last: SearchPosition | None  # after which others come; None: these are all


def fold(text: str) -> str:
    """Return the text as it is compared: without case, blanks before it, and what is not drawn, in
    the one form that Unicode has for it (NFKC_Casefold)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    visible = _IGNORED.sub("", unicodedata.normalize("NFKC", folded))
    return visible.lstrip()[:MAX_KEY_LENGTH]


def key_field(value: Any) -> str:
    """Accept a search key, of a cursor."""
    if not isinstance(value, str) or len(value) > MAX_KEY_LENGTH or _FORBIDDEN.search(value):
        raise ValueError(f"text of up to {MAX_KEY_LENGTH} characters, no control characters")
    return value


def search_keys(player: Mapping[str, Any]) -> SearchKeys:
    """Return the search keys of a player's row."""
    return SearchKeys(fold(player["name"]), fold(player["id"]))


def to_player(board: Row) -> Row:
    """Return what is kept of a board, as a player's row. A nameless board is shown by its id."""
    return {"id": board["id"], "name": board["name"] or board["id"], "hidden": board["private"]}


def choose_boards(
    page: Sequence[BoardPosition], boards: Mapping[str, Row], prefix: str
) -> list[Row]:
    """Return the rows of the boards that are there, in the order of the page, each once. With a
    prefix it is the least text that begins so."""
    return [
        boards[id]
        for key, id in page
        if id in boards and (not prefix or key == _find_key(to_player(boards[id]), prefix))
    ]


def split_page(positions: Sequence[P], limit: int) -> tuple[Sequence[P], P | None]:
    """Return the first `limit` positions, and after which of them others come; None if these are
    all."""
    page = positions[:limit]
    return page, page[-1] if len(positions) > limit else None


def choose_matches(page: SearchPage, prefix: str) -> list[Row]:
    """Return the rows of those who are found, in the order of the page.

    Who is found by the name and by the id is chosen once, by the lesser text. Who was renamed past
    the service, so that the store has an old text, is left out."""
    rows = {row["id"]: row for row in (*page.selection.rows, *page.selection.unranked)}
    return [
        rows[player]
        for key, player in page.positions
        if player in rows and key == _find_key(rows[player], prefix)
    ]


def _find_key(player: Row, prefix: str) -> str | None:
    """Return the least search key of the player that begins with the prefix, None if none does."""
    return min((key for key in search_keys(player) if key.startswith(prefix)), default=None)
