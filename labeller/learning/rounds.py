"""THE place where selection happens: embeddings + labels -> head -> ranked round.

Positions in arrays are translated to sample ids here, and nowhere else.
"""

import functools
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from django.db import transaction
from django.db.models import Max
from numpy.typing import NDArray

from labeller.jobs import services as jobs
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import accepting, assessing, embedding, fitting, neighbours
from labeller.learning.fitting import CannotLearn, Embedded, Fitted, Tuned, fit, load_embeddings
from labeller.learning.models import EmbeddingRun, Head, Round, RoundEntry
from labeller.projects.models import Question
from labeller.samples.models import Sample
from tl_core import query, threads
from tl_core.query import planning
from tl_core.query.covering import COLD_LABELS
from tl_core.query.planning import Pick

SUGGESTIONS = 5
TORN = 0.4  # a lead of the likeliest class below which a reason names both
SIMILAR = "similar_to"
KEPT_ROUNDS = 2  # rounds whose unserved entries are kept; what was served is kept for good


@dataclass(frozen=True)
class Aim:
    """What to hunt for instead of asking the project's strategy: what looks like some samples, or one class."""

    like: tuple[int, ...] = ()  # sample ids
    class_id: int | None = None

    @property
    def strategy(self) -> str:
        return SIMILAR if self.class_id is None else "positive_first"


@dataclass
class Ranking:
    """A round that isn't written yet."""

    round: Round
    entries: list[RoundEntry]
    fitted: Fitted | None


def refit(progress: jobs.Progress) -> None:
    """Fit the head on all labels, rank the pool, switch to the new round."""
    question = _question(progress)
    ranking = rank(question)
    if ranking is not None and not _is_empty_again(ranking):
        switch(ranking)
    neighbours.keep_up(question.project)


def retrain(progress: jobs.Progress) -> None:
    """A full refit: choose C and temperature anew, by cross-validation on all labels, then refit with them."""
    question = _question(progress)
    run = embedding.current_run(question.project)
    progress(0, 2, "choosing penalty and temperature", now=True)
    tuned = fitting.tune(question, run, load_embeddings(run), labels.consensus(question))
    progress(1, 2, "ranking", now=True)
    # Only now are the labels read that count: choosing took a while, and people went on.
    ranking = rank(question, tuned)
    if ranking is not None and (ranking.fitted is not None or not _is_empty_again(ranking)):
        switch(ranking)
    jobs.enqueue("assess", key=f"question:{question.pk}", project=question.project, payload=progress.job.payload)


def _question(progress: jobs.Progress) -> Question:
    return Question.objects.select_related("project").get(pk=progress.job.payload["question"])


def _is_empty_again(ranking: Ranking) -> bool:
    """Whether there is nothing left to rank, as the current round says already."""
    question = ranking.round.question
    return not ranking.entries and Round.objects.filter(question=question, is_current=True, n_pool=0).exists()


