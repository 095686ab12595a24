"""Jobs: the row decides, whatever happens to messages and workers."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import Celery
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from labeller.jobs import queueing, registry
from labeller.jobs.models import Job

pytestmark = pytest.mark.django_db


def queue(key="a", kind="refit", **fields):
    return queueing.enqueue(kind, key, **fields)


def running(key="a", silent_for=0.0, **fields):
    now = timezone.now()
    return Job.objects.create(
        **{
            "kind": "refit",
            "key": key,
            "state": Job.State.RUNNING,
            "attempts": 1,
            "not_before": now,
            "heartbeat_at": now - timedelta(seconds=silent_for),
            **fields,
        }
    )


def waiting(key="a", since=0.0, **fields):
    not_before = timezone.now() - timedelta(seconds=since)
    return Job.objects.create(**{"kind": "refit", "key": key, "not_before": not_before, **fields})


def do(job, work):
    return queueing.run(job.pk, lambda kind: work)


def boom(progress):
    raise ValueError("broken on purpose")


@pytest.fixture
def broker(monkeypatch):
    """What the broker says about its queues: the names of those that hold messages."""
    holding = set()
    monkeypatch.setattr(queueing, "_queue_is_empty", lambda queue: queue not in holding)
    return holding


# --- enqueue --------------------------------------------------------------------------------------


def test_the_message_is_sent_after_commit_to_the_queue_of_its_kind(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        jobs = [queue(kind=kind) for kind in ("scan", "ingest", "plan", "embed", "refit", "finetune")]
        assert sent == []
    assert sent == [
        (job.pk, queue, None) for job, queue in zip(jobs, ("io", "io", "embed", "embed", "train", "tune"), strict=True)
    ]


def test_a_rolled_back_job_sends_nothing(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RuntimeError), transaction.atomic():
        queue()
        raise RuntimeError
    assert sent == []


def test_the_same_pending_work_is_queued_once(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first, second, other = queue("a"), queue("a", delay=5.0), queue("b")
    assert first == second != other
    assert [job_id for job_id, *_ in sent] == [first.pk, other.pk]


def test_work_that_is_running_may_be_queued_once_more(sent):
    held = running("a")
    after = queue("a")
    assert after.pk != held.pk
    assert queue("a") == after


def test_losing_the_race_for_the_row_gives_the_winners_job(monkeypatch):
    rivals = []

    def beaten():  # somebody else, between our look and our insert
        if not rivals:
            rivals.append(waiting("a"))
        return transaction.atomic()

    fake = SimpleNamespace(atomic=beaten, on_commit=transaction.on_commit)
    monkeypatch.setattr(queueing, "transaction", fake)
    assert [queue("a")] == rivals == list(Job.objects.all())


def test_a_broker_that_is_down_loses_no_job(monkeypatch, django_capture_on_commit_callbacks):
    class App:
        @staticmethod
        def send_task(*args, **options):
            raise ConnectionRefusedError

    monkeypatch.setattr(queueing, "current_app", App)
    with django_capture_on_commit_callbacks(execute=True):
        job = queue()
    assert Job.objects.get() == job


def test_a_broker_that_is_down_keeps_nobody_waiting(monkeypatch, settings, tmp_path):
    slept = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    with Celery("away", set_as_current=False) as away:
        away.conf.broker_url = f"redis+socket://{tmp_path}/nothing.sock"
        away.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        monkeypatch.setattr(queueing, "current_app", away)
        queueing.send(waiting())
    assert sum(slept) < 1.0


def test_the_database_forbids_two_pending_and_two_running_jobs_of_the_same_work():
    for make in (running, waiting):
        make("a")
        with pytest.raises(IntegrityError), transaction.atomic():
            make("a")
    running("b")
    running("a", kind="embed")


# --- claim and run --------------------------------------------------------------------------------


def test_of_two_claims_one_wins():
    job = queue()
    won = queueing.claim(job.pk)
    assert (won.state, won.attempts) == (Job.State.RUNNING, 1)
    assert queueing.claim(job.pk) is None
    assert Job.objects.get().attempts == 1


def test_a_doubled_message_does_the_work_once():
    job, done = queue(), []
    assert do(job, done.append) is True
    assert do(job, done.append) is False
    assert len(done) == 1


def test_a_job_whose_time_has_not_come_is_not_taken():
    assert queueing.claim(queue(delay=60.0).pk) is None


def test_a_message_without_a_row_is_ignored():
    assert queueing.run(987654321, registry.get) is False


def test_the_same_work_never_runs_twice_at_once_and_its_end_wakes_the_next(sent):
    held = running("a")
    after = queue("a")
    assert queueing.claim(after.pk) is None
    queueing.finish(held)
    assert [job_id for job_id, *_ in sent] == [after.pk]
    assert queueing.claim(after.pk).pk == after.pk


def test_finishing_sets_progress_to_its_end():
    job = queue(total=7)
    assert do(job, lambda progress: progress(3, now=True))
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == (Job.State.DONE, 7, 7)
    assert job.finished_at is not None


def test_a_failing_job_is_tried_three_times_and_then_given_up(sent):
    job = queue()
    for attempt in (1, 2):
        assert do(job, boom)
        job.refresh_from_db()
        assert (job.state, job.attempts, job.finished_at) == (Job.State.QUEUED, attempt, None)
        assert job.not_before > timezone.now()
        Job.objects.update(not_before=timezone.now())
    assert len(sent) == 2
    assert do(job, boom)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == (Job.State.FAILED, 3, "ValueError: broken on purpose")
    assert do(job, boom) is False
    assert queue().pk != job.pk  # what failed for good doesn't stand in the way of asking again


def test_a_failing_job_gives_way_to_the_same_work_queued_meanwhile(sent):
    job = queue("a")

    def fail_while_queued(progress):
        queue("a")
        boom(progress)

    assert do(job, fail_while_queued)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert Job.objects.filter(state=Job.State.QUEUED).count() == 1
    assert sent


def test_a_cancelled_job_stops_at_its_next_report():
    job, reached = queue(), []

    def work(progress):
        progress(1, 10, "before", now=True)
        queueing.cancel(Job.objects.filter(pk=job.pk))
        progress(2, 10, "after", now=True)
        reached.append("the end")

    assert do(job, work)
    job.refresh_from_db()
    assert (job.state, job.message, reached) == (Job.State.CANCELLED, "before", [])


def test_cancelling_leaves_finished_work_alone():
    done = running("a", state=Job.State.DONE)
    assert queueing.cancel(Job.objects.all()) == 0
    done.refresh_from_db()
    assert done.state == Job.State.DONE


def test_a_worker_that_was_given_up_on_cannot_finish_for_its_successor(sent):
    job = queue()
    first = queueing.claim(job.pk)
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    queueing.sweep()
    Job.objects.update(not_before=timezone.now())
    second = queueing.claim(job.pk)
    assert second.attempts == 2
    queueing.finish(first)
    queueing.fail(first, "too late")
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == (Job.State.RUNNING, 2, "")
    with pytest.raises(queueing.JobLost):
        queueing.Progress(first)(1, now=True)


def test_reports_in_quick_succession_do_not_all_reach_the_database(django_assert_num_queries):
    progress = queueing.Progress(queueing.claim(queue().pk))
    with django_assert_num_queries(0):
        for number in range(100):
            progress(number, 100)
    with django_assert_num_queries(1):
        progress(100, 100, now=True)


def test_signs_of_life_come_while_the_work_reports_nothing(monkeypatch):
    import threading

    beaten = threading.Event()

    class Rows:
        def update(self, **fields):
            beaten.set()
            raise DatabaseError("busy")  # must not end the heartbeat

    monkeypatch.setattr(queueing.Progress, "BEAT", 0.01)
    monkeypatch.setattr(queueing, "_held", lambda job: Rows())
    monkeypatch.setattr(queueing, "connection", type("Connection", (), {"close": staticmethod(lambda: None)}))
    with queueing.Progress(waiting()).beating():
        for _ in range(3):
            assert beaten.wait(10)
            beaten.clear()
    assert not any(thread.name == "heartbeat" and thread.is_alive() for thread in threading.enumerate())


# --- sweep and recover ----------------------------------------------------------------------------


def test_a_silent_job_is_given_to_another_worker(sent, broker):
    silent, lively = running("a", silent_for=300.0), running("b", silent_for=1.0)
    assert queueing.sweep() == 1
    silent.refresh_from_db()
    lively.refresh_from_db()
    assert (silent.state, lively.state) == (Job.State.QUEUED, Job.State.RUNNING)
    assert "without a word" in silent.error


def test_a_job_that_kills_its_worker_is_given_up_at_the_third_time(sent, broker):
    job = running("a", silent_for=300.0, attempts=3)
    queueing.sweep()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED


def test_a_lost_message_is_sent_again_only_when_the_queue_is_empty(sent, broker):
    job = waiting("a", since=120.0)
    broker.add("train")
    assert queueing.sweep() == 0
    assert sent == []
    broker.clear()
    assert queueing.sweep() == 1
    assert [(job_id, queue) for job_id, queue, _ in sent] == [(job.pk, "train")]


def test_a_long_queue_hides_no_lost_message_and_is_asked_for_once(sent, broker, monkeypatch):
    asked = []
    monkeypatch.setattr(queueing, "_queue_is_empty", lambda queue: (asked.append(queue), queue != "embed")[1])
    for number in range(501):
        waiting(f"shard:{number}", since=120.0, kind="embed")
    job = waiting("a", since=120.0)
    assert queueing.sweep() == 1
    assert [job_id for job_id, _queue, _delay in sent] == [job.pk]
    assert sorted(asked) == ["embed", "train"]


def test_jobs_that_are_fresh_later_or_behind_their_twin_are_not_resent(sent, broker):
    waiting("fresh", since=1.0)
    waiting("later", since=-60.0)
    waiting("behind", since=120.0)
    running("behind")
    assert queueing.sweep() == 0
    assert sent == []


def test_an_absent_broker_is_no_reason_to_send(monkeypatch, sent):
    class App:
        @staticmethod
        def connection_for_write():
            raise ConnectionRefusedError

        connection_for_read = connection_or_acquire = connection_for_write

    waiting(since=120.0)
    monkeypatch.setattr(queueing, "current_app", App)
    assert queueing.sweep() == 0


def test_recovering_puts_back_what_ran_and_counts_no_attempt(sent):
    job, twin_running = running("a", attempts=2), running("b")
    twin_waiting, other, done = waiting("b"), waiting("c"), running("d", state=Job.State.DONE)
    assert queueing.recover() == 2
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {
        job.pk: "queued",
        twin_running.pk: "cancelled",
        twin_waiting.pk: "queued",
        other.pk: "queued",
        done.pk: "done",
    }
    job.refresh_from_db()
    assert job.attempts == 1
    assert [job_id for job_id, *_ in sent] == [job.pk, twin_waiting.pk, other.pk]


def test_a_kind_without_a_queue_cannot_be_registered():
    with pytest.raises(ValueError, match="juggle"):
        registry.handler("juggle")


def test_every_kind_has_a_handler_and_its_queue_exists(settings):
    import tests.factories  # noqa: F401 - imports the apps' tasks as a worker does

    assert all(registry.get(kind) for kind in queueing.QUEUES)
    assert set(queueing.QUEUES.values()) == {queue.name for queue in settings.CELERY_TASK_QUEUES}
