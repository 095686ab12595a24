"""Who gave a label that came from a file, and when."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labels", "0017_claims")]
    operations = [
        migrations.CreateModel(
            name="Attribution",
            fields=[
                ("label", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="attribution", serialize=False, to="labels.label")),
                ("by", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField(null=True)),
            ],
        ),
    ]  # fmt: skip
