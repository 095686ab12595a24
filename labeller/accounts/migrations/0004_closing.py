"""When an account’s deletion was asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_one_time_passwords'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='closing_at',
            field=models.DateTimeField(help_text='When its deletion was asked for: only a pseudonym stays.', null=True),
        ),
    ]
