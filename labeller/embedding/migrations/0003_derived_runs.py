"""Runs may be made from others by any map, not by whitening alone; a map is named by its kind and digest."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Concat, Replace

PREFIX = "whitening-"


def name_kinds(apps, schema_editor):
    runs = apps.get_model("embedding", "EmbeddingRun").objects.exclude(adaptation="")
    runs.update(adaptation=Concat(Value(PREFIX), F("adaptation")))


def digests_alone(apps, schema_editor):
    runs = apps.get_model("embedding", "EmbeddingRun").objects.exclude(adaptation="")
    runs.update(adaptation=Replace(F("adaptation"), Value(PREFIX), Value("")))


class Migration(migrations.Migration):

    dependencies = [
        ('embedding', '0002_kept_state'),
    ]

    operations = [
        migrations.RenameField(
            model_name='embeddingrun',
            old_name='whitening',
            new_name='adaptation',
        ),
        migrations.AlterField(
            model_name='embeddingrun',
            name='adaptation',
            field=models.CharField(blank=True, help_text='Kind and digest of the map, where there is a base.', max_length=100),
        ),
        migrations.AlterField(
            model_name='embeddingrun',
            name='base',
            field=models.ForeignKey(help_text='The run these are made from by a map.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='derived', to='embedding.embeddingrun'),
        ),
        migrations.RunPython(name_kinds, digests_alone, elidable=True),
    ]
