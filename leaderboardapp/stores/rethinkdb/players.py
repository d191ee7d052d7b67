"""Players of a board: created, read, changed and deleted."""

from typing import Any

from leaderboardapp.domain.exceptions import PlayerNotFound
from leaderboardapp.domain.joining import check_email, check_new_player, check_player_change
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.scoring import start_with
from leaderboardapp.domain.types import Precondition, Row, Window
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.emails import Emails
from leaderboardapp.stores.rethinkdb.erasure import Erasure
from leaderboardapp.stores.rethinkdb.results import get_updated_document, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import (
    board_row,
    find_emails,
    find_member,
    is_member,
    is_player,
    player_document,
    player_row,
)
from leaderboardapp.stores.rethinkdb.schema import INTERNAL_FIELDS, SERVER_FIELDS, row_id
from leaderboardapp.stores.rethinkdb.score_fields import season_reset_fields
from leaderboardapp.stores.rethinkdb.search import Search, remember_players
from leaderboardapp.stores.rethinkdb.windows import Windows


class Players:
    """The players of all boards. The methods are those of the store with these names."""

    def __init__(
        self, db: Database, emails: Emails, erasure: Erasure, windows: Windows, search: Search
    ) -> None:
        self.db, self.emails, self.erasure = db, emails, erasure
        self.windows, self.search = windows, search

    def create(self, board: str, player: Row) -> Row:
        new = check_new_player(player)
        document = player_document(board, new["id"], new["name"], new.get("data"))
        if email := new.get("email"):
            document["email"] = email

        def attempt(settings: Row) -> Row:
            check_email(settings, new)
            fields = start_with(settings, new["id"], new.get("score"), document["reached_at"])
            document.update(score=fields["score"], scored=fields["scored"])
            document["season"] = settings["season"]
            write = self.db.players.insert(document)
            if email:
                self.emails.reserve(board, email, document)
                write = self.emails.write_if_holder(board, email, document["id"], write)
            result: Row = self.db.run(self.db.write_if_current(settings, write))
            return result

        raise_for_errors(self.db.check_and_write(board, attempt), board, new["id"])
        remember_players(self.db, board, [new])
        return player_row(document)

    def get(self, board: str, player: str) -> Row:
        document = self.db.players.get(row_id(board, player)).without(*INTERNAL_FIELDS)
        row, found = self.db.read_of_board(board, lambda row: [row, document.default(None)])
        member = found and find_member(board_row(row), found)
        if member is None:
            raise PlayerNotFound(board, player)
        return member

    def update(
        self, board: str, player: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        document = self.db.players.get(row_id(board, player))
        checked = check_player_change(fields)
        if "data" in checked:
            checked["data"] = encode_data(checked["data"])

        def write(guard: Any) -> Any:
            def update(row: Any, old: Any) -> Any:
                # What a past season has of the player stays as it is.
                return guard(old, season_reset_fields(row, old).merge(checked))

            return self.db.write_if_board_exists(
                board,
                lambda row: document.update(
                    lambda old: update(row, old), return_changes="always"
                ).merge(
                    {"season": row["season"].default(1), "windows": row["windows"].default([])}
                ),
            )

        result = self.db.write_if(precondition, write, is_player)
        raise_for_errors(result, board)
        updated = get_updated_document(result, PlayerNotFound(board, player))
        if result["windows"]:
            self.windows.update_player(board, player, checked)
        row = player_row(updated, result["season"])
        if {"name", "hidden"} & checked.keys():
            remember_players(self.db, board, [row])
        return row

    def delete(self, board: str, player: str, precondition: Precondition | None = None) -> None:
        if precondition:
            precondition()  # and not again: what follows is more than one write
        self.db.record_deletion(board)
        self.windows.delete_player(board, player)
        try:
            self.erasure.delete_player(board, player)
        finally:  # also what an earlier deletion, cut short here, has left
            self.search.forget_player(board, player)
        self.windows.delete_player(board, player)  # a score may have come in between

    def list_hidden(self, board: str, after: str, limit: int, with_emails: bool = False) -> Window:
        last, end = [board, after], [board, r.maxval]
        rows = self.db.players.between(last, end, index="hidden_on", left_bound="open")

        def read_members(row: Any) -> Any:
            members = rows.order_by(index="hidden_on").filter(lambda old: is_member(row, old))
            return [row, members.limit(limit).without(*SERVER_FIELDS).coerce_to("array")]

        row, documents = self.db.read_of_board(board, read_members)
        settings = board_row(row)
        players = [player_row(document, settings["season"]) for document in documents]
        return Window(settings, players, emails=find_emails(documents if with_emails else []))
