"""What the terminal of a running site is told: where it is, how far it is, and what became of the files."""

import socket
from collections.abc import Iterator

from django.db.models import Max

from labeller.insights import selectors
from labeller.insights.templatetags.words import job_kind
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning.models import Round
from labeller.projects.models import Project
from labeller.samples import refused

ANYWHERE = {"0.0.0.0": "0.0.0.0", "::": "::"}  # noqa: S104 - what listens everywhere is no address to open
READY = "Ready to label:"
WORKING = ("scan", "ingest", "plan", "embed")


def addresses(host: str, port: int) -> list[str]:
    """Where a browser finds the site: on this machine, and from others where it listens to them."""
    if host not in ANYWHERE:
        return [f"http://{_in_url(host)}:{port}"]
    return [f"http://localhost:{port}", f"http://{_in_url(_outward() or socket.gethostname())}:{port}"]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _outward() -> str:
    """This machine's address in its network; nothing is sent to find out. Empty without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address kept for documentation: only the way there is looked up
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def now(project: Project) -> Project:
    """The project as it is now: what it learns from is chosen, or fitted, while the terminal looks on."""
    return Project.everything.filter(pk=project.pk).first() or project


def work(project: Project) -> str:
    """How far importing and embedding are, on one line; empty where nothing is under way."""
    parts = []
    for title, found in (
        ("importing", selectors.work(project, ["scan", "ingest"])),
        ("embedding", selectors.embedding(project)),
    ):
        if found and found["total"]:
            left = f", {found['eta']} s left" if found["eta"] else ""
            parts.append(f"{title} {found['done']:,} of {found['total']:,} ({found['rate']:.0f}/s{left})")
    return " · ".join(parts)


def news(project: Project, address: str) -> Iterator[str]:
    """What holds now and is worth a line; each is said once."""
    place = f"{address}/projects/{project.slug}/"
    current = Round.objects.filter(project=project, is_current=True).select_related("question").first()
    if current is not None:
        yield f"{READY} {place}label/{current.question.key}/"
    yield from _failures(project)
    jobs = Job.objects.filter(project=project)
    if jobs.filter(state__in=Job.OPEN, kind__in=WORKING[:2]).exists():
        return
    samples = tallies.samples(project)
    yield from _refused(project, samples, place)
    if samples and not jobs.filter(state__in=Job.OPEN, kind__in=WORKING).exists():
        done = selectors.embedded(project)
        things = "texts" if project.kind == Project.Kind.TEXT else "photographs"
        yield f"{done:,} of {samples:,} {things} are embedded{'' if done < samples else ': all of them'}."


def _failures(project: Project) -> Iterator[str]:
    """Work that was given up, a line a kind and reason."""
    failed = Job.objects.filter(project=project, state=Job.State.FAILED, kind__in=WORKING)
    for kind, error, _ in failed.values_list("kind", "error").annotate(last=Max("pk")).order_by("last")[:20]:
        why = error.strip().splitlines()[-1] if error.strip() else "no reason was left"
        yield f"Given up: {job_kind(kind)}: {why}"


def _refused(project: Project, samples: int, place: str) -> Iterator[str]:
    found = refused.counts(project)
    if found and samples:
        reasons = ", ".join(f"{count:,} × {refused.words(reason)}" for reason, count in found.items())
        n = sum(found.values())
        yield f"{n:,} {'file was' if n == 1 else 'files were'} set aside: {reasons}. See {place}"
    elif found and (sentence := refused.nothing_usable(project)):
        yield f"{sentence} See {place}"
    _left_out, missing = refused.looks(project)
    if missing:
        what = "file is not where it was" if missing == 1 else "files are not where they were"
        yield f"{missing:,} {what} any more: labels are kept. See {place}"
