from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0016_player_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="CopyRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("copy", models.CharField(max_length=64)),
                ("line", models.BigIntegerField()),
            ],
            options={"db_table": "copy"},
        ),
        migrations.AddIndex(
            model_name="searchrow",
            index=models.Index(fields=["player", "board"], name="search_player"),
        ),
        # Who had joined a board last stayed there when it was deleted.
        migrations.RunSQL(
            "UPDATE change SET joined = '[]' WHERE board NOT IN (SELECT id FROM board)",
            migrations.RunSQL.noop,
        ),
    ]
