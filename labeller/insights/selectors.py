"""Numbers about projects: for the pages, and for `manage.py status`."""

from collections import Counter
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from labeller.accounts import access
from labeller.accounts.models import Membership, Role, User
from labeller.annotating.models import Assignment
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.insights import estimates, job_runs
from labeller.jobs.models import Job
from labeller.labels import applying, tallies
from labeller.labels import selectors as labels
from labeller.labels.lacking import claim_json
from labeller.learning import reasons
from labeller.learning.models import Assessment, Round, RoundEntry
from labeller.projects.models import Project, Question
from labeller.samples import hiding, refused, told
from labeller.samples.models import Sample

NEXT = 12  # samples of the queue that are shown


def embedded(project: Project) -> int:
    shards = EmbeddingShard.objects.filter(run=EmbeddingRun.in_use(project))
    return int(shards.aggregate(n=Sum("embedded"))["n"] or 0)


def queue(question: Question) -> QuerySet[RoundEntry]:
    """Ranked samples of the current round that nobody has labelled yet, the next one first."""
    done = Assignment.objects.filter(question=question, is_done=True, sample=OuterRef("sample"))
    entries = RoundEntry.objects.filter(round__question=question, round__is_current=True)
    return applying.limited(entries.exclude(Exists(done)), question).order_by("rank")


def queued(question: Question, person: User) -> list[dict[str, Any]]:
    """The next samples of the queue that this person may see, each with why it is there."""
    entries = list(queue(question).filter(hiding.shown_to(person, question.project, "sample"))[:NEXT])
    names = reasons.names(entries)
    return [{"sample_id": entry.sample_id, "reason": reasons.describe(entry, names)} for entry in entries]


def status(project: Project) -> dict[str, Any]:
    """A project's numbers, and those of each of its questions, as `manage.py status --json` prints them."""
    left_out, missing = refused.looks(project)
    return {
        "slug": project.slug,
        "samples": tallies.samples(project),
        "embedded": embedded(project),
        "quarantined": refused.counts(project),
        "left_out": left_out,
        "missing": missing,
        "jobs": dict(Counter(project.jobs.values_list("state", flat=True))),
        "known": told.of_project(project),
        "questions": [_status(each) for each in project.questions.order_by("position", "pk")],
    }


def _status(question: Question) -> dict[str, Any]:
    counts, trail = tallies.of(question), labels.trail(question)
    return {
        "question": question.key,
        "asked_of": counts.samples,
        "labels": {each.name: counts.classes.get(each.pk, 0) for each in question.classes.all()},
        "rounds": rounds(question),
        "queue": queue(question).count(),
        "audit": claim_json(trail),
        **estimates.known_json(question, trail),
    }


def refusals(project: Project) -> dict[str, Any]:
    """What became of the files that are no samples: by reason, with examples; what was left out; what is gone."""
    found = refused.counts(project)
    left_out, missing = refused.looks(project)
    return {
        "total": sum(found.values()),
        "sentence": refused.nothing_usable(project),
        "reasons": [
            {"reason": reason, "n": n, "examples": refused.examples(project, reason)} for reason, n in found.items()
        ],
        "left_out": left_out,
        "missing": missing,
    }


def overview(user: User) -> list[dict[str, Any]]:
    """The projects a person may see, newest first, with what their cards show."""
    # No cover shows people, whoever looks.
    first = Sample.objects.filter(~hiding.is_hidden(), project=OuterRef("pk")).order_by("shard", "pk")
    found = list(
        access.projects(user)
        .annotate(cover=Subquery(first.values("pk")[:1]), n_classes=Count("questions__classes"))
        .order_by("-created_at")
    )
    roles = dict(Membership.objects.filter(user=user).values_list("project_id", "role"))
    busy = set(
        Job.objects.filter(state__in=Job.OPEN, kind__in=["scan", "ingest", "plan", "embed"]).values_list(
            "project_id", flat=True
        )
    )
    counts = tallies.of_projects(found)
    n_embedded = dict(
        EmbeddingShard.objects.filter(run__featuriser=F("run__project__featuriser"), run__project__in=found)
        .values_list("run__project_id")
        .annotate(n=Sum("embedded"))
    )
    return [
        {
            "project": project,
            "role": Role.OWNER if user.is_superuser else Role(roles[project.pk]),
            "n_samples": counts.get(project.pk, (0, 0))[0],
            "n_embedded": n_embedded.get(project.pk, 0),
            "n_labels": counts.get(project.pk, (0, 0))[1],
            "n_classes": project.n_classes,
            "cover_sample_id": project.cover,
            "importing": project.pk in busy,
        }
        for project in found
    ]


