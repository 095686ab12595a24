"""How much of what piles up is kept, and how much was deleted because nothing needs it any more."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0002_by_end'),
        ('projects', '0008_kept_state'),
    ]

    operations = [
        migrations.CreateModel(
            name='Kept',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('jobs', 'finished work'), ('rounds', 'rounds'), ('heads', 'heads'), ('assessments', 'assessments')], max_length=12)),
                ('n', models.BigIntegerField(default=0, help_text='Rows at the last look.')),
                ('bytes', models.BigIntegerField(default=0, help_text='In files, at the last look.')),
                ('thinned', models.BigIntegerField(default=0, help_text='Rows deleted, all times together.')),
                ('thinned_at', models.DateTimeField(help_text='When rows were deleted last.', null=True)),
                ('looked_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='kept', to='projects.project')),
            ],
            options={
                'verbose_name_plural': 'kept',
                'constraints': [models.UniqueConstraint(fields=('project', 'what'), name='one_count_per_kept')],
            },
        ),
    ]
