"""The only door to a project's rows for a person.

Every view asks here and nowhere else. A stranger gets 404, as for a project that doesn't exist; a member
whose role is too weak gets 403, for they know the project already.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from labeller.accounts.models import Membership, Role, User

if TYPE_CHECKING:
    from labeller.projects.models import Project, Question

Row = TypeVar("Row", bound=Model)
Who = User | AnonymousUser  # what a request carries; behind the login it is an account


@dataclass(frozen=True)
class Member:
    """A person in a project, with the role they have there; an administrator counts as owner everywhere."""

    person: User
    project: "Project"
    role: Role

    @property
    def manages(self) -> bool:
        """Whether they may do what managers may."""
        return self.role.rank >= Role.MANAGER.rank

    @property
    def sees_people(self) -> bool:
        """Whether they may see pictures with people in them; `sees_people` asks the database the same."""
        return self.role.rank >= Role(self.project.people_shown_to).rank


def account(who: Who) -> User:
    """The account of somebody who is logged in; PermissionDenied for anybody else."""
    if not isinstance(who, User):
        raise PermissionDenied("nobody is logged in")
    return who


def projects(who: Who) -> "QuerySet[Project]":
    """The projects this person may see."""
    person = account(who)
    everything: QuerySet[Project] = apps.get_model("projects", "Project")._default_manager.all()
    return everything if person.is_superuser else everything.filter(memberships__user=person)


def role(person: User, project: "Project") -> Role | None:
    """This person's role in the project; none for a stranger."""
    if person.is_superuser:
        return Role.OWNER
    found = Membership.objects.filter(user=person, project=project).values_list("role", flat=True).first()
    return Role(found) if found else None


def in_project(who: Who, project: "Project") -> Member:
    """This person as a member of a project that is known already; Http404 for strangers."""
    person = account(who)
    found = role(person, project)
    if found is None:
        raise Http404("no such project")
    return Member(person, project, found)


def member(who: Who, slug: str, at_least: Role = Role.VIEWER) -> Member:
    """This person as a member of the project of that slug.

    Raises Http404 for strangers, PermissionDenied where the role is too weak.
    """
    person = account(who)
    everything = apps.get_model("projects", "Project")._default_manager.all()
    found = everything.filter(slug=slug).annotate(found_role=_role_in(person, "pk")).first()
    if found is None:
        raise Http404("no such project")
    return _granted(person, found, found.found_role, at_least)


def of_photographs(who: Who, slug: str, at_least: Role = Role.VIEWER) -> Member:
    """As `member`, of what only projects of photographs have; Http404 where it is one of texts."""
    found = member(who, slug, at_least)
    if found.project.kind != found.project.Kind.IMAGE:
        raise Http404("for photographs only")
    return found


def of_texts(who: Who, slug: str, at_least: Role = Role.VIEWER) -> Member:
    """As `member`, of what only projects of texts have; Http404 where it is one of photographs."""
    found = member(who, slug, at_least)
    if found.project.kind != found.project.Kind.TEXT:
        raise Http404("for texts only")
    return found


def question(project: "Project", key: str | None) -> "Question":
    """The question of that key in a member's project, without a key its first one; else Http404."""
    found = project.questions.filter(key=key).first() if key else project.first_question
    if found is None:
        raise Http404("no such question")
    found.project = project
    return found


def member_asked(who: Who, slug: str, key: str, at_least: Role = Role.VIEWER) -> "tuple[Member, Question]":
    """As `member` and `question`, in one statement."""
    person = account(who)
    everything = apps.get_model("projects", "Question")._default_manager.select_related("project")
    of_open = everything.filter(project__slug=slug, project__closing_at=None, key=key)
    found = of_open.annotate(found_role=_role_in(person, "project")).first()
    if found is None:  # who may not see the project, or do this in it, isn't told that the question is what is missing
        known = member(person, slug, at_least)
        return known, question(known.project, key)
    return _granted(person, found.project, found.found_role, at_least), found


def _role_in(person: User, project: str) -> Subquery:
    """This person's role in the project that rows name in that field; none for a stranger."""
    return Subquery(Membership.objects.filter(user=person, project=OuterRef(project)).values("role")[:1])


def _granted(person: User, project: "Project", found_role: str | None, at_least: Role) -> Member:
    if not person.is_superuser and not found_role:
        raise Http404("no such project")
    granted = Role.OWNER if person.is_superuser or found_role is None else Role(found_role)
    if granted.rank < at_least.rank:
        raise PermissionDenied(f"needs the role {at_least} or stronger")
    return Member(person, project, granted)


def rows(who: Who, queryset: QuerySet[Row], at_least: Role = Role.VIEWER) -> QuerySet[Row]:
    """The rows of a model with a `project` that lie in projects where this person's role suffices."""
    person = account(who)
    queryset = queryset.filter(project__closing_at=None)
    if person.is_superuser:
        return queryset
    allowed = Membership.objects.filter(user=person, role__in=Role.at_least(at_least)).values("project")
    return queryset.filter(project__in=allowed)


def sees_people(who: Who, project: "Project") -> Q:
    """Whether this person may see pictures with people in them, in that project.

    A condition, for it is asked of rows: so it costs no statement of its own, and nobody has to pass the role on.
    """
    person, least = account(who), Role(project.people_shown_to)
    if person.is_superuser or least == Role.VIEWER:
        return ~Q(pk__in=[])
    return Q(Exists(Membership.objects.filter(user=person, project=project.pk, role__in=Role.at_least(least))))


def administrator(who: Who) -> User:
    """The account of an administrator of the site; PermissionDenied for anybody else."""
    person = account(who)
    if not person.is_superuser:
        raise PermissionDenied("for administrators only")
    return person
