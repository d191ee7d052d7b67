"""Email addresses, each of one player of a board. RethinkDB's secondary indexes are not unique and
nothing is atomic across documents, so an address has a document of its own, whose key is made from
it and which names who holds it; the address itself is in the player's document only."""

from typing import Any

from leaderboardapp.domain.exceptions import AlreadyExists
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import EMAIL_TAKEN, raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import row_id

# After which somebody who has reserved an address, and is not on the board, will not come: much
# longer than a query may take.
RESERVATION_SECONDS = 30


class Emails:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.emails, self.players = db.emails, db.players

    def reserve(self, board: str, email: str, player: Row) -> None:
        """For this player, who is about to be added. Raises AlreadyExists if there is
        that player already, EmailTaken."""
        if self.db.run(self.players.get(player["id"])):
            raise AlreadyExists(player["player"])
        key = row_id(board, email)
        new = {"id": key, "board": board, "holder": player["id"], "since": r.now()}

        def replace(gone: Any) -> Any:
            # `gone`: the holder, unless it has this address on the board. Where the document is
            # replaced, nothing else may be looked at.
            def decide(_: Any, old: Any, mine: Any) -> Any:
                left = gone.eq(old["holder"]) & (old["since"] < r.now() - RESERVATION_SECONDS)
                return r.branch(left | old["holder"].eq(player["id"]), mine, r.error(EMAIL_TAKEN))

            return self.emails.insert(new, conflict=decide)

        holder = self.emails.get(key)["holder"].default("")
        has_it = holder.do(lambda h: self.players.get(h)["email"].default(None).eq(email))
        raise_for_errors(self.db.run(r.branch(has_it, None, holder).do(replace)))

    def write_if_holder(self, board: str, email: str, player: str, write: Any) -> Any:
        """The write, unless somebody else has the address by now."""
        holder = self.emails.get(row_id(board, email))["holder"].default("")
        refused = {"errors": 1, "first_error": EMAIL_TAKEN}
        return r.branch(holder.eq(player), write, refused)

    def release(self, board: str, document: Any) -> Any:
        """The address of a player, if there is one."""
        email = document["email"].default(None)
        key = email.do(lambda text: r.uuid(r.expr(f"{board}/") + text))
        mine = self.emails.get(key).do(lambda row: row["holder"].eq(document["id"]))
        held = r.branch(email.eq(None), False, mine.default(False))
        return r.branch(held, self.emails.get(key).delete(), {"deleted": 0})
