from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # Apart from what fills the rows: PostgreSQL alters no table of which rows were written in the same transaction.
    dependencies = [("annotating", "0006_fill_kinds")]

    operations = [
        migrations.RemoveField(model_name="assignment", name="is_check"),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=Q(kind__in=["label", "review"], slot__isnull=False)
                | Q(kind__in=["again", "check"], slot__isnull=True),
                name="a_slot_where_places_are_few",
            ),
        ),
        migrations.DeleteModel(name="ReviewAssignment"),
    ]
