"""Fine-tuning by night, where it is worth it; and the look at what audit samples say of a tuned network."""

import logging
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from labeller.embedding.models import EmbeddingRun
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.labels.selectors import Audit
from labeller.projects.models import Project
from labeller.transfer import foretelling, switching, tuning
from labeller.transfer.models import FineTuning, Switch, TuningPolicy

log = logging.getLogger(__name__)

AT = time(4)  # an hour after the nightly full refit, as it is set at first
ENOUGH = 30  # audit samples, before and since


def remember(project: Project, chosen: dict[str, Any]) -> TuningPolicy:
    """Keep what a person chose."""
    fields = {name: chosen[name] for name in ("question", "minutes", "is_mirrored", "is_nightly")}
    fields["is_joint"] = chosen.get("is_joint", False)
    return TuningPolicy.objects.update_or_create(project=project, defaults=fields)[0]


def tune_due() -> int:
    """Periodic: ask for the fine-tunings whose time of day has passed, where they are worth it; returns how many."""
    asked = 0
    for policy in TuningPolicy.objects.filter(is_nightly=True, project__closing_at=None).select_related(
        "project", "question__project"
    ):
        tried = policy.project.tunings.order_by("-pk").first()
        is_new_night = tried is None or tried.created_at < _last_passed(AT)
        if is_new_night and not tuning.running(policy.project) and foretelling.foretell(policy.question).is_worth_it:
            tuning.ask(policy.question, 60 * policy.minutes, is_mirrored=policy.is_mirrored, is_joint=policy.is_joint)
            asked += 1
    return asked


def go_back_where_worse() -> int:
    """Periodic: go back from tuned networks with which audit samples came out worse beyond doubt; returns how many."""
    gone = 0
    tuned = FineTuning.objects.filter(verdict=FineTuning.Verdict.BETTER, project__closing_at=None)
    for one in tuned.select_related("project", "question"):
        switch = _switch_to(one)
        if switch is None or switch.former is None or switching.shown(one.project).wish is not None:
            continue
        before, since = _audits(one, switch)
        report = {**one.report, "audit": {"before": _told(before), "since": _told(since)}}
        FineTuning.objects.filter(pk=one.pk).update(report=report)
        if min(before.n, since.n) >= ENOUGH and since.interval[1] < before.interval[0]:
            log.warning("%s: audit samples came out worse with it than before: going back", one)
            switching.ask(one.project, run=switch.former)
            gone += 1
    return gone


def _switch_to(one: FineTuning) -> Switch | None:
    """The switch to this network, where it is in use still."""
    if one.project.featuriser != one.spec:
        return None
    current = EmbeddingRun.in_use(one.project)
    last = one.project.switches.select_related("former").order_by("-pk").first()
    return last if last and current and last.run_id == current.pk else None


def _audits(one: FineTuning, switch: Switch) -> tuple[Audit, Audit]:
    """Audit samples before the switch, as claims count them, and all since."""
    last = Label.objects.filter(question=one.question, created_at__lt=switch.created_at).order_by("-pk").first()
    newest = last.pk if last else 0
    trail = labels.trail(one.question)
    since = [each for each in trail.predicted if each.label_id > newest]
    return trail.audit(newest), labels.claims(since, [len(since)])[0]


def _told(audit: Audit) -> dict[str, Any]:
    low, high = audit.interval
    return {"n": audit.n, "correct": audit.correct, "low": low, "high": high}


def _last_passed(time_of_day: time) -> datetime:
    """When it was that time of day last."""
    now = timezone.localtime()
    passed = datetime.combine(now.date(), time_of_day, now.tzinfo)
    return passed if passed <= now else passed - timedelta(days=1)
