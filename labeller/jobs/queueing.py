"""Enqueue after commit, claim once, heartbeat, finish, sweep.

The race this file is about: a message may be lost, doubled or late, and a worker may die anywhere. So a message
only names a job; the row decides. A claim is one conditional UPDATE whose count is checked, and the two partial
unique constraints on (kind, key) hold single-flight whoever else is running.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from labeller.jobs.models import Job
from labeller.jobs.signals import given_up
from labeller.messages import Explained, stored
from labeller.projects.models import Project
from tl_core.notices import Notice

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
QUEUEING_ATTEMPTS = 5  # at making a row that another process may have made a moment before
SILENT_AFTER = timedelta(seconds=30)  # a running job without a heartbeat for this long has lost its worker
RESEND_AFTER = timedelta(seconds=20)  # a queued job nobody took for this long has lost its message
REMIND_AFTER = timedelta(seconds=10)  # the same, where a person waits: a message too many costs nothing
RUN_TASK = "labeller.jobs.tasks.run"
MESSAGE, ERROR = 500, 4000  # characters that a row has room for
AHEAD = {"known": 3}  # kinds that an import is not to keep waiting until its end
BEHIND = 6  # Celery's priority on Redis, 0 comes first: a sweep must not wait behind the thousand jobs of an import
QUEUES = {
    "scan": "io",
    "ingest": "io",
    "plan": "embed",
    "embed": "embed",
    "fit": "embed",
    "index": "embed",
    "sum": "embed",
    "levels": "embed",
    "refit": "train",
    "retrain": "train",
    "assess": "io",
    "hunt": "train",
    "help": "tune",
    "bursts": "io",
    "known": "io",
    "import": "io",
    "count": "io",
    "derive": "io",
    "remove": "io",
    "fold": "io",
    "reread": "io",
    "tidy": "io",
    "repeats": "io",
    "finetune": "tune",
    "adapt": "tune",
    "vectors": "tune",
    "network": "embed",
    "advise": "tune",
    "vocabulary": "tune",
    "site_days": "io",
    "switch": "io",
    "export": "io",
    "people": "io",
}


Message = Notice | str | Sequence[Notice | str]


class JobLost(Exception):
    """This worker no longer holds the job (cancelled, or given to another after silence): stop working on it."""


class Postponed(Explained):
    """The work can't be done now, through no fault of its own: it waits, and no attempt is counted."""

    seconds = 20.0


def enqueue(
    kind: str,
    key: str,
    *,
    project: Project | None = None,
    payload: dict[str, Any] | None = None,
    delay: float = 0.0,
    total: int = 0,
) -> Job:
    """Queue a job and wake a worker after commit; where the same work is pending already, that job is returned."""
    not_before = timezone.now() + timedelta(seconds=delay)
    for _attempt in range(QUEUEING_ATTEMPTS):
        pending = Job.objects.filter(kind=kind, key=key, state=Job.State.QUEUED).first()
        if pending is not None:
            return pending
        try:
            with transaction.atomic():
                job = Job.objects.create(
                    kind=kind, key=key, project=project, payload=payload or {}, not_before=not_before, total=total
                )
        except IntegrityError:
            continue  # another process queued the same work in between
        transaction.on_commit(partial(send, job, delay))
        return job
    raise OperationalError(f"{kind} {key} is being queued by too many at once")  # busy: tried again


def send(job: Job, delay: float = 0.0) -> None:
    """Wake a worker up for this job. A broker that is down costs nothing but time: the sweeper sends again."""
    try:
        current_app.send_task(
            RUN_TASK,
            args=[job.pk],
            queue=QUEUES[job.kind],
            countdown=delay or None,
            priority=AHEAD.get(job.kind, BEHIND),
            retry=False,
            ignore_result=True,
        )
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the row stays and is swept
        log.warning("broker not reachable, %s waits for the sweeper: %s", job, error)


