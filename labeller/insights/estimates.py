"""What is known of a question and how surely: accuracy, missing classes, when to stop, what is safe to accept.

It takes no fits, but goes through all labels: where these are many, workers do that with every round and keep a Summary
for the pages. What takes fits is in an Assessment.
"""

import json
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db.models import Max

from labeller.accounts.models import User
from labeller.codes import WorkerCode
from labeller.insights.models import Summary
from labeller.labels import selectors as labels
from labeller.labels import tallies
from labeller.labels.lacking import lacking
from labeller.labels.models import Answer
from labeller.labels.selectors import Trail
from labeller.learning import accepting
from labeller.learning import suspects as suspicion
from labeller.learning.models import Acceptance, Assessment, Round
from labeller.messages import sentence
from labeller.projects.models import LabelClass, Question
from labeller.samples import hiding
from tl_core import evaluation
from tl_core.evaluation import Coverage, Criterion, Forecast, Richness, StopAdvice
from tl_core.notices import Notice, notice

POINTS = 8  # of the curve that the forecast goes through
LEAST_AUDITED = 6  # audit samples behind each of them
SUSPECTS = 12
FEW = 2000  # labelled samples up to which pages go through them
MOST_QUIET = 10_000  # labels without a new class, of which more say nothing more
MOST_POINTS = 400  # of the learning curve; no screen shows more


def percent(value: float | None, low: float, high: float) -> dict[str, int]:
    """A share and its interval in whole percent, rounded outwards, as bars are drawn and claims are worded."""
    ends = math.floor(100 * low), math.ceil(100 * high)
    return {"value": round(100 * (value or 0.0)), "low": ends[0], "high": ends[1], "width": ends[1] - ends[0]}


def accuracy(trail: Trail) -> dict[str, Any]:
    """The accuracy claim, and what it lacks, for pages."""
    audit, lacks = trail.audit(), lacking(trail)
    words = {"samples": lacks.samples, "width": round(100 * lacks.width)} if lacks else None
    return {"n": audit.n, **percent(audit.accuracy, *audit.interval), "lacks": words}


# --- the summary ----------------------------------------------------------------------------------


def summarise(question: Question) -> dict[str, Any]:
    """All that pages tell of a question and that takes a way through its labels, as JSON holds it."""
    trail = labels.trail(question)
    found = {
        "n_audited": len(trail.audited),
        "audit": accuracy(trail),
        "advice": asdict(stop_advice(question, trail)),
        "undiscovered": undiscovered_words(question, trail),
        "forecast": forecast_words(question, trail),
        "classes": audited_classes(trail),
        "curve": _points(question, trail),
    }
    plain: dict[str, Any] = json.loads(json.dumps(found, default=lambda number: number.item()))
    return plain


def keep_summary(sender: Any, question: Question, **kwargs: Any) -> None:
    """Keep the summary for the pages. Workers do this after each round."""
    Summary.objects.update_or_create(question=question, defaults={"report": summarise(question)})


def summary(question: Question) -> dict[str, Any]:
    """What is known of a question: now where labels are few, else as of the newest round."""
    if tallies.of(question).labelled > FEW:
        stored = Summary.objects.filter(question=question).values_list("report", flat=True).first()
        if stored is not None:
            return dict(stored)
    return summarise(question)


def advice(found: dict[str, Any]) -> StopAdvice:
    """The stop advice of a summary."""
    return StopAdvice(**{name: _criterion(check) for name, check in found["advice"].items()})


def _criterion(kept: dict[str, Any]) -> Criterion:
    reason = kept["reason"]  # a sentence, where an earlier version kept it
    return Criterion(**{**kept, "reason": Notice(**reason) if isinstance(reason, dict) else reason})


# --- the learning curve ---------------------------------------------------------------------------


def curve(question: Question) -> dict[str, Any]:
    """The learning curve: what was known at each round; and the curve that random labels would have given."""
    assessment = Assessment.latest(question)
    random_arm = assessment.report["savings"].get("curve", []) if assessment else []
    return {"rounds": summary(question)["curve"], "random": random_arm}


def _points(question: Question, trail: Trail) -> list[dict[str, Any]]:
    """One point a round; of very many rounds some, evenly spread, the first and the last among them."""
    numbers = list(Round.objects.filter(question=question).order_by("number").values_list("number", flat=True))
    if len(numbers) > MOST_POINTS:
        numbers = [numbers[at] for at in np.linspace(0, len(numbers) - 1, MOST_POINTS).astype(int)]
    rows = list(Round.objects.filter(question=question, number__in=numbers).order_by("number"))
    audits = trail.audits([each.last_label for each in rows])
    return [
        {
            "number": each.number,
            "n_labels": each.n_labels,
            "accuracy": audit.accuracy,
            "low": audit.interval[0] if audit.n else None,
            "high": audit.interval[1] if audit.n else None,
            "audit_n": audit.n,
            "classes_found": each.n_classes,
        }
        for each, audit in zip(rows, audits, strict=True)
    ]


