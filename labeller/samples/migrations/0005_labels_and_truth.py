"""Labels and truth are two things, each from folders or from a table; the folder level that names the class is kept."""

import django.db.models.deletion
from django.db import migrations, models

PAGE = 2000
SAME = "Same content as "


def divide(apps, schema_editor):
    """What a source meant until now; its classes were the names of the last folder level, and stay so."""
    sources = apps.get_model("samples", "Source").objects
    for source in sources.exclude(meaning="nothing"):
        setattr(source, f"{source.meaning}_from", source.truth_file or "folders")
        source.class_level = -1
        source.save()


def unite(apps, schema_editor):
    sources = apps.get_model("samples", "Source").objects
    for source in sources.exclude(labels_from="", truth_from=""):
        source.meaning = "labels" if source.labels_from else "truth"
        named = source.labels_from or source.truth_from
        source.truth_file = "" if named == "folders" else named
        source.save()


def find_twins(apps, schema_editor):
    """Until now a refusal named its twin in words."""
    refusals = apps.get_model("samples", "Refusal").objects.filter(reason="duplicate", detail__startswith=SAME)
    samples = apps.get_model("samples", "Sample").objects
    last = 0
    while page := list(refusals.filter(pk__gt=last).order_by("pk")[:PAGE]):
        last = page[-1].pk
        paths = [refusal.detail.removeprefix(SAME) for refusal in page]
        projects = {refusal.project_id for refusal in page}
        found = {}
        for pk, project, path in samples.filter(project__in=projects, path__in=paths).values_list("pk", "project", "path"):
            found.setdefault((project, path), []).append(pk)
        for refusal, path in zip(page, paths):
            twins = found.get((refusal.project_id, path), ())
            if len(twins) == 1:
                refusal.twin_id = twins[0]
        type(page[0]).objects.bulk_update([refusal for refusal in page if refusal.twin_id], ["twin"], batch_size=200)


class Migration(migrations.Migration):

    dependencies = [
        ("samples", "0004_looks"),
    ]

    operations = [
        migrations.AddField("source", "labels_from", models.CharField(blank=True, default="", help_text="“folders”, the path of a table, or nothing.", max_length=4000), preserve_default=False),
        migrations.AddField("source", "truth_from", models.CharField(blank=True, default="", help_text="The same, kept hidden for simulations.", max_length=4000), preserve_default=False),
        migrations.AddField("source", "class_level", models.SmallIntegerField(help_text="Which folder level names the class: 1 = the first, -1 = the last; null = the first that can.", null=True)),
        migrations.AddField("source", "known", models.JSONField(default=dict, help_text="What became of the labels and the truth: samples/known.py.")),
        migrations.AddField("refusal", "twin", models.ForeignKey(help_text="The sample of the same content.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="twins", to="samples.sample")),
        migrations.RunPython(divide, unite, elidable=True),
        migrations.RunPython(find_twins, migrations.RunPython.noop, elidable=True),
    ]
