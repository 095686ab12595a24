"""The only door to a project's rows for a person.

Every view asks here and nowhere else. A stranger gets 404, as for a project that doesn't exist; a member
whose role is too weak gets 403, for they know the project already.
"""

from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from labeller.accounts.models import Membership, Role, User

Row = TypeVar("Row", bound=Model)


def projects(user: User) -> QuerySet[Any]:
    """The projects this person may see."""
    everything = apps.get_model("projects", "Project")._default_manager.all()
    return everything if user.is_superuser else everything.filter(memberships__user=user)


def role(user: User, project: Model) -> Role | None:
    """This person's role in the project; an administrator counts as owner everywhere."""
    if user.is_superuser:
        return Role.OWNER
    found = Membership.objects.filter(user=user, project=project).values_list("role", flat=True).first()
    return Role(found) if found else None


def project(user: User, slug: str, at_least: Role = Role.VIEWER) -> Any:
    """The project of that slug, with `.role` set to this person's role.

    Raises Http404 for strangers, PermissionDenied where the role is too weak.
    """
    found = projects(user).filter(slug=slug).first()
    if found is None:
        raise Http404("no such project")
    found.role = role(user, found)
    if found.role.rank < at_least.rank:
        raise PermissionDenied(f"needs the role {at_least} or stronger")
    return found


def question(project: Any, key: str | None) -> Any:
    """The question of that key in a project that was asked for here, without a key its first one; else Http404."""
    found = project.questions.filter(key=key).first() if key else project.first_question
    if found is None:
        raise Http404("no such question")
    found.project = project
    return found


def rows(user: User, queryset: QuerySet[Row], at_least: Role = Role.VIEWER) -> QuerySet[Row]:
    """The rows of a model with a `project` that lie in projects where this person's role suffices."""
    if user.is_superuser:
        return queryset
    allowed = Membership.objects.filter(user=user, role__in=Role.at_least(at_least)).values("project")
    return queryset.filter(project__in=allowed)


def require_administrator(user: User) -> None:
    """Raises PermissionDenied for anybody but an administrator of the site."""
    if not user.is_superuser:
        raise PermissionDenied("for administrators only")
