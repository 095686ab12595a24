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
from django.db.models.functions import Now
from numpy.typing import NDArray

from labeller.embedding import neighbours, runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import accepting, assessing, fitting, reasons, tiles
from labeller.learning.fitting import CannotLearn, Fitted, Tuned, fit
from labeller.learning.models import Head, Round, RoundEntry, TileGroup
from labeller.learning.signals import learnt
from labeller.projects.models import Question
from labeller.samples import bursts
from labeller.samples.models import Sample
from tl_core import query, threads
from tl_core.query import planning
from tl_core.query.covering import COLD_LABELS
from tl_core.query.planning import Pick

SUGGESTIONS = 5
TORN = 0.4  # a lead of the likeliest class below which a reason names both
SIMILAR = "similar_to"
MOST_EXAMPLES = 64  # labelled samples that a hunt compares the pool with
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
    groups: list[TileGroup]
    fitted: Fitted | None


class NothingToHunt(CannotLearn):
    """A hunt has neither a head nor an example to go by; `code` says which it lacks, in no language."""

    NO_EXAMPLE = "no_example"
    NOT_EMBEDDED = "not_embedded"

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Hunted:
    """What a hunt found: pairs of sample id and probability of its class, or cosine, the likeliest first."""

    tiles: list[tuple[int, float]]
    by_head: bool  # whether the head chose them, and not likeness
    expected: float | None  # samples of the class among all that were looked at; None where the head can't tell
    answers: dict[int, frozenset[int]]  # what people said, as the hunt knew it
    embeddings: Embedded


def refit(progress: jobs.Progress) -> None:
    """Fit the head on all labels, rank the pool, switch to the new round."""
    question = _question(progress)
    ranking = rank(question)
    if ranking is not None and not _is_empty_again(ranking):
        switch(ranking)
    learnt.send(Round, question=question)
    neighbours.keep_up(question.project)


def retrain(progress: jobs.Progress) -> None:
    """A full refit: choose C and temperature anew, by cross-validation on all labels, then refit with them."""
    question = _question(progress)
    run = runs.current_run(question.project)
    progress(0, 2, "choosing penalty and temperature", now=True)
    tuned = fitting.tune(question, run, load_embeddings(run), labels.consensus(question))
    progress(1, 2, "ranking", now=True)
    # Only now are the labels read that count: choosing took a while, and people went on.
    ranking = rank(question, tuned)
    if ranking is not None and (ranking.fitted is not None or not _is_empty_again(ranking)):
        switch(ranking)
    learnt.send(Round, question=question)
    jobs.enqueue("assess", key=f"question:{question.pk}", project=question.project, payload=progress.job.payload)


def _question(progress: jobs.Progress) -> Question:
    return Question.objects.select_related("project").get(pk=progress.job.payload["question"])


def _is_empty_again(ranking: Ranking) -> bool:
    """Whether there is nothing left to rank, as the current round says already, and it knows all labels.

    Where it doesn't, a new round must say so: else they would wait for a round that knows them, and be asked for again.
    """
    if ranking.entries:
        return False
    fresh = ranking.round
    known = Round.objects.filter(question=fresh.question, is_current=True, last_label__gte=fresh.last_label)
    return known.filter(n_pool=0).exists()


def rank(question: Question, tuned: Tuned | None = None, aim: Aim | None = None) -> Ranking | None:
    """Fit and rank without writing anything; None while nothing is embedded."""
    run = runs.current_run(question.project)
    embeddings = load_embeddings(run)
    # Read before the labels: a label that arrives in between is trained on and counted as new once more, never missed.
    last_label = Label.objects.filter(question=question).aggregate(last=Max("pk"))["last"] or 0
    answers = labels.consensus(question)
    settled = labels.settled(question)
    if not len(embeddings.ids):
        return None
    seed = secrets.randbits(32)
    pool = embeddings.without(settled.union(aim.like) if aim else settled)
    starred = set(question.classes.filter(is_starred=True).values_list("pk", flat=True))
    with threads.single():
        fitted = fit(question, run, embeddings, answers, tuned)
        strategy = aim.strategy if aim else question.project.strategy
        situation = _situation(question, run, embeddings, pool, fitted, answers, strategy)
        picks = _choose(question, embeddings, situation, fitted, starred, seed, aim)
        entries = _entries(embeddings, picks, fitted)
        groups = _tile_groups(question, embeddings, situation, picks, fitted, starred)
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
    return Ranking(fresh, entries, groups, fitted)


