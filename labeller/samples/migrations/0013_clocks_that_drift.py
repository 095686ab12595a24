"""A clock may have gone wrong over time, and may not have followed daylight saving; what was applied is all of that."""

from django.db import migrations, models


def in_words_of_today(apps, schema_editor):
    deployments = apps.get_model("samples", "Deployment").objects
    for deployment in deployments.all().iterator():
        if deployment.applied_shift:
            deployment.applied_clock = {"clock_shift": deployment.applied_shift.total_seconds()}
            deployment.save(update_fields=["applied_clock"])


class Migration(migrations.Migration):
    dependencies = [("samples", "0012_places_of_texts")]
    operations = [
        migrations.AddField("deployment", "clock_shift_end", models.DurationField(null=True, blank=True, help_text="The same at the end, of a clock that went too fast or too slow.")),
        migrations.AddField("deployment", "keeps_offset", models.BooleanField(default=False, help_text="The clock did not change for daylight saving.")),
        migrations.AddField("deployment", "applied_clock", models.JSONField(default=dict, help_text="How the stored times were put right: clocks.way.")),
        migrations.RunPython(in_words_of_today, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField("deployment", "applied_shift"),
    ]  # fmt: skip
