"""Bringing in somebody's file: looked at as a whole first, then applied, by jobs that go on where they broke off.

Applied again, the same file changes nothing: samples are found by their place, labels and predictions are compared
with what stands.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from labeller.codes import WorkerCode
from labeller.exchange import applying, importers, placing
from labeller.exchange.applying import Applying
from labeller.exchange.counting import Account
from labeller.exchange.importers.base import Importer, Option, Pictured, Record, Unreadable
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.spill import Spill, spilling
from labeller.exchange.models import Import
from labeller.exchange.placing import Finder, Shift
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import asking
from labeller.learning.models import ForeignModel
from tl_core.notices import notice

KIND = "import"
LOOK, APPLY = "look", "apply"
TURN = 300.0  # seconds that a worker applies before it does other work in between: well below a task's time limit
PAUSE = 0.01  # seconds between two batches in which others get their turn
MAKE, KNOWN_ONLY = "make", "known"
MOST_CLASSES = 1_000  # that are told

Tell = Callable[[int, int], None]


class PicturesFirst(jobs.Postponed):
    """Pictures are being imported still: what is said of them would be refused."""

    seconds = 5.0


class OthersBetween(jobs.Postponed):
    """Much is left to apply, and other work waits."""

    seconds = 1.0


# --- asking ---------------------------------------------------------------------------------------


def ask(wanted: Import, phase: str = LOOK) -> Job:
    """Have the file looked at, or applied."""
    return jobs.enqueue(
        KIND, key=f"import:{wanted.pk}:{phase}", project=wanted.project, payload={"import": wanted.pk, "phase": phase}
    )


def say(wanted: Import, said: dict[str, str]) -> None:
    """Keep how the file is to be read, where that is not as it was guessed."""
    guessed = {each["name"]: each["value"] for each in wanted.guesses}
    wanted.options = {**wanted.options, **{name: value for name, value in said.items() if guessed.get(name) != value}}
    wanted.save(update_fields=["options"])


def under_way(wanted: Import) -> Job | None:
    """The job that is at work on it, or is to be."""
    found: Job | None = _jobs(wanted).filter(state__in=Job.OPEN).order_by("-pk").first()
    return found


def last(wanted: Import) -> Job | None:
    """The newest job, whatever became of it."""
    found: Job | None = _jobs(wanted).order_by("-pk").first()
    return found


def cancel(wanted: Import) -> None:
    """Stop: what was applied stays as it is, whole pictures; applied again, it goes on from there."""
    jobs.cancel(_jobs(wanted))


def _jobs(wanted: Import) -> Any:
    return Job.objects.filter(project=wanted.project_id, kind=KIND, key__startswith=f"import:{wanted.pk}:")


def options_of(importer: Importer, given: Input) -> list[Option]:
    """All that may be said of how a file is read."""
    makes = MAKE if importer.makes_classes else KNOWN_ONLY
    return [
        *importer.options(given),
        Option("classes", gettext_noop("Classes that the question lacks"), makes, (MAKE, KNOWN_ONLY)),
        Option("cut", gettext_noop("Cut off from the beginnings of paths")),
        Option("add", gettext_noop("Put before paths")),
    ]


# --- doing it -------------------------------------------------------------------------------------


def work(progress: jobs.Progress) -> None:
    """Do the job: look, or apply."""
    wanted = Import.objects.select_related("project", "question__project").get(pk=progress.job.payload["import"])

    def tell(done: int, total: int) -> None:
        progress(done, total)

    if progress.job.payload["phase"] == LOOK:
        look(wanted, tell)
        return
    if Job.objects.filter(project=wanted.project_id, kind__in=("scan", "ingest"), state__in=Job.OPEN).exists():
        raise PicturesFirst(notice(WorkerCode.NEW_FILES_FIRST))
    if not apply(wanted, tell, time.monotonic() + TURN):
        raise OthersBetween(notice(WorkerCode.IMPORT_GOES_ON))


def look(wanted: Import, tell: Tell) -> None:
    """See what would be done, and keep it with the import; why it can't be read, where that is so."""
    wanted.look, wanted.problem, wanted.position, wanted.stamp = None, [], [], wanted.stamped()
    wanted.save(update_fields=["look", "problem", "position", "stamp"])
    given = Input(wanted.file)
    try:
        importer = importers.IMPORTERS.get(wanted.format) or importers.recognised(given)
        options = options_of(importer, given)
        wanted.format = importer.name
        said = {each.name: wanted.options.get(each.name, each.guess) for each in options}
        if "cut" not in wanted.options and "add" not in wanted.options:
            shift = placing.guess(wanted.project, _first_paths(importer, given, said))
            said |= {"cut": shift.cut, "add": shift.add}
        wanted.guesses = [
            {"name": each.name, "title": each.title, "value": said[each.name], "choices": list(each.choices)}
            for each in options
        ]
        wanted.look = _looked_at(wanted, importer, given, said, tell)
    except Unreadable as error:
        wanted.problem = [error.reason, error.text[:1000]]
    wanted.save(update_fields=["format", "guesses", "stamp", "look", "problem"])


