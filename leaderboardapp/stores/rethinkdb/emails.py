"""Email addresses, each of one player of a board.

RethinkDB's secondary indexes are not unique, and nothing is atomic across documents. So each
address has a document, whose key is made from the address, and which names the holder. The
address itself is in the player's document only.
"""

from typing import Any

from leaderboardapp.domain.exceptions import AlreadyExists
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database, refuse
from leaderboardapp.stores.rethinkdb.results import EMAIL_TAKEN, raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import row_id

# How long an address stays reserved for a player who is not on the board: much longer than it
# takes to add one.
RESERVATION_SECONDS = 30


class Emails:
    """The email addresses of all boards."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def reserve(self, board: str, email: str, player: Row) -> None:
        """Reserve an address for the document of a player who is about to be added.

        Raises AlreadyExists if there is that player, EmailTaken if another one has the address.
        """
        if self.db.run(self.db.players.get(player["id"])):
            raise AlreadyExists(player["player"])
        key = row_id(board, email)
        new = {"id": key, "board": board, "holder": player["id"], "since": r.now()}

        def replace(absent: Any) -> Any:
            # `absent` is the holder who does not have the address, or null. It is read before,
            # because a conflict's function may read no other document.
            def decide(_: Any, old: Any, mine: Any) -> Any:
                lapsed = absent.eq(old["holder"]) & (old["since"] < r.now() - RESERVATION_SECONDS)
                return r.branch(lapsed | old["holder"].eq(player["id"]), mine, r.error(EMAIL_TAKEN))

            return self.db.emails.insert(new, conflict=decide)

        holder = self.db.emails.get(key)["holder"].default("")
        has_email = holder.do(lambda id: self.db.players.get(id)["email"].default(None).eq(email))
        raise_for_errors(self.db.run(r.branch(has_email, None, holder).do(replace)))

    def write_if_holder(self, board: str, email: str, player: str, write: Any) -> Any:
        """Build, as ReQL, a write that fails with EMAIL_TAKEN if another player is the holder."""
        holder = self.db.emails.get(row_id(board, email))["holder"].default("")
        return r.branch(holder.eq(player), write, refuse(EMAIL_TAKEN))

    def release(self, board: str, document: Any) -> Any:
        """Build, as ReQL, a write that frees the address in a player's document, if it has one."""
        email = document["email"].default(None)
        key = email.do(lambda text: r.uuid(r.expr(f"{board}/") + text))
        mine = self.db.emails.get(key).do(lambda row: row["holder"].eq(document["id"]))
        held = r.branch(email.eq(None), False, mine.default(False))
        return r.branch(held, self.db.emails.get(key).delete(), {"deleted": 0})
