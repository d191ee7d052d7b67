"""Finding players by the beginning of a name or an id (ADR 53).

The texts have a table of their own, because RethinkDB writes all indexes of a table anew with each
score. A player's document and its texts have the same key. Texts are written after the document: if
the process dies in between, `ensure_store` writes them.
"""

from collections.abc import Sequence
from typing import Any

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.searching import (
    LAST_CHARACTER,
    SearchPage,
    SearchPosition,
    search_keys,
    split_page,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.standings import Standings

FILLED_AT_ONCE = 1_000  # players in one query


class Search:
    """Searches on all boards."""

    def __init__(self, db: Database, standings: Standings) -> None:
        self.db, self.standings = db, standings

    def search_players(
        self,
        board: str,
        prefix: str,
        limit: int,
        after: SearchPosition,
        hidden: bool,
        with_emails: bool,
    ) -> SearchPage:
        """Return what the store's method of this name does. Raises BoardNotFound."""
        positions = self._find_matches(board, prefix, limit + 1, after, hidden)
        page, last = split_page(positions, limit)
        players = {position.player for position in page}
        return SearchPage(page, self.standings.read_selection(board, players, with_emails), last)

    def forget_player(self, board: str, player: str) -> None:
        """Have the player found no more."""
        raise_for_errors(self.db.run(self.db.search.get(row_id(board, player)).delete()))

    def _find_matches(
        self, board: str, prefix: str, limit: int, after: SearchPosition, hidden: bool
    ) -> list[SearchPosition]:
        own, end = [board, hidden], prefix + LAST_CHARACTER
        start = [*own, *max(after, SearchPosition(prefix))]

        def read(key: str) -> Any:
            rows = self.db.search.between(start, [*own, end], index=key, left_bound="open")
            page = rows.order_by(index=key).limit(limit)
            return page.map(lambda row: [row[key], row["player"]]).coerce_to("array")

        positions: list[list[str]] = self.db.run(read("name_key") + read("id_key"))
        return sorted({SearchPosition(*position) for position in positions})[:limit]


def remember_players(db: Database, board: str, players: Sequence[Row]) -> None:
    """Have these players found as their rows say, whatever was known of them. Raises
    OutcomeUnknown: the players themselves are written."""
    if not players:
        return
    documents = [build_texts(board, player) for player in players]
    try:
        # Whoever is not found after a loss of power is filled in by `ensure_store`.
        write = db.search.insert(documents, conflict="replace", durability="soft")
        raise_for_errors(db.run(write))
    except StoreUnavailable as error:
        raise OutcomeUnknown(str(error)) from error


def build_texts(board: str, player: Row) -> Row:
    """Return the document by which a player is found."""
    keys = search_keys(player)
    return {
        "id": row_id(board, player["id"]),
        "board": board,
        "player": player["id"],
        "name_key": keys.name,
        "id_key": keys.id,
        "hidden": bool(player.get("hidden")),
    }


def fill_search(connection: Connection) -> None:
    """Have all players found, in pieces."""
    players, search, last = r.table("players"), r.table("search"), r.minval
    while True:
        rest = players.between(last, r.maxval, left_bound="open").order_by(index="id")
        keys = connection.run(rest.limit(FILLED_AT_ONCE)["id"])
        if not keys:
            return
        last = keys[-1]
        known = connection.run(search.get_all(*keys)["id"])
        rows = players.get_all(*{*keys}.difference(known)).pluck(
            "board", "player", "name", "hidden"
        )
        texts = [_build_of_document(row) for row in connection.run(rows) if _is_found(row)]
        # Whoever is found by now is as somebody else has written a moment ago.
        raise_for_errors(connection.run(search.insert(texts, conflict=lambda _, old, __: old)))


def _is_found(document: Row) -> bool:
    """Return whether a document is a player's of a board that is no window. A malformed one, and
    what is left of an erased player, are not."""
    fields = (document.get(name) for name in ("board", "player", "name"))
    return all(isinstance(value, str) for value in fields) and not is_window(document["board"])


def _build_of_document(document: Row) -> Row:
    player = {"id": document["player"], "name": document["name"], "hidden": document.get("hidden")}
    return build_texts(document["board"], player)
