from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('samples', '0002_boxes'),
    ]

    operations = [
        migrations.AddField(
            model_name='sample',
            name='notes',
            field=models.JSONField(default=list, help_text='What to know about the picture: [{"code": …, parameters}].'),
        ),
    ]
