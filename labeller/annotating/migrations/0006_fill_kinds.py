from django.db import migrations

OWN_AGAIN = 1000  # from here on slots told that somebody looks again at what they said


def tell_kinds(apps, schema_editor):
    """Known answers were marked; who changed a label of their own had a slot beyond all places."""
    assignments = apps.get_model("annotating", "Assignment").objects
    assignments.filter(is_check=True).update(kind="check", slot=None)
    assignments.filter(slot__gte=OWN_AGAIN).update(kind="again", slot=None)


def move_reviews(apps, schema_editor):
    """What reviewers hold is held like everything else. They hold 400 samples each at most."""
    Assignment = apps.get_model("annotating", "Assignment")
    reviews = apps.get_model("annotating", "ReviewAssignment").objects.order_by("pk")
    fields = ("question_id", "sample_id", "tab", "expires_at")
    Assignment.objects.bulk_create(
        (
            Assignment(
                kind="review",
                slot=0,
                annotator_id=each.reviewer_id,
                **{name: getattr(each, name) for name in fields},
            )
            for each in reviews.iterator()
        ),
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("annotating", "0005_kinds")]

    operations = [
        migrations.RunPython(tell_kinds, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(move_reviews, migrations.RunPython.noop, elidable=True),
    ]
