"""Head, round with its ranked entries, what is looked at side by side, what is known and accepted."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeller.embedding.models import EmbeddingRun
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import Sample


class Head(models.Model):
    """A classifier trained on embeddings; its numbers lie in a safetensors file."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="heads")
    run = models.ForeignKey(EmbeddingRun, models.PROTECT, related_name="heads")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=200, help_text="What kind it is, or its dotted path.")
    directory = models.CharField(
        max_length=500, blank=True, help_text="Relative to the heads directory; empty where it can't be stored."
    )
    class_ids = models.JSONField(help_text="Class ids in the order of the head's outputs.")
    n_labels = models.PositiveIntegerField()
    last_label = models.PositiveBigIntegerField(default=0, help_text="Id of the newest label this head knew.")
    fit_seconds = models.FloatField()
    is_full = models.BooleanField(default=False, help_text="Whether C and temperature were chosen anew for it.")
    mix = models.CharField(
        max_length=64, blank=True, help_text="Digest of what it sees beside the run's embeddings; empty = these alone."
    )
    weights = models.JSONField(default=list, help_text="What the mix weighs: pairs of featuriser and weight.")
    C = models.FloatField(null=True, help_text="Inverse strength of the penalty; null = the head's own.")
    temperature = models.FloatField(null=True, help_text="What its logits are divided by; null = the head's own.")
    cv_accuracy = models.FloatField(null=True, help_text="Cross-validated on its labels: no claim about the pool.")
    cv_macro_f1 = models.FloatField(null=True, help_text="As cv_accuracy.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "version"], name="one_head_per_version")]

    def __str__(self) -> str:
        return f"head {self.version} of {self.question}"

    @staticmethod
    def next_version(question: Question) -> int:
        """The number of the question's next head. Whoever gives it out has locked the question's row."""
        return (question.heads.aggregate(last=models.Max("version"))["last"] or 0) + 1

    @staticmethod
    def last_full(question: Question) -> "Head | None":
        """The newest head of the question whose C and temperature were chosen for it."""
        return question.heads.filter(is_full=True).order_by("-version").first()

    @classmethod
    def latest(cls, question: Question) -> "Head | None":
        """The newest one that knows all labels: those that decide what to accept leave the audit labels out."""
        stored = cls.objects.filter(question=question, acceptances=None).exclude(directory="")
        return stored.select_related("run__project").order_by("-version").first()


class Round(models.Model):
    """One refit and one ranking: head + strategy + seed + ranked batch."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="rounds")
    question = models.ForeignKey(Question, models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    head = models.ForeignKey(Head, models.PROTECT, null=True, related_name="rounds")
    strategy = models.CharField(max_length=200)
    seed = models.BigIntegerField()
    is_current = models.BooleanField(default=False)
    last_label = models.PositiveBigIntegerField(default=0, help_text="Id of the newest label this round knew.")
    n_labels = models.PositiveIntegerField()
    n_classes = models.PositiveIntegerField()
    n_pool = models.PositiveIntegerField()
    audit_n = models.PositiveIntegerField(default=0)
    audit_correct = models.PositiveIntegerField(default=0)
    kappa = models.FloatField(null=True, help_text="Agreement with a head of a tenth fewer labels, beyond chance.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "number"], name="one_round_per_number"),
            models.UniqueConstraint(fields=["question"], condition=Q(is_current=True), name="one_current_round"),
        ]

    def __str__(self) -> str:
        return f"round {self.number} of {self.question}"


class RoundEntry(models.Model):
    """A sample's place in a round, and why it is there."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="entries")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="+")
    rank = models.PositiveIntegerField()
    strategy = models.CharField(max_length=200)
    score = models.FloatField()
    propensity = models.FloatField(help_text="Probability with which this sample was put here.")
    doubt = models.FloatField(null=True, help_text="Of an audit sample: what its head leaves to other classes.")
    pool_doubt = models.FloatField(null=True, help_text="The same, on average, of the pool it was drawn from.")
    reason = models.CharField(max_length=300)
    suggestions = models.JSONField(default=list, help_text="Up to five pairs of class id and probability.")
    suggested_by = models.CharField(
        max_length=200, blank=True, help_text="The foreign model whose suggestions these are; empty = the round's head."
    )
    predicted_classes = models.JSONField(
        null=True,
        help_text="Ids of all classes predicted, where a sample may have several; null = the likeliest alone.",
    )
    foreseen = models.JSONField(
        default=dict,
        help_text="By the id of a question that follows: its head's version, suggestions and classes, as above.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "rank"], name="one_entry_per_rank"),
            models.UniqueConstraint(fields=["round", "sample"], name="one_entry_per_sample"),
            models.CheckConstraint(
                condition=Q(propensity__gt=0.0, propensity__lte=1.0), name="propensity_is_a_probability"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank}: {self.sample_id} ({self.reason})"


class TileGroup(models.Model):
    """Samples that probably are of one class, to be looked at side by side: the likeliest first.

    A round brings groups by predicted class, or clusters while nothing is predicted; a hunt brings one of its own.
    """

    class Kind(models.TextChoices):
        PREDICTED = "predicted", _("predicted class")
        CLUSTER = "cluster", _("cluster")
        HUNT = "hunt", _("hunt")

    question = models.ForeignKey(Question, models.CASCADE, related_name="tile_groups")
    kind = models.CharField(max_length=9, choices=Kind)
    round = models.ForeignKey(Round, models.CASCADE, null=True, related_name="tile_groups")
    label_class = models.ForeignKey(LabelClass, models.CASCADE, null=True, related_name="+")
    number = models.PositiveIntegerField(default=0, help_text="Of the cluster.")
    hunter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="hunts")
    job = models.PositiveBigIntegerField(null=True, help_text="Id of the job by which the hunter asked for it.")
    like = models.JSONField(default=list, help_text="Sample ids of a hunt's examples.")
    text = models.CharField(max_length=200, blank=True, help_text="The words of a hunt by words.")
    head_version = models.PositiveIntegerField(null=True)
    n = models.PositiveIntegerField(help_text="Samples of the pool that belong here, beyond those listed too.")
    tiles = models.JSONField(default=list, help_text="Pairs of sample id and probability (or cosine).")
    estimate = models.JSONField(default=dict, help_text="A hunt's: how many remain.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["round", "label_class"], condition=Q(kind="predicted"), name="one_group_per_class"
            ),
            models.CheckConstraint(condition=Q(kind__in=["predicted", "cluster", "hunt"]), name="group_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label_class or self.number} of {self.question}"

    @classmethod
    def hunts(
        cls, question_id: int, hunter_id: int | None, class_id: int | None, like: list[int], text: str = ""
    ) -> models.QuerySet[Any]:
        """One person's hunts with one aim, the newest first."""
        aimed = cls.objects.filter(kind=cls.Kind.HUNT, label_class=class_id, like=like, text=text)
        return aimed.filter(question=question_id, hunter=hunter_id).order_by("-pk")


class Assessment(models.Model):
    """What fits alone can tell of a question, kept for the pages; what it holds is described in `assessing`."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="assessments")
    head = models.ForeignKey(Head, models.SET_NULL, null=True, related_name="+", help_text="The one in use then.")
    n_labels = models.PositiveIntegerField()
    report = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.question} at {self.n_labels} labels"

    @classmethod
    def latest(cls, question: Question) -> "Assessment | None":
        return cls.objects.filter(question=question).order_by("-pk").first()


class Acceptance(models.Model):
    """A look at which predictions of a head are safe to accept; a rule once somebody makes it one, until revoked.

    Every look is kept, also where nothing was safe: the more there were, the stricter the next one.
    """

    question = models.ForeignKey(Question, models.CASCADE, related_name="acceptances")
    head = models.ForeignKey(
        Head, models.PROTECT, null=True, related_name="acceptances", help_text="It never saw the audit labels."
    )
    threshold = models.FloatField(null=True, help_text="Probability from which on is accepted; null = nothing is safe.")
    epsilon = models.FloatField(help_text="Share of errors allowed among what is accepted.")
    bound = models.FloatField(help_text="Upper bound of that share.")
    confidence = models.FloatField(help_text="Of this look.")
    n_audited = models.PositiveIntegerField(help_text="Audit samples there were.")
    audited = models.PositiveIntegerField(help_text="Audit samples at or above the threshold.")
    wrong = models.PositiveIntegerField(help_text="Of these, predicted wrongly.")
    accepted = models.PositiveIntegerField(help_text="Samples without a label at or above the threshold.")
    newest_sample = models.PositiveBigIntegerField(help_text="Later ones are not accepted: no audit spoke for them.")
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["question"], condition=Q(made_at__isnull=False, revoked_at=None), name="one_standing_acceptance"
            ),
            models.CheckConstraint(
                condition=Q(made_at=None) | Q(threshold__isnull=False, head__isnull=False), name="accepted_what_is_safe"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.accepted} accepted of {self.question}"

    @classmethod
    def standing(cls, question: Question) -> "Acceptance | None":
        """The rule in force."""
        found = cls.objects.filter(question=question, made_at__isnull=False, revoked_at=None)
        return found.select_related("question", "head__run__project", "made_by").first()

    @property
    def offered(self) -> bool:
        """Whether it can be made a rule."""
        return self.threshold is not None and (self.made_at is None or self.revoked_at is not None)


class Helping(models.Model):
    """How far what one question's heads foresee helps another, as it was measured last; see `helping`."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="helped_by")
    helper = models.ForeignKey(Question, models.CASCADE, related_name="helping")
    run = models.ForeignKey(EmbeddingRun, models.CASCADE, related_name="+", help_text="Whose embeddings were compared.")
    companion = models.ForeignKey(
        EmbeddingRun,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="What is foreseen, as embeddings that the question's head may see; null where it doesn't help.",
    )
    n = models.PositiveIntegerField(help_text="Labels compared.")
    alone = models.FloatField(help_text="Share of them that was right without help.")
    joined = models.FloatField(help_text="And with it.")
    low = models.FloatField(help_text="Of the difference, 95 %.")
    high = models.FloatField()
    loss = models.FloatField(help_text="By how much the log loss fell.")
    loss_low = models.FloatField()
    loss_high = models.FloatField()
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "helping"
        constraints = [
            models.UniqueConstraint(fields=["question", "helper"], name="one_comparison_a_pair"),
            models.CheckConstraint(condition=~models.Q(question=models.F("helper")), name="no_question_helps_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.helper} for {self.question}"


class ForeignModel(models.Model):
    """A detector or a classifier of others, whose predictions of this question's samples were brought in."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="foreign_models")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "name"], name="one_foreign_model_per_name")]

    def __str__(self) -> str:
        return self.name


class ForeignPrediction(models.Model):
    """What a foreign model says of a sample: a suggestion while there is no head, and never a label."""

    model = models.ForeignKey(ForeignModel, models.CASCADE, related_name="predictions", db_index=False)
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="foreign_predictions")
    category = models.CharField(max_length=200, blank=True, help_text="As a detector has it; empty = nothing there.")
    confidence = models.FloatField(null=True, help_text="A detector's; null = it gave none.")
    suggestions = models.JSONField(default=list, help_text="Up to five pairs of class id and probability.")
    label_class = models.ForeignKey(
        LabelClass, models.SET_NULL, null=True, related_name="+", help_text="The first of them."
    )
    clarity = models.FloatField(null=True, help_text="By how much the first leads; null = there are none.")
    failure = models.CharField(max_length=500, blank=True, help_text="Why there is none.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "sample"], name="one_prediction_per_foreign_model")]
        indexes = [
            models.Index(fields=["model", "clarity"], condition=Q(clarity__isnull=False), name="foreign_by_clarity")
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.sample_id}: {self.category or self.failure}"
