"""The only door to a project's rows for a person.

Every view asks here and nowhere else. A stranger gets 404, as for a project that doesn't exist; a member
whose role is too weak gets 403, for they know the project already.
"""

from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
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
    everything = apps.get_model("projects", "Project")._default_manager.all()
    found = everything.filter(slug=slug).annotate(found_role=_role_in(user, "pk")).first()
    if found is None:
        raise Http404("no such project")
    return _granted(user, found, found.found_role, at_least)


def question(project: Any, key: str | None) -> Any:
    """The question of that key in a project that was asked for here, without a key its first one; else Http404."""
    found = project.questions.filter(key=key).first() if key else project.first_question
    if found is None:
        raise Http404("no such question")
    found.project = project
    return found


def question_in(user: User, slug: str, key: str, at_least: Role = Role.VIEWER) -> Any:
    """As `question` of `project`, in one statement."""
    everything = apps.get_model("projects", "Question")._default_manager.select_related("project")
    found = everything.filter(project__slug=slug, key=key).annotate(found_role=_role_in(user, "project")).first()
    if found is None:  # who may not see the project, or do this in it, isn't told that the question is what is missing
        return question(project(user, slug, at_least), key)
    _granted(user, found.project, found.found_role, at_least)
    return found


def _role_in(user: User, project: str) -> Subquery:
    """This person's role in the project that rows name in that field; none for a stranger."""
    return Subquery(Membership.objects.filter(user=user, project=OuterRef(project)).values("role")[:1])


def _granted(user: User, project: Any, found_role: str | None, at_least: Role) -> Any:
    if not user.is_superuser and not found_role:
        raise Http404("no such project")
    project.role = Role.OWNER if user.is_superuser else Role(found_role)
    if project.role.rank < at_least.rank:
        raise PermissionDenied(f"needs the role {at_least} or stronger")
    return project


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
