"""What questions have by now leaves their projects, with the rules on it."""

from django.db import migrations, models
from django.db.models import Q

RULES = {
    "redundancy_at_least_one": Q(redundancy__gte=1),
    "refit_every_at_least_one": Q(refit_every__gte=1),
    "audit_share_in_range": Q(audit_share__gte=0.0, audit_share__lte=0.5),
    "round_size_at_least_one": Q(round_size__gte=1),
    "target_accuracy_in_range": Q(target_accuracy__gt=0.0, target_accuracy__lt=1.0),
    "accept_error_in_range": Q(accept_error__gt=0.0, accept_error__lte=0.5),
}
FIELDS = (
    "strategy", "head", "audit_share", "refit_every", "round_size", "redundancy", "retrain_at", "target_accuracy",
    "accept_error", "show_suggestions",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("projects", "0006_questions_learn")]

    operations = [
        *(migrations.RemoveConstraint("project", name) for name in RULES),
        *(migrations.RemoveField("project", name) for name in FIELDS),
        *(
            migrations.AddConstraint("question", models.CheckConstraint(condition=rule, name=name))
            for name, rule in RULES.items()
        ),
    ]
