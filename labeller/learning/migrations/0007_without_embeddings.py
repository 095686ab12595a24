"""Embedding runs and shards are models of the app `embedding` now; their tables are there already."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0006_tables_of_embedding'),
        ('embedding', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='head',
                    name='run',
                    field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='heads', to='embedding.embeddingrun'),
                ),
                migrations.DeleteModel(name='EmbeddingShard'),
                migrations.DeleteModel(name='EmbeddingRun'),
            ],
        ),
    ]
