"""The newest labels of a class are found by an index, without going through all answers."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0011_heads_named'),
        ('projects', '0008_kept_state'),
    ]

    operations = [
        migrations.AlterField(
            model_name='labelledclass',
            name='label_class',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='labelled', to='projects.labelclass'),
        ),
        migrations.AddIndex(
            model_name='labelledclass',
            index=models.Index(fields=['label_class', 'label'], name='labels_of_class'),
        ),
    ]
