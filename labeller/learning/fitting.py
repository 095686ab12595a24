"""From embeddings and labels to a fitted head: what rounds are ranked by."""

import functools
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import mixing
from labeller.embedding.loading import Embedded
from labeller.embedding.models import EmbeddingRun
from labeller.labels import selectors as labels
from labeller.learning import backing_off
from labeller.learning.models import Head
from labeller.messages import Explained
from labeller.projects.models import LabelClass, Question
from tl_core import heads, query
from tl_core.geometry import sigmoid, softmax
from tl_core.heads import files as head_files
from tl_core.heads import strokes
from tl_core.heads.plain import present
from tl_core.notices import notice

log = logging.getLogger(__name__)

SUGGESTIONS = 5
MULTI_LABEL = "multilabel"  # what the one head for several classes a sample is called

# --- labels ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Training:
    """What a head is fitted on: embeddings `X` (n, D), `y` class ids (n,), or with several a sample bool (n, c).

    `weight` (n,) is how much each label counts: less than 1 where many alike were labelled at a stroke.
    """

    X: NDArray[np.float32]
    y: NDArray[Any]
    class_ids: list[int]
    sample_ids: NDArray[np.int64]
    weight: NDArray[np.float32]

    @property
    def true(self) -> NDArray[np.bool_]:
        """Which classes each sample has, (n, c)."""
        return self.y if self.y.ndim == 2 else self.y[:, None] == self.class_ids

    def weight_for(self, head: Any) -> NDArray[np.float32] | None:
        """What that head is to be fitted with besides; None where all count the same, or it can't tell them apart."""
        return self.weight if (self.weight < 1).any() and getattr(head, "takes_weights", True) else None

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a head's logits of such samples mean."""
        return sigmoid(logits) if self.y.ndim == 2 else softmax(logits)


def training(question: Question, embeddings: Embedded, answers: dict[int, frozenset[int]]) -> Training | None:
    """Every answered sample that has an embedding and teaches a class; None while fewer than two classes are seen."""
    positions = embeddings.positions(answers)
    given = backing_off.taught(
        question, [classes for at, classes in zip(positions, answers.values(), strict=True) if at >= 0]
    )
    class_ids = sorted({class_id for classes in given for class_id in classes})
    if len(class_ids) < 2:
        return None
    positions = positions[positions >= 0][[bool(classes) for classes in given]]
    given = [classes for classes in given if classes]
    if question.multi_label:
        y = np.array([[class_id in classes for class_id in class_ids] for classes in given])
    else:
        y = np.array([min(classes) for classes in given])
    sample_ids = embeddings.ids[positions]
    return Training(embeddings.vectors[positions], y, class_ids, sample_ids, _weights(question, sample_ids, given))


def _weights(question: Question, sample_ids: NDArray[np.int64], given: list[frozenset[int]]) -> NDArray[np.float32]:
    """How much each label counts: less where many alike were labelled at a stroke."""
    tiles, bursts = labels.strokes(question)
    numbers: dict[frozenset[int], int] = {}
    return strokes.weights(
        np.array([numbers.setdefault(classes, len(numbers)) for classes in given], np.intp),
        np.isin(sample_ids, list(tiles)),
        np.array([bursts.get(sample_id, -1) for sample_id in sample_ids.tolist()], np.intp),
    )


# --- head -----------------------------------------------------------------------------------------


class CannotLearn(Explained):
    """The head or the query strategy that the question names can't be had; the reason says what to do."""


@dataclass
class Fitted:
    """A learner fitted on the labels of now, and its head's row, not yet written."""

    learner: Any
    class_ids: list[int]
    row: Head
    meta: dict[str, Any]

    def store(self) -> None:
        """Write the head's files. One of another library may not be storable: it ranks, but can't be exported."""
        try:
            head_files.save(self.learner.estimator, settings.HEADS / self.row.directory, self.meta)
        except head_files.HeadNotStorable as error:
            log.info("question %d: %s", self.row.question_id, error)
            self.row.directory = ""


