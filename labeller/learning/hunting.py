"""Hunts: what looks like an example, is likeliest of a class, or fits some words, for one person to look through.

A hunt leaves a TileGroup. Its `estimate` says how many samples of the class remain:

- `by`: what the tiles' numbers are, the `head`'s probabilities, a `likeness` or `text` (cosines), or `words`
  (how well a text has them),
- `found`: how many samples people gave the class,
- `expected`: how many the head expects among those that may still come: not decided on, not accepted, not passed over
  by this person, not waiting to be labelled blind; null = unknown,
- `accepted`: how many are accepted as the class without anybody having looked,
- `at_most`: how many nobody has decided on at most, by audit samples alone; null = unknown,
- `reason`: a notice of why a number is unknown.

Where there was nothing to hunt by, `by` is empty, there are no tiles, and `reason` says why.
"""

import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import text_featurisers, texts
from labeller.embedding.loading import load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.labels.selectors import AUDIT
from labeller.learning import accepting, assessing, choosing, listing, reading
from labeller.learning.choosing import Aim
from labeller.learning.fitting import CannotLearn, fit
from labeller.learning.models import Acceptance, RoundEntry, TileGroup
from labeller.learning.reading import Known
from labeller.messages import as_json
from labeller.projects.models import Project, Question
from labeller.samples import searching
from tl_core import query, threads
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.notices import notice

SIZE = 240
KEPT = timedelta(days=1)
MOST_FOUND = 2000  # texts that a hunt by words chooses from: some are decided on already
MOST_EXAMPLES = 64  # labelled samples that a hunt compares the pool with


class NothingToHunt(CannotLearn):
    """A hunt has neither a head nor an example to go by."""


@dataclass(frozen=True)
class Hunted:
    """What a hunt found: pairs of sample id and probability of its class, or cosine, the likeliest first."""

    tiles: list[tuple[int, float]]
    by: str  # what chose them: "head", "likeness", "text" or "words"
    expected: float | None  # samples of the class among all that were looked at; None where the head can't tell
    known: Known  # what people had answered when it was looked for


def hunt(progress: jobs.Progress) -> None:
    """Rank the pool by one person's aim and leave the best of it as a group of tiles."""
    payload = progress.job.payload
    question = Question.objects.select_related("project").get(pk=payload["question"])
    class_id, like, text = payload["class"], payload["like"], payload.get("text", "")
    if class_id is not None and not question.classes.filter(pk=class_id).exists():
        return  # deleted meanwhile: the page is told that there is no such hunt
    group = TileGroup(
        question=question,
        kind=TileGroup.Kind.HUNT,
        hunter_id=payload["user"],
        job=progress.job.pk,
        label_class_id=class_id,
        like=like,
        text=text,
        n=0,
    )
    try:
        besides = _audits(question).union(payload["without"])
        found = search(question, Aim(tuple(like), class_id, text), SIZE, besides)
        if found is None:
            raise NothingToHunt(notice(WorkerCode.NOTHING_EMBEDDED))
    except CannotLearn as refusal:
        group.estimate = {"by": "", "reason": as_json(refusal.reason)}
    else:
        group.tiles = found.tiles
        group.n = len(found.tiles)
        group.estimate = _estimate(question, class_id, found)
    _keep(group)


def search(question: Question, aim: Aim, size: int, besides: Collection[int] = ()) -> Hunted | None:
    """The samples nearest to an aim, without a round and without those in `besides`; None while nothing is embedded.

    Where the aim has examples or words these decide, and its class only counts. A class that the head doesn't know yet
    is hunted by what looks like its labelled samples.
    """
    known = reading.read(question)
    if known is None:
        return None
    embeddings = known.embeddings
    with threads.single():
        fitted = fit(question, known.run, embeddings, known.answers) if aim.class_id is not None else None
        column = fitted.class_ids.index(aim.class_id) if fitted and aim.class_id in fitted.class_ids else None
        by = _way(question, aim, has_column=column is not None)
        aim = Aim(like=_examples(aim, known)) if by == "likeness" else aim
        situation = choosing.situation(known, fitted, aim.strategy, besides)
        sure, expected = None, None
        if fitted and column is not None:
            sure = query.scan(fitted.learner, embeddings.vectors, lambda block: block[:, column])
            expected = float(sure[choosing.free(situation)].sum(dtype=np.float64))
        if by == "words":
            found = _by_words(known, aim.text, size, embeddings.ids[choosing.free(situation)])
        elif by == "text":
            found = _by_text(known, aim.text, size, embeddings.ids[choosing.free(situation)])
        else:
            picks = choosing.hunt(known, fitted, situation, aim, size, secrets.randbits(32))
            positions = np.array([pick.position for pick in picks], np.intp)
            scores = np.array([pick.score for pick in picks])
            found = listing.numbered(
                embeddings, positions, sure[positions] if sure is not None and by == "head" else scores
            )
    return Hunted(found, by, expected, known)


