"""Rows and passages are found by their place: without an index each batch of a table went through all of its rows."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("samples", "0011_texts")]
    operations = [
        migrations.AddIndex(
            model_name=model,
            index=models.Index(fields=["file", "start"], condition=Q(start__isnull=False), name=name),
        )
        for model, name in (("sample", "sample_by_start"), ("textcopy", "copy_by_start"))
    ]
