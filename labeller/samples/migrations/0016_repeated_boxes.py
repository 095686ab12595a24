import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("samples", "0015_boxes_by_hand"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="RepeatedBox",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("box", models.JSONField(help_text="Where: left, top, width, height.")),
                ("samples", models.JSONField(help_text="Ids of the boxes, the earliest first.")),
                ("pictures", models.PositiveIntegerField()),
                ("days", models.PositiveIntegerField(help_text="On which they were taken; 0 = nobody knows.")),
                (
                    "dismissed_at",
                    models.DateTimeField(help_text="When its boxes were taken away; null = they weren't.", null=True),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repeated_boxes",
                        to="samples.deployment",
                    ),
                ),
                (
                    "dismissed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repeated_boxes",
                        to="projects.project",
                    ),
                ),
            ],
            options={"verbose_name_plural": "repeated boxes"},
        ),
    ]
