"""Audit labels say how much the head doubted their sample; of earlier ones nobody knows."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0015_strokes'),
    ]

    operations = [
        migrations.AddField(
            model_name='label',
            name='doubt',
            field=models.FloatField(help_text='Of an audit sample, as its place in the round had it.', null=True),
        ),
        migrations.AddField(
            model_name='label',
            name='pool_doubt',
            field=models.FloatField(help_text='As doubt.', null=True),
        ),
    ]
