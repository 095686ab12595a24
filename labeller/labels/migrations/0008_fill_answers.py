from collections import Counter

from django.db import migrations
from django.db.models import Count

TOGETHER = 2000  # samples


def fill(apps, schema_editor):
    """Write what stands of every sample: by the rules of `standing` as they are now, for those may change later."""
    Label, Answer = apps.get_model("labels", "Label"), apps.get_model("labels", "Answer")
    current, last = Label.objects.filter(is_current=True), 0
    while True:
        samples = current.filter(sample__gt=last).order_by("sample").values_list("sample", flat=True).distinct()
        sample_ids = list(samples[:TOGETHER])
        if not sample_ids:
            return
        said = {}
        # Sorted here: asked for in order, SQLite goes through all labels for each part of the samples.
        rows = current.filter(sample__gt=last, sample__lte=sample_ids[-1])
        fields = ("question", "sample", "pk", "verdict", "mode", "annotator", "created_at")
        for question, sample, pk, *rest, class_id in rows.values_list(*fields, "labelled_classes__label_class"):
            labels = said.setdefault((question, sample), {})
            labels.setdefault(pk, (pk, *rest, set()))[-1].update([] if class_id is None else [class_id])
        Answer.objects.bulk_create(
            Answer(question_id=question, sample_id=sample, **stands([labels[pk] for pk in sorted(labels)]))
            for (question, sample), labels in said.items()
        )
        last = sample_ids[-1]


def stands(labels):
    """What stands of the current labels of a sample: (pk, verdict, mode, annotator, created_at, classes), by pk."""
    answers = [each for each in labels if each[1] == "answer"]
    reviews = [each for each in labels if each[2] == "review" and each[1] in ("answer", "unsure", "ignore")]
    last_review = reviews[-1][0] if reviews else 0
    left_out = max((pk for pk, verdict, *_ in labels if verdict == "ignore"), default=0)
    decisive = [each for each in answers if each[2] == "review"]
    counted = decisive or answers
    if left_out > max((pk for pk, *_ in decisive), default=0):
        counted = []
    if counted:
        differ = len({frozenset(each[-1]) for each in answers}) > 1 and last_review < answers[-1][0]
        state, label = "disputed" if differ else "answered", decisive[-1] if decisive else majority(counted)
    else:
        state, label = "open", labels[-1]
        for verdict, word in (("skip", "skipped"), ("unsure", "unsure"), ("ignore", "left_out")):
            if found := [each for each in labels if each[1] == verdict]:
                state, label = word, found[-1]
    return {
        "state": state,
        "classes": " ".join(map(str, sorted(label[-1]))) if counted else "",
        "label_id": label[0],
        "votes": len(counted),
        "is_imported": any(annotator is None for _, _, _, annotator, *_ in answers),
        "reviewed_at": max((each[4] for each in reviews), default=None),
        "is_doubted": any(
            verdict == "unsure" and mode != "review" and pk > last_review for pk, verdict, mode, *_ in labels
        ),
        "newest": labels[-1][0],
    }


def majority(counted):
    """The first label that gives what most give, the latest given on a tie."""
    counts = Counter(frozenset(each[-1]) for each in counted)
    best = max(reversed(counted), key=lambda each: counts[frozenset(each[-1])])
    return next(each for each in counted if each[-1] == best[-1])


def count_classes(apps, schema_editor):
    """Count for each class the samples whose answer names it; before, the labels were counted."""
    Answer, Tally = apps.get_model("labels", "Answer"), apps.get_model("labels", "Tally")
    Tally.objects.filter(what="class").delete()
    for question in apps.get_model("projects", "Question").objects.all():
        answers = Answer.objects.filter(question=question, state__in=["answered", "disputed"]).order_by()
        named = answers.values_list("label__labelled_classes__label_class").annotate(n=Count("pk"))
        Tally.objects.bulk_create(
            Tally(project_id=question.project_id, question=question, what="class", label_class_id=class_id, n=n)
            for class_id, n in named
        )


class Migration(migrations.Migration):
    dependencies = [("labels", "0007_answers")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(count_classes, migrations.RunPython.noop, elidable=True),
    ]
