import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labels", "0006_more_indexes"),
        ("projects", "0005_folded_names"),
        ("samples", "0006_one_meaning_no_more"),
    ]

    operations = [
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("answered", "answered"),
                            ("disputed", "disputed"),
                            ("unsure", "unsure"),
                            ("skipped", "skipped"),
                            ("left_out", "left out"),
                            ("open", "open"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "classes",
                    models.TextField(
                        blank=True, help_text="Ids of the classes that stand, ascending, a space between them."
                    ),
                ),
                ("votes", models.PositiveIntegerField(help_text="Labels that count.")),
                (
                    "is_imported",
                    models.BooleanField(help_text="Whether an answer of an import is among what people say now."),
                ),
                (
                    "reviewed_at",
                    models.DateTimeField(help_text="When a reviewer last decided; null = none has.", null=True),
                ),
                (
                    "is_doubted",
                    models.BooleanField(help_text="Whether somebody was unsure, and no reviewer has spoken since."),
                ),
                ("newest", models.PositiveBigIntegerField(help_text="Id of the newest label.")),
                (
                    "label",
                    models.OneToOneField(
                        help_text="The first that says what stands.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answer",
                        to="labels.label",
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="projects.question",
                    ),
                ),
                (
                    "sample",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="answers", to="samples.sample"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("question", "sample"), name="one_answer_per_sample"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["answered", "disputed", "unsure", "skipped", "left_out", "open"])
                        ),
                        name="answer_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state__in", ["answered", "disputed"]),
                                ("votes__gt", 0),
                                models.Q(("classes", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("state__in", ["answered", "disputed"]), _negated=True),
                                ("classes", ""),
                                ("votes", 0),
                            ),
                            _connector="OR",
                        ),
                        name="an_answer_names_classes",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "disputed")), fields=["question", "sample"], name="answer_disputed"
                    ),
                    models.Index(
                        condition=models.Q(("is_doubted", True)), fields=["question", "sample"], name="answer_doubted"
                    ),
                    models.Index(
                        condition=models.Q(
                            ("is_imported", True), ("reviewed_at__isnull", False), _connector="OR"
                        ),
                        fields=["question", "id"],
                        name="answer_by_others",
                    ),
                ],
            },
        ),
    ]
