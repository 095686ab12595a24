"""Safe auto-accept: people label what is uncertain, the head the rest, where almost none of it can be wrong.

Predictions are never stored as labels. What is accepted is a rule on a stored head, so revoking it leaves nothing
behind. The head of a look is fitted on all labels but those of audit samples, and judged on these: docs/decisions/0010.
"""

import functools
import logging
import math
import secrets
import time
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from labeller.accounts.models import User
from labeller.embedding import loading, mixing, runs
from labeller.embedding.loading import Embedded
from labeller.labels import applying
from labeller.labels import selectors as labels
from labeller.labels.selectors import Audited
from labeller.learning import fitting, reading
from labeller.learning.asking import request_refit
from labeller.learning.fitting import Training
from labeller.learning.models import Acceptance, Head, RoundEntry
from labeller.messages import stored
from labeller.projects.models import Question
from tl_core import evaluation
from tl_core.heads import files as head_files
from tl_core.heads.plain import all_right, present

log = logging.getLogger(__name__)

ERROR = 0.05  # chance that any look ever offers what is not safe
SPARE = 2.0  # times the audit samples that a look without a single wrong one needs: with fewer it is wasted
REASON = 300  # characters of a reason that a row has room for
GROWTH = 1.5  # audit samples to the next look, as a multiple

Accepted = tuple[tuple[int, ...], float]  # ids of the classes, and how sure the head is of all of them


class NotOffered(Exception):
    """What somebody wants to accept isn't offered any more; the message says what to do."""


# --- looking --------------------------------------------------------------------------------------


def wanted(question: Question) -> int:
    """How many audit samples the next look waits for."""
    looks = Acceptance.objects.filter(question=question)
    epsilon = question.accept_error
    least = math.ceil(SPARE * math.log(_error(looks.count())) / math.log1p(-epsilon))
    last = looks.filter(epsilon=epsilon).aggregate(most=Max("n_audited"))["most"] or 0
    return max(least, math.ceil(GROWTH * last))


def _error(looks: int) -> float:
    """The error probability of the look after so many: the parts add up to the whole, however many there will be."""
    return ERROR / ((looks + 1) * (looks + 2))


def look(question: Question) -> Acceptance | None:
    """See what is safe to accept now, and keep the outcome; None while a look would be wasted."""
    embeddings = reading.embeddings_of(question, runs.current_run(question.project))
    known = _drawn(question)
    at = embeddings.positions([each.sample_id for each in known])
    audited = [each for each, position in zip(known, at, strict=True) if position >= 0]
    pool = embeddings.without(labels.settled(question))
    if len(audited) < wanted(question) or not len(pool):
        return None
    kept_apart = {each.sample_id for each in audited}
    given = labels.consensus(question)
    others = {sample_id: classes for sample_id, classes in given.items() if sample_id not in kept_apart}
    data = fitting.training(question, embeddings, others)
    if data is None:
        return None
    head, row = _fit(question, embeddings, data)
    answers, sure = judged(question, head, embeddings.vectors)
    at = at[at >= 0]
    classes = _named(answers[at], data.class_ids)
    correct = [frozenset(said) == each.given for each, said in zip(audited, classes, strict=True)]
    error = _error(Acceptance.objects.filter(question=question).count())
    found = evaluation.safe_threshold(sure[at], correct, sure[pool], question.accept_error, 1 - error)
    outcome = Acceptance(
        question=question,
        threshold=found.threshold,
        epsilon=question.accept_error,
        bound=found.bound,
        confidence=1 - error,
        n_audited=len(audited),
        audited=found.audited,
        wrong=found.wrong,
        accepted=found.accepted,
        newest_sample=int(embeddings.ids.max()),
        reason=stored(found.reason, REASON),
    )
    _keep(outcome, head, row)
    return outcome


def _drawn(question: Question) -> list[Audited]:
    """The audit samples that speak for what may be accepted.

    Of a question that follows another only those of its own rounds: the others were drawn among samples of which
    nobody knew yet whether it is asked.
    """
    audited = labels.trail(question).audited
    if question.follows_id is None:
        return audited
    entries = RoundEntry.objects.filter(round__question=question, strategy=labels.AUDIT)
    drawn = set(entries.values_list("sample_id", flat=True))
    return [each for each in audited if each.sample_id in drawn]


def _fit(question: Question, embeddings: Embedded, data: Training) -> tuple[Any, Head]:
    started = time.perf_counter()
    run = runs.current_run(question.project)
    head, parameters = fitting.head_of_now(question, run, embeddings)
    head.fit(data.X, data.y, sample_weight=data.weight_for(head))
    row = Head(
        question=question,
        run=run,
        name=fitting.head_name(question),
        directory=f"question-{question.pk}/{secrets.token_hex(8)}",
        class_ids=data.class_ids,
        n_labels=len(data.y),
        fit_seconds=time.perf_counter() - started,
        mix=embeddings.mix,
        weights=mixing.weights(run, embeddings.mix),
        C=parameters.get("C"),
        temperature=parameters.get("temperature"),
    )
    return head, row