# --- undiscovered classes -------------------------------------------------------------------------


def undiscovered(question: Question, trail: Trail) -> tuple[Richness, Coverage] | None:
    """How many classes there are, and how much of the pool those seen make up; None without audit labels.

    Estimated from the audit; classes that were found in another way count as seen, not as missing.
    """
    counts = Counter(class_id for each in trail.audited for class_id in each.given)
    if not counts:
        return None
    seen = list(counts.values())
    found = evaluation.chao1(seen)
    known = max(len(tallies.of(question).classes), found.observed)
    at_least = {name: max(getattr(found, name), known) for name in ("estimate", "low", "high")}
    return Richness(known, **at_least), evaluation.coverage(seen)


def undiscovered_words(question: Question, trail: Trail) -> dict[str, Any] | None:
    """The same in numbers that are easily put into words, and the rule of three."""
    found = undiscovered(question, trail)
    if found is None:
        return None
    richness, seen = found
    return {
        "n": len(trail.audited),
        "observed": richness.observed,
        "missing": round(richness.missing),
        "low": richness.low - richness.observed,
        "high": richness.high - richness.observed,
        "coverage": percent(seen.estimate, seen.low, seen.high),
        "would_be_seen": 100 * evaluation.rule_of_three(len(trail.audited)),
    }


# --- when to stop ---------------------------------------------------------------------------------


def stop_advice(question: Question, trail: Trail) -> StopAdvice:
    agreements = Round.objects.filter(question=question, kappa__isnull=False).order_by("-number")
    newest = agreements.values_list("kappa", flat=True)[: evaluation.stopping.STABLE_ROUNDS]
    latest = [kappa for kappa in newest if kappa is not None]
    since = Answer.objects.of(question).answered().filter(label__gt=labels.newest_class(question))
    quiet = since[:MOST_QUIET].count()
    richness, seen = undiscovered(question, trail) or (None, None)
    interval = trail.audit().interval
    return evaluation.stop_advice(latest[::-1], interval, question.target_accuracy, quiet, richness, seen)