def remind(job: Job) -> None:
    """Wake a worker once more for a job that somebody waits for and nobody took; seldom, however often it is called."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED, not_before__lt=now - REMIND_AFTER)
    # While a job waits, its heartbeat is the time of the last reminder.
    if waiting.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=now - REMIND_AFTER)).update(heartbeat_at=now):
        send(job)


def claim(job_id: int) -> Job | None:
    """Take a queued job whose time has come; None where it isn't ours to take."""
    now = timezone.now()
    due = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, not_before__lte=now + timedelta(seconds=0.5))
    due = due.filter(Q(project=None) | Q(project__closing_at=None))  # what is being deleted gets no work done any more
    try:
        with transaction.atomic():
            taken = due.update(
                state=Job.State.RUNNING, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1, error=""
            )
    except IntegrityError:
        return None  # the same work is running: its end wakes this one up
    return Job.objects.select_related("project").get(pk=job_id) if taken else None


class Progress:
    """What a running job uses to say that it lives and how far it is."""

    MIN_INTERVAL = 0.5  # seconds between two reports that reach the database
    BEAT = 5.0  # seconds between two signs of life while the work reports nothing

    def __init__(self, job: Job) -> None:
        self.job = job
        self._beaten = time.monotonic()

    @property
    def project(self) -> Project:
        """The project that the job works for; ValueError for a job of the whole site."""
        if self.job.project is None:
            raise ValueError(f"{self.job} works for no project")
        return self.job.project

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life from a thread, for a long step (an export, a fit) can't report by itself."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self.BEAT):
                try:
                    _held(self.job).update(heartbeat_at=timezone.now())
                except DatabaseError as error:  # a busy or absent database: the next beat tries again
                    log.warning("no heartbeat for %s: %s", self.job, error)
                finally:
                    connection.close()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def __call__(self, done: int, total: int | None = None, message: Message = "", *, now: bool = False) -> None:
        """Report progress; cheap to call often. Raises JobLost where the job isn't ours any more."""
        if not now and time.monotonic() - self._beaten < self.MIN_INTERVAL:
            return
        self._beaten = time.monotonic()
        fields: dict[str, Any] = {"done": done, "heartbeat_at": timezone.now(), "message": stored(message, MESSAGE)}
        if total is not None:
            fields["total"] = total
        if not _held(self.job).update(**fields):
            raise JobLost(str(self.job))


def _held(job: Job) -> Any:
    """The row, as long as this attempt of it is the running one."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)


def finish(job: Job) -> None:
    """Mark done and wake up the same work that was queued meanwhile."""
    now = timezone.now()
    _held(job).update(state=Job.State.DONE, finished_at=now, heartbeat_at=now, done=F("total"))
    _wake_successor(job)


def fail(job: Job, error: Notice | str) -> None:
    """Put back for another attempt, or give up after the third; the queue goes on either way."""
    text = error[-ERROR:] if isinstance(error, str) else stored(error, ERROR)
    give_up = job.attempts >= MAX_ATTEMPTS
    try:
        with transaction.atomic():
            failed = _held(job).update(
                state=Job.State.FAILED if give_up else Job.State.QUEUED,
                error=text,
                finished_at=timezone.now() if give_up else None,
                not_before=timezone.now() + timedelta(seconds=2**job.attempts),
            )
            if failed and give_up:
                given_up.send(Job, job=job)
    except IntegrityError:  # the same work is pending already, with the same payload or a newer one: that one counts
        _held(job).update(state=Job.State.CANCELLED, error=text, finished_at=timezone.now())
    _wake_successor(job)


def put_back(job: Job, message: Message = "", seconds: float = 0.0) -> None:
    """Let the job wait for another try that counts as this one: stopping in the middle wasn't its fault."""
    if _requeue(job, message, seconds):
        send(job, seconds)
    else:
        _wake_successor(job)


def _requeue(job: Job, message: Message = "", seconds: float = 0.0) -> int:
    not_before = timezone.now() + timedelta(seconds=seconds)
    try:
        with transaction.atomic():
            return int(
                _held(job).update(
                    state=Job.State.QUEUED,
                    attempts=F("attempts") - 1,
                    not_before=not_before,
                    message=stored(message, MESSAGE),
                )
            )
    except IntegrityError:  # the same work is pending anyway
        _held(job).update(state=Job.State.CANCELLED, finished_at=timezone.now())
        return 0


