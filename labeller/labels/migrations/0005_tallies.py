import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count, Exists, OuterRef, Q

FOLDED = 1000


def count(apps, schema_editor):
    """Count what there is: by the rules of `selectors.answers` as they are now, for those may change later."""
    Label, Tally = apps.get_model("labels", "Label"), apps.get_model("labels", "Tally")
    LabelledClass = apps.get_model("labels", "LabelledClass")
    Question, Sample = apps.get_model("projects", "Question"), apps.get_model("samples", "Sample")
    rows = [
        Tally(project_id=project, what="samples", n=n)
        for project, n in Sample.objects.order_by().values_list("project").annotate(n=Count("pk"))
    ]
    for question in Question.objects.all():
        standing = Label.objects.filter(question=question, is_current=True).exclude(verdict="withdraw").order_by()
        reviews = standing.filter(mode="review", sample=OuterRef("sample"))
        later = reviews.filter(verdict="answer", pk__gt=OuterRef("pk"))
        left_out = reviews.filter(verdict="ignore").exclude(Exists(later))
        answers = (
            standing.filter(verdict="answer")
            .exclude(~Q(mode="review"), Exists(reviews.filter(verdict="answer")))
            .exclude(Exists(left_out))
        )
        same = {"project_id": question.project_id, "question_id": question.pk}
        rows += [
            Tally(**same, what="settled", n=standing.values("sample").distinct().count()),
            Tally(**same, what="labelled", n=answers.values("sample").distinct().count()),
            Tally(**same, what="answers", n=answers.count()),
        ]
        named = LabelledClass.objects.order_by().filter(label__in=answers).values_list("label_class")
        rows += [Tally(**same, what="class", label_class_id=pk, n=n) for pk, n in named.annotate(n=Count("pk"))]
    Tally.objects.bulk_create([row for row in rows if row.n], batch_size=FOLDED)


def find_disputes(apps, schema_editor):
    """Find the samples whose answers differ, and on which no reviewer has spoken since."""
    Label, Dispute = apps.get_model("labels", "Label"), apps.get_model("labels", "Dispute")
    for question in apps.get_model("projects", "Question").objects.all():
        answers = Label.objects.filter(question=question, is_current=True, verdict="answer").order_by()
        several = answers.values("sample").annotate(n=Count("pk")).filter(n__gt=1)
        sample_ids = sorted(several.values_list("sample", flat=True))
        for start in range(0, len(sample_ids), FOLDED):
            some = sample_ids[start : start + FOLDED]
            given = {}
            rows = answers.filter(sample__in=some)
            for sample, pk, class_id in rows.values_list("sample", "pk", "labelled_classes__label_class"):
                given.setdefault(sample, {}).setdefault(pk, set()).add(class_id)
            reviewed = Label.objects.filter(question=question, is_current=True, mode="review", sample__in=some)
            decided = reviewed.filter(verdict__in=["answer", "unsure", "ignore"]).order_by("pk")
            last_review = dict(decided.values_list("sample", "pk"))
            Dispute.objects.bulk_create(
                Dispute(question=question, sample_id=sample)
                for sample, labels in given.items()
                if len({frozenset(classes) for classes in labels.values()}) > 1
                and last_review.get(sample, 0) < max(labels)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("labels", "0004_review_index"),
        ("projects", "0004_questions_that_follow"),
        ("samples", "0002_boxes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("samples", "samples of the project"),
                            ("labelled", "samples with an answer that counts"),
                            ("settled", "samples that somebody decided on"),
                            ("answers", "labels that count"),
                            ("class", "labels that count and name the class"),
                        ],
                        max_length=10,
                    ),
                ),
                ("n", models.BigIntegerField()),
                (
                    "label_class",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.labelclass",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.question"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "question",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.question",
                    ),
                ),
                (
                    "sample",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="samples.sample"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("question", "sample"), name="one_dispute_per_sample")
                ],
            },
        ),
        migrations.RunPython(find_disputes, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(count, migrations.RunPython.noop, elidable=True),
    ]
