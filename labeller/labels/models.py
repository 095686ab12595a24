"""Label: one annotator's append-only judgement on one question of one sample. Answer: what stands of all of them."""

from collections.abc import Iterable
from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import Sample

_Row = TypeVar("_Row", "Label", "Check", "Default")


class SaidQuerySet(models.QuerySet[_Row]):
    """What people said themselves. What stands of all that is said of a sample is an Answer."""

    def standing(self) -> Self:
        """Neither superseded nor taken back."""
        return self.filter(is_current=True).exclude(verdict="withdraw")

    def of_samples(self, question: Question, sample_ids: Iterable[int]) -> Self:
        """What was said of these samples, however much was said on the question."""
        # By a subquery: SQLite, without statistics, takes all labels of a question for fewer than those of ten samples.
        return self.filter(question__in=Question.objects.filter(pk=question.pk), sample__in=list(sample_ids))


class Label(models.Model):
    """A judgement. A later one supersedes it; nothing is ever overwritten or deleted.

    Only `is_current` changes: it falls to False in the transaction that adds the successor.
    """

    class Verdict(models.TextChoices):
        ANSWER = "answer", _("answer")
        SKIP = "skip", _("skipped")
        UNSURE = "unsure", _("unsure")
        IGNORE = "ignore", _("left out")  # a reviewer's word: the sample belongs neither to the pool nor to the labels
        WITHDRAW = "withdraw", _("taken back")

    class Mode(models.TextChoices):
        SINGLE = "single", _("single image")
        GRID = "grid", _("grid")
        SEQUENCE = "sequence", _("sequence")
        HUNT = "hunt", _("hunt")
        REVIEW = "review", _("review")
        IMPORT = "import", _("imported")
        SIMULATED = "simulated", _("simulated")

    uuid = models.UUIDField(unique=True, help_text="Made by the client: the idempotency key.")
    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    question = models.ForeignKey(Question, models.CASCADE, related_name="labels")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="labels")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="labels", null=True)
    verdict = models.CharField(max_length=10, choices=Verdict)
    classes = models.ManyToManyField(LabelClass, through="LabelledClass", related_name="labels")
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, related_name="superseded_by")
    is_current = models.BooleanField(default=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.SINGLE)
    dwell_ms = models.PositiveIntegerField(null=True, help_text="Time the sample was in view before the decision.")
    suggestion_shown = models.BooleanField(default=False)
    head_version = models.PositiveIntegerField(null=True, help_text="The head whose prediction was shown, if any.")
    strategy = models.CharField(max_length=200, blank=True, help_text="What chose the sample.")
    propensity = models.FloatField(null=True, help_text="Probability with which the sample was chosen.")
    predicted = models.ForeignKey(
        LabelClass, models.SET_NULL, null=True, related_name="+", help_text="Top prediction before this label."
    )
    predicted_classes = models.JSONField(
        null=True, help_text="Ids of all classes predicted, where a sample may have several; null = the top one alone."
    )
    doubt = models.FloatField(null=True, help_text="Of an audit sample, as its place in the round had it.")
    pool_doubt = models.FloatField(null=True, help_text="As doubt.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SaidQuerySet["Label"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sample", "question", "annotator"],
                condition=Q(is_current=True),
                name="one_current_label_per_annotator",
            ),
            # Apart from the above, not `nulls_distinct=False`: Django leaves such a constraint out on SQLite.
            models.UniqueConstraint(
                fields=["sample", "question"],
                condition=Q(is_current=True, annotator__isnull=True),
                name="one_current_imported_label",
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["answer", "skip", "unsure", "ignore", "withdraw"]), name="label_verdict_known"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "created_at"], name="label_by_time"),
            # What reviewers said is asked for with every count, and there is little of it.
            models.Index(
                fields=["question", "sample"], condition=Q(is_current=True, mode="review"), name="label_reviews"
            ),
            # With every fit it is asked which labels were given at a stroke: all others need not be read for that.
            models.Index(fields=["question", "id"], condition=Q(is_current=True, mode="grid"), name="label_grids"),
            models.Index(fields=["question", "id"], condition=Q(is_current=True, mode="sequence"), name="label_bursts"),
            models.Index(fields=["annotator", "project", "created_at"], name="label_by_person"),
            # Claims rest on audits, and count from the 100th, 200th, 400th, ... label: asked for with every round.
            models.Index(fields=["question", "id"], condition=Q(strategy="audit"), name="label_audits"),
            models.Index(fields=["question", "id"], condition=~Q(mode="import"), name="label_by_people"),
            # Heads that a label names are kept as rows.
            models.Index(
                fields=["question", "head_version"], condition=Q(head_version__isnull=False), name="label_by_head"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.sample_id} by {self.annotator_id}"


