"""Finding players and boards by the beginning of a name or an id (ADR 53), and lists of boards.

The texts have a table of their own, because RethinkDB writes all indexes of a table anew with each
score. A player's document and its texts have the same key. Texts are written after the document: if
the process dies in between, `ensure_store` writes them.
"""

from collections.abc import Sequence
from typing import Any

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.searching import (
    BOARDS,
    LAST_CHARACTER,
    BoardPage,
    BoardPosition,
    SearchPage,
    SearchPosition,
    choose_boards,
    search_keys,
    split_page,
    to_player,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.standings import Standings

ORDER_KEYS = {"newest": "newest", "name": "name_key"}
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

    def find_boards(
        self, order: str, prefix: str, limit: int, after: BoardPosition | None, private: bool
    ) -> BoardPage:
        """Return what the store's method of this name does."""
        positions: list[BoardPosition] = []
        for hidden in (False, True)[: 1 + private]:
            if prefix:
                start = SearchPosition(str(after.key), after.id) if after else SearchPosition()
                matches = self._find_matches(BOARDS, prefix, limit + 1, start, hidden)
                positions += [BoardPosition(*match) for match in matches]
            else:
                key, own = ORDER_KEYS[order], [BOARDS, hidden]
                query = self._select(key, [*own, *(after or ())], [*own, r.maxval], limit + 1)
                positions += [BoardPosition(*position) for position in self.db.run(query)]
        page, last = split_page(sorted(positions), limit)
        documents = self.db.run(self.db.boards.get_all(*{id for _, id in page}))
        boards = {row["id"]: row for row in map(board_row, documents)}
        return BoardPage(choose_boards(page, boards, prefix), last)

    def list_boards_of(self, player: str, after: str, limit: int) -> list[str]:
        """Return what the store's method of this name does."""
        start, end = [player, after], [player, r.maxval]
        rows = self.db.search.between(start, end, index="player", left_bound="open")
        page = rows.order_by(index="player").limit(limit)["board"]
        boards: list[str] = self.db.run(page.coerce_to("array"))
        return boards

    def remember_board(self, board: Row, created_at: int = 0) -> None:
        """Have the board found as its row says. When it was created is only written if it is
        new."""
        remember(self.db, [{**build_texts(BOARDS, to_player(board)), "newest": -created_at}])

    def forget_board(self, board: str) -> None:
        """Have the board found no more."""
        self.forget_player(BOARDS, board)

    def _find_matches(
        self, board: str, prefix: str, limit: int, after: SearchPosition, hidden: bool
    ) -> list[SearchPosition]:
        own, end = [board, hidden], prefix + LAST_CHARACTER
        start = [*own, *max(after, SearchPosition(prefix))]

        def read(key: str) -> Any:
            return self._select(key, start, [*own, end], limit)

        positions: list[list[str]] = self.db.run(read("name_key") + read("id_key"))
        return sorted({SearchPosition(*position) for position in positions})[:limit]

    def _select(self, key: str, start: list[Any], end: list[Any], limit: int) -> Any:
        """Select keys and ids in the order of an index, after `start`."""
        rows = self.db.search.between(start, end, index=key, left_bound="open")
        page = rows.order_by(index=key).limit(limit)
        return page.map(lambda row: [row[key], row["player"]]).coerce_to("array")


def remember_players(db: Database, board: str, players: Sequence[Row]) -> None:
    """Have these players found as their rows say, whatever was known of them. Raises
    OutcomeUnknown: the players themselves are written."""
    if players:
        remember(db, [build_texts(board, player) for player in players])


def remember(db: Database, documents: list[Row]) -> None:
    """Write such documents; of those that are there, `newest` stays. Raises OutcomeUnknown."""

    def keep(_: Any, old: Any, new: Any) -> Any:
        return new.merge(old.pluck("newest"))

    try:
        # Whoever is not found after a loss of power is filled in by `ensure_store`.
        write = db.search.insert(documents, conflict=keep, durability="soft")
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
    """Have all players and boards found, in pieces."""
    boards = connection.run(
        r.table("boards").filter(lambda row: row["since"].default(None).eq(None))
    )
    texts = [build_texts(BOARDS, to_player(board_row(board))) for board in boards]
    for start in range(0, len(texts), FILLED_AT_ONCE):
        piece = [{**text, "newest": 0} for text in texts[start : start + FILLED_AT_ONCE]]
        raise_for_errors(connection.run(_insert_missing(piece)))
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
        raise_for_errors(connection.run(_insert_missing(texts)))


def _insert_missing(texts: list[Row]) -> Any:
    # Whoever is found by now is as somebody else has written a moment ago.
    return r.table("search").insert(texts, conflict=lambda _, old, __: old)


def _is_found(document: Row) -> bool:
    """Return whether a document is a player's of a board that is no window. A malformed one, and
    what is left of an erased player, are not."""
    fields = (document.get(name) for name in ("board", "player", "name"))
    return all(isinstance(value, str) for value in fields) and not is_window(document["board"])


def _build_of_document(document: Row) -> Row:
    player = {"id": document["player"], "name": document["name"], "hidden": document.get("hidden")}
    return build_texts(document["board"], player)
