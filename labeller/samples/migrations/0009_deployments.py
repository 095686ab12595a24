"""What the field records of a deployment, and the shift that puts its camera's clock right."""

import datetime

from django.db import migrations, models

A_PAIR = models.Q(latitude=None, longitude=None) | models.Q(latitude__isnull=False, latitude__range=(-90, 90)) & models.Q(
    longitude__isnull=False, longitude__range=(-180, 180)
)
IN_ORDER = models.Q(start=None) | models.Q(end=None) | models.Q(end__gte=models.F("start"))


class Migration(migrations.Migration):

    dependencies = [
        ("samples", "0008_parts"),
    ]

    operations = [
        migrations.AddField("deployment", "location_name", models.CharField(blank=True, max_length=200)),
        migrations.AddField("deployment", "latitude", models.FloatField(blank=True, null=True)),
        migrations.AddField("deployment", "longitude", models.FloatField(blank=True, null=True)),
        migrations.AddField("deployment", "camera", models.CharField(blank=True, max_length=200)),
        migrations.AddField("deployment", "start", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("deployment", "end", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("deployment", "time_zone", models.CharField(blank=True, help_text="As the IANA names it, Europe/Amsterdam.", max_length=60)),
        migrations.AddField("deployment", "clock_shift", models.DurationField(default=datetime.timedelta, help_text="What to add to the camera's clock.")),
        migrations.AddField("deployment", "applied_shift", models.DurationField(default=datetime.timedelta, help_text="What was added to the times that are stored.")),
        migrations.AlterField("deployment", "name", models.CharField(help_text="The folder's.", max_length=500)),
        migrations.AddConstraint("deployment", models.CheckConstraint(condition=A_PAIR, name="coordinates_are_a_pair")),
        migrations.AddConstraint("deployment", models.CheckConstraint(condition=IN_ORDER, name="deployment_ends_after_its_start")),
    ]
