"""Heads that a label names are kept as rows: an index tells which."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("labels", "0010_asked"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="label",
            index=models.Index(
                condition=models.Q(("head_version__isnull", False)),
                fields=["question", "head_version"],
                name="label_by_head",
            ),
        ),
    ]
