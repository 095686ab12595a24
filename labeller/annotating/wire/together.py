"""Samples as the screen of all questions is told of them: what is asked, and what is let stand."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating import places
from labeller.annotating.handing.together import LET, Served, TogetherBatch, predicted
from labeller.annotating.wire import pages
from labeller.annotating.wire.samples import Told, samples_json
from labeller.labels import tallies
from labeller.labels.models import Default, Label
from labeller.labels.selectors import AUDIT
from labeller.learning.models import Round
from labeller.projects.models import Question

ALL = "*"  # stands for a question's key where a page is about all of them


def questions_json(questions: Sequence[Question]) -> Told:
    """All questions, as a page's own question is told of: none of them is."""
    keys = {each.pk: each.key for each in questions}
    return {
        "question": {"key": ALL, "text": _("All questions"), "multi_label": False},
        "classes": [],
        "followers": [
            {
                "key": each.key,
                "text": each.text,
                "multi_label": each.multi_label,
                "follows": keys.get(each.follows_id or 0),
                "only_for": [label_class.pk for label_class in each.only_for.all()],
                "classes": pages.classes_json(each),
            }
            for each in questions
        ],
    }


def batch_json(user: User, questions: Sequence[Question], batch: TogetherBatch) -> list[Told]:
    """What the page is told of these samples."""
    by_pk = {each.pk: each for each in questions}
    sample_ids = [each.sample_id for each in batch.served]
    said, let = _said(user, questions, sample_ids), _let(user, questions, sample_ids)
    rows: dict[int, Told] = {}
    for question in questions:
        firsts = [each.asked[0] for each in batch.served if each.asked[0].question_id == question.pk]
        rows |= {row["sample"]: row for row in samples_json(user, question, firsts)}
    found = []
    for served in batch.served:
        row = {**rows[served.sample_id], "burst": [], "previous": None, "suggestions": []}
        row["blind"] = any(each.entry is not None and each.entry.strategy == AUDIT for each in served.asked)
        row["followers"] = said.get(served.sample_id, {})
        row["let"] = let.get(served.sample_id, {})
        row["foreseen"] = {} if row["blind"] else _foreseen(served, by_pk)
        row["asks"] = [
            {"question": by_pk[each.question_id].key, "entry": places.named(each.entry_id, user)}
            for each in served.asked
        ]
        row["plan"] = {by_pk[pk].key: how for pk, how in served.plan.items()}
        row["defaults"] = _defaults(user, served, by_pk)
        found.append(row)
    return found


def _foreseen(served: Served, by_pk: dict[int, Question]) -> dict[str, Any]:
    """What is suggested for each question, by its key: by its own ranking, else by that of the first."""
    first = served.asked[0].entry
    found = {}
    for pk, told in (first.foreseen if first else {}).items():
        question = by_pk.get(int(pk))
        if question is not None and question.show_suggestions:
            found[question.key] = told["suggestions"]
    for each in served.asked:
        question = by_pk[each.question_id]
        if each.entry and each.entry.round.question_id == question.pk and question.show_suggestions:
            found[question.key] = each.entry.suggestions
    return found


def _defaults(user: User, served: Served, by_pk: dict[int, Question]) -> dict[str, Told]:
    """What is let stand, by the question's key, unless the person asks to be asked."""
    entry = served.asked[0].entry
    found = {}
    for pk, how in served.plan.items():
        shown = predicted(entry, by_pk[pk]) if entry and how == LET else None
        if entry and shown:
            class_id, p = shown
            found[by_pk[pk].key] = {"class": class_id, "p": p, "entry": places.named(entry.pk, user)}
    return found


def _said(user: User, questions: Iterable[Question], sample_ids: list[int]) -> dict[int, dict[str, Told]]:
    """What this person said of these samples on any of the questions, by sample and the question's key."""
    keys = {each.pk: each.key for each in questions}
    labels = Label.objects.filter(annotator=user, sample__in=sample_ids, question__in=list(keys), is_current=True)
    found: dict[int, dict[str, Told]] = {}
    for label in labels.prefetch_related("labelled_classes"):
        found.setdefault(label.sample_id, {})[keys[label.question_id]] = pages.label_json(label) or {}
    return found


def _let(user: User, questions: Iterable[Question], sample_ids: list[int]) -> dict[int, dict[str, str]]:
    """The UUIDs of what this person let stand of these samples, by sample and the question's key."""
    keys = {each.pk: each.key for each in questions}
    rows = Default.objects.filter(annotator=user, sample__in=sample_ids, question__in=list(keys), is_current=True)
    found: dict[int, dict[str, str]] = {}
    for sample_id, question_id, uuid in rows.values_list("sample", "question", "uuid"):
        found.setdefault(sample_id, {})[keys[question_id]] = str(uuid)
    return found


def round_json(rounds: dict[int, Round]) -> Told | None:
    """All rounds as one: its number rises with that of any."""
    if not rounds:
        return None
    numbers, labels = zip(*((each.number, each.n_labels) for each in rounds.values()), strict=True)
    return {"number": sum(numbers), "strategy": ALL, "n_labels": sum(labels)}


def counts(questions: Sequence[Question]) -> Told:
    """Labels by class id, and how many answers there are to all questions together."""
    found = [tallies.of(each) for each in questions]
    classes = {str(class_id): n for each in found for class_id, n in each.classes.items()}
    return {"counts": classes, "labelled": sum(each.labelled for each in found)}


def pool(questions: Sequence[Question]) -> Told:
    """Answers given, and answers there could be, of all questions together."""
    first = pages.pool(questions[0])
    found = [tallies.of(each) for each in questions]
    return {**first, "labelled": sum(each.labelled for each in found), "total": sum(each.samples for each in found)}