def forecast(question: Question, trail: Trail) -> Forecast:
    """How many labels the target accuracy takes, by how audit samples fared that came one after the other."""
    predicted = trail.predicted
    known = list(Round.objects.filter(question=question).order_by("number").values_list("last_label", "n_labels"))
    count = min(POINTS, len(predicted) // LEAST_AUDITED)
    if count < evaluation.forecast.MIN_POINTS:
        least = evaluation.forecast.MIN_POINTS * LEAST_AUDITED
        return Forecast(None, None, None, notice(WorkerCode.FEW_AUDIT_SAMPLES, n=len(predicted), wanted=least))
    newest = [last_label for last_label, _ in known]

    def fitted_on(label_id: int) -> int:
        """Labels of the head that predicted an audit sample: that of the newest round before its label."""
        at = bisect_left(newest, label_id) - 1
        return known[at][1] if at >= 0 else 0

    fitted = np.array([fitted_on(each.label_id) for each in predicted])
    wrong = np.array([not each.is_correct for each in predicted])
    parts = np.array_split(np.arange(len(predicted)), count)
    sizes = [max(1.0, fitted[part].mean()) for part in parts]
    errors, audited = [wrong[part].mean() for part in parts], [len(part) for part in parts]
    return evaluation.labels_to_target(sizes, errors, audited, question.target_accuracy)


def forecast_words(question: Question, trail: Trail) -> dict[str, Any]:
    """How many more labels than now, in round numbers."""
    found = forecast(question, trail)
    now = Round.objects.filter(question=question).aggregate(most=Max("n_labels"))["most"] or 0

    def more(count: float | None) -> int | None:
        return None if count is None else int(float(f"{max(0.0, count - now):.2g}"))

    return {
        "target": round(100 * question.target_accuracy, 1),
        "labels": more(found.labels),
        "low": more(found.low),
        "high": more(found.high),
        "reason": asdict(found.reason),
    }


# --- classes --------------------------------------------------------------------------------------


def classes(question: Question, audited: dict[str, Any], assessment: Assessment | None) -> list[dict[str, Any]]:
    """One row a class, starred ones first: how many were found, and how well the head tells them."""
    counts = tallies.of(question).classes
    validated = assessment.report["classes"] if assessment else {}
    found = {row["class"]: _recall_words(row) for row in assessment.report["recall"]} if assessment else {}
    rows = [
        {
            "name": each.name,
            "colour": each.colour,
            "is_starred": each.is_starred,
            "found": counts.get(each.pk, 0),
            "audit": audited.get(str(each.pk), {}),
            "validated": validated.get(str(each.pk), {}),
            "recall": found.get(each.pk) if each.is_starred else None,
        }
        for each in question.classes.all()
    ]
    return sorted(rows, key=lambda row: not row["is_starred"])


def audited_classes(trail: Trail) -> dict[str, dict[str, Any]]:
    """By class id, as in JSON, precision and recall among the audit samples of now."""
    predicted = Counter(class_id for each in trail.window for class_id in each.classes)
    true = Counter(class_id for each in trail.window for class_id in each.given)
    hits = Counter(class_id for each in trail.window for class_id in each.classes & each.given)
    confidence = trail.audit().confidence
    counts = [
        (class_id, name, of[class_id], hits[class_id])
        for class_id in {*predicted, *true}
        for name, of in (("precision", predicted), ("recall", true))
        if of[class_id]
    ]
    found: dict[str, dict[str, Any]] = {}
    n, correct = [of for *_, of, _ in counts], [right for *_, right in counts]
    ends = np.stack(evaluation.confidence_sequence(correct, n, confidence)).tolist()
    for (class_id, name, of_class, right), low, high in zip(counts, *ends, strict=True):
        found.setdefault(str(class_id), {})[name] = {"n": of_class, **percent(right / of_class, low, high)}
    return found


def _recall_words(row: dict[str, Any]) -> dict[str, Any]:
    if row["reason"]:
        return row
    estimate = row["estimate"]
    unseen = None if row["unseen"] is None else round(row["unseen"])
    bar = percent(estimate, row["low"], row["high"])
    return {**row, "unseen": unseen, "bar": bar, "known": estimate is not None, "share": _share_of_all(row)}


def _share_of_all(row: dict[str, Any]) -> dict[str, float] | None:
    """Which part of all samples is of a class, in percent, by the same draws; earlier reports don't say of how many."""
    if not row.get("of"):
        return None
    least, most = row["found"] / row["high"] if row["found"] else 0, row["found"] + row["most_unseen"]
    return {"low": math.floor(1000 * least / row["of"]) / 10, "high": math.ceil(1000 * most / row["of"]) / 10}


def suspects(question: Question, assessment: Assessment | None, person: User) -> list[dict[str, Any]]:
    """Labels that are probably wrong and still stand, the most suspicious first, of samples this person may see."""
    found = suspicion.suspects(question, assessment)[:SUSPECTS]
    shown = hiding.shown_among(person, question.project, [each.sample_id for each in found]) if found else set()
    found = [each for each in found if each.sample_id in shown]
    named: dict[int, LabelClass] = question.classes.in_bulk() if found else {}

    def names(class_ids: Collection[int]) -> str:
        return ", ".join(each.name for pk, each in named.items() if pk in class_ids)

    return [
        {
            "sample_id": each.sample_id,
            "given": names(each.given),
            "suggested": names(each.suggested),
            "missing": names(each.suggested - each.given),
            "too_many": names(each.given - each.suggested),
        }
        for each in found
    ]


# --- accepting ------------------------------------------------------------------------------------


def acceptance(question: Question, n_audited: int) -> dict[str, Any]:
    """The rule in force, what the latest look offers or why not, and when the next look comes."""
    latest = Acceptance.objects.filter(question=question).select_related("head").order_by("-pk").first()
    return {
        "rule": Acceptance.standing(question),
        "offer": latest if latest and latest.offered else None,
        "refused": latest if latest and latest.threshold is None else None,
        "n_audited": n_audited,
        "wanted": accepting.wanted(question),
        "epsilon": question.accept_error,
    }


# --- as plain values ------------------------------------------------------------------------------


def known_json(question: Question, trail: Trail) -> dict[str, Any]:
    """Stop advice, estimated missing classes, coverage, forecast and what is accepted, for `manage.py status`."""
    advice, found, rule = stop_advice(question, trail), undiscovered(question, trail), Acceptance.standing(question)
    expected = forecast(question, trail)
    return {
        "stop": {
            "advised": advice.stop,
            "checks": [{**asdict(check), "reason": sentence(check.reason)} for check in advice.criteria],
        },
        "missing_classes": {**asdict(found[0]), "missing": found[0].missing} if found else None,
        "coverage": asdict(found[1]) if found else None,
        "forecast": {"target": question.target_accuracy, **asdict(expected), "reason": sentence(expected.reason)},
        "accepted": None
        if rule is None or rule.head is None
        else {
            "head": rule.head.version,
            "n": rule.accepted,
            "epsilon": rule.epsilon,
            "bound": rule.bound,
            "audited": rule.audited,
        },
    }
