"""Names of classes are folded by Python, not by the database, each of which does it in its own way."""

from django.db import migrations, models

import labeller.projects.fields
from labeller.projects.fields import TWIN
from labeller.text import fold

BATCH = 500


def fill(apps, schema_editor):
    """Fold all names. Where two of a question are one now, both classes stay, the later one as a twin."""
    classes = apps.get_model("projects", "LabelClass")._default_manager
    question, seen, batch = None, set(), []
    for each in classes.order_by("question_id", "pk").only("pk", "question_id", "name").iterator(chunk_size=BATCH):
        if each.question_id != question:
            question, seen = each.question_id, set()
        each.folded = fold(each.name)
        if each.folded in seen:
            each.folded = f"{each.folded}{TWIN}{each.pk}"
        seen.add(each.folded)
        batch.append(each)
        if len(batch) == BATCH:
            classes.bulk_update(batch, ["folded"])
            batch = []
    classes.bulk_update(batch, ["folded"])


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_questions_that_follow")]

    operations = [
        migrations.AddField(
            model_name="labelclass",
            name="folded",
            field=labeller.projects.fields.FoldedName(
                default="", editable=False, help_text="What names are compared by.", max_length=700
            ),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name="labelclass", name="one_class_per_name"),
        migrations.AddConstraint(
            model_name="labelclass",
            constraint=models.UniqueConstraint(fields=("question", "folded"), name="one_class_per_folded_name"),
        ),
    ]