class Attribution(models.Model):
    """Who gave a label that came from a file, and when, as the file tells: nobody of this site did."""

    label = models.OneToOneField(Label, models.CASCADE, primary_key=True, related_name="attribution")
    by = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.by


class LabelledClass(models.Model):
    """A class that a label gives its sample."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="labelled_classes")
    label_class = models.ForeignKey(LabelClass, models.PROTECT, related_name="labelled", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "label_class"], name="a_class_once_per_label")]
        indexes = [models.Index(fields=["label_class", "label"], name="labels_of_class")]  # the newest are asked for

    def __str__(self) -> str:
        return str(self.label_class)


class AnswerQuerySet(models.QuerySet["Answer"]):
    """What counts, in one vocabulary: whoever reads what stands of a sample asks for it by these."""

    def of(self, question: Question) -> "AnswerQuerySet":
        """The answers to this question, as far as it is asked (still)."""
        found = self.filter(question=question)
        if question.follows_id is None:
            return found
        return found.filter(Exists(Answer.objects.asking(question).filter(sample=OuterRef("sample"))))

    def asking(self, question: Question) -> "AnswerQuerySet":
        """The answers by which a question is asked that follows another: those to that one that name what it is for."""
        if question.follows is None:
            raise ValueError(f"{question} follows no other")
        found = self.of(question.follows).answered()
        only_for = list(question.only_for.values_list("pk", flat=True))
        if not question.follows.multi_label:  # the column holds the one class: no other table is read
            if only_for:
                return found.filter(classes__in=[str(pk) for pk in only_for])
            blanks = question.follows.classes.filter(is_blank=True).values_list("pk", flat=True)
            return found.exclude(classes__in=[str(pk) for pk in blanks])
        named = LabelledClass.objects.filter(label=OuterRef("label"))
        named = named.filter(label_class__in=only_for) if only_for else named.filter(label_class__is_blank=False)
        return found.filter(Exists(named))

    def settled(self) -> "AnswerQuerySet":
        """Somebody decided, whatever: these samples need no ranking any more."""
        return self.exclude(state=Answer.State.OPEN)

    def answered(self) -> "AnswerQuerySet":
        """Classes stand: these samples teach, and are counted as labelled."""
        return self.filter(state__in=[Answer.State.ANSWERED, Answer.State.DISPUTED])

    def disputed(self) -> "AnswerQuerySet":
        """People's answers differ, and no reviewer has spoken since the last of them."""
        return self.filter(state=Answer.State.DISPUTED)

    def left_out(self) -> "AnswerQuerySet":
        """A reviewer took these samples out, and none has answered since."""
        return self.filter(state=Answer.State.LEFT_OUT)

    def doubted(self) -> "AnswerQuerySet":
        """Somebody was unsure, and no reviewer has spoken since."""
        return self.filter(is_doubted=True)

    def reviewed(self) -> "AnswerQuerySet":
        """A reviewer answered, was unsure, or left the sample out."""
        return self.filter(reviewed_at__isnull=False)

    def closed(self) -> "AnswerQuerySet":
        """An import or a reviewer has spoken: nobody else is asked, whatever places are left."""
        return self.filter(BY_OTHERS)

    def known(self) -> "AnswerQuerySet":
        """An import or a reviewer answered, whatever others say."""
        # The first part is what the index holds.
        return self.answered().filter(BY_OTHERS, Q(is_imported=True) | Q(label__mode=Label.Mode.REVIEW))


BY_OTHERS = Q(is_imported=True) | Q(reviewed_at__isnull=False)


