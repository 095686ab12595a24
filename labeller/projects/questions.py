"""Questions asked in the same pass after another, and classes by name."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Project, Question
from labeller.text import clean


@transaction.atomic
def add_following_question(
    follows: Question,
    *,
    text: str,
    multi_label: bool = False,
    class_names: Iterable[str] = (),
    only_for: Iterable[LabelClass] = (),
) -> Question:
    """A question asked right after that one: where the answer names one of `only_for`, or else anything but a blank."""
    project = Project.objects.select_for_update(no_key=True).get(pk=follows.project_id)
    last = project.questions.aggregate(last=Max("position"))["last"] or 0
    question = Question.objects.create(
        project=project,
        key=_free_key(project, text),
        text=clean(text),
        multi_label=multi_label,
        position=last + 1,
        follows=follows,
    )
    question.only_for.set(only_for)
    add_classes(question, class_names)
    return question


@transaction.atomic
def add_classes(question: Question, names: Iterable[str]) -> int:
    """Classes by name; how many of them there were not yet."""
    return sum(ensure_class(question, name)[1] for name in names)


def _free_key(project: Project, text: str) -> str:
    """A slug for that text that no question of the project has yet."""
    taken = set(Question.everything.filter(project=project).values_list("key", flat=True))
    stem = slugify(text)[:40] or "question"
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem}-{number}", number + 1
    return key
