"""Deleting an account: who it was goes, what they labelled stays, under a pseudonym."""

from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext as _

from labeller.accounts.models import Membership, Role, User

FORGOTTEN = "!forgotten"  # what stands for a password then: nobody can log in by it
FEW = 500  # rows that are deleted in one transaction


def problem(user: User) -> str | None:
    """Why an account must stay, in words; None where it may go."""
    if user.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        return _("The site needs an administrator: make somebody else one first.")
    owned = Membership.objects.filter(user=user, role=Role.OWNER, project__closing_at=None)
    others = Membership.objects.filter(role=Role.OWNER).exclude(user=user)
    alone = owned.exclude(project__in=others.values("project")).select_related("project")
    names = ", ".join(f"“{each.project.name}”" for each in alone[:5])
    return _("Make somebody else owner first: %(projects)s would have none.") % {"projects": names} if names else None


def forget(user: User) -> None:
    """Delete who somebody was, and what only they had. May be done again where it ended in the middle."""
    for attempts in (AccessAttempt, AccessLog):
        rows = attempts.objects.filter(username=user.username)
        while few := list(rows.values_list("pk", flat=True)[:FEW]):
            attempts.objects.filter(pk__in=few).delete()
    with transaction.atomic():
        Membership.objects.filter(user=user).delete()
        apps.get_model("annotating", "Assignment").objects.filter(annotator=user, is_done=False).delete()
        apps.get_model("learning", "TileGroup").objects.filter(hunter=user).delete()
        user.username = _pseudonym(user)
        user.first_name = user.last_name = user.email = ""
        user.password = FORGOTTEN
        user.is_active = user.is_staff = user.is_superuser = False
        user.keys, user.last_login, user.one_time_until = {}, None, None
        user.groups.clear()
        user.user_permissions.clear()
        user.save()


def _pseudonym(user: User) -> str:
    """A name that tells nothing, and that nobody has."""
    name, number = f"former-{user.pk}", 2
    while User.objects.filter(username=name).exclude(pk=user.pk).exists():
        name, number = f"former-{user.pk}-{number}", number + 1
    return name