def judged(question: Question, head: Any, vectors: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """For each embedding what the head says, and how sure it is of all of that, as thresholds are compared with.

    What it says is the column of the likeliest class; with several a sample, which columns are there, bool (n, c).
    """
    probabilities = head.predict_proba(vectors)
    if question.multi_label:
        answers, sure = present(probabilities), all_right(probabilities)
    else:
        answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    # Rounded: read back from its files, or asked shard by shard, a head may differ in the last bits.
    return answers, sure.astype(np.float64).round(5)


def predicted(question: Question, head: Any, class_ids: list[int], vectors: Any) -> list[Accepted]:
    """What a head says of each embedding: the classes, and how sure it is."""
    answers, sure = judged(question, head, vectors)
    return list(zip(_named(answers, class_ids), sure.tolist(), strict=True))


def _named(answers: NDArray[Any], class_ids: list[int]) -> list[tuple[int, ...]]:
    """The classes of each answer that `judged` gives."""
    ids = np.array(class_ids)
    if answers.ndim == 1:
        return [(class_id,) for class_id in ids[answers].tolist()]
    return [tuple(ids[row].tolist()) for row in answers]


def _keep(outcome: Acceptance, head: Any, row: Head) -> None:
    """Write the look, and its head where something is offered."""
    if outcome.threshold is not None:
        try:
            head_files.save(head, settings.HEADS / row.directory, {"class_ids": row.class_ids})
        except head_files.HeadNotStorable as error:
            outcome.threshold, outcome.reason = None, stored(error.reason, REASON)
    with transaction.atomic():
        if outcome.threshold is not None:
            Question.objects.select_for_update(no_key=True).get(pk=row.question_id)  # a refit gives out versions, too
            row.version = Head.next_version(row.question)
            row.save(force_insert=True)
            outcome.head = row
        outcome.save(force_insert=True)


# --- the rule -------------------------------------------------------------------------------------


def accept(acceptance: Acceptance, user: User) -> None:
    """Make what the latest look offers the rule. Raises NotOffered where it isn't the latest, or offers nothing."""
    question = acceptance.question
    with transaction.atomic():
        Question.objects.select_for_update(no_key=True).get(pk=question.pk)
        latest = Acceptance.objects.filter(question=question).order_by("-pk").first()
        if latest != acceptance or not latest.offered:
            raise NotOffered(_("This isn’t offered any more: look at the present numbers, and decide by them."))
        now = timezone.now()
        Acceptance.objects.filter(question=question, made_at__isnull=False, revoked_at=None).update(revoked_at=now)
        Acceptance.objects.filter(pk=latest.pk).update(made_by=user, made_at=now, revoked_at=None)
    request_refit(question, at_once=True)


def revoke(acceptance: Acceptance) -> None:
    """Take the rule back: all is as if nothing had been accepted."""
    standing = Acceptance.objects.filter(pk=acceptance.pk, made_at__isnull=False, revoked_at=None)
    if standing.update(revoked_at=timezone.now()):
        request_refit(acceptance.question, at_once=True)


def accepted(rule: Acceptance | None) -> dict[int, Accepted]:
    """The samples that a rule accepts now, those without a label: the classes of each, and how sure the head is."""
    if rule is None or rule.head is None:
        return {}
    try:
        found = dict(_sure(rule.pk, loading.load_embeddings(rule.head.run, rule.head.mix)))
    except (FileNotFoundError, head_files.HeadCorrupt, mixing.MixGone) as error:
        # Labelling and exports go on without it: people are asked about what the lost head had decided.
        log.error("nothing is accepted by %s any more: %s", rule.head, error)
        return {}
    for sample_id in labels.settled(rule.question):
        found.pop(sample_id, None)
    # What it is asked of only since was in no pool that the audit was drawn from.
    asked = applying.asked_ids(rule.question, until=rule.created_at)
    if asked is not None:
        found = {sample_id: found[sample_id] for sample_id in found.keys() & set(asked.tolist())}
    return found


def accepted_ids(question: Question) -> set[int]:
    """Ids of the samples whose prediction is accepted now."""
    return set(accepted(Acceptance.standing(question)))


@functools.lru_cache(maxsize=2)
def _sure(acceptance_id: int, embeddings: Embedded) -> dict[int, Accepted]:
    """What the rule's head is sure enough of, labelled or not; kept by the process, for neither changes."""
    rule = Acceptance.objects.select_related("head", "question").get(pk=acceptance_id)
    if rule.head is None or rule.threshold is None:  # it found nothing safe
        return {}
    head = head_files.load(settings.HEADS / rule.head.directory)
    answers, sure = judged(rule.question, head, embeddings.vectors)
    at = np.flatnonzero(np.greater_equal(sure, rule.threshold) & (embeddings.ids <= rule.newest_sample))
    classes = _named(answers[at], rule.head.class_ids)
    return dict(zip(embeddings.ids[at].tolist(), zip(classes, sure[at].tolist(), strict=True), strict=True))
