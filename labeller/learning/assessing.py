"""What can be told of a question only by fitting more heads: computed by workers, kept for the pages.

An Assessment's report holds

- `classes`: by class id, cross-validated precision and recall with the number of labels behind each,
- `label_errors`: labels to look at again (sample, given, suggested, margin), the most suspicious first; where a sample
  may have several classes, given and suggested are lists of them,
- `odd_frames`: the same of labels that the other frames of their burst contradict, with how many these are (burst),
- `savings`: how many random labels the labels were worth, and the random arm's curve,
- `recall`: of each starred class, which part of it has been found, and `of` how many samples.

Where something can't be told, it holds a notice of why.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.loading import Embedded
from labeller.jobs import queueing as jobs
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.labels.selectors import Trail
from labeller.learning import accepting, fitting, reading
from labeller.learning.fitting import Fitted, HeldOut, Training
from labeller.learning.models import Assessment, Head, Round, RoundEntry
from labeller.learning.odd_frames import odd_frames
from labeller.projects.models import Question
from labeller.samples import bursts
from tl_core import evaluation, threads
from tl_core.evaluation.forecast import fit_power_law
from tl_core.heads import files as head_files
from tl_core.heads.plain import present
from tl_core.notices import Parameter, notice

FOLDS = 5
LEAST_AUDITED = 30  # audit samples for a comparison with random labels
MOST_ERRORS = 60
SIZES = 7  # of the random arm
FIXED_SAMPLE = 2000  # samples on which heads are compared
EARLIER = 0.9  # labels of the earlier head: from one quick refit to the next hardly any head changes

Answers = dict[int, frozenset[int]]


def reassess(progress: jobs.Progress) -> None:
    """Assess after a full refit: a job of its own, for it takes many fits, and quick refits must not wait for it."""
    assess(Question.objects.select_related("project").get(pk=progress.job.payload["question"]))


def assess(question: Question) -> Assessment | None:
    """Assess all there is to a question and keep it; None while there are no labels of two classes.

    Also looks what is safe to accept, where that is due.
    """
    run = runs.current_run(question.project)
    embeddings = reading.embeddings_of(question, run)
    answers = labels.consensus(question)
    data = fitting.training(question, embeddings, answers)
    if data is None:
        return None
    trail = labels.trail(question)
    head, _ = fitting.head_of_now(question, run, embeddings)
    with threads.single():
        report = {
            **_cross_validated(question, head, data),
            "savings": _savings(question, head, data, trail),
            "recall": _recall(question, head, data, embeddings, answers),
            "odd_frames": odd_frames(question, MOST_ERRORS),
        }
        accepting.look(question)
    current = Round.objects.filter(question=question, is_current=True).select_related("head").first()
    return Assessment.objects.create(
        question=question, head=current.head if current else None, n_labels=len(answers), report=report
    )


def agreement(question: Question, fitted: Fitted, embeddings: Embedded) -> float | None:
    """How far a new head agrees with one that knew a tenth fewer labels, beyond chance, always on the same samples.

    None where there is no such head, or it wasn't stored.
    """
    known = Head.objects.filter(question=question, run=fitted.row.run, mix=embeddings.mix, acceptances=None)
    stored_still = known.exclude(directory="").filter(n_labels__lte=EARLIER * fitted.row.n_labels)
    earlier = stored_still.order_by("-version").first()
    if earlier is None:
        return None
    try:
        stored = head_files.load(settings.HEADS / earlier.directory)
    except (FileNotFoundError, IsADirectoryError, head_files.HeadCorrupt):
        return None
    count = min(FIXED_SAMPLE, len(embeddings.ids))
    vectors = embeddings.vectors[np.random.default_rng(question.pk).choice(len(embeddings.ids), count, replace=False)]
    before = _told(question, stored.predict_proba(vectors), earlier.class_ids)
    now = _told(question, fitted.learner.predict_proba(vectors), fitted.class_ids)
    return evaluation.kappa(before, now)


def _told(question: Question, probabilities: NDArray[np.floating[Any]], class_ids: list[int]) -> list[str]:
    """What a head says of each sample, all its classes in one: heads agree where they give the same ones."""
    ids = np.array(class_ids)
    return [" ".join(map(str, ids[row])) for row in fitting.said(question, probabilities)]


def _why(code: WorkerCode, **parameters: Parameter) -> dict[str, Any]:
    """Why something can't be told, as JSON holds it."""
    return asdict(notice(code, **parameters))


# --- cross-validation -----------------------------------------------------------------------------


def _cross_validated(question: Question, head: Any, data: Training) -> dict[str, dict[str, Any] | list[Any]]:
    """Scores of each class, and suspicious labels, by heads that were fitted without the label they judge."""
    from tl_core.heads import calibration

    if len(data.y) < FOLDS:
        return {"classes": {}, "label_errors": []}
    weight = data.weight_for(head)
    logits = calibration.out_of_fold(head, data.X, data.y, FOLDS, question.pk, sample_weight=weight)
    held_out = HeldOut(data.true, fitting.said(question, data.probabilities(logits)), data.class_ids)
    errors = _set_errors(data, logits) if question.multi_label else _errors(data, logits)
    return {"classes": _scores(held_out), "label_errors": errors[:MOST_ERRORS]}


