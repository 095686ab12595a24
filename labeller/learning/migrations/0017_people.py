"""In projects of photographs of which labels or models of others say something, a worker looks where people are."""

from django.db import migrations
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone


def ask(apps, schema_editor):
    """Queue the work: it goes through all files, which is nothing for a migration. The sweeper wakes a worker up."""
    Label = apps.get_model("labels", "Label")
    ForeignModel = apps.get_model("learning", "ForeignModel")
    said = Q(Exists(Label.objects.filter(project=OuterRef("pk"))))
    said |= Q(Exists(ForeignModel.objects.filter(question__project=OuterRef("pk"))))
    projects = apps.get_model("projects", "Project").objects.filter(said, kind="image", closing_at=None)
    apps.get_model("jobs", "Job").objects.bulk_create(
        apps.get_model("jobs", "Job")(
            kind="people", key=f"project:{project.pk}", project=project, not_before=timezone.now()
        )
        for project in projects
    )


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0016_foreign_predictions"),
        ("jobs", "0004_state_to_its_owners"),
        ("labels", "0017_claims"),
        ("projects", "0011_people_shown"),
        ("samples", "0014_people_seen"),
    ]

    operations = [migrations.RunPython(ask, migrations.RunPython.noop, elidable=True)]