class Answer(models.Model):
    """What stands on one question of one sample of which anything was said. `answering` writes it, and nobody else.

    How many people a question asks for plays no part: with one answer of two a sample is answered, and a place is left.
    The classes are kept in a column besides those of the label, for the training set is read with every round: 300,000
    answers in half the time that joining the labels' classes takes.
    """

    class State(models.TextChoices):
        ANSWERED = "answered", "answered"
        DISPUTED = "disputed", "disputed"  # answered, but differently, and no reviewer has spoken since
        UNSURE = "unsure", "unsure"
        SKIPPED = "skipped", "skipped"
        LEFT_OUT = "left_out", "left out"  # whatever else is said: nothing counts, so nothing is disputed
        OPEN = "open", "open"  # all was taken back

    question = models.ForeignKey(Question, models.CASCADE, related_name="answers", db_index=False)
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="answers")
    state = models.CharField(max_length=10, choices=State)
    classes = models.TextField(blank=True, help_text="Ids of the classes that stand, ascending, a space between them.")
    label = models.OneToOneField(
        Label, models.CASCADE, related_name="answer", help_text="The first that says what stands."
    )
    votes = models.PositiveIntegerField(help_text="Labels that count.")
    is_imported = models.BooleanField(help_text="Whether an answer of an import is among what people say now.")
    reviewed_at = models.DateTimeField(null=True, help_text="When a reviewer last decided; null = none has.")
    is_doubted = models.BooleanField(help_text="Whether somebody was unsure, and no reviewer has spoken since.")
    newest = models.PositiveBigIntegerField(help_text="Id of the newest label.")

    objects = AnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "sample"], name="one_answer_per_sample"),
            models.CheckConstraint(
                condition=Q(state__in=["answered", "disputed", "unsure", "skipped", "left_out", "open"]),
                name="answer_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["answered", "disputed"], votes__gt=0) & ~Q(classes="")
                | ~Q(state__in=["answered", "disputed"]) & Q(votes=0, classes=""),
                name="an_answer_names_classes",
            ),
        ]
        # Of each there is little beside all answers.
        indexes = [
            models.Index(fields=["question", "sample"], condition=Q(state="disputed"), name="answer_disputed"),
            models.Index(fields=["question", "sample"], condition=Q(is_doubted=True), name="answer_doubted"),
            models.Index(fields=["question", "id"], condition=BY_OTHERS, name="answer_by_others"),
        ]

    def __str__(self) -> str:
        return f"{self.sample_id}: {self.state}"

    @property
    def class_ids(self) -> frozenset[int]:
        return frozenset(map(int, self.classes.split()))


class Tally(models.Model):
    """A part of a count of labels or samples: what is counted is the sum of its rows. See `tallies`."""

    class What(models.TextChoices):
        SAMPLES = "samples", "samples of the project"
        ASKED = "asked", "samples that a following question is asked of"
        LABELLED = "labelled", "samples with an answer"
        SETTLED = "settled", "samples that somebody decided on"
        ANSWERS = "answers", "labels that count"
        CLASS = "class", "samples whose answer names the class"

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    question = models.ForeignKey(Question, models.CASCADE, related_name="+", null=True)
    label_class = models.ForeignKey(LabelClass, models.CASCADE, related_name="+", null=True, db_index=False)
    what = models.CharField(max_length=10, choices=What)
    n = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.n} {self.what}"


class Flag(models.Model):
    """Somebody's note that a sample needs another look. It decides nothing: the sample is labelled as any other."""

    uuid = models.UUIDField(unique=True, help_text="Made by the client: the idempotency key.")
    project = models.ForeignKey(Project, models.CASCADE, related_name="flags")
    question = models.ForeignKey(Question, models.CASCADE, related_name="flags")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="flags")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="flags")
    note = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)

    class Meta:
        indexes = [models.Index(fields=["project", "closed_at"], name="flag_open")]

    def __str__(self) -> str:
        return f"{self.sample_id}: {self.note}"


class Check(models.Model):
    """What somebody said of a sample whose answer was known: it measures people and is no label."""

    uuid = models.UUIDField(unique=True, help_text="Made by the client: the idempotency key.")
    project = models.ForeignKey(Project, models.CASCADE, related_name="checks")
    question = models.ForeignKey(Question, models.CASCADE, related_name="checks")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="checks")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="checks")
    verdict = models.CharField(max_length=10, choices=Label.Verdict)
    given = models.JSONField(default=list, help_text="Class ids.")
    is_hit = models.BooleanField(null=True, help_text="Whether it was the known answer; null = no answer was given.")
    mode = models.CharField(max_length=10, choices=Label.Mode)
    dwell_ms = models.PositiveIntegerField(null=True)
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, related_name="superseded_by")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SaidQuerySet["Check"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sample", "question", "annotator"],
                condition=Q(is_current=True),
                name="one_current_check_per_annotator",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.sample_id} by {self.annotator_id}, known"


class Default(models.Model):
    """What the head thinks of a sample, let stand by who answered another question about it: no label.

    It was in view, and nobody was asked: it teaches nothing and counts as no answer; exports say who let it stand.
    """

    uuid = models.UUIDField(unique=True, help_text="Made by the client: the idempotency key.")
    project = models.ForeignKey(Project, models.CASCADE, related_name="defaults")
    question = models.ForeignKey(Question, models.CASCADE, related_name="defaults")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="defaults")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="defaults")
    verdict = models.CharField(max_length=10, choices=[("answer", _("let stand")), ("withdraw", _("taken back"))])
    label_class = models.ForeignKey(LabelClass, models.CASCADE, null=True, related_name="+")
    probability = models.FloatField(null=True, help_text="What the head gave it.")
    head_version = models.PositiveIntegerField(null=True)
    supersedes = models.OneToOneField("self", models.SET_NULL, null=True, related_name="superseded_by")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SaidQuerySet["Default"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sample", "question", "annotator"],
                condition=Q(is_current=True),
                name="one_current_default_per_annotator",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label_class_id} of {self.sample_id} let stand by {self.annotator_id}"
