"""When a source’s deletion was asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('samples', '0009_deployments'),
    ]

    operations = [
        migrations.AddField(
            model_name='source',
            name='closing_at',
            field=models.DateTimeField(help_text='When its deletion was asked for: nothing is imported.', null=True),
        ),
    ]
