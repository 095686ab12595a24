from django.db import migrations

TOGETHER = 2000  # labels


def fill(apps, schema_editor):
    """Write what was predicted of audit samples that may have several classes: as claims say now, those as likely as
    not. Of the time before, the five likeliest are known; where even these are gone, the top one stands alone.
    """
    Label, RoundEntry = apps.get_model("labels", "Label"), apps.get_model("learning", "RoundEntry")
    audits = Label.objects.filter(question__multi_label=True, strategy="audit", predicted__isnull=False)
    last = 0
    while page := list(audits.filter(pk__gt=last).select_related("question").order_by("pk")[:TOGETHER]):
        samples = {label.sample_id for label in page}
        rounds = {label.question_id for label in page} | {label.question.follows_id for label in page} - {None}
        entries = RoundEntry.objects.filter(sample__in=samples, round__question__in=rounds, strategy="audit")
        found = {}
        fields = ("round__question", "sample", "round__last_label", "suggestions", "foreseen")
        for question, sample, newest, *told in entries.order_by("round").values_list(*fields):
            found.setdefault((question, sample), []).append((newest, *told))
        for label in page:
            label.predicted_classes = predicted(label, found)
        Label.objects.bulk_update(page, ["predicted_classes"])
        last = page[-1].pk


def predicted(label, found):
    """The classes that the last head before this label gave its sample."""
    likely = []
    for question in (label.question.follows_id, label.question_id):  # its own rounds decide, where there are both
        for newest, suggestions, foreseen in found.get((question, label.sample_id), []):
            own = question == label.question_id
            told = suggestions if own else foreseen.get(str(label.question_id), {}).get("suggestions", [])
            if newest < label.pk and told and told[0][0] == label.predicted_id:
                likely = told
    return [class_id for class_id, probability in likely if probability >= 0.5] or [label.predicted_id]


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0014_predicted_classes'),
        ('learning', '0013_predicted_classes'),
        ('projects', '0009_mixes'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
