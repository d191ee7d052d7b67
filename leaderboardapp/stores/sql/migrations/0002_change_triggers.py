from django.db import migrations

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
