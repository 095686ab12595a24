"""Of a question that follows another is counted what it is asked of, and nothing else."""

from django.db import migrations, models
from django.db.models import Count, Exists, OuterRef, Sum


def count(apps, schema_editor):
    """Count every such question anew: by the rule of `AnswerQuerySet.asking` as it is now, for that may change later."""
    Answer, Tally = apps.get_model("labels", "Answer"), apps.get_model("labels", "Tally")
    LabelledClass = apps.get_model("labels", "LabelledClass")
    for question in apps.get_model("projects", "Question").objects.filter(follows__isnull=False):
        named = LabelledClass.objects.filter(label=OuterRef("label"))
        only_for = list(question.only_for.values_list("pk", flat=True))
        named = named.filter(label_class__in=only_for) if only_for else named.filter(label_class__is_blank=False)
        states = ["answered", "disputed"]
        asking = Answer.objects.filter(Exists(named), question=question.follows_id, state__in=states)
        found = Answer.objects.filter(Exists(asking.filter(sample=OuterRef("sample"))), question=question)
        answered = found.filter(state__in=states)
        same = {"project_id": question.project_id, "question_id": question.pk}
        rows = [
            Tally(**same, what="asked", n=asking.count()),
            Tally(**same, what="settled", n=found.exclude(state="open").count()),
            Tally(**same, what="labelled", n=answered.count()),
            Tally(**same, what="answers", n=found.aggregate(n=Sum("votes"))["n"] or 0),
        ]
        classes = answered.values_list("label__labelled_classes__label_class").annotate(n=Count("pk"))
        rows += [Tally(**same, what="class", label_class_id=pk, n=n) for pk, n in classes]
        Tally.objects.filter(question=question).delete()
        Tally.objects.bulk_create([row for row in rows if row.n])


class Migration(migrations.Migration):
    dependencies = [("labels", "0009_answers_alone"), ("projects", "0007_learning_left_projects")]

    operations = [
        migrations.AlterField(
            model_name="tally",
            name="what",
            field=models.CharField(
                choices=[
                    ("samples", "samples of the project"),
                    ("asked", "samples that a following question is asked of"),
                    ("labelled", "samples with an answer"),
                    ("settled", "samples that somebody decided on"),
                    ("answers", "labels that count"),
                    ("class", "samples whose answer names the class"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(count, migrations.RunPython.noop, elidable=True),
    ]