def _first_paths(importer: Importer, given: Input, said: dict[str, str]) -> list[str]:
    found: list[str] = []
    for record in importer.read(given, said):
        if isinstance(record, Pictured):
            found.append(record.path)
        if len(found) >= placing.LOOKED_AT:
            break
    return found


def _looked_at(wanted: Import, importer: Importer, given: Input, said: dict[str, str], tell: Tell) -> dict[str, Any]:
    account = Account(wanted.list_path)
    is_whole = False
    try:
        with _taking(wanted, importer, said, account, is_dry=True) as taking:
            for batch in applying.batches(importer.read(given, said)):
                taking.take(batch, lambda: None)
                tell(account.numbers["records"], 0)
        is_whole = True
        return _report(taking)
    finally:
        account.close(is_whole=is_whole)


def apply(wanted: Import, tell: Tell, until: float | None = None) -> bool:
    """Apply what was looked at, from where it broke off; False where it is not done at that time.

    Raises Unreadable where the file is not the one that was looked at.
    """
    if wanted.look is None or wanted.stamp != wanted.stamped():
        _refuse(wanted, "changed")
        return True
    importer, given = importers.IMPORTERS[wanted.format], Input(wanted.file)
    said = {each["name"]: each["value"] for each in wanted.guesses}
    done, size = wanted.position or (0, 0)
    account = Account(wanted.list_path, wanted.report if done else None, size)
    is_whole = False
    try:
        with _taking(wanted, importer, said, account, is_dry=False) as taking:
            taking.classes.go_on((wanted.report or {}).get("classes", ()) if done else ())
            is_whole = _applied(wanted, taking, _batches(importer, given, said), done, tell, until)
            if is_whole:
                taking.stands.finish()
                _finish(wanted, taking)
    except Unreadable as error:
        _refuse(wanted, error.reason, error.text)
        return True
    finally:
        account.close(is_whole=is_whole)
    return is_whole


def _batches(importer: Importer, given: Input, said: dict[str, str]) -> Iterator[list[Record]]:
    return applying.batches(importer.read(given, said))


def _applied(
    wanted: Import, taking: Applying, batches: Iterator[list[Record]], done: int, tell: Tell, until: float | None
) -> bool:
    at, total = 0, (wanted.look or {}).get("records", 0)
    for batch in batches:
        at += len(batch)
        if at <= done:
            taking.pass_over(batch)
            continue
        taking.take(batch, lambda at=at: _keep(wanted, taking, at))  # type: ignore[misc]
        tell(at, total)
        if until is not None and time.monotonic() > until:
            return False
        time.sleep(PAUSE)
    return True


def _keep(wanted: Import, taking: Applying, at: int) -> None:
    """Note how far it is, in the transaction that wrote it."""
    size = taking.account.size()
    Import.objects.filter(pk=wanted.pk).update(position=[at, size], report=_report(taking))


def _finish(wanted: Import, taking: Applying) -> None:
    Import.objects.filter(pk=wanted.pk).update(
        report=_report(taking), position=[], applied_at=timezone.now(), problem=[]
    )
    if taking.account.numbers["labels"] or ForeignModel.objects.filter(question=wanted.question).exists():
        asking.request_refit(wanted.question, at_once=True)
    if taking.account.numbers["boxes"]:
        jobs.enqueue("repeats", key=f"project:{wanted.project.pk}", project=wanted.project)


def _refuse(wanted: Import, reason: str, text: str = "") -> None:
    Import.objects.filter(pk=wanted.pk).update(problem=[reason, text[:1000]])


def _report(taking: Applying) -> dict[str, Any]:
    """What is kept of it, with the classes that were named: name, how often, and whether it is new."""
    named = taking.classes.named.most_common(MOST_CLASSES)
    return {**taking.account.report(), "classes": [[name, n, name in taking.classes.new] for name, n in named]}


@contextmanager
def _taking(
    wanted: Import, importer: Importer, said: dict[str, str], account: Account, *, is_dry: bool
) -> Iterator[Applying]:
    with spilling() as spill:
        finder = _finder(wanted, said, spill)
        makes = said.get("classes", MAKE) == MAKE
        yield Applying(wanted.project, wanted.question, finder, account, is_dry=is_dry, makes=makes)


def _finder(wanted: Import, said: dict[str, str], spill: Spill) -> Finder:
    return Finder(wanted.project, Shift(said.get("cut", ""), said.get("add", "")), spill)
