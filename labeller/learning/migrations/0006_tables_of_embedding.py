"""Embedding runs and shards become models of the app `embedding`: first their tables take its name."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0005_tile_groups'),
    ]

    operations = [
        migrations.AlterModelTable(name='embeddingrun', table='embedding_embeddingrun'),
        migrations.AlterModelTable(name='embeddingshard', table='embedding_embeddingshard'),
    ]