def work(project: Project, kinds: list[str]) -> dict[str, Any] | None:
    """Progress of the open work of these kinds, counted in samples; None where none is open."""
    jobs = Job.objects.filter(project=project, kind__in=kinds)
    # Work done long before the oldest open job belongs to an earlier import.
    begun = jobs.filter(state__in=Job.OPEN).aggregate(begun=Min("created_at"))["begun"]
    if begun is None:
        return None
    current = jobs.filter(Q(state__in=Job.OPEN) | Q(finished_at__gte=begun, state=Job.State.DONE))
    numbers = current.aggregate(done=Sum("done"), total=Sum("total"), started=Min("started_at"))
    done, total = numbers["done"] or 0, numbers["total"] or 0
    seconds = (timezone.now() - numbers["started"]).total_seconds() if numbers["started"] else 0.0
    rate = done / seconds if seconds > 1.0 else 0.0
    running = jobs.filter(state=Job.State.RUNNING).exclude(message="")
    return {
        "done": done,
        "total": total,
        "rate": round(rate, 1),
        "message": running.values_list("message", flat=True).first() or "",
        "eta": round((total - done) / rate) if rate else None,
    }


def embedding(project: Project) -> dict[str, Any] | None:
    """Progress of the embedding while it is under way, counted in all samples there are: jobs come in parts.

    Told is how far the first run is that lacks some: what is in use, then what is made beside it.
    """
    found = work(project, ["plan", "embed"])
    if found is None:
        return None
    in_use, total = EmbeddingRun.in_use(project), tallies.samples(project)
    beside = in_use.companions.order_by("pk") if in_use else []
    each = [_looked_at(run) + _under_way(run) for run in [in_use, *beside] if run and not runs.in_one_pass(run)]
    left = sum(max(0, total - n) for n in each or [0])
    eta = round(left / found["rate"]) if found["rate"] else None
    done = next((n for n in each if n < total), total) if each else 0
    return {**found, "done": done, "total": total, "eta": eta}


def _looked_at(run: EmbeddingRun) -> int:
    """Samples of finished shards: embedded, or not readable any more."""
    numbers = run.shards.aggregate(embedded=Sum("embedded"), failed=Sum("failed"))
    return (numbers["embedded"] or 0) + (numbers["failed"] or 0)


def _under_way(run: EmbeddingRun) -> int:
    """Samples of the run that workers have embedded of shards in hand."""
    running = runs.shard_jobs(run).filter(state=Job.State.RUNNING)
    return running.aggregate(done=Sum("done"))["done"] or 0


def halted(project: Project) -> dict[str, Any] | None:
    """The embedding that somebody paused or cancelled and that isn't complete; None where there is none."""
    run = EmbeddingRun.in_use(project)
    if run is None or run.state == EmbeddingRun.State.ACTIVE:
        return None
    done, total = _looked_at(run), tallies.samples(project)
    return {"state": run.get_state_display(), "done": done, "total": total} if done < total else None


def rounds(question: Question) -> int:
    """How many rounds there were: they are numbered one after the other."""
    return Round.objects.filter(question=question).aggregate(n=Max("number"))["n"] or 0


def progress(project: Project, question: Question | None, person: User) -> dict[str, Any]:
    """All that the progress page shows a person: of the project, and of one of its questions."""
    quarantine = refusals(project)
    return {
        "numbers": {
            "embedded": embedded(project),
            "quarantined_total": quarantine["total"],
            **(_numbers(question) if question else _no_numbers(project)),
        },
        "importing": work(project, ["scan", "ingest"]),
        "embedding": embedding(project),
        "halted": halted(project),
        "quarantine": quarantine,
        "jobs": job_runs.newest(project),
        "kept": project.kept.exclude(looked_at=None).order_by("what"),
        "known": told.of_project(project),
        **(known(question, person) if question else {}),
    }


def _numbers(question: Question) -> dict[str, int]:
    counts = tallies.of(question)
    return {
        "samples": counts.samples,
        "labelled": counts.labelled,
        "queue": queue(question).count(),
        "rounds": rounds(question),
    }


def _no_numbers(project: Project) -> dict[str, int]:
    return {"samples": tallies.samples(project), "labelled": 0, "queue": 0, "rounds": 0}


def known(question: Question, person: User) -> dict[str, Any]:
    """The part of the progress page about one question's head and labels, as this person may see it."""
    found, assessment = estimates.summary(question), Assessment.latest(question)
    return {
        "question": question,
        "round": Round.objects.filter(question=question, is_current=True).first(),
        "queued": queued(question, person),
        "audit": found["audit"],
        "advice": estimates.advice(found),
        "undiscovered": found["undiscovered"],
        "forecast": found["forecast"],
        "classes": estimates.classes(question, found["classes"], assessment),
        "assessment": assessment,
        "suspects": estimates.suspects(question, assessment, person),
        "acceptance": estimates.acceptance(question, found["n_audited"]),
    }