def _scores(held_out: HeldOut) -> dict[str, dict[str, Any]]:
    """By class id, as in JSON, precision and recall with the labels each rests on."""
    n_predicted, n = held_out.predicted.sum(axis=0), held_out.true.sum(axis=0)
    counts = zip(held_out.class_ids, held_out.hits, n_predicted, n, strict=True)
    return {
        str(class_id): {
            name: {"value": float(hits / n) if n else None, "n": int(n)}
            for name, n in (("precision", predicted), ("recall", true))
        }
        for class_id, hits, predicted, true in counts
    }


def _errors(data: Training, logits: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Labels that heads fitted without them firmly contradict."""
    class_ids = np.array(data.class_ids)
    codes = np.searchsorted(class_ids, data.y)
    # Where the only label of a class is held out, its head knows nothing of that class: no reason to suspect it.
    judged = np.flatnonzero(np.isfinite(logits[np.arange(len(codes)), codes]))
    found = evaluation.find_label_errors(codes[judged], data.probabilities(logits[judged]))
    return [
        {
            "sample": int(data.sample_ids[judged[row]]),
            "given": int(data.y[judged[row]]),
            "suggested": int(class_ids[suggested]),
            "margin": round(float(margin), 4),
        }
        for row, suggested, margin in zip(found.indices, found.suggested, found.margin, strict=True)
    ]


def _set_errors(data: Training, logits: NDArray[np.float32]) -> list[dict[str, Any]]:
    """The same of labels with several classes: `suggested` has what is missing, and lacks what is too many."""
    class_ids = np.array(data.class_ids)
    found = evaluation.find_set_errors(data.y, np.where(np.isfinite(logits), data.probabilities(logits), np.nan))
    corrected, margins = data.y.copy(), dict[int, float]()
    corrected[found.indices, found.suggested] ^= True
    for row, margin in zip(found.indices.tolist(), found.margin.tolist(), strict=True):
        margins.setdefault(row, margin)  # the worst comes first
    return [
        {
            "sample": int(data.sample_ids[row]),
            "given": class_ids[data.y[row]].tolist(),
            "suggested": class_ids[corrected[row]].tolist(),
            "margin": round(margin, 4),
        }
        for row, margin in margins.items()
    ]


# --- comparison with random labels ----------------------------------------------------------------


def _savings(question: Question, head: Any, data: Training, trail: Trail) -> dict[str, Any]:
    """Compare the labels with the audit labels among them, which are a random sample, on held-out audit labels."""
    audited = np.flatnonzero(np.isin(data.sample_ids, [each.sample_id for each in trail.audited]))
    if len(audited) < LEAST_AUDITED:
        return {"reason": _why(WorkerCode.FEW_AUDIT_SAMPLES, n=len(audited), wanted=LEAST_AUDITED)}
    rng = np.random.default_rng(question.pk)
    sizes = np.unique(np.geomspace(5, len(audited) * (FOLDS - 1) // FOLDS, SIZES).astype(int))
    fold = rng.permutation(np.arange(len(audited)) % FOLDS)
    correct, random_correct = np.zeros(len(audited), bool), np.zeros((len(sizes), len(audited)), bool)
    for number in range(FOLDS):
        held_out = fold == number
        others = rng.permutation(audited[~held_out])
        everything = np.setdiff1d(np.arange(len(data.y)), audited[held_out])
        correct[held_out] = _right(head, data, everything, audited[held_out])
        for row, size in enumerate(sizes):
            random_correct[row, held_out] = _right(head, data, others[:size], audited[held_out])
    used = len(data.y) - len(audited) // FOLDS
    found = evaluation.compare_with_random(used, correct, sizes, random_correct, rng)
    return {
        "used": used,
        "equivalent": found.equivalent,
        "low": found.low,
        "high": found.high,
        "reason": asdict(found.reason),
        "n_audited": len(audited),
        "accuracy": float(correct.mean()),
        "curve": _random_curve(sizes, random_correct, max(used, int(sizes[-1]))),
    }


def _right(head: Any, data: Training, fitted_on: NDArray[np.intp], judged: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether a head fitted on some labels is right about others, in all their classes."""
    from sklearn.base import clone

    # The temperature never changes which class is likeliest, and finding one costs more fits.
    copy = clone(head).set_params(temperature=1.0)
    weight = data.weight_for(copy)
    copy.fit(data.X[fitted_on], data.y[fitted_on], sample_weight=None if weight is None else weight[fitted_on])
    if data.y.ndim == 2:
        exactly: NDArray[np.bool_] = (present(copy.predict_proba(data.X[judged])) == data.y[judged]).all(axis=1)
        return exactly
    right: NDArray[np.bool_] = copy.predict(data.X[judged]) == data.y[judged]
    return right


def _random_curve(sizes: NDArray[np.intp], correct: NDArray[np.bool_], until: int) -> list[tuple[int, float]]:
    """Accuracy that so many random labels would have given: a power law through the random arm, extrapolated."""
    n, m = sizes.astype(float), correct.shape[1]
    level = ((~correct).sum(axis=1) + 1) / (m + 2)
    a, b, c = fit_power_law(n, (~correct).mean(axis=1)[None], m / (level * (1 - level)))
    at = np.unique(np.geomspace(sizes[0], until, 30).astype(int))
    accuracy = np.clip(1 - a * (at / n.max()) ** -b - c, 0, 1)
    return [(int(count), round(float(value), 4)) for count, value in zip(at, accuracy, strict=True)]


# --- recall of starred classes --------------------------------------------------------------------


def _recall(
    question: Question, head: Any, data: Training, embeddings: Embedded, answers: Answers
) -> list[dict[str, Any]]:
    """For each starred class which part of it has been found, by the audit draws of each round."""
    from sklearn.base import clone

    starred = list(question.classes.filter(is_starred=True).values_list("pk", flat=True))
    if not starred:
        return []
    fitted = clone(head).fit(data.X, data.y, sample_weight=data.weight_for(head))
    pool = embeddings.without(labels.settled(question))
    expected = dict(
        zip(data.class_ids, fitted.predict_proba(embeddings.vectors)[pool].sum(axis=0).tolist(), strict=True)
    )
    first_labels = _first_labels(question, embeddings)
    draws = _draws(question, embeddings, first_labels)
    return [
        {
            "class": class_id,
            "of": len(embeddings.ids),
            **_class_recall(class_id, draws, first_labels, answers, expected.get(class_id)),
        }
        for class_id in starred
    ]


def recall_of(
    question: Question, class_id: int, embeddings: Embedded, answers: Answers, expected: float | None
) -> dict[str, Any]:
    """Which part of one class has been found, and how many audit samples (`n_drawn`) say so."""
    first_labels = _first_labels(question, embeddings)
    draws = _draws(question, embeddings, first_labels)
    found = _class_recall(class_id, draws, first_labels, answers, expected)
    return {**found, "n_drawn": sum(len(samples) for _, _, samples in draws)}


def _first_labels(question: Question, embeddings: Embedded) -> dict[int, int]:
    """For each embedded sample that somebody decided on, the id of the first label."""
    decided = Label.objects.filter(question=question).exclude(verdict=Label.Verdict.WITHDRAW)
    found: dict[int, int] = {}
    for label_id, sample_id in bursts.pages(decided, "sample_id"):
        found.setdefault(sample_id, label_id)
    return {each: found[each] for each, at in zip(found, embeddings.positions(found), strict=True) if at >= 0}


def _draws(question: Question, embeddings: Embedded, first_labels: dict[int, int]) -> list[tuple[int, int, list[int]]]:
    """Of every round that people labelled audit samples of: its newest label, its pool, and these samples.

    Rounds from before the last import was embedded drew from a smaller pool and tell nothing of this one's total.
    """
    entries = RoundEntry.objects.filter(round__question=question, strategy=labels.AUDIT, assignments__is_done=True)
    drawn: dict[int, list[int]] = {}
    seen: set[int] = set()
    for round_id, sample_id in entries.order_by("round", "rank").values_list("round", "sample"):
        if sample_id in first_labels and sample_id not in seen:
            seen.add(sample_id)
            drawn.setdefault(round_id, []).append(sample_id)
    firsts = np.sort(list(first_labels.values()))
    rows = Round.objects.filter(pk__in=drawn).order_by("number").values_list("pk", "last_label", "n_pool")
    return [
        (last_label, n_pool, drawn[pk])
        for pk, last_label, n_pool in rows
        if n_pool + np.searchsorted(firsts, last_label, side="right") >= len(embeddings.ids)
    ]


def _class_recall(
    class_id: int,
    draws: list[tuple[int, int, list[int]]],
    first_labels: dict[int, int],
    answers: Answers,
    expected: float | None,
) -> dict[str, Any]:
    firsts = np.sort([first for sample, first in first_labels.items() if class_id in answers.get(sample, ())])
    if not draws:
        return {"found": len(firsts), "reason": _why(WorkerCode.NO_DRAW)}
    before = [int(np.searchsorted(firsts, last_label, side="right")) for last_label, _, _ in draws]
    unseen = [n_pool for _, n_pool, _ in draws]
    drawn = [len(samples) for _, _, samples in draws]
    positives = [sum(class_id in answers.get(sample, ()) for sample in samples) for _, _, samples in draws]
    try:
        found = evaluation.rare_class_recall(len(firsts), before, unseen, drawn, positives, expected)
    except ValueError:  # labels taken back and samples deleted in between: the rounds count different pools
        return {"found": len(firsts), "reason": _why(WorkerCode.ROUNDS_CONTRADICT)}
    return {
        "found": found.found,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "unseen": None if expected is None else min(expected, found.missed),
        "most_unseen": found.missed,
        "reason": "",
    }
