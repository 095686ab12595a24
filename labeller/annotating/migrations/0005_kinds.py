from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """What an assignment is for becomes a column, beside the slot numbers that told it."""

    dependencies = [("annotating", "0004_held_assignments")]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="kind",
            field=models.CharField(
                choices=[("label", "Label"), ("again", "Again"), ("check", "Check"), ("review", "Review")],
                default="label",
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="assignment",
            name="slot",
            field=models.PositiveSmallIntegerField(help_text="Which place it takes; null = none.", null=True),
        ),
        migrations.RemoveConstraint(model_name="assignment", name="one_annotator_per_slot"),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                fields=("question", "sample", "kind", "slot"), name="one_person_per_slot"
            ),
        ),
        migrations.RemoveConstraint(model_name="assignment", name="one_slot_per_annotator"),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                condition=~Q(kind="review"), fields=("question", "sample", "annotator"), name="one_hold_per_annotator"
            ),
        ),
    ]
