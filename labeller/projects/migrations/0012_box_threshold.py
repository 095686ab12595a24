from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0011_people_shown")]
    operations = [
        migrations.AddField(
            model_name="project",
            name="box_threshold",
            field=models.FloatField(
                default=0.2,
                help_text="Boxes that a detector is less sure of are neither asked about nor shown.",
                validators=[MinValueValidator(0.05), MaxValueValidator(1.0)],
            ),
        ),
    ]
