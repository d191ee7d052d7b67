from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0014_past_ranked"),
    ]

    operations = [
        migrations.AddField(
            model_name="leaserow",
            name="parts",
            field=models.TextField(help_text="JSON: which listener has which part", null=True),
        ),
    ]
