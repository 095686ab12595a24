"""Writes on projects, questions and classes."""

import unicodedata
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from labeller.accounts.models import Membership, Role, User
from labeller.projects.models import PALETTE, SHORTCUTS, LabelClass, Project, Question

BLANK_NAMES = {"blank", "empty", "leeg", "vide", "leer", "vacío"}  # taken for "nothing to see" without being told
RESERVED_SLUGS = {"new"}  # /projects/new/ is a page


def free_slug(name: str) -> str:
    """A slug for that name that no project has yet."""
    stem = slugify(name)[:40] or "project"
    slug, number = stem, 2
    while slug in RESERVED_SLUGS or Project.objects.filter(slug=slug).exists():
        slug, number = f"{stem}-{number}", number + 1
    return slug


@transaction.atomic
def create_project(
    *,
    name: str,
    owner: User | None,
    question_text: str,
    multi_label: bool = False,
    class_names: Iterable[str] = (),
    slug: str | None = None,
) -> Project:
    """A project with its first question and classes, owned by that person."""
    project = Project.objects.create(name=name, slug=slug or free_slug(name))
    if owner is not None:
        Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    question = Question.objects.create(
        project=project,
        key=slugify(question_text)[:40] or "question",
        text=question_text,
        multi_label=multi_label,
    )
    for class_name in class_names:
        ensure_class(question, class_name)
    return project


@transaction.atomic
def change_settings(project: Project, starred: Iterable[LabelClass]) -> None:
    """Store the project as it was changed, with exactly these of its classes starred."""
    project.save()
    classes = LabelClass.objects.filter(question__project=project)
    classes.update(is_starred=False)
    classes.filter(pk__in=[each.pk for each in starred]).update(is_starred=True)


def tidy_class_name(name: str) -> str:
    """The name with single spaces. Raises ValidationError where it can't be a class's."""
    name = " ".join(name.split())
    if not name or len(name) > 200:
        raise ValidationError(_("A class name has 1 to 200 characters, unlike “%(name)s”.") % {"name": name[:40]})
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValidationError(_("A class name has no control characters, unlike %(name)s.") % {"name": repr(name[:40])})
    return name


def class_named(question: Question, name: str) -> LabelClass | None:
    """The class of that name, ignoring case; SQLite by itself ignores the case of a to z only."""
    if name.isascii():
        return question.classes.filter(name__iexact=name).first()
    wanted = name.lower()
    found = (pk for pk, known in question.classes.values_list("pk", "name") if known.lower() == wanted)
    return question.classes.filter(pk=next(found, None)).first()


def classes_by_name(question: Question) -> dict[str, LabelClass]:
    """All classes of a question, by their names in lower case."""
    return {each.name.lower(): each for each in question.classes.all()}


def ensure_class(question: Question, name: str) -> tuple[LabelClass, bool]:
    """The class of that name (ignoring case), made where it is missing; and whether it was made.

    Raises ValidationError for an empty or overlong name, or one with control characters. Two people may type the
    same new name at once: the unique constraint decides, and both get the one row.
    """
    name = tidy_class_name(name)
    while True:
        found = class_named(question, name)
        if found is not None:
            return found, False
        taken = set(question.classes.exclude(key="").values_list("key", flat=True))
        last = question.classes.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
        try:
            with transaction.atomic():
                made = LabelClass.objects.create(
                    question=question,
                    name=name,
                    key=_free_key(name, taken),
                    colour=PALETTE[position % len(PALETTE)],
                    position=position,
                    is_blank=name.lower() in BLANK_NAMES,
                )
        except IntegrityError:
            continue  # somebody took the name or the key in between: look again
        return made, True


def _free_key(name: str, taken: set[str]) -> str:
    """The first letter of the name that is still free as a shortcut, else any free letter, else none."""
    wanted = [letter for letter in name.lower() if letter in SHORTCUTS]
    return next((letter for letter in [*wanted, *SHORTCUTS] if letter not in taken), "")
