"""People, and what they may do in which project."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """An account; annotators, managers and simulated annotators alike."""

    is_simulated = models.BooleanField(default=False, help_text="An oracle that labels from hidden truth.")
    keys = models.JSONField(default=dict, blank=True, help_text="Keys of their own: command to key.")
    one_time_until = models.DateTimeField(
        null=True, blank=True, help_text="How long a password made for them holds; null = they chose it themselves."
    )
    closing_at = models.DateTimeField(null=True, help_text="When its deletion was asked for: only a pseudonym stays.")
    session_epoch = models.PositiveIntegerField(default=0, help_text="Raised to end all their sessions.")

    @property
    def must_choose_password(self) -> bool:
        """Whether theirs is a one-time password still: until they choose their own, nothing else is open to them."""
        return self.one_time_until is not None

    def get_session_auth_hash(self) -> str:
        """What a session must agree with: another password, or a raised epoch, ends it."""
        if not self.session_epoch:
            return super().get_session_auth_hash()
        secret = f"{self.session_epoch} {self.password}"
        return salted_hmac("labeller.accounts.User.get_session_auth_hash", secret, algorithm="sha256").hexdigest()


class Role(models.TextChoices):
    """Roles, weakest first: each may do all that the ones before it may."""

    VIEWER = "viewer", _("viewer")
    ANNOTATOR = "annotator", _("annotator")
    MANAGER = "manager", _("manager")
    OWNER = "owner", _("owner")

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    @classmethod
    def at_least(cls, role: "Role") -> list["Role"]:
        return [each for each in cls if each.rank >= role.rank]


class Membership(models.Model):
    """One person's role in one project."""

    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"
