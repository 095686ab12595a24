import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0012_box_threshold"),
        ("samples", "0014_people_seen"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="sample",
            name="confidence",
            field=models.FloatField(
                help_text="How sure the detector is; null = a person's, or nobody said.", null=True
            ),
        ),
        migrations.AddField(
            model_name="sample",
            name="taken_away_at",
            field=models.DateTimeField(help_text="When somebody said that there is no such box.", null=True),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(
                fields=["project", "confidence", "taken_away_at"],
                condition=Q(confidence__isnull=False),
                name="box_by_confidence",
            ),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(fields=["project"], condition=Q(taken_away_at__isnull=False), name="box_taken_away"),
        ),
        migrations.CreateModel(
            name="BoxEdit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(help_text="Made by the client: the idempotency key.", unique=True)),
                (
                    "before",
                    models.JSONField(help_text="Where it was: left, top, width, height; null = nowhere.", null=True),
                ),
                ("after", models.JSONField(help_text="Where it is from then on; null = nowhere.", null=True)),
                ("confidence", models.FloatField(help_text="What the sample's was before.", null=True)),
                ("is_current", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="box_edits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="box_edits", to="projects.project"
                    ),
                ),
                (
                    "sample",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="box_edits", to="samples.sample"
                    ),
                ),
                (
                    "supersedes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="superseded_by",
                        to="samples.boxedit",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(is_current=True), fields=("sample",), name="one_current_edit_per_box"
                    )
                ],
            },
        ),
    ]
