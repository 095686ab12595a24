"""Writes on projects, questions and classes."""

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from labeller.accounts.models import Membership, Role, User
from labeller.projects.models import DEFAULT_OF_TEXTS, PALETTE, SHORTCUTS, LabelClass, Project, Question
from labeller.text import clean, fold

BLANK_NAMES = {"blank", "empty", "leeg", "vide", "leer", "vacío"}  # taken for "nothing to see" without being told
ATTEMPTS = 5  # at making a row whose name or key somebody else may have taken a moment before
RESERVED_SLUGS = {"new"}  # /projects/new/ is a page


def free_slug(name: str) -> str:
    """A slug for that name that no project has yet."""
    stem = slugify(name)[:40] or "project"
    slug, number = stem, 2
    while slug in RESERVED_SLUGS or Project.everything.filter(slug=slug).exists():
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
    kind: str = Project.Kind.IMAGE,
) -> Project:
    """A project with its first question and classes, owned by that person."""
    project = _make(clean(name), slug, kind)
    if owner is not None:
        Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    question = Question.objects.create(
        project=project,
        key=slugify(question_text)[:40] or "question",
        text=clean(question_text),
        multi_label=multi_label,
    )
    for class_name in class_names:
        ensure_class(question, class_name)
    return project


def _make(name: str, slug: str | None, kind: str) -> Project:
    """The project's row; a slug of its own making is another one where somebody took it in between."""
    fields = {"name": name, "kind": kind, **({"featuriser": DEFAULT_OF_TEXTS} if kind == Project.Kind.TEXT else {})}
    for _attempt in range(ATTEMPTS - 1 if slug is None else 0):
        try:
            with transaction.atomic():
                return Project.objects.create(slug=free_slug(name), **fields)
        except IntegrityError:
            continue
    return Project.objects.create(slug=slug or free_slug(name), **fields)


@transaction.atomic
def change_learning(question: Question, starred: Iterable[LabelClass]) -> None:
    """Store the question as it was changed, with exactly these of its classes starred."""
    question.save()
    classes = question.classes.all()
    classes.update(is_starred=False)
    classes.filter(pk__in=[each.pk for each in starred]).update(is_starred=True)


def tidy_class_name(name: str) -> str:
    """The name as it is stored, cleaned. Raises ValidationError where it can't be a class's."""
    name = clean(name)
    if not name or len(name) > 200:
        raise ValidationError(_("A class name has 1 to 200 characters, unlike “%(name)s”.") % {"name": name[:40]})
    return name


def class_named(question: Question, name: str) -> LabelClass | None:
    """The class of that name, however it is spelt."""
    return question.classes.filter(folded=fold(name)).first()


def classes_by_name(question: Question) -> dict[str, LabelClass]:
    """All classes of a question, by their folded names."""
    return {each.folded: each for each in question.classes.all()}


def ensure_class(question: Question, name: str) -> tuple[LabelClass, bool]:
    """The class of that name (however it is spelt), made where it is missing; and whether it was made.

    Raises ValidationError for an empty or overlong name. Two people may type the same new name at once: the unique
    constraint decides, and both get the one row.
    """
    name = tidy_class_name(name)
    for _attempt in range(ATTEMPTS):
        found = class_named(question, name)
        if found is not None:
            return found, False
        taken = set(question.classes.exclude(key="").values_list("key", flat=True))
        last = question.classes.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
        try:
            with transaction.atomic():
                made = LabelClass.objects.create(question=question, **fields_of_new(name, position, taken))
        except IntegrityError:
            continue  # somebody took the name or the key in between: look again
        return made, True
    raise ValidationError(_("The classes are being changed by somebody else. Please try again."))


def fields_of_new(name: str, position: int, taken: Collection[str]) -> dict[str, Any]:
    """What is stored of a new class at that place, where these letters are taken."""
    return {
        "name": name,
        "key": _free_key(name, taken),
        "colour": PALETTE[position % len(PALETTE)],
        "position": position,
        "is_blank": fold(name) in BLANK_NAMES,
    }


def _free_key(name: str, taken: Collection[str]) -> str:
    """The first letter of the name that is still free as a shortcut, else any free letter, else none."""
    wanted = [letter for letter in name.lower() if letter in SHORTCUTS]
    return next((letter for letter in [*wanted, *SHORTCUTS] if letter not in taken), "")