def _way(question: Question, aim: Aim, has_column: bool) -> str:
    """What a hunt goes by. Words are looked for in texts themselves; of pictures a network must understand them."""
    if aim.text:
        return "words" if question.project.kind == Project.Kind.TEXT else "text"
    return "head" if has_column and not aim.like else "likeness"


def _by_words(known: Known, words: str, size: int, free: NDArray[np.int64]) -> list[tuple[int, float]]:
    """The texts, of those that are free, that have the words, best first."""
    is_free = set(free.tolist())
    found = [pk for pk in searching.search(known.question.project, words, MOST_FOUND) if pk in is_free][:size]
    return [(pk, 1 - place / len(found)) for place, pk in enumerate(found)]


def _by_text(known: Known, text: str, size: int, free: NDArray[np.int64]) -> list[tuple[int, float]]:
    """The samples, of those that are free, whose pictures fit the words best, and the cosine of each."""
    try:
        example = _encoded(known.run, text)
    except FeaturiserUnavailable as error:
        raise NothingToHunt(notice(WorkerCode.TEXTS_UNREADABLE, error=str(error))) from error
    if example is None:
        raise NothingToHunt(notice(WorkerCode.NO_TEXTS))
    pool = load_embeddings(known.run)  # as the network gave them: what a head sees may be scaled
    allowed = np.zeros(len(pool.ids), np.bool_)
    allowed[pool.positions(free)] = True
    origin = np.zeros(pool.vectors.shape[1], np.float32)
    positions, cosines = query.similar_to(
        None, pool.vectors, size, random_state=0, allowed=allowed, examples=example, mean=origin
    )
    return listing.numbered(pool, positions, cosines)


def _encoded(run: EmbeddingRun, text: str) -> NDArray[np.float32] | None:
    """The words beside the run's embeddings, (1, dimension); None where its featuriser reads none."""
    if run.project.kind == Project.Kind.TEXT:
        return text_featurisers.encode(run.featuriser, text) if run.base_id is None else None
    encoder = texts.encoder(run)
    return None if encoder is None else encoder.encode([text])


def _examples(aim: Aim, known: Known) -> tuple[int, ...]:
    """What a hunt is to look like: the aim's examples, or the newest labelled samples of its class."""
    of_class = [sample_id for sample_id, classes in known.answers.items() if aim.class_id in classes]
    given = np.array(aim.like or of_class[-MOST_EXAMPLES:], np.int64)
    embedded = given[known.embeddings.positions(given) >= 0]
    if not len(given):
        raise NothingToHunt(notice(WorkerCode.NO_EXAMPLE))
    if not len(embedded):
        raise NothingToHunt(notice(WorkerCode.NOT_EMBEDDED))
    return tuple(embedded.tolist())


def _audits(question: Question) -> set[int]:
    """What the current round drew for its audit: seen as look-alikes, these samples would not be labelled blind."""
    drawn = RoundEntry.objects.filter(round__question=question, round__is_current=True, strategy=AUDIT)
    return set(drawn.values_list("sample_id", flat=True))


def _estimate(question: Question, class_id: int | None, found: Hunted) -> dict[str, Any]:
    """How many samples of the class remain; see above."""
    by = found.by
    if class_id is None:
        return {
            "by": by,
            "found": None,
            "expected": None,
            "accepted": 0,
            "at_most": None,
            "reason": _why(WorkerCode.NO_CLASS),
        }
    rule = accepting.accepted(Acceptance.standing(question))
    numbers = {
        "by": by,
        "found": sum(class_id in given for given in found.known.answers.values()),
        "expected": found.expected,
        "accepted": sum(class_id in classes for classes, _ in rule.values()),
        "at_most": None,
        "reason": _why(WorkerCode.CLASS_UNKNOWN),
    }
    if found.expected is None:
        return numbers
    recall = assessing.recall_of(question, class_id, found.known.embeddings, found.known.answers, found.expected)
    if "low" not in recall:
        return {**numbers, "reason": _why(WorkerCode.UNCLEAR if recall["n_drawn"] else WorkerCode.NO_AUDIT)}
    at_most = recall["most_unseen"]
    return {**numbers, "expected": min(found.expected, at_most), "at_most": at_most, "reason": ""}


def _why(code: WorkerCode) -> dict[str, Any]:
    """Why a number is unknown, as JSON holds it."""
    return asdict(notice(code))


def _keep(fresh: TileGroup) -> None:
    """Write the hunt in the place of this person's older ones of the same aim, and drop forgotten ones.

    What is on somebody's screen stays: a label must be told to come from a hunt even when the next one is there.
    """
    older = TileGroup.objects.filter(kind=fresh.kind, question=fresh.question, hunter=fresh.hunter_id)
    same = TileGroup.hunts(fresh.question_id, fresh.hunter_id, fresh.label_class_id, fresh.like, fresh.text)
    with transaction.atomic():
        fresh.save(force_insert=True)
        replaced = Q(pk__in=same.exclude(pk=fresh.pk).values("pk"))
        forgotten = Q(created_at__lt=timezone.now() - KEPT)
        older.filter(replaced | forgotten).exclude(assignments__is_done=False).delete()
