"""THE place where selection happens: embeddings + labels -> head -> ranked round.

Positions in arrays are translated to sample ids here, and nowhere else.
"""

import functools
import secrets
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from numpy.typing import NDArray

from labeller.jobs import services as jobs
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import embedding
from labeller.learning.models import EmbeddingRun, Head, Round, RoundEntry
from labeller.projects.models import LabelClass, Question
from tl_core import query
from tl_core.heads import files as head_files
from tl_core.store import Shard, StoreCorrupt

COLD_START = "kmeans_centroid"
# Labels taken from k-means centroids before the strategy takes over. On 22 balanced classes 60 gave the steadiest
# macro-F1 at 130 labels (20, 40, 60 and 80 tried, three seeds each).
COLD_START_LABELS = 60
SUGGESTIONS = 5
KEPT_ROUNDS = 2  # rounds whose unserved entries are kept; what was served is kept for good


@dataclass
class Pick:
    """A chosen position of the pool, not yet a row."""

    position: int
    strategy: str
    score: float
    propensity: float


def refit(progress: jobs.Progress) -> None:
    """Fit the head on all labels, rank the pool, switch to the new round."""
    question = Question.objects.select_related("project").get(pk=progress.job.payload["question"])
    run = embedding.current_run(question.project)
    embeddings = load_embeddings(run)
    # Read before the labels: a label that arrives in between is trained on and counted as new once more, never missed.
    last_label = Label.objects.filter(question=question).aggregate(last=Max("pk"))["last"] or 0
    answers = labels.consensus(question)
    settled = np.fromiter(labels.settled(question), np.int64)
    if not len(embeddings.ids):
        return
    seed = secrets.randbits(32)
    fitted = _fit(question, run, embeddings, answers)
    pool = np.flatnonzero(~np.isin(embeddings.ids, settled))
    picks = _choose(question, embeddings, pool, fitted, len(answers), seed)
    entries = _entries(question, embeddings, picks, fitted)
    audit = labels.audit(question)
    if not picks and Round.objects.filter(question=question, is_current=True, n_pool=0).exists():
        return
    fresh = Round(
        project=question.project,
        question=question,
        strategy=next((pick.strategy for pick in picks if pick.strategy != labels.AUDIT), question.project.strategy),
        seed=seed,
        last_label=last_label,
        n_labels=len(answers),
        n_classes=len({class_id for classes in answers.values() for class_id in classes}),
        n_pool=len(pool),
        audit_n=audit.n,
        audit_correct=audit.correct,
    )
    _switch(fresh, entries, fitted)


# --- embeddings and head --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: the cached object stands for its arrays
class Embedded:
    """All embeddings of a run: `ids` int64 (N,), `vectors` float32 (N, D), their `mean` (D,)."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    mean: NDArray[np.float32]


def load_embeddings(run: EmbeddingRun) -> Embedded:
    """All embeddings of a run, kept by the process until a shard is added."""
    return _load(run.pk, tuple(embedding.shards(run)))


@functools.lru_cache(maxsize=1)
def _load(run_id: int, shards: tuple[Shard, ...]) -> Embedded:
    run = EmbeddingRun.objects.get(pk=run_id)
    if not shards:
        empty = np.zeros((0, run.dimension), np.float32)
        return Embedded(np.zeros(0, np.int64), empty, np.zeros(run.dimension, np.float32))
    try:
        found = embedding.store(run).open(shards)
    except (StoreCorrupt, FileNotFoundError) as error:
        raise embedding.Repairing(f"{embedding.repair(run)} damaged shards are being embedded again.") from error
    return Embedded(found.ids, np.asarray(found.vectors), found.vectors.mean().astype(np.float32))


@dataclass
class Fitted:
    """A learner fitted on the labels of now, and where its head is stored."""

    learner: Any
    class_ids: list[int]
    row: Head


@functools.lru_cache(maxsize=4)
def _learner(question_id: int, run_id: int, strategy: str) -> Any:
    """The question's learner on that run, kept by the process so that a refit starts warm."""
    from tl_core.heads.learner import make_learner
    from tl_core.heads.logistic import LogisticHead

    return make_learner(LogisticHead(), None, None, query.get(strategy))


def _fit(
    question: Question, run: EmbeddingRun, embeddings: Embedded, answers: dict[int, frozenset[int]]
) -> Fitted | None:
    """Fit on every answered sample that has an embedding; None while fewer than two classes have been seen."""
    position_of = {int(sample_id): position for position, sample_id in enumerate(embeddings.ids)}
    # A sample with several classes teaches each of them.
    pairs = [
        (position_of[sample_id], class_id)
        for sample_id, classes in answers.items()
        if sample_id in position_of
        for class_id in sorted(classes)
    ]
    if len({class_id for _, class_id in pairs}) < 2:
        return None
    started = time.perf_counter()
    positions = np.array([position for position, _ in pairs])
    y = np.array([class_id for _, class_id in pairs])
    learner = _learner(question.pk, run.pk, question.project.strategy)
    learner.estimator.set_params(pool_mean=embeddings.mean)
    learner.fit(embeddings.vectors[positions], y)
    seconds = time.perf_counter() - started
    version = (Head.objects.filter(question=question).aggregate(last=Max("version"))["last"] or 0) + 1
    class_ids = [int(class_id) for class_id in learner.estimator.classes_]
    directory = f"question-{question.pk}/{version}"
    meta = {
        "question": question.text,
        "classes": list(LabelClass.objects.in_bulk(class_ids)[each].name for each in class_ids),
        "featuriser": run.featuriser,
        "fingerprint": run.fingerprint,
        "n_labels": len(answers),
    }
    head_files.save(learner.estimator, settings.HEADS / directory, meta)
    row = Head(
        question=question,
        run=run,
        version=version,
        directory=directory,
        class_ids=class_ids,
        n_labels=len(answers),
        fit_seconds=seconds,
    )
    return Fitted(learner, class_ids, row)


