"""THE place where selection happens: embeddings + labels -> head -> ranked round.

`rank` is the whole road: read what is known (`reading`), fit a head (`fitting`), choose (`choosing`), and list what was
chosen as rows (`listing`). `switch` then makes the round the current one.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from labeller.codes import WorkerCode
from labeller.embedding import neighbours, runs, summing
from labeller.jobs import queueing as jobs
from labeller.labels import selectors as labels
from labeller.learning import assessing, choosing, fitting, foreseeing, listing, reading, tiles, weighing
from labeller.learning.choosing import Aim
from labeller.learning.fitting import Fitted, Tuned
from labeller.learning.models import Head, Round, RoundEntry, TileGroup
from labeller.learning.reading import Known
from labeller.learning.signals import learnt
from labeller.projects.models import Question
from tl_core import threads
from tl_core.notices import notice
from tl_core.query.planning import Pick

KEPT_ROUNDS = 2  # rounds whose unserved entries are kept; what was served is kept for good
SERVED_WITHIN = timedelta(minutes=1)  # a request that has read a round hands out of it, however many follow meanwhile


@dataclass
class Ranking:
    """A round that isn't written yet."""

    round: Round
    entries: list[RoundEntry]
    groups: list[TileGroup]
    fitted: Fitted | None


def refit(progress: jobs.Progress) -> None:
    """Fit the head on all labels, rank the pool, switch to the new round."""
    question = _question(progress)
    ranking = rank(question)
    if ranking is not None and not _is_empty_again(ranking):
        switch(ranking)
    learnt.send(Round, question=question)
    _keep_up(question)


def retrain(progress: jobs.Progress) -> None:
    """A full refit: choose what the head sees, C and temperature anew, by cross-validation, then refit with them."""
    question = _question(progress)
    run = runs.current_run(question.project)
    progress(0, 2, notice(WorkerCode.TUNING), now=True)
    answers = labels.consensus(question)
    mix = weighing.choose(question, run, answers)
    tuned = fitting.tune(question, run, reading.embeddings_of(question, run, mix), answers)
    progress(1, 2, notice(WorkerCode.RANKING), now=True)
    # Only now are the labels read that count: choosing took a while, and people went on.
    ranking = rank(question, tuned)
    if ranking is not None and (ranking.fitted is not None or not _is_empty_again(ranking)):
        switch(ranking)
    learnt.send(Round, question=question)
    jobs.enqueue("assess", key=f"question:{question.pk}", project=question.project, payload=progress.job.payload)


def _keep_up(question: Question) -> None:
    """Ask for what lies beside the embeddings and spares rounds work, where it lacks some of them."""
    run = runs.current_run(question.project)
    if question.strategy in neighbours.ASKING:
        neighbours.keep_up(run)
    summing.keep_up(run, {reading.mix_in_use(each, run) for each in question.project.questions.all()})


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
    """Fit and rank without writing anything, by the strategy or for an aim; None while there is nothing to rank."""
    known = reading.read(question, tuned.mix if tuned else None)
    if known is None:
        return None
    seed, trail = secrets.randbits(32), labels.trail(question)
    with threads.single():
        fitted = fitting.fit(question, known.run, known.embeddings, known.answers, tuned)
        if aim is None:
            situation = choosing.situation(known, fitted, question.strategy)
            picks = choosing.choose(known, fitted, situation, len(trail.predicted), seed)
        else:
            situation = choosing.situation(known, fitted, aim.strategy, besides=aim.like)
            picks = choosing.hunt(known, fitted, situation, aim, question.round_size, seed)
        taken = tiles.taken_for(fitted, known.embeddings) if fitted else None
        entries = listing.entries(known, picks, fitted)
        if taken is not None:
            listing.note_doubts(entries, picks, situation.allowed, taken[1])
        foreseeing.foresee(known, entries, picks)
        groups = listing.tile_groups(known, fitted, taken, situation, picks)
        kappa = assessing.agreement(question, fitted, known.embeddings) if fitted else None
    fresh = _round(known, picks, trail.audit(), seed, n_pool=int(situation.allowed.sum()), kappa=kappa)
    return Ranking(fresh, entries, groups, fitted)


def _round(
    known: Known, picks: list[Pick], audit: labels.Audit, seed: int, *, n_pool: int, kappa: float | None
) -> Round:
    """The round's own row."""
    question = known.question
    return Round(
        project=question.project,
        question=question,
        strategy=next((pick.strategy for pick in picks if pick.strategy != labels.AUDIT), question.strategy),
        seed=seed,
        last_label=known.last_label,
        n_labels=len(known.answers),
        n_classes=len({class_id for classes in known.answers.values() for class_id in classes}),
        n_pool=n_pool,
        audit_n=audit.n,
        audit_correct=audit.correct,
        kappa=kappa,
    )


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
    old = _replaced(fresh)
    RoundEntry.objects.filter(round__in=old, assignments__isnull=True).delete()
    # A group stays as long as somebody may still label, or take back, what they saw in it: the label says so.
    TileGroup.objects.filter(round__in=old).exclude(assignments__expires_at__gt=Now()).delete()


def _replaced(fresh: Round) -> QuerySet[Round]:
    """Rounds of the question that nobody is being served from any more."""
    rounds = Round.objects.filter(question=fresh.question)
    settled = rounds.filter(created_at__lte=timezone.now() - SERVED_WITHIN).aggregate(last=Max("number"))["last"] or 0
    return rounds.filter(number__lte=fresh.number - KEPT_ROUNDS, number__lt=settled)
