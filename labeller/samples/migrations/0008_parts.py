"""Samples keep what says which part of their file they are."""

import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models

GONE = (
    "source", "deployment", "sequence", "kind", "path", "sha256", "bytes", "modified_ns", "width", "height", "taken_at",
    "notes",
)  # fmt: skip
NO_BOX = models.Q(box_left=None, box_top=None, box_width=None, box_height=None)
A_BOX = models.Q(box_left__isnull=False, box_top__isnull=False, box_width__isnull=False, box_height__isnull=False)
KINDS = (
    (models.Q(part="whole", start=None, end=None) & NO_BOX)
    | (models.Q(part="box") & A_BOX)
    | (models.Q(part__in=["frame", "row"]) & NO_BOX & models.Q(start__isnull=False))
    | (models.Q(part="passage") & NO_BOX & models.Q(start__isnull=False) & models.Q(end__isnull=False))
)
FULL = 1 + 1e-6
INSIDE = models.Q(box_left=None) | models.Q(box_left__gte=0, box_top__gte=0, box_width__gt=0, box_height__gt=0) & models.Q(
    box_left__lte=FULL - models.F("box_width"), box_top__lte=FULL - models.F("box_height")
)
IN_ORDER = (models.Q(start=None) | models.Q(start__gte=0)) & (models.Q(end=None) | models.Q(end__gt=models.F("start")))
PLACE = ("box_left", "box_top", "box_width", "box_height", "start", "end")


class Migration(migrations.Migration):

    dependencies = [
        ("samples", "0007_files"),
    ]

    operations = [
        migrations.RemoveConstraint("sample", "one_sample_per_path"),
        migrations.RemoveConstraint("sample", "one_sample_per_content"),
        migrations.RemoveConstraint("sample", "image_has_a_size"),
        migrations.RemoveConstraint("sample", "box_lies_in_the_image"),
        *(migrations.RemoveField("sample", name) for name in GONE),
        migrations.AlterField("sample", "file", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="samples", to="samples.file")),
        migrations.AddConstraint("sample", models.CheckConstraint(condition=KINDS, name="place_is_of_its_kind")),
        migrations.AddConstraint("sample", models.CheckConstraint(condition=INSIDE, name="box_lies_in_the_image")),
        migrations.AddConstraint("sample", models.CheckConstraint(condition=IN_ORDER, name="ends_after_its_start")),
        migrations.AddConstraint("sample", models.UniqueConstraint(condition=models.Q(part="whole"), fields=("file",), name="one_whole_per_file")),
        migrations.AddConstraint("sample", models.UniqueConstraint("file", "part", *(django.db.models.functions.comparison.Coalesce(name, -1.0) for name in PLACE), condition=~models.Q(part="whole"), name="one_sample_per_part")),
        migrations.AlterField("refusal", "twin", models.ForeignKey(help_text="The file of the same content.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="twins", to="samples.file")),
        migrations.AlterField("source", "missing", models.PositiveIntegerField(default=0, help_text="Files that the last look did not find.")),
    ]
