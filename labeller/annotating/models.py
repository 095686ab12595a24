"""Assignment: this annotator holds this sample until then."""

from django.conf import settings
from django.db import models

from labeller.learning.models import RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.samples.models import Sample

REVIEW_SLOT = 1000  # from here on slots are of people who look again at what they said, where the places are others'
CHECK_SLOT = 2000  # and from here on of people who are checked on samples whose answer is known


class Assignment(models.Model):
    """A place to label a sample; there are as many places (slots) a sample as the question's redundancy."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="assignments")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="assignments")
    slot = models.PositiveSmallIntegerField()
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="assignments")
    tab = models.CharField(max_length=36, blank=True, help_text="The browser tab that shows it; empty = a program.")
    entry = models.ForeignKey(RoundEntry, models.SET_NULL, null=True, related_name="assignments")
    group = models.ForeignKey(TileGroup, models.SET_NULL, null=True, related_name="assignments")
    is_check = models.BooleanField(default=False, help_text="The answer is known: it measures the annotator.")
    is_done = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "sample", "slot"], name="one_annotator_per_slot"),
            models.UniqueConstraint(fields=["question", "sample", "annotator"], name="one_slot_per_annotator"),
        ]
        indexes = [
            # What is held now is little beside all that was ever decided; and SQLite finds no row by "not done".
            models.Index(fields=["question", "annotator"], condition=models.Q(is_done=False), name="assignment_held")
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id} holds {self.sample_id} until {self.expires_at}"


class ReviewAssignment(models.Model):
    """This reviewer looks at this sample until then. Apart from annotators' slots, which stay as they are meanwhile."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="review_assignments")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="+")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tab = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "sample"], name="one_reviewer_per_sample")]

    def __str__(self) -> str:
        return f"{self.reviewer_id} reviews {self.sample_id} until {self.expires_at}"