# --- choosing -------------------------------------------------------------------------------------


def _choose(
    question: Question,
    embeddings: Embedded,
    pool: NDArray[np.intp],
    fitted: Fitted | None,
    n_labels: int,
    seed: int,
) -> list[Pick]:
    """The round's picks in rank order: each place is an audit with the project's audit share, else the strategy's."""
    size = min(question.project.round_size, len(pool))
    rng = np.random.default_rng(seed)
    is_audit = rng.random(size) < question.project.audit_share
    audited = rng.choice(pool, int(is_audit.sum()), replace=False)
    propensity = len(audited) / len(pool) if len(pool) else 0.0
    chosen = set(audited.tolist())
    ranked = [
        pick
        for pick in _ranked(question, embeddings, pool, fitted, n_labels, size + len(audited), seed)
        if pick.position not in chosen
    ]
    audits = iter(Pick(int(position), labels.AUDIT, 0.0, propensity) for position in audited)
    others = iter(ranked)
    picks = [next(audits if audit else others, None) for audit in is_audit]
    return [pick for pick in picks if pick is not None]


def _ranked(
    question: Question,
    embeddings: Embedded,
    pool: NDArray[np.intp],
    fitted: Fitted | None,
    n_labels: int,
    size: int,
    seed: int,
) -> list[Pick]:
    """The strategy's picks; while labels are few, first those of the cold start that are left."""
    picks: list[Pick] = []
    if fitted is None or n_labels < COLD_START_LABELS:
        in_pool = set(pool.tolist())
        centroids = _cold_start(question.pk, embeddings)
        picks = [Pick(position, COLD_START, score, 1.0) for position, score in centroids if position in in_pool]
    taken = {pick.position for pick in picks}
    rest = pool[~np.isin(pool, list(taken))]
    wanted = min(size - len(picks), len(rest))
    if wanted <= 0:
        return picks[:size]
    if fitted is None:
        positions = np.random.default_rng(seed).choice(rest, wanted, replace=False)
        return picks + [Pick(int(each), "random", 0.0, wanted / len(rest)) for each in positions]
    name = question.project.strategy
    indices, scores = query.get(name)(fitted.learner, embeddings.vectors[rest], n_instances=wanted, random_state=seed)
    return picks + [
        Pick(int(rest[index]), name, float(score), 1.0) for index, score in zip(indices, scores, strict=True)
    ]


@functools.lru_cache(maxsize=2)
def _cold_start(question_id: int, embeddings: Embedded) -> list[tuple[int, float]]:
    """Positions nearest to the centroids of k-means over everything embedded, the largest cluster first.

    The seed is the question's own, so that a refit during the cold start goes on with the same centroids.
    """
    indices, scores = query.get(COLD_START)(
        None, embeddings.vectors, n_instances=COLD_START_LABELS, random_state=question_id
    )
    return [(int(index), float(score)) for index, score in zip(indices, scores, strict=True)]


# --- rows -----------------------------------------------------------------------------------------


def _entries(question: Question, embeddings: Embedded, picks: list[Pick], fitted: Fitted | None) -> list[RoundEntry]:
    """Rows for the picks, with what the head thinks of each and the reason in words."""
    names = {label_class.pk: label_class.name for label_class in question.classes.all()}
    suggestions: list[list[list[float]]] = [[] for _ in picks]
    if fitted is not None and picks:
        probabilities = fitted.learner.predict_proba(embeddings.vectors[[pick.position for pick in picks]])
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :SUGGESTIONS]
        suggestions = [
            [[fitted.class_ids[column], round(float(row[column]), 4)] for column in columns]
            for row, columns in zip(probabilities, best, strict=True)
        ]
    return [
        RoundEntry(
            sample_id=int(embeddings.ids[pick.position]),
            rank=rank,
            strategy=pick.strategy,
            score=pick.score,
            propensity=pick.propensity,
            reason=_reason(pick, [names.get(int(class_id), "?") for class_id, _ in suggestion]),
            suggestions=suggestion,
        )
        for rank, (pick, suggestion) in enumerate(zip(picks, suggestions, strict=True))
    ]


def _reason(pick: Pick, likely: list[str]) -> str:
    """Why this sample comes now, in words."""
    if pick.strategy == labels.AUDIT:
        return "audit: drawn at random"
    if pick.strategy == COLD_START:
        return "typical of a group of similar pictures"
    if pick.strategy == "random":
        return "drawn at random"
    return f"between {likely[0]} and {likely[1]}" if len(likely) > 1 else f"may be {likely[0]}"


def _switch(fresh: Round, entries: list[RoundEntry], fitted: Fitted | None) -> None:
    """Write the round and make it the current one in one short transaction; then drop what nobody was shown."""
    rounds = Round.objects.filter(question=fresh.question)
    with transaction.atomic():
        if fitted is not None:
            fitted.row.save(force_insert=True)
            fresh.head = fitted.row
        fresh.number = (rounds.aggregate(last=Max("number"))["last"] or 0) + 1
        fresh.save(force_insert=True)
        for entry in entries:
            entry.round = fresh
        RoundEntry.objects.bulk_create(entries)
        rounds.filter(is_current=True).update(is_current=False)
        rounds.filter(pk=fresh.pk).update(is_current=True)
    RoundEntry.objects.filter(
        round__question=fresh.question, round__number__lte=fresh.number - KEPT_ROUNDS, assignments__isnull=True
    ).delete()
