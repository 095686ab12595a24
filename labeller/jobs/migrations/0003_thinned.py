"""How much was deleted because nothing needs it any more."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0002_by_end'),
        ('projects', '0008_kept_state'),
    ]

    operations = [
        migrations.CreateModel(
            name='Thinned',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('jobs', 'finished work'), ('rounds', 'rounds'), ('heads', 'heads'), ('assessments', 'assessments'), ('assignments', 'places that ran out')], max_length=12)),
                ('n', models.BigIntegerField(default=0)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='thinned', to='projects.project')),
            ],
            options={
                'verbose_name_plural': 'thinned',
                'constraints': [models.UniqueConstraint(fields=('project', 'what'), name='one_count_per_thinned')],
            },
        ),
    ]
