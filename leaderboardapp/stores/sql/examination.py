"""What is wrong with the tables of an SQL database."""

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from leaderboardapp.stores.examination import ENSURE, Fault
from leaderboardapp.stores.sql.models import BoardRow


def list_faults() -> list[Fault]:
    """Return what differs between the migrations that the database has and those of this
    version."""
    loader, app = MigrationLoader(connection), BoardRow._meta.app_label
    applied = {name for label, name in loader.applied_migrations if label == app}
    known = {name for label, name in loader.disk_migrations if label == app}
    faults = []
    if missing := sorted(known - applied):
        text = f"{len(missing)} migrations are missing, the first of which is {missing[0]}"
        faults.append(Fault(text, ENSURE))
    if newer := sorted(applied - known):
        text = f"it has the migration {newer[-1]}, which this version does not know"
        faults.append(Fault(text, "Run the newer version, or restore the backup of this one."))
    return faults
