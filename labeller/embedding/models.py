"""Embedding run and its finished shards."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeller.projects.models import Project


class EmbeddingRun(models.Model):
    """The embeddings of one project under one featuriser fingerprint."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        CANCELLED = "cancelled", _("cancelled")

    project = models.ForeignKey(Project, models.CASCADE, related_name="embedding_runs")
    featuriser = models.CharField(max_length=1000)
    fingerprint = models.CharField(max_length=64)
    dimension = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.ACTIVE)
    base = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="derived",
        help_text="The run these are made from by a map.",
    )
    adaptation = models.CharField(
        max_length=100, blank=True, help_text="Kind and digest of the map, where there is a base."
    )
    beside = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="companions",
        help_text="The run whose embeddings these are weighed beside.",
    )
    fitted_on = models.PositiveIntegerField(
        default=0, help_text="Texts that the featuriser was fitted on; 0 = it was not fitted here."
    )
    indexed = models.PositiveIntegerField(default=0, help_text="How often its index of neighbours was built on.")
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


class GivenUpShard(models.Model):
    """A shard that could not be embedded: how often, and when that was. It goes once the shard is embedded."""

    run = models.ForeignKey(EmbeddingRun, models.CASCADE, related_name="given_up")
    number = models.PositiveIntegerField()
    times = models.PositiveSmallIntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_given_up_per_shard")]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.run}, given up {self.times} times"
