"""What later work reads of finished jobs gets columns of its own; filled by jobs 0004."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('embedding', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='embeddingrun',
            name='indexed',
            field=models.PositiveIntegerField(default=0, help_text='How often its index of neighbours was built on.'),
        ),
        migrations.CreateModel(
            name='GivenUpShard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('times', models.PositiveSmallIntegerField(default=1)),
                ('last_at', models.DateTimeField()),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='given_up', to='embedding.embeddingrun')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='one_given_up_per_shard')],
            },
        ),
    ]