def head_name(question: Question) -> str:
    """What the question's heads are called: with several classes a sample there is one kind only."""
    return MULTI_LABEL if question.multi_label else question.head


@functools.lru_cache(maxsize=4)
def _learner(question_id: int, run_id: int, mix: str, head: str, strategy: str) -> Any:
    """The question's learner on that mix of that run, kept by the process so that a refit starts warm."""
    from tl_core.loop import make_learner

    return make_learner(_unfitted(head), None, None, _named(WorkerCode.STRATEGY_UNUSABLE, strategy, query.get))


def _unfitted(name: str) -> Any:
    if name == MULTI_LABEL:
        from tl_core.heads.multilabel import MultiLabelHead

        return MultiLabelHead()
    return _named(WorkerCode.HEAD_UNUSABLE, name, heads.get)


def _named(refusal: WorkerCode, name: str, get: Callable[[str], Any]) -> Any:
    try:
        return get(name)
    # An own module may do anything when it is imported, even try to end the worker.
    except (Exception, SystemExit) as error:
        reason = error.args[0] if isinstance(error, KeyError) and error.args else f"{type(error).__name__}: {error}"
        raise CannotLearn(notice(refusal, name=name, error=str(reason))) from error


def _told_of_pool(head: Any, embeddings: Embedded) -> Any:
    """The head, given what it wants to know of the pool."""
    pool = {"pool": embeddings.graph} if "pool" in head.get_params(deep=False) else {}
    return head.set_params(pool_mean=embeddings.mean, **pool)


def _known_parameters(question: Question, run: EmbeddingRun) -> dict[str, float]:
    """C and temperature that the last full refit chose for this kind of head on this run."""
    full = Head.objects.filter(question=question, run=run, name=head_name(question), is_full=True)
    last = full.order_by("-version").first()
    found = {"C": last.C, "temperature": last.temperature} if last else {}
    return {key: value for key, value in found.items() if value is not None}


def fit(
    question: Question,
    run: EmbeddingRun,
    embeddings: Embedded,
    answers: dict[int, frozenset[int]],
    tuned: "Tuned | None" = None,
) -> Fitted | None:
    """Fit on all labels, as `tuned` or else as the last full refit says; None while there are no two classes."""
    data = training(question, embeddings, answers)
    if data is None:
        return None
    learner = _learner(question.pk, run.pk, embeddings.mix, head_name(question), question.strategy)
    parameters = tuned.parameters if tuned else _known_parameters(question, run)
    _told_of_pool(learner.estimator, embeddings).set_params(**parameters)
    started = time.perf_counter()
    learner.fit(data.X, data.y, sample_weight=data.weight_for(learner.estimator))
    seconds = time.perf_counter() - started
    names = dict(LabelClass.objects.filter(pk__in=data.class_ids).values_list("pk", "name"))
    meta = {
        "question": question.text,
        "classes": [names[each] for each in data.class_ids],
        "featuriser": run.featuriser,
        "fingerprint": run.fingerprint,
        "mix": mixing.weights(run, embeddings.mix),
        "n_labels": len(answers),
    }
    row = Head(
        question=question,
        run=run,
        name=head_name(question),
        directory=f"question-{question.pk}/{secrets.token_hex(8)}",
        class_ids=data.class_ids,
        n_labels=len(answers),
        fit_seconds=seconds,
        is_full=tuned is not None,
        mix=embeddings.mix,
        weights=mixing.weights(run, embeddings.mix),
        C=parameters.get("C"),
        temperature=parameters.get("temperature"),
        cv_accuracy=tuned.accuracy if tuned else None,
        cv_macro_f1=tuned.macro_f1 if tuned else None,
    )
    return Fitted(learner, data.class_ids, row, meta)