def hunt(question: Question, aim: Aim, size: int, besides: Collection[int] = ()) -> Hunted | None:
    """The samples nearest to an aim, without a round and without those in `besides`; None while nothing is embedded.

    Where the aim has examples these decide, and its class only counts. A class that the head doesn't know yet is hunted
    by what looks like its labelled samples.
    """
    run = runs.current_run(question.project)
    embeddings = load_embeddings(run)
    answers = labels.consensus(question)
    if not len(embeddings.ids):
        return None
    pool = embeddings.without(labels.settled(question).union(besides))
    with threads.single():
        fitted = fit(question, run, embeddings, answers) if aim.class_id is not None else None
        column = fitted.class_ids.index(aim.class_id) if fitted and aim.class_id in fitted.class_ids else None
        by_head = column is not None and not aim.like
        aim = aim if by_head else Aim(like=_examples(aim, embeddings, answers))
        situation = _situation(question, run, embeddings, pool, fitted, answers, aim.strategy)
        picks = _hunt(aim, embeddings, fitted, situation, size, secrets.randbits(32))
        positions = np.array([pick.position for pick in picks], np.intp)
        scores, expected = np.array([pick.score for pick in picks]), None
        if column is not None:
            sure = query.scan(fitted.learner, embeddings.vectors, lambda block: block[:, column])
            scores = sure[positions] if by_head else scores
            expected = float(sure[_free(situation)].sum(dtype=np.float64))
    tiles = list(zip(embeddings.ids[positions].tolist(), scores.astype(float).round(4).tolist(), strict=True))
    return Hunted(tiles, by_head, expected, answers, embeddings)


def _examples(aim: Aim, embeddings: Embedded, answers: dict[int, frozenset[int]]) -> tuple[int, ...]:
    """What a hunt is to look like: the aim's examples, or the newest labelled samples of its class."""
    of_class = [sample_id for sample_id, classes in answers.items() if aim.class_id in classes]
    given = np.array(aim.like or of_class[-MOST_EXAMPLES:], np.int64)
    found = given[embeddings.positions(given) >= 0]
    if not len(given):
        raise NothingToHunt(NothingToHunt.NO_EXAMPLE)
    if not len(found):
        raise NothingToHunt(NothingToHunt.NOT_EMBEDDED)
    return tuple(found.tolist())


# --- choosing -------------------------------------------------------------------------------------


def _choose(
    question: Question,
    embeddings: Embedded,
    situation: planning.Situation,
    fitted: Fitted | None,
    starred: Collection[int],
    seed: int,
    aim: Aim | None,
) -> list[Pick]:
    """The round's picks in rank order; see `planning.plan`."""
    project = question.project
    if aim:
        return _hunt(aim, embeddings, fitted, situation, project.round_size, seed)
    learner = fitted.learner if fitted else None
    # A head for several classes a sample knows them by their columns.
    columns = dict(zip(learner.estimator.classes_.tolist(), fitted.class_ids, strict=True)) if fitted else {}
    is_cold = learner is None or len(situation.X_labelled) < COLD_LABELS
    grouping = bursts.newest_grouping(project.pk)
    situation = replace(
        situation,
        units=embeddings.units,
        # Clustering takes a second or more, and a worker that is started later never needs it.
        start=_start(question.pk, embeddings) if is_cold else (),
        starred=[column for column, class_id in columns.items() if class_id in starred],
        sequences=_groups(embeddings, project.pk, "sequence_id", grouping),
        deployments=_groups(embeddings, project.pk, "deployment_id", grouping),
    )
    picks = planning.plan(
        learner,
        situation,
        project.round_size,
        strategy=project.strategy,
        audit_share=project.audit_share,
        random_state=seed,
    )
    return [replace(pick, hunted=columns.get(pick.hunted)) for pick in picks]


def _situation(
    question: Question,
    run: EmbeddingRun,
    embeddings: Embedded,
    pool: NDArray[np.intp],
    fitted: Fitted | None,
    answers: Collection[int],
    strategy: str,
) -> planning.Situation:
    """What every choice rests on, a round's and a hunt's."""
    accepted = embeddings.positions(accepting.accepted_ids(question))
    labelled = embeddings.positions(answers)
    learner = fitted.learner if fitted else None
    return planning.Situation(
        embeddings.vectors,
        allowed=_mask(len(embeddings.ids), pool),
        accepted=_mask(len(embeddings.ids), accepted[accepted >= 0]),
        X_labelled=learner.X_training if learner else embeddings.vectors[labelled[labelled >= 0]],
        y_labelled=learner.y_training if learner else None,
        mean=embeddings.mean,
        norms=embeddings.norms,
        index=neighbours.index(run, embeddings) if strategy in neighbours.ASKING else None,
    )


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


def _free(situation: planning.Situation) -> NDArray[np.bool_]:
    """What is neither labelled nor accepted."""
    accepted = situation.accepted
    return situation.allowed.copy() if accepted is None else situation.allowed & ~accepted


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


