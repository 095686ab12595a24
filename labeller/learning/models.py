"""Embedding run, head, round with its ranked entries."""

from django.db import models
from django.db.models import Q

from labeller.projects.models import Project, Question
from labeller.samples.models import Sample


class EmbeddingRun(models.Model):
    """The embeddings of one project under one featuriser fingerprint."""

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        CANCELLED = "cancelled", "cancelled"

    project = models.ForeignKey(Project, models.CASCADE, related_name="embedding_runs")
    featuriser = models.CharField(max_length=1000)
    fingerprint = models.CharField(max_length=64)
    dimension = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.ACTIVE)
    base = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="whitened",
        help_text="The run these are made from by whitening.",
    )
    whitening = models.CharField(max_length=64, blank=True, help_text="Digest of the whitening, where there is a base.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "fingerprint"], name="one_run_per_fingerprint"),
            models.CheckConstraint(condition=Q(state__in=["active", "paused", "cancelled"]), name="run_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.project} by {self.featuriser}"

    @classmethod
    def in_use(cls, project: Project) -> "EmbeddingRun | None":
        """The run that the project learns from, as far as rows tell: newer weights may ask for a new one."""
        return cls.objects.filter(project=project, featuriser=project.featuriser).order_by("-pk").first()


class EmbeddingShard(models.Model):
    """One finished file of the embedding store. A file without its row doesn't count."""

    run = models.ForeignKey(EmbeddingRun, models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    embedded = models.PositiveIntegerField()
    failed = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_shard_per_number")]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.run}"


class Head(models.Model):
    """A classifier trained on embeddings; its numbers lie in a safetensors file."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="heads")
    run = models.ForeignKey(EmbeddingRun, models.PROTECT, related_name="heads")
    version = models.PositiveIntegerField()
    directory = models.CharField(max_length=500, help_text="Relative to the heads directory.")
    class_ids = models.JSONField(help_text="Class ids in the order of the head's outputs.")
    n_labels = models.PositiveIntegerField()
    fit_seconds = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "version"], name="one_head_per_version")]

    def __str__(self) -> str:
        return f"head {self.version} of {self.question}"


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
    reason = models.CharField(max_length=300)
    suggestions = models.JSONField(default=list, help_text="Up to five pairs of class id and probability.")

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
