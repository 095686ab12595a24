"""Project, question, class."""

from datetime import time
from typing import Any, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from labeller.accounts.models import Role
from labeller.projects.fields import FoldedName

Row = TypeVar("Row", bound=models.Model)
PALETTE = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#e69f00",
    "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#117733", "#882255", "#999933",
)  # fmt: skip
SHORTCUTS = "abcdefghijklmnopqrstuvwxyz"

# The registered names of tl_core.query and tl_core.heads, for the web process, which doesn't import those.
STRATEGIES = (
    "auto", "random", "kmeans_centroid", "kcenter", "typiclust", "margin", "entropy", "least_confidence",
    "power_margin", "cluster_margin", "badge", "uherding", "seals", "committee",
)  # fmt: skip
HUNTS = ("positive_first", "similar_to")  # these need an aim, which a question as a whole has not
HEADS = ("transductive", "logistic", "centroid", "svm", "knn")
DEFAULT_STRATEGY = "auto"
DEFAULT_HEAD = "transductive"
DEFAULT_OF_TEXTS = "svd"  # a featuriser of texts that is fitted on the pool: then it is svd/DIGEST


class Open(models.Manager[Row]):
    """Rows that nobody has asked to be deleted: from that moment on what is deleted is hidden everywhere."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().filter(closing_at=None)


class Everything(models.Manager[Row]):
    """All rows, also those that are being deleted."""


class Project(models.Model):
    """Samples, questions and people."""

    class Kind(models.TextChoices):
        """What its samples are."""

        IMAGE = "image", _("photographs")
        TEXT = "text", _("texts")

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.IMAGE)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    keeps_levels = models.BooleanField(
        default=True, help_text="Whether intermediate levels of the network are kept beside its last layer."
    )
    featuriser = models.CharField(max_length=1000, default="efficientnet-lite0")
    language = models.CharField(
        max_length=8, blank=True, help_text="Of its texts, as ISO 639-1 has it; empty = several, or not told yet."
    )
    annotators_add_classes = models.BooleanField(default=True, help_text="Managers always may.")
    people_shown_to = models.CharField(
        max_length=10,
        choices=[
            (Role.MANAGER, _("managers and owners")),
            (Role.ANNOTATOR, _("annotators, managers and owners")),
            (Role.VIEWER, _("everybody in the project")),
        ],
        default=Role.MANAGER,
        help_text="The weakest role that sees pictures with people in them: samples/hiding.py.",
    )
    people_from = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="How sure a model of others must be that a person is in a picture, for that to be hidden.",
    )
    burst_gap = models.PositiveSmallIntegerField(
        default=60, help_text="Seconds between two frames of one burst, at most; 0 = no bursts."
    )
    box_threshold = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0.05), MaxValueValidator(1.0)],
        help_text="Boxes that a detector is less sure of are neither asked about nor shown.",
    )
    grouping = models.PositiveIntegerField(default=0, help_text="How often the samples were grouped into bursts.")
    grouped_by = models.CharField(
        max_length=40, blank=True, help_text="By which gap and rules; empty = never, or a grouping broke off."
    )
    next_shard = models.PositiveIntegerField(default=0, help_text="The first number that no import was given.")
    closing_at = models.DateTimeField(null=True, help_text="When its deletion was asked for: nobody sees it any more.")

    objects = Open()
    everything = Everything()

    def __str__(self) -> str:
        return self.name

    @property
    def first_question(self) -> "Question | None":
        """Where labelling begins: what pages and commands speak of where nobody names a question."""
        return self.questions.order_by("position", "pk").first()


class Question(models.Model):
    """What is asked of each sample, and how it is learnt.

    One that follows another is asked in the same pass, right after it: where the answer names one of `only_for`, or,
    where there are none, anything but a blank class.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="questions")
    key = models.SlugField()
    text = models.CharField(max_length=300)
    multi_label = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)
    follows = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="followers")
    only_for: Any = models.ManyToManyField("LabelClass", blank=True, related_name="+")
    strategy = models.CharField(max_length=200, default=DEFAULT_STRATEGY, help_text="A name or a dotted path.")
    head = models.CharField(max_length=200, default=DEFAULT_HEAD, help_text="A name or a dotted path.")
    audit_share = models.FloatField(default=0.10, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)])
    refit_every = models.PositiveSmallIntegerField(default=5, help_text="Labels between two refits.")
    round_size = models.PositiveSmallIntegerField(default=200, help_text="Samples ranked in one round.")
    redundancy = models.PositiveSmallIntegerField(default=1, help_text="People who label each sample.")
    retrain_at = models.TimeField(
        null=True, blank=True, default=time(3), help_text="When the nightly full refit is due; null = never."
    )
    target_accuracy = models.FloatField(default=0.90, help_text="Accuracy at which labelling may stop.")
    accept_error = models.FloatField(default=0.05, help_text="Share of errors that accepting predictions may cost.")
    show_suggestions = models.BooleanField(default=True, help_text="Whether annotators see what the head thinks.")
    retrain_asked_at = models.DateTimeField(null=True, help_text="When a full refit was asked for last.")
    closing_at = models.DateTimeField(null=True, help_text="When its deletion was asked for: it is asked no more.")

    objects = Open()
    everything = Everything()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="one_question_per_key"),
            models.CheckConstraint(condition=~models.Q(follows=models.F("pk")), name="question_follows_another"),
            models.CheckConstraint(condition=models.Q(redundancy__gte=1), name="redundancy_at_least_one"),
            models.CheckConstraint(condition=models.Q(refit_every__gte=1), name="refit_every_at_least_one"),
            models.CheckConstraint(
                condition=models.Q(audit_share__gte=0.0, audit_share__lte=0.5), name="audit_share_in_range"
            ),
            models.CheckConstraint(condition=models.Q(round_size__gte=1), name="round_size_at_least_one"),
            models.CheckConstraint(
                condition=models.Q(target_accuracy__gt=0.0, target_accuracy__lt=1.0), name="target_accuracy_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(accept_error__gt=0.0, accept_error__lte=0.5), name="accept_error_in_range"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class LabelClass(models.Model):
    """One answer a question allows."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="classes")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=200)
    folded = FoldedName(max_length=700, editable=False, help_text="What names are compared by.")
    key = models.CharField(max_length=1, blank=True, help_text="The letter that picks it.")
    colour = models.CharField(max_length=7, default=PALETTE[0])
    scientific_name = models.CharField(max_length=200, blank=True)
    local_name = models.CharField(max_length=200, blank=True, help_text="What people there call it.")
    code = models.CharField(max_length=40, blank=True)
    is_blank = models.BooleanField(default=False, help_text="Says that there is nothing to see.")
    position = models.PositiveIntegerField(default=0)
    is_starred = models.BooleanField(default=False, help_text="Looked for on purpose, however rare.")

    class Meta:
        verbose_name_plural = "label classes"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["question", "folded"], name="one_class_per_folded_name"),
            models.UniqueConstraint(fields=["question", "key"], condition=~models.Q(key=""), name="one_class_per_key"),
            models.CheckConstraint(condition=~models.Q(parent=models.F("pk")), name="class_is_not_its_own_parent"),
            models.CheckConstraint(condition=~models.Q(name=""), name="class_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
