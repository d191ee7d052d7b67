"""The lease: one document, which says which listeners are active."""

from typing import Any

from leaderboardapp.domain.types import Lease
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import raise_for_errors

LEASE = "listener"  # the only document of its table
LEASE_LOST = "lease lost"


def read_lease(db: Database) -> Lease:
    """Return the lease as the store's method does."""
    row = db.run(db.lease.get(LEASE))
    return Lease(*(row.get(field) for field in Lease._fields)) if row else Lease()


def replace_lease(db: Database, old: Lease, new: Lease) -> bool:
    """Replace the lease as the store's method does."""

    def replace(row: Any) -> Any:
        current = [row[name].default(value) for name, value in Lease()._asdict().items()]
        document = {"id": LEASE, **new._asdict()}
        return r.branch(r.expr(current).eq([*old]), document, r.error(LEASE_LOST))

    result = db.run(db.lease.get(LEASE).replace(replace))
    if result["errors"] and result["first_error"] == LEASE_LOST:
        return False
    raise_for_errors(result)
    return True
