"""What heads of questions that follow think of a ranked sample is kept with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0007_without_embeddings")]

    operations = [
        migrations.AddField(
            "roundentry",
            "foreseen",
            models.JSONField(
                default=dict,
                help_text="By the id of a question that follows: its head's version and suggestions, as above.",
            ),
        ),
    ]
