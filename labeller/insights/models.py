"""What is known of a question, kept so that no page goes through all labels or all samples."""

from django.db import models

from labeller.projects.models import LabelClass, Question
from labeller.samples.models import Deployment, Sample


class Summary(models.Model):
    """What `estimates.summarise` found when the newest round was made; each round replaces it."""

    question = models.OneToOneField(Question, models.CASCADE, related_name="+")
    report = models.JSONField()
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "summaries"

    def __str__(self) -> str:
        return f"summary of {self.question}"


class SiteDays(models.Model):
    """What was seen at which deployment on which day, as it was when somebody asked for it; see `site_days`."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="+")
    head_version = models.PositiveIntegerField(null=True, help_text="Whose predictions count; null = there was none.")
    pictures = models.PositiveIntegerField(default=0, help_text="All that were looked at.")
    placeless = models.PositiveIntegerField(default=0, help_text="Those of them without a deployment or a time.")
    shares = models.JSONField(
        default=dict, help_text="By class id: audit samples, and between what their days are right."
    )
    is_whole = models.BooleanField(default=False, help_text="Whether all its days are written.")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "site days"

    def __str__(self) -> str:
        return f"site days of {self.question}"

    @classmethod
    def latest(cls, question: Question) -> "SiteDays | None":
        """The newest one that is whole."""
        return cls.objects.filter(question=question, is_whole=True).order_by("-pk").first()


class SiteDay(models.Model):
    """A class at a deployment on a day; without a class: all its pictures of that day."""

    of = models.ForeignKey(SiteDays, models.CASCADE, related_name="days")
    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="+")
    day = models.DateField(help_text="By the clocks of the place.")
    label_class = models.ForeignKey(LabelClass, models.CASCADE, null=True, related_name="+")
    by_people = models.PositiveIntegerField(help_text="Pictures of which people say so.")
    by_head = models.PositiveIntegerField(help_text="Pictures nobody looked at of which the head says so.")
    predicted = models.PositiveIntegerField(help_text="Pictures of which the head says so, whatever people say.")
    events = models.PositiveIntegerField(help_text="Bursts, and pictures that are of none, of either.")
    surest = models.ForeignKey(
        Sample, models.SET_NULL, null=True, related_name="+", help_text="Of those nobody looked at."
    )

    class Meta:
        indexes = [models.Index(fields=["of", "label_class", "deployment", "day"], name="site_day_by_class")]

    def __str__(self) -> str:
        return f"{self.label_class or 'pictures'} at {self.deployment} on {self.day}"
