from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labels", "0008_fill_answers")]

    operations = [
        migrations.DeleteModel(name="Dispute"),
        migrations.RemoveIndex(model_name="label", name="label_known"),
        migrations.RemoveIndex(model_name="label", name="label_current"),
        migrations.AlterField(
            model_name="tally",
            name="what",
            field=models.CharField(
                choices=[
                    ("samples", "samples of the project"),
                    ("labelled", "samples with an answer"),
                    ("settled", "samples that somebody decided on"),
                    ("answers", "labels that count"),
                    ("class", "samples whose answer names the class"),
                ],
                max_length=10,
            ),
        ),
    ]
