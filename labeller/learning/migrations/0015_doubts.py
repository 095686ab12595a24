"""Audit samples come with how much their head doubts them, and doubts the pool that they were drawn from."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0014_fill_predicted_classes'),
    ]

    operations = [
        migrations.AddField(
            model_name='roundentry',
            name='doubt',
            field=models.FloatField(help_text='Of an audit sample: what its head leaves to other classes.', null=True),
        ),
        migrations.AddField(
            model_name='roundentry',
            name='pool_doubt',
            field=models.FloatField(help_text='The same, on average, of the pool it was drawn from.', null=True),
        ),
    ]
