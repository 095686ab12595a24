"""Assignment: this person holds this sample until then."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeller.learning.models import RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.samples.models import Sample


class Assignment(models.Model):
    """Somebody's hold on a sample of a question.

    There are as many places (slots) to label a sample as the question's redundancy, and one to review it. What is held
    beside them has none.
    """

    class Kind(models.TextChoices):
        LABEL = "label"
        AGAIN = "again"  # what its holder said is looked at again, where every place is somebody else's
        CHECK = "check"  # the answer is known: it measures its holder
        REVIEW = "review"  # apart from all others, which stay as they are meanwhile

    question = models.ForeignKey(Question, models.CASCADE, related_name="assignments")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="assignments")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.LABEL)
    slot = models.PositiveSmallIntegerField(null=True, help_text="Which place it takes; null = none.")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="assignments")
    tab = models.CharField(max_length=36, blank=True, help_text="The browser tab that shows it; empty = a program.")
    entry = models.ForeignKey(RoundEntry, models.SET_NULL, null=True, related_name="assignments")
    group = models.ForeignKey(TileGroup, models.SET_NULL, null=True, related_name="assignments")
    is_done = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "sample", "kind", "slot"], name="one_person_per_slot"),
            models.UniqueConstraint(
                fields=["question", "sample", "annotator"], condition=~Q(kind="review"), name="one_hold_per_annotator"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["label", "review"], slot__isnull=False)
                | Q(kind__in=["again", "check"], slot__isnull=True),
                name="a_slot_where_places_are_few",
            ),
        ]
        indexes = [
            # What is held now is little beside all that was ever decided; and SQLite finds no row by "not done".
            models.Index(fields=["question", "annotator"], condition=Q(is_done=False), name="assignment_held")
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id} holds {self.sample_id} until {self.expires_at}"
