"""Assignment: this annotator holds this sample until then."""

from django.conf import settings
from django.db import models

from labeller.learning.models import RoundEntry, TileGroup
from labeller.projects.models import Question
from labeller.samples.models import Sample

REVIEW_SLOT = 1000  # from here on slots are reviewers', who look again at what others hold or have labelled


class Assignment(models.Model):
    """A place to label a sample; there are as many places (slots) a sample as the project's redundancy."""

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
        indexes = [models.Index(fields=["question", "is_done", "expires_at"], name="assignment_open")]

    def __str__(self) -> str:
        return f"{self.annotator_id} holds {self.sample_id} until {self.expires_at}"
