"""Writes on people and memberships."""

import secrets
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from labeller.accounts import keymap
from labeller.accounts.models import Membership, Role, User

PASSWORD_BYTES = 12


def one_time_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def ensure_administrator(username: str = "admin") -> str | None:
    """Make the first administrator and return their password; None where there is one already."""
    with transaction.atomic():
        if User.objects.filter(is_superuser=True).exists():
            return None
        password = one_time_password()
        User.objects.create_superuser(username, password=password)
        return password


def reset_password(username: str) -> str:
    """Give this person a new random password and return it."""
    user = User.objects.get(username=username)
    password = one_time_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def set_keys(user: User, own: Mapping[str, str]) -> None:
    """Give a person these keys of their own; the usual ones are not kept."""
    user.keys = keymap.changed(own)
    user.save(update_fields=["keys"])


def simulated_annotator(project: models.Model) -> User:
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
def set_role(project: models.Model, username: str, role: Role, *, by: Role) -> str | None:
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
    """The person of that name, made where they are missing: with the one-time password then, for one of all who ask."""
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user, None
    password = one_time_password()
    try:
        with transaction.atomic():
            return User.objects.create_user(username, password=password), password
    except IntegrityError:  # somebody made them in between
        return User.objects.get(username=username), None
