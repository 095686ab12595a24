"""What was tried of featurisers, and what came of it."""

from pathlib import PurePath

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from labeller.embedding.models import EmbeddingRun
from labeller.messages import sentence
from labeller.projects.models import Project, Question


def called(source: str) -> str:
    """What people call word vectors: of a path its last part."""
    return PurePath(source).name


class Advice(models.Model):
    """Which featuriser serves a project, as it was measured on some of its pictures: see `advising`."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="advice")
    question = models.ForeignKey(
        Question, models.SET_NULL, null=True, related_name="+", help_text="Whose answers it goes by; null = by none."
    )
    report = models.JSONField(help_text="What tl_core.evaluation.advice says, the pictures looked at, and neighbours.")
    seconds = models.FloatField(help_text="How long it took.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "advice"
        indexes = [models.Index(fields=["project", "created_at"], name="advice_by_project")]

    def __str__(self) -> str:
        return f"advice for {self.project}"


class WordReport(models.Model):
    """What word vectors know of a project's words: see `vocabulary`."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="word_reports")
    question = models.ForeignKey(
        Question, models.SET_NULL, null=True, related_name="+", help_text="Whose answers it goes by; null = by none."
    )
    source = models.CharField(max_length=4096, help_text="Whose vectors: a path, or the name of a package.")
    report = models.JSONField(help_text="What tl_core.texts.reporting says.")
    seconds = models.FloatField(help_text="How long it took.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"], name="word_report_by_project")]

    def __str__(self) -> str:
        return f"words of {self.project} in {self.source}"

    @property
    def name(self) -> str:
        """What people call the vectors: of a path its last part."""
        return called(self.source)


class Switch(models.Model):
    """That a project began to learn from another run, and from which one it did before."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="switches")
    run = models.ForeignKey(EmbeddingRun, models.CASCADE, related_name="+")
    former = models.ForeignKey(EmbeddingRun, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "switches"
        indexes = [models.Index(fields=["project", "created_at"], name="switch_by_project")]

    def __str__(self) -> str:
        return f"{self.project} to {self.run.featuriser}"


class OwnNetwork(models.Model):
    """A network of this site's own, as pages list it; its file, in NETWORKS, is the truth."""

    digest = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=200)
    card = models.JSONField(help_text="What tl_core.featurisers.cards says of it.")
    dimension = models.PositiveIntegerField()
    megabytes = models.FloatField(help_text="Of its file, 10^6 bytes.")
    reads_texts = models.BooleanField(default=False, help_text="Whether texts can be compared with its embeddings.")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def spec(self) -> str:
        """How it is named as a featuriser."""
        return f"own/{self.digest}"


class NetworkUpload(models.Model):
    """A file that is arriving in pieces, or is looked at, or was refused; a network that is kept leaves no row here."""

    token = models.UUIDField(unique=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=200, blank=True)
    file = models.CharField(max_length=200, blank=True, help_text="What it was called where it came from.")
    architecture = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict, help_text="Preprocessing of a graph, or a CLIP's description.")
    pieces = models.PositiveIntegerField(default=0, help_text="How many there are; 0 while they arrive.")
    problem = models.TextField(blank=True, help_text="Why it was refused.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file or str(self.token)

    @property
    def told(self) -> str:
        """Why it was refused, in the reader's language."""
        return sentence(self.problem)


class AdaptingResult(models.Model):
    """What came of the last try of a way to adapt: see `adapting`."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="adapting_results")
    run = models.ForeignKey(EmbeddingRun, models.CASCADE, related_name="+", help_text="Whose network was adapted.")
    way = models.CharField(max_length=40)
    report = models.JSONField(help_text="Gains with intervals, what they were measured on, or why there is nothing.")
    made = models.CharField(
        max_length=100, blank=True, help_text="The map's name or the network's digest, if it helps."
    )
    dimension = models.PositiveIntegerField(default=0)
    is_network = models.BooleanField(default=False)
    is_beside = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "way"], name="one_result_per_way")]

    def __str__(self) -> str:
        return f"{self.way} in {self.project}"

    @property
    def spec(self) -> str:
        """How what was made is named as a featuriser, where it is one: of texts by its kind, a network as one's own."""
        return self.made if "/" in self.made else f"own/{self.made}"


class FineTuning(models.Model):
    """A network trained on with a project's answers: asked for, under way or done; see `tuning`."""

    class Verdict(models.TextChoices):
        OPEN = "", _("not known yet")
        BETTER = "better", _("better")
        KEPT = "kept", _("not better")

    project = models.ForeignKey(Project, models.CASCADE, related_name="tunings")
    question = models.ForeignKey(Question, models.CASCADE, related_name="tunings")
    seconds = models.PositiveIntegerField(help_text="The time that somebody gave.")
    is_quick = models.BooleanField(default=False)
    is_mirrored = models.BooleanField(default=True, help_text="Whether mirror images are of the same class.")
    is_joint = models.BooleanField(default=False, help_text="Whether one network for all questions is tried.")
    base = models.CharField(max_length=1000, blank=True, help_text="The featuriser that it began with.")
    report = models.JSONField(default=dict, help_text="How far it is, its curve, and what came of it.")
    verdict = models.CharField(max_length=6, choices=Verdict, default=Verdict.OPEN, blank=True)
    spec = models.CharField(max_length=1000, blank=True, help_text="The tuned featuriser, where it is better.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(verdict__in=["", "better", "kept"]), name="tuning_verdict_known"),
        ]
        indexes = [models.Index(fields=["project", "created_at"], name="tuning_by_project")]

    def __str__(self) -> str:
        return f"fine-tuning {self.pk} of {self.project}"


class TuningPolicy(models.Model):
    """Whether a project tunes its network by night, where it is worth it."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="tuning_policy")
    question = models.ForeignKey(Question, models.CASCADE, related_name="+")
    is_nightly = models.BooleanField(default=False)
    minutes = models.PositiveSmallIntegerField(default=10)
    is_mirrored = models.BooleanField(default=True)
    is_joint = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "tuning policies"

    def __str__(self) -> str:
        return f"tuning policy of {self.project}"
