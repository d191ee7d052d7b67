from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0013_schedules"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="pastrow", name="past_ranked"),
        migrations.AddIndex(
            model_name="pastrow",
            index=models.Index(
                condition=models.Q(("season__gt", 0)),
                fields=["board", "season", "place", "reached_at", "player"],
                name="past_ranked",
            ),
        ),
    ]