def likeliest(probabilities: NDArray[np.floating[Any]], class_ids: list[int]) -> list[list[list[float]]]:
    """For each row of probabilities the likeliest classes: pairs of class id and probability, the likeliest first."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :SUGGESTIONS]
    return [
        [[class_ids[column], round(float(row[column]), 4)] for column in columns]
        for row, columns in zip(probabilities, best, strict=True)
    ]


def said(question: Question, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which classes a head says are there, by its probabilities (n, c): the likeliest, or with several all it finds."""
    if question.multi_label:
        return present(probabilities)
    best: NDArray[np.bool_] = probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1])
    return best


def named(
    question: Question, probabilities: NDArray[np.floating[Any]], class_ids: list[int]
) -> list[list[int]] | list[None]:
    """For each row of probabilities all classes that are said to be there; None where the likeliest alone can be."""
    if not question.multi_label:
        return [None] * len(probabilities)
    ids = np.array(class_ids)
    return [ids[row].tolist() for row in present(probabilities)]


# --- cross-validation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Tuned:
    """What a full refit found by cross-validation: parameters of the head, and how well they did on held-out labels."""

    parameters: dict[str, float]
    accuracy: float | None
    macro_f1: float | None
    mix: str = ""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Which classes samples have, and which heads fitted without them gave them: each bool (n, c)."""

    true: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    class_ids: list[int]

    @property
    def accuracy(self) -> float:
        """The share of samples that are right, in all their classes."""
        return float((self.true == self.predicted).all(axis=1).mean())

    @property
    def macro_f1(self) -> float:
        """The mean of the classes' F1."""
        hits, named = self.hits, self.true.sum(axis=0) + self.predicted.sum(axis=0)
        return float(np.mean(2 * hits / named))

    @property
    def balanced_accuracy(self) -> float:
        """The mean of the classes' recall."""
        return float(np.mean(self.hits / self.true.sum(axis=0)))

    @property
    def hits(self) -> NDArray[np.intp]:
        """For each class how many samples were rightly given it, (c,)."""
        hits: NDArray[np.intp] = np.sum(self.true & self.predicted, axis=0, dtype=np.intp)
        return hits


def tune(
    question: Question, run: EmbeddingRun, embeddings: Embedded, answers: dict[int, frozenset[int]]
) -> Tuned | None:
    """Choose C and temperature by cross-validation on all labels; None while there are no two classes."""
    from tl_core.heads import calibration

    data = training(question, embeddings, answers)
    if data is None:
        return None
    head, parameters = head_of_now(question, run, embeddings)
    found = calibration.tune(head, data.X, data.y, question.pk, sample_weight=data.weight_for(head))
    parameters["temperature"] = found.temperature
    if found.C is not None:  # else some class has too few labels yet, and what there was stays
        parameters["C"] = found.C
    head.set_params(**parameters)
    held_out = _held_out(question, head, data)
    if held_out is None:
        return Tuned(parameters, None, None, embeddings.mix)
    return Tuned(parameters, held_out.accuracy, held_out.macro_f1, embeddings.mix)


def cross_validate(
    question: Question, run: EmbeddingRun, embeddings: Embedded, answers: dict[int, frozenset[int]]
) -> HeldOut | None:
    """What the head of now says of each label when it is fitted without it; None where there are too few labels."""
    data = training(question, embeddings, answers)
    return None if data is None else _held_out(question, head_of_now(question, run, embeddings)[0], data)


def head_of_now(question: Question, run: EmbeddingRun, embeddings: Embedded) -> tuple[Any, dict[str, float]]:
    """A head of the question, not yet fitted, and the parameters it owes to the last full refit."""
    head, parameters = _unfitted(head_name(question)), _known_parameters(question, run)
    return _told_of_pool(head, embeddings).set_params(**parameters), parameters


def _held_out(question: Question, head: Any, data: Training) -> HeldOut | None:
    from tl_core.heads import calibration

    if len(data.y) < calibration.FOLDS:
        return None
    weight = data.weight_for(head)
    logits = calibration.out_of_fold(head, data.X, data.y, calibration.FOLDS, question.pk, sample_weight=weight)
    return HeldOut(data.true, said(question, data.probabilities(logits)), data.class_ids)
