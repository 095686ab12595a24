"""Summary: what is known of a question, kept so that no page goes through all labels."""

from django.db import models

from labeller.projects.models import Question


class Summary(models.Model):
    """What `estimates.summarise` found when the newest round was made; each round replaces it."""

    question = models.OneToOneField(Question, models.CASCADE, related_name="+")
    report = models.JSONField()
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "summaries"

    def __str__(self) -> str:
        return f"summary of {self.question}"
