"""How is learnt becomes a matter of each question: it begins with what its project had."""

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models
from django.db.models import Exists, OuterRef, Subquery

FIELDS = {
    "strategy": models.CharField(default="auto", help_text="A name or a dotted path.", max_length=200),
    "head": models.CharField(default="transductive", help_text="A name or a dotted path.", max_length=200),
    "audit_share": models.FloatField(default=0.1, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]),
    "refit_every": models.PositiveSmallIntegerField(default=5, help_text="Labels between two refits."),
    "round_size": models.PositiveSmallIntegerField(default=200, help_text="Samples ranked in one round."),
    "redundancy": models.PositiveSmallIntegerField(default=1, help_text="People who label each sample."),
    "retrain_at": models.TimeField(
        blank=True, default=time(3), help_text="When the nightly full refit is due; null = never.", null=True
    ),
    "target_accuracy": models.FloatField(default=0.9, help_text="Accuracy at which labelling may stop."),
    "accept_error": models.FloatField(default=0.05, help_text="Share of errors that accepting predictions may cost."),
    "show_suggestions": models.BooleanField(default=True, help_text="Whether annotators see what the head thinks."),
}


def copy(apps, schema_editor):
    """Give each question the settings of its project."""
    project = apps.get_model("projects", "Project")._default_manager.filter(pk=OuterRef("project"))
    questions = apps.get_model("projects", "Question")._default_manager
    questions.update(**{name: Subquery(project.values(name)) for name in FIELDS})


def copy_back(apps, schema_editor):
    """Give each project the settings of its main question."""
    question = apps.get_model("projects", "Question")._default_manager.filter(project=OuterRef("pk"))
    main = question.order_by("position", "pk")
    projects = apps.get_model("projects", "Project")._default_manager.filter(Exists(question))
    projects.update(**{name: Subquery(main.values(name)[:1]) for name in FIELDS})


class Migration(migrations.Migration):
    dependencies = [("projects", "0005_folded_names")]

    operations = [
        *(migrations.AddField("question", name, field) for name, field in FIELDS.items()),
        migrations.RunPython(copy, copy_back, elidable=True),
    ]
