"""Writes on people and memberships."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts import keymap
from labeller.accounts.models import Membership, Role, User

if TYPE_CHECKING:
    from labeller.projects.models import Project

PASSWORD_BYTES = 12
LOGINS_KEPT_DAYS = 90
FEW = 500  # rows that are deleted in one transaction
ONE_TIME_DAYS = 7  # that a password made for somebody holds


def one_time_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _one_time_until() -> datetime:
    return timezone.now() + timedelta(days=ONE_TIME_DAYS)


@transaction.atomic
def ensure_administrator(username: str = "admin") -> str | None:
    """The one-time password of the administrator, who is made where there is none; None where it is not needed.

    It is a fresh one each time, until somebody who runs this site has logged in and chosen a password of their own.
    """
    administrators = list(User.objects.select_for_update().filter(is_superuser=True).order_by("pk"))
    if not administrators:
        password = one_time_password()
        User.objects.create_superuser(username, password=password, one_time_until=_one_time_until())
        return password
    if any(each.last_login and not each.must_choose_password for each in administrators):
        return None
    return give_one_time_password(administrators[0])


def give_one_time_password(user: User) -> str:
    """Replace this person's password by one that holds for a week, and until they choose their own; returns it."""
    password = one_time_password()
    user.set_password(password)
    user.one_time_until = _one_time_until()
    user.save(update_fields=["password", "one_time_until"])
    return password


def reset_password(username: str) -> str:
    """Give the person of that name a one-time password and return it."""
    return give_one_time_password(User.objects.get(username=username))


def choose_password(user: User, password: str) -> None:
    """A person's own password; it ends all their sessions but the one that goes on with the new one."""
    user.set_password(password)
    user.one_time_until = None
    user.save(update_fields=["password", "one_time_until"])


def log_out_everywhere(user: User) -> None:
    """End all sessions of this person."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)


@transaction.atomic
def set_active(user: User, *, active: bool, by: User) -> None:
    """Close a person's account, or open it again; nothing of theirs is deleted.

    Raises ValidationError where somebody would close their own, so that an administrator is always left.
    """
    # Two who close each other's account wait for each other here: the second finds their own closed.
    administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    if user.pk == by.pk or by.pk not in {each.pk for each in administrators}:
        raise ValidationError(_("You cannot close your own account: ask another administrator."))
    User.objects.filter(pk=user.pk).update(is_active=active, session_epoch=F("session_epoch") + 1)


def clean() -> None:
    """Forget sessions that have run out, attempts to log in that no longer count, and logins of long ago."""
    now = timezone.now()
    for old in (
        Session.objects.filter(expire_date__lt=now),
        AccessAttempt.objects.filter(attempt_time__lt=now - timedelta(days=1)),
        AccessLog.objects.filter(attempt_time__lt=now - timedelta(days=LOGINS_KEPT_DAYS)),
    ):
        while few := list(old.values_list("pk", flat=True)[:FEW]):
            old.model._default_manager.filter(pk__in=few).delete()


def set_keys(user: User, own: Mapping[str, str]) -> None:
    """Give a person these keys of their own; the usual ones are not kept."""
    user.keys = keymap.changed(own)
    user.save(update_fields=["keys"])


def simulated_annotator(project: "Project") -> User:
    """The oracle account of `simulate`, member of the project; it cannot log in."""
    user, made = User.objects.get_or_create(username="simulated-annotator", defaults={"is_simulated": True})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    Membership.objects.get_or_create(project=project, user=user, defaults={"role": Role.ANNOTATOR})
    return user


def take_turn(user: User) -> None:
    """Inside a transaction: what one person sends twice, or from two tabs at once, is done one after the other."""
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk").first()


@transaction.atomic
def set_role(project: "Project", username: str, role: Role, *, by: Role) -> str | None:
    """Give a person a role; returns a one-time password where the account had to be made.

    Raises ValidationError where a manager reaches above their own role, or no owner would be left.
    """
    # One after the other, or two owners who make each other something else would leave none.
    type(project)._default_manager.select_for_update(no_key=True).get(pk=project.pk)
    membership = Membership.objects.filter(project=project, user__username=username).first()
    if by.rank < max(role.rank, Role(membership.role).rank if membership else 0):
        raise ValidationError(_("Only an owner can make owners, or change an owner’s role."))
    user, password = _person(username)
    Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    if not Membership.objects.filter(project=project, role=Role.OWNER).exists():
        raise ValidationError(_("A project needs at least one owner: make somebody else owner first."))
    return password


def _person(username: str) -> tuple[User, str | None]:
    """The person of that name; made where missing, with a one-time password, which one of several callers gets."""
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user, None
    password = one_time_password()
    try:
        with transaction.atomic():
            user = User.objects.create_user(username, password=password, one_time_until=_one_time_until())
            return user, password
    except IntegrityError:  # somebody made them in between
        return User.objects.get(username=username), None
