"""What 0005 has divided. Apart from it: PostgreSQL changes no table whose rows were changed in the same transaction."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("samples", "0005_labels_and_truth"),
    ]

    operations = [
        migrations.RemoveField("source", "meaning"),
        migrations.RemoveField("source", "truth_file"),
    ]