@functools.lru_cache(maxsize=2)
def _likeness(question_id: int, embeddings: Embedded) -> tiles.Likeness:
    """Clusters around what is labelled first, for people to look at while no class is predicted."""
    return tiles.likeness(embeddings, np.array([position for position, _ in _start(question_id, embeddings)]))


@functools.lru_cache(maxsize=4)
def _groups(embeddings: Embedded, project_id: int, name: str, grouping: int) -> NDArray[np.int64] | None:
    """Each sample's sequence or deployment, -1 = none; None where no sample has one. `grouping` says how new it is."""
    found = Sample.objects.filter(project=project_id, **{f"{name}__isnull": False})
    rows = np.array(list(bursts.pages(found, name)), np.int64).reshape(-1, 2)
    at = embeddings.positions(rows[:, 0])
    if not (at >= 0).any():
        return None
    groups = np.full(len(embeddings.ids), -1)
    groups[at[at >= 0]] = rows[at >= 0, 1]
    return groups


# --- rows -----------------------------------------------------------------------------------------


def _entries(embeddings: Embedded, picks: list[Pick], fitted: Fitted | None) -> list[RoundEntry]:
    """Rows for the picks, with what the head thinks of each and the code of the reason."""
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
            reason=_reason(pick, suggestion[0][1] - suggestion[1][1] if len(suggestion) > 1 else 1.0),
            suggestions=suggestion,
        )
        for rank, (pick, suggestion) in enumerate(zip(picks, suggestions, strict=True))
    ]


def _tile_groups(
    question: Question,
    embeddings: Embedded,
    situation: planning.Situation,
    picks: list[Pick],
    fitted: Fitted | None,
    starred: Collection[int],
) -> list[TileGroup]:
    """Rows for the groups that are looked at side by side. What the round audits is in none: it is labelled blind."""
    free = _free(situation)
    free[[pick.position for pick in picks if pick.strategy == planning.AUDIT]] = False
    if fitted is None:
        kind, found = TileGroup.Kind.CLUSTER, tiles.clusters(_likeness(question.pk, embeddings), free)
    else:
        kind, found = TileGroup.Kind.PREDICTED, tiles.predicted(fitted, embeddings, free, starred)
    return [
        TileGroup(
            question=question,
            kind=kind,
            label_class_id=group.class_id,
            number=number,
            n=group.n,
            tiles=list(
                zip(
                    embeddings.ids[group.positions].tolist(),
                    group.numbers.astype(float).round(4).tolist(),
                    strict=True,
                )
            ),
        )
        for number, group in enumerate(found, start=1)
    ]


def _reason(pick: Pick, lead: float) -> str:
    """Why this sample comes now, as a code of `reasons`."""
    if pick.strategy == planning.AUDIT:
        return reasons.AUDIT
    if pick.strategy == planning.COLD_START:
        return reasons.TYPICAL
    if pick.strategy == planning.RANDOM:
        return reasons.RANDOM
    if pick.hunted is not None:
        return reasons.hunted(pick.hunted)
    if pick.strategy == SIMILAR:
        return reasons.SIMILAR
    return reasons.BETWEEN if lead < TORN else reasons.DOUBT


def switch(ranking: Ranking) -> None:
    """Write the round and make it the current one in one short transaction; then drop what nobody was shown."""
    fresh, fitted = ranking.round, ranking.fitted
    rounds = Round.objects.filter(question=fresh.question)
    if fitted is not None:
        fitted.store()
    with transaction.atomic():
        # A refit and a full refit of one question may end at the same moment: each gets numbers of its own.
        Question.objects.select_for_update(no_key=True).get(pk=fresh.question.pk)
        if fitted is not None:
            fitted.row.version = Head.next_version(fresh.question)
            fitted.row.last_label = fresh.last_label
            fitted.row.save(force_insert=True)
            fresh.head = fitted.row
        fresh.number = (rounds.aggregate(last=Max("number"))["last"] or 0) + 1
        fresh.save(force_insert=True)
        for entry in ranking.entries:
            entry.round = fresh
        for group in ranking.groups:
            group.round, group.head_version = fresh, fresh.head.version if fresh.head else None
        RoundEntry.objects.bulk_create(ranking.entries)
        TileGroup.objects.bulk_create(ranking.groups)
        rounds.filter(is_current=True).update(is_current=False)
        rounds.filter(pk=fresh.pk).update(is_current=True)
    RoundEntry.objects.filter(
        round__question=fresh.question, round__number__lte=fresh.number - KEPT_ROUNDS, assignments__isnull=True
    ).delete()
    # A group stays as long as somebody may still label, or take back, what they saw in it: the label says so.
    TileGroup.objects.filter(round__question=fresh.question, round__number__lte=fresh.number - KEPT_ROUNDS).exclude(
        assignments__expires_at__gt=Now()
    ).delete()
