"""A file is not a sample: each sample gets a file of the same id, which takes what belongs to files."""

import django.db.models.deletion
from django.db import migrations, models

MOVED = (
    "project_id, kind, source_id, path, sha256, bytes, modified_ns, width, height, taken_at, notes, deployment_id, "
    "sequence_id, created_at"
)


def fill(apps, schema_editor):
    """One statement a table, for there may be a million samples."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO samples_file (id, clock_time, {MOVED}) SELECT id, taken_at, {MOVED} FROM samples_sample"
        )
        cursor.execute("UPDATE samples_sample SET file_id = id")
        # Each of its own, for they are few; what lay a little beyond the picture ends where the picture does.
        cursor.execute("UPDATE samples_sample SET part = 'box' WHERE box_left IS NOT NULL")
        for at, size in (("box_left", "box_width"), ("box_top", "box_height")):
            cursor.execute(f"UPDATE samples_sample SET {size} = 1 - {at} WHERE {at} < 1 AND {at} + {size} > 1")
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('samples_file', 'id'), max(id)) FROM samples_file HAVING max(id) > 0"
            )


class Migration(migrations.Migration):

    dependencies = [
        ("samples", "0006_one_meaning_no_more"),
    ]

    operations = [
        migrations.CreateModel(
            name="File",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("image", "image"), ("video", "video"), ("text", "text")], default="image", max_length=8)),
                ("path", models.CharField(help_text="Relative to the source, with forward slashes.", max_length=2000)),
                ("sha256", models.CharField(max_length=64)),
                ("bytes", models.BigIntegerField()),
                ("modified_ns", models.BigIntegerField()),
                ("width", models.PositiveIntegerField(null=True)),
                ("height", models.PositiveIntegerField(null=True)),
                ("taken_at", models.DateTimeField(help_text="By the camera's clock, put right; taken as UTC.", null=True)),
                ("clock_time", models.DateTimeField(help_text="What the camera's clock said; taken as UTC.", null=True)),
                ("notes", models.JSONField(default=list, help_text='What to know about the picture: [{"code": …, parameters}].')),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("deployment", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="files", to="samples.deployment")),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="files", to="projects.project")),
                ("sequence", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="files", to="samples.sequence")),
                ("source", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="files", to="samples.source")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("source", "path"), name="one_file_per_path"),
                    models.UniqueConstraint(fields=("project", "sha256"), name="one_file_per_content"),
                    # Its name is taken until the samples' own goes.
                    models.CheckConstraint(condition=models.Q(("kind", "image"), _negated=True) | models.Q(("height__gt", 0), ("width__gt", 0)), name="image_has_a_size"),
                ],
            },
        ),
        # Without its constraint until it is filled: a million rows would be checked one by one.
        migrations.AddField("sample", "file", models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="samples", to="samples.file")),
        migrations.AddField("sample", "start", models.FloatField(help_text="A frame's second, a passage's first character, a row's number.", null=True)),
        migrations.AddField("sample", "end", models.FloatField(help_text="Where it ends: not part of it any more.", null=True)),
        migrations.AddField("sample", "part", models.CharField(choices=[("whole", "whole"), ("box", "box"), ("frame", "frame"), ("passage", "passage"), ("row", "row")], default="whole", max_length=8)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
