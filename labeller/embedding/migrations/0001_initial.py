"""The models come from the app `learning`, whose migration 0006 gave their tables the names they have here."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('learning', '0006_tables_of_embedding'),
        ('projects', '0005_folded_names'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='EmbeddingRun',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='embedding_runs', to='projects.project')),
                        ('featuriser', models.CharField(max_length=1000)),
                        ('fingerprint', models.CharField(max_length=64)),
                        ('dimension', models.PositiveIntegerField()),
                        ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused'), ('cancelled', 'cancelled')], default='active', max_length=9)),
                        ('base', models.ForeignKey(help_text='The run these are made from by whitening.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='whitened', to='embedding.embeddingrun')),
                        ('whitening', models.CharField(blank=True, help_text='Digest of the whitening, where there is a base.', max_length=64)),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('project', 'fingerprint'), name='one_run_per_fingerprint'), models.CheckConstraint(condition=models.Q(('state__in', ['active', 'paused', 'cancelled'])), name='run_state_known')],
                    },
                ),
                migrations.CreateModel(
                    name='EmbeddingShard',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shards', to='embedding.embeddingrun')),
                        ('number', models.PositiveIntegerField()),
                        ('embedded', models.PositiveIntegerField()),
                        ('failed', models.PositiveIntegerField(default=0)),
                        ('sha256', models.CharField(max_length=64)),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='one_shard_per_number')],
                    },
                ),
            ],
        ),
    ]