def rank(question: Question, tuned: Tuned | None = None, aim: Aim | None = None) -> Ranking | None:
    """Fit and rank without writing anything; None while nothing is embedded."""
    run = embedding.current_run(question.project)
    embeddings = load_embeddings(run)
    # Read before the labels: a label that arrives in between is trained on and counted as new once more, never missed.
    last_label = Label.objects.filter(question=question).aggregate(last=Max("pk"))["last"] or 0
    answers = labels.consensus(question)
    settled = labels.settled(question)
    if not len(embeddings.ids):
        return None
    seed = secrets.randbits(32)
    pool = embeddings.without(settled.union(aim.like) if aim else settled)
    with threads.single():
        fitted = fit(question, run, embeddings, answers, tuned)
        picks = _choose(question, run, embeddings, pool, fitted, answers, seed, aim)
        entries = _entries(question, embeddings, picks, fitted)
        kappa = assessing.agreement(question, fitted, embeddings) if fitted else None
    audit = labels.audit(question)
    fresh = Round(
        project=question.project,
        kappa=kappa,
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
    return Ranking(fresh, entries, fitted)


# --- choosing -------------------------------------------------------------------------------------


def _choose(
    question: Question,
    run: EmbeddingRun,
    embeddings: Embedded,
    pool: NDArray[np.intp],
    fitted: Fitted | None,
    answers: Collection[int],
    seed: int,
    aim: Aim | None,
) -> list[Pick]:
    """The round's picks in rank order; see `planning.plan`."""
    project = question.project
    strategy = aim.strategy if aim else project.strategy
    accepted = embeddings.positions(accepting.accepted_ids(question))
    labelled = embeddings.positions(answers)
    learner = fitted.learner if fitted else None
    # A head for several classes a sample knows them by their columns.
    columns = dict(zip(learner.estimator.classes_.tolist(), fitted.class_ids, strict=True)) if fitted else {}
    starred = set(question.classes.filter(is_starred=True).values_list("pk", flat=True))
    known = learner.X_training if learner else embeddings.vectors[labelled[labelled >= 0]]
    situation = planning.Situation(
        embeddings.vectors,
        allowed=_mask(len(embeddings.ids), pool),
        accepted=_mask(len(embeddings.ids), accepted[accepted >= 0]),
        X_labelled=known,
        y_labelled=learner.y_training if learner else None,
        mean=embeddings.mean,
        norms=embeddings.norms,
        units=embeddings.units,
        # Clustering takes a second or more, and a worker that is started later never needs it.
        start=_start(question.pk, embeddings) if learner is None or len(known) < COLD_LABELS else (),
        starred=[column for column, class_id in columns.items() if class_id in starred],
        sequences=_groups(embeddings, "sequence"),
        deployments=_groups(embeddings, "deployment"),
        index=neighbours.index(run, embeddings) if strategy in neighbours.ASKING else None,
    )
    if aim:
        return _hunt(aim, embeddings, fitted, situation, project.round_size, seed)
    picks = planning.plan(
        learner,
        situation,
        project.round_size,
        strategy=strategy,
        audit_share=project.audit_share,
        random_state=seed,
    )
    return [replace(pick, hunted=columns.get(pick.hunted)) for pick in picks]


def _hunt(
    aim: Aim, embeddings: Embedded, fitted: Fitted | None, situation: planning.Situation, size: int, seed: int
) -> list[Pick]:
    """A hunt's picks in rank order; see `planning.hunt`."""
    learner = fitted.learner if fitted else None
    if aim.class_id is None:
        positions = embeddings.positions(aim.like)
        if (positions < 0).any():
            raise CannotLearn("A sample to look like has no embedding: it waits for a worker, or is broken.")
        given = {"examples": embeddings.vectors[positions]}
    elif fitted is None or aim.class_id not in fitted.class_ids:
        raise CannotLearn("The class can't be hunted for yet: the head needs labels of it, and of another class.")
    else:
        # A head for several classes a sample knows them by their columns.
        given = {"positive": fitted.learner.estimator.classes_[fitted.class_ids.index(aim.class_id)]}
    picks = planning.hunt(learner, situation, size, strategy=aim.strategy, random_state=seed, **given)
    return [replace(pick, hunted=aim.class_id) for pick in picks]


def _mask(n: int, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    mask = np.zeros(n, np.bool_)
    mask[positions] = True
    return mask


@functools.lru_cache(maxsize=2)
def _start(question_id: int, embeddings: Embedded) -> tuple[tuple[int, float], ...]:
    """What is labelled first. The seed is the question's own: each early refit goes on with the same samples."""
    rng = np.random.default_rng(question_id)
    positions, scores = query.spread_centroids(embeddings.vectors, query.COLD_START, rng)
    return tuple(zip(positions.tolist(), scores.tolist(), strict=True))


@functools.lru_cache(maxsize=4)
def _groups(embeddings: Embedded, name: str) -> NDArray[np.int64] | None:
    """Each sample's sequence or deployment, -1 = none; None where no sample has one."""
    first = int(embeddings.ids[0])
    project = Sample.objects.values_list("project", flat=True).get(pk=first)
    found = Sample.objects.filter(project=project, **{f"{name}__isnull": False}).values_list("pk", name)
    rows = np.array(list(found.iterator(chunk_size=20_000)), np.int64).reshape(-1, 2)
    at = embeddings.positions(rows[:, 0])
    if not (at >= 0).any():
        return None
    groups = np.full(len(embeddings.ids), -1)
    groups[at[at >= 0]] = rows[at >= 0, 1]
    return groups


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
            reason=_reason(
                pick,
                [names.get(int(class_id), "?") for class_id, _ in suggestion],
                suggestion[0][1] - suggestion[1][1] if len(suggestion) > 1 else 1.0,
                names.get(pick.hunted, "?"),
            ),
            suggestions=suggestion,
        )
        for rank, (pick, suggestion) in enumerate(zip(picks, suggestions, strict=True))
    ]


def _reason(pick: Pick, likely: list[str], lead: float, hunted: str) -> str:
    """Why this sample comes now, in words."""
    if pick.strategy == planning.AUDIT:
        return "audit: drawn at random"
    if pick.strategy == planning.COLD_START:
        return "typical of a group of similar pictures"
    if pick.strategy == planning.RANDOM:
        return "drawn at random"
    if pick.hunted is not None:
        return f"may be {hunted}"
    if pick.strategy == SIMILAR:
        return "looks like one of the examples"
    if len(likely) > 1 and lead < TORN:
        return f"between {likely[0]} and {likely[1]}"
    return f"like many that are not sure yet, may be {likely[0]}"


def switch(ranking: Ranking) -> None:
    """Write the round and make it the current one in one short transaction; then drop what nobody was shown."""
    fresh, fitted = ranking.round, ranking.fitted
    rounds = Round.objects.filter(question=fresh.question)
    if fitted is not None:
        fitted.store()
    with transaction.atomic():
        # A refit and a full refit of one question may end at the same moment: each gets numbers of its own.
        Question.objects.select_for_update().get(pk=fresh.question.pk)
        if fitted is not None:
            fitted.row.version = Head.next_version(fresh.question)
            fitted.row.last_label = fresh.last_label
            fitted.row.save(force_insert=True)
            fresh.head = fitted.row
        fresh.number = (rounds.aggregate(last=Max("number"))["last"] or 0) + 1
        fresh.save(force_insert=True)
        for entry in ranking.entries:
            entry.round = fresh
        RoundEntry.objects.bulk_create(ranking.entries)
        rounds.filter(is_current=True).update(is_current=False)
        rounds.filter(pk=fresh.pk).update(is_current=True)
    RoundEntry.objects.filter(
        round__question=fresh.question, round__number__lte=fresh.number - KEPT_ROUNDS, assignments__isnull=True
    ).delete()
