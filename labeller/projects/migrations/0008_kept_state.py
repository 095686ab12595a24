"""What later work reads of finished jobs gets columns of its own; filled by jobs 0004."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0007_learning_left_projects'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='closing_at',
            field=models.DateTimeField(help_text='When its deletion was asked for: nobody sees it any more.', null=True),
        ),
        migrations.AddField(
            model_name='project',
            name='grouped_by',
            field=models.CharField(blank=True, help_text='By which gap and rules; empty = never, or a grouping broke off.', max_length=40),
        ),
        migrations.AddField(
            model_name='project',
            name='grouping',
            field=models.PositiveIntegerField(default=0, help_text='How often the samples were grouped into bursts.'),
        ),
        migrations.AddField(
            model_name='project',
            name='next_shard',
            field=models.PositiveIntegerField(default=0, help_text='The first number that no import was given.'),
        ),
        migrations.AddField(
            model_name='question',
            name='closing_at',
            field=models.DateTimeField(help_text='When its deletion was asked for: it is asked no more.', null=True),
        ),
        migrations.AddField(
            model_name='question',
            name='retrain_asked_at',
            field=models.DateTimeField(help_text='When a full refit was asked for last.', null=True),
        ),
    ]
