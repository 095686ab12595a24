"""Samples, where they come from, and the files that were refused."""

from pathlib import Path

from django.db import models

from labeller.projects.models import Everything, LabelClass, Open, Project
from labeller.samples import names


class Source(models.Model):
    """A folder, here or in an object store, whose images are samples of a project, referenced in place."""

    class Meaning(models.TextChoices):
        """What the folders inside (or a table beside) say about each image."""

        NOTHING = "nothing", "nothing: folders are just folders"
        TRUTH = "truth", "the true class, kept hidden for simulations"
        LABELS = "labels", "a known label"

    project = models.ForeignKey(Project, models.CASCADE, related_name="sources")
    path = models.CharField(max_length=4000)  # as names.encode writes it
    labels_from = models.CharField(max_length=4000, blank=True, help_text="“folders”, the path of a table, or nothing.")
    truth_from = models.CharField(max_length=4000, blank=True, help_text="The same, kept hidden for simulations.")
    class_level = models.SmallIntegerField(
        null=True,
        help_text="Which folder level names the class: 1 = the first, -1 = the last; null = the first that can.",
    )
    known = models.JSONField(default=dict, help_text="What became of the labels and the truth: samples/known.py.")
    follows_links = models.BooleanField(default=False, help_text="Whether links that lead out of it are followed.")
    left_out = models.JSONField(default=dict, help_text="What the last look left out on purpose: how many by kind.")
    missing = models.PositiveIntegerField(default=0, help_text="Samples whose file the last look did not find.")
    reader = models.PositiveIntegerField(default=0, help_text="scanning.READER when the last look was complete.")
    created_at = models.DateTimeField(auto_now_add=True)
    closing_at = models.DateTimeField(null=True, help_text="When its deletion was asked for: nothing is imported.")

    objects = Open()
    everything = Everything()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "path"], name="one_source_per_folder")]

    def __str__(self) -> str:
        return self.path

    @property
    def is_open(self) -> bool:
        """Whether paths may be shown: where folders name the classes, or the truth is hidden, they would tell it."""
        return not self.truth_from and self.labels_from != "folders"

    @property
    def folder(self) -> Path | str:
        """Where it is: a path of this machine, or a URL."""
        return self.path if "://" in self.path else Path(names.decode(self.path))

    def location(self, path: str) -> Path | str:
        """Where a file of this source is, from its stored path: a path of this machine, or a URL."""
        name = names.decode(path)
        return f"{self.path}/{name}" if "://" in self.path else Path(self.folder, name)


class Deployment(models.Model):
    """Where and when a camera stood."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=500)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_deployment_per_name")]

    def __str__(self) -> str:
        return self.name


class Sequence(models.Model):
    """A burst of frames of one event."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="sequences")
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.deployment} {self.started_at:%Y-%m-%d %H:%M:%S}"


class Sample(models.Model):
    """One thing to label."""

    class Kind(models.TextChoices):
        IMAGE = "image", "image"
        TEXT = "text", "text"

    project = models.ForeignKey(Project, models.CASCADE, related_name="samples")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.IMAGE)
    source = models.ForeignKey(Source, models.PROTECT, related_name="samples")
    # As names.encode writes it.
    path = models.CharField(max_length=2000, help_text="Relative to the source, with forward slashes.")
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    taken_at = models.DateTimeField(null=True, help_text="The camera's own clock, taken as UTC.")
    notes = models.JSONField(default=list, help_text='What to know about the picture: [{"code": …, parameters}].')
    deployment = models.ForeignKey(Deployment, models.SET_NULL, null=True, related_name="samples")
    sequence = models.ForeignKey(Sequence, models.SET_NULL, null=True, related_name="samples")
    # Where the sample is a part of its image: as fractions of the upright image's width and height.
    box_left = models.FloatField(null=True)
    box_top = models.FloatField(null=True)
    box_width = models.FloatField(null=True)
    box_height = models.FloatField(null=True)
    # Samples are embedded shard by shard; a shard is spread over the whole folder, so that any first few shards
    # are a fair picture of the pool.
    shard = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "path"], name="one_sample_per_path"),
            models.UniqueConstraint(fields=["project", "sha256"], name="one_sample_per_content"),
            models.CheckConstraint(
                condition=~models.Q(kind="image") | models.Q(width__gt=0, height__gt=0), name="image_has_a_size"
            ),
            models.CheckConstraint(
                condition=models.Q(box_left=None, box_top=None, box_width=None, box_height=None)
                | models.Q(box_left__range=(0, 1), box_top__range=(0, 1), box_width__gt=0, box_height__gt=0)
                & models.Q(box_width__lte=1, box_height__lte=1),
                name="box_lies_in_the_image",
            ),
        ]
        indexes = [models.Index(fields=["project", "shard"], name="sample_by_shard")]

    def __str__(self) -> str:
        return self.path

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """Left, top, width and height of the part that counts; None = the whole image."""
        if self.box_left is None:
            return None
        return (self.box_left, self.box_top or 0.0, self.box_width or 0.0, self.box_height or 0.0)


class Refusal(models.Model):
    """A file that could not become a sample, and why."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="refusals")
    source = models.ForeignKey(Source, models.CASCADE, related_name="refusals")
    path = models.CharField(max_length=2000)
    bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField()
    reason = models.SlugField()
    detail = models.CharField(max_length=500, blank=True)
    twin = models.ForeignKey(
        Sample, models.SET_NULL, null=True, related_name="twins", help_text="The sample of the same content."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="one_refusal_per_path")]
        indexes = [models.Index(fields=["project", "reason"], name="refusal_by_reason")]

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class HiddenTruth(models.Model):
    """The true answer to a sample, never shown to annotators; simulated annotators and benchmarks read it."""

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="truths")
    label_class = models.ForeignKey(LabelClass, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sample", "label_class"], name="one_truth_per_class")]

    def __str__(self) -> str:
        return f"{self.sample}: {self.label_class}"