def cancel(jobs: Any) -> int:
    """Cancel queued and running jobs of a queryset; a running one stops at its next heartbeat."""
    return int(jobs.filter(state__in=Job.OPEN).update(state=Job.State.CANCELLED, finished_at=timezone.now()))


def under_way_or_failed(jobs: Any) -> tuple[Job | None, Job | None]:
    """The newest job of a queryset that is open, and the newest of all where it failed: what a page says of a kind.

    To be read before what these jobs change: a page that ends between the two is then made once more.
    """
    newest_first = jobs.order_by("-pk")
    under_way, newest = newest_first.filter(state__in=Job.OPEN).first(), newest_first.first()
    return under_way, newest if newest and newest.state == Job.State.FAILED else None


def _wake_successor(job: Job) -> None:
    pending = Job.objects.filter(kind=job.kind, key=job.key, state=Job.State.QUEUED).first()
    if pending is not None:
        send(pending, max(0.0, (pending.not_before - timezone.now()).total_seconds()))


def run(job_id: int, handle: Callable[[str], Callable[[Progress], None]]) -> bool:
    """Claim and do one job; False where there was nothing to do."""
    job = claim(job_id)
    if job is None:
        return False
    progress = Progress(job)
    try:
        with progress.beating():
            handle(job.kind)(progress)
    except JobLost:
        log.warning("%s was taken from this worker", job)
    except Postponed as wait:
        log.warning("%s waits: %s", job, wait)
        put_back(job, wait.reason, wait.seconds)
    except (KeyboardInterrupt, SystemExit):
        put_back(job)
        raise
    except Exception as error:
        log.exception("%s failed (attempt %d)", job, job.attempts)
        told = error.reason if isinstance(error, Explained) else ""
        fail(job, told or f"{type(error).__name__}: {error}")
    else:
        finish(job)
    return True


def sweep() -> int:
    """Give silent jobs to another worker and send again what nobody took; returns how many were touched."""
    now = timezone.now()
    silent = list(Job.objects.filter(state=Job.State.RUNNING, heartbeat_at__lt=now - SILENT_AFTER))
    for job in silent:
        log.warning("%s: its worker has been silent since %s", job, job.heartbeat_at)
        fail(job, job.error or f"the worker stopped without a word during attempt {job.attempts}")
    running_twin = Job.objects.filter(state=Job.State.RUNNING, kind=OuterRef("kind"), key=OuterRef("key"))
    waiting = Job.objects.filter(state=Job.State.QUEUED, not_before__lt=now - RESEND_AFTER).exclude(
        Exists(running_twin)
    )
    # A long queue hides none behind it: the broker is asked once a queue, then only what has lost its message is read.
    kinds = set(waiting.order_by().values_list("kind", flat=True).distinct())
    empty = {queue for queue in {QUEUES[kind] for kind in kinds} if _queue_is_empty(queue)}
    lost = list(waiting.filter(kind__in=[kind for kind in kinds if QUEUES[kind] in empty]).order_by("pk")[:500])
    for job in lost:
        send(job)
    return len(silent) + len(lost)


def _queue_is_empty(queue: str) -> bool:
    """Whether the broker holds no message for this queue: then a job still waiting has lost its own."""
    try:
        with current_app.connection_for_write() as connection:
            return bool(connection.default_channel.queue_declare(queue).message_count == 0)
    except Exception as error:  # noqa: BLE001 - as in `send`
        log.warning("broker not reachable: %s", error)
        return False


def recover() -> int:
    """At the start of a single-machine site nothing can be running: put back what the last run left behind.

    Being stopped isn't the job's fault and doesn't count as an attempt.
    """
    left = list(Job.objects.filter(state=Job.State.RUNNING))
    for job in left:
        _requeue(job)
    for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
        send(job)
    return len(left)
