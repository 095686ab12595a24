"""A hunt says by which job it was asked for; older ones are found by their aim, for the day that they last."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('learning', '0008_foreseen'),
    ]

    operations = [
        migrations.AddField(
            model_name='tilegroup',
            name='job',
            field=models.PositiveBigIntegerField(help_text='Id of the job by which the hunter asked for it.', null=True),
        ),
    ]
