"""What is deleted is gone, in every table and every folder, and what is others' is as it was."""

import io
import uuid
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from axes.models import AccessLog
from django.apps import apps
from django.utils import timezone

from labeller.accounts.models import Membership, User
from labeller.annotating.models import Assignment
from labeller.embedding import ahead, loading, runs
from labeller.embedding.models import EmbeddingRun, GivenUpShard
from labeller.exchange import starting
from labeller.exchange.models import Export
from labeller.insights.models import SiteDay, SiteDays, Summary
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job, Kept
from labeller.labels import answering, tallies
from labeller.labels.models import Attribution, Check, Default, Flag, Label
from labeller.learning import foreign
from labeller.learning.models import Acceptance, Assessment, Head, Helping, Round, RoundEntry, TileGroup
from labeller.managing import closure, emptying, removing, removing_sources, tasks
from labeller.messages import sentence
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples import hiding, ingesting, told
from labeller.samples import tables as tables_of_labels
from labeller.samples.models import (
    BoxEdit,
    Deployment,
    File,
    HiddenTruth,
    Refusal,
    RepeatedBox,
    Sample,
    Source,
    TableReading,
    Text,
    TextCopy,
)
from labeller.transfer.models import AdaptingResult, Advice, FineTuning, Switch, TuningPolicy, WordReport
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(emptying, "LEAST", 2)
    monkeypatch.setattr(emptying, "MOST", 3)
    monkeypatch.setattr(emptying, "PAGE", 2)
    monkeypatch.setattr(removing_sources, "TOGETHER", 2)


def tables():
    """Every row of every table that isn't Django's own, by its id."""
    ours = [model for model in apps.get_models(include_auto_created=True) if model.__module__.startswith("labeller")]
    return {
        model._meta.label: set(model._base_manager.values_list("pk", flat=True))
        for model in ours
        if model is not Job  # the deletion itself is one
    }


def files(settings):
    return {str(path.relative_to(settings.DATA)) for path in Path(settings.DATA).rglob("*") if path.is_file()}


def photographs(folder, *seeds):
    for seed in seeds:
        factories.photograph(folder / f"{seed:02}.jpg", seed)
    return folder


def everything(slug, folder, who):
    """A project with at least a row in every table that hangs on projects, and files of each kind."""
    project = factories.project(slug)
    question = project.first_question
    Membership.objects.create(project=project, user=who, role="owner")
    for each in range(2):
        ingesting.add_source(project, photographs(folder / str(each), *range(9 * each, 9 * each + 8)))
    (folder / "0" / "broken.jpg").write_text("no picture")
    ingesting.ask_for_scan(project.sources.first())
    factories.work()
    labelled(project, question, who)
    factories.work()
    besides(project, question, who)
    return project


def labelled(project, question, who):
    samples = list(Sample.objects.filter(project=project).order_by("pk"))
    names = [question.classes.get(name=name).pk for name in ("fox", "badger")]
    factories.ranking(question, samples)
    for number, sample in enumerate(samples[:10]):
        entry = RoundEntry.objects.get(sample=sample, round__question=question, round__is_current=True)
        held = {"entry": entry, "expires_at": timezone.now(), "is_done": True, "slot": 0}
        Assignment.objects.create(question=question, sample=sample, annotator=who, **held)
        first = factories.label(question, sample, who, names[number % 2])
        factories.label(question, sample, who, names[number % 2], supersedes=first.uuid)
    jobs.enqueue("retrain", f"question:{question.pk}", project=project, payload={"question": question.pk})


def besides(project, question, who):
    """A row in what tables are still empty."""
    sample = Sample.objects.filter(project=project).first()
    run = EmbeddingRun.in_use(project)
    following = Question.objects.create(project=project, key="age", text="How old?", follows=question)
    following.only_for.add(question.classes.first())
    tallies.recount(project)
    child = ensure_class(question, "red fox")[0]
    LabelClass.objects.filter(pk=child.pk).update(parent=question.classes.first())
    whose = {"question": question, "project": project, "sample": sample, "uuid": uuid.uuid4()}
    Flag.objects.create(author=who, note="odd", **whose)
    deployment = project.deployments.first()
    place = {"box": [0, 0, 1, 1], "samples": [sample.pk], "pictures": 10, "days": 2}
    RepeatedBox.objects.create(project=project, deployment=deployment, dismissed_by=who, **place)
    BoxEdit.objects.create(author=who, uuid=uuid.uuid4(), project=project, sample=sample, after=[0, 0, 1, 1])
    for is_current in (False, True):
        fields = {**whose, "uuid": uuid.uuid4(), "verdict": "answer", "mode": "grid", "is_current": is_current}
        Check.objects.create(annotator=who, **fields)
    HiddenTruth.objects.create(sample=sample, label_class=child)
    Attribution.objects.create(label=Label.objects.filter(sample=sample).first(), by="Jane", at=timezone.now())
    let_stand = {**whose, "annotator": who, "label_class": child, "verdict": "answer", "probability": 0.99}
    before = Default.objects.create(**{**let_stand, "uuid": uuid.uuid4(), "is_current": False})
    Default.objects.create(**{**let_stand, "uuid": uuid.uuid4(), "supersedes": before})
    measured = dict.fromkeys(("alone", "joined", "low", "high", "loss", "loss_low", "loss_high"), 0.5)
    Helping.objects.create(question=question, helper=following, run=run, companion=run, n=60, **measured)
    holds = {"question": question, "sample": sample, "expires_at": timezone.now()}
    Assignment.objects.create(annotator=who, kind="review", slot=0, **holds)
    GivenUpShard.objects.create(run=run, number=99, last_at=timezone.now())
    EmbeddingRun.objects.create(project=project, base=run, featuriser="x", fingerprint="f" * 16, dimension=8)
    look = {"epsilon": 0.1, "bound": 0.1, "confidence": 0.9, "n_audited": 9, "audited": 9, "wrong": 0, "accepted": 9}
    Acceptance.objects.create(question=question, head=question.heads.first(), newest_sample=1, reason="", **look)
    report = {"classes": {}, "label_errors": [], "savings": {}, "recall": []}
    Assessment.objects.create(question=question, n_labels=1, report=report)
    Summary.objects.get_or_create(question=question, defaults={"report": {}})
    days = SiteDays.objects.create(question=question)
    place = Deployment.objects.filter(project=project).first()
    numbers = {"by_people": 1, "by_head": 1, "predicted": 1, "events": 1, "surest": sample}
    SiteDay.objects.create(of=days, deployment=place, day=timezone.now().date(), label_class=child, **numbers)
    Kept.look(project.pk, "jobs", 3)
    Text.objects.create(sample=sample, project=project, content="said", digest=sample.file.sha256, like=sample)
    TextCopy.objects.create(original=sample, file=sample.file, part="row", start=3)
    TableReading.objects.create(source=sample.file.source)
    Advice.objects.create(project=project, question=question, report={}, seconds=1.0)
    WordReport.objects.create(project=project, question=question, source="glove", report={}, seconds=1.0)
    Switch.objects.create(project=project, run=run)
    FineTuning.objects.create(project=project, question=question, seconds=1)
    TuningPolicy.objects.create(project=project, question=question)
    AdaptingResult.objects.create(project=project, run=run, way="whitening", report={})
    TileGroup.objects.create(question=question, kind="hunt", hunter=who, n=0)
    brought = starting.of_upload(question, io.BytesIO(b"[]"), "md.json")
    brought.list_path.parent.mkdir(exist_ok=True)
    brought.list_path.write_text("line,path\n")
    foreign.store(foreign.model(question, "md_v5a"), [foreign.Predicted(sample.pk, "animal", 0.9)])
    hiding.tell(sample.file, hiding.Word.HIDE)
    exported(question, who)


def exported(question, who):
    """An export that was made, with its file."""
    export = Export.objects.create(
        project=question.project, format="camtrap-dp", asked_by=who, finished_at=timezone.now()
    )
    export.questions.add(question)
    export.path.parent.mkdir(parents=True, exist_ok=True)
    export.path.write_bytes(b"packed")
    return export


@pytest.fixture
def two(foxes, tmp_path, settings, sent):
    """The cast's project aside, one more full of everything; with what there was before it."""
    before = tables(), files(settings)
    mine = everything("mine", tmp_path / "mine", foxes.olga)
    return foxes, mine, before


def remove(row, by=None):
    job = removing.ask(row, by)
    return do(job)


def do(job):
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    assert jobs.run(job.pk, registry.get)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


# --- a project ------------------------------------------------------------------------------------


def test_every_table_that_hangs_on_a_project_is_in_these_tests(two):
    """Where this fails, a table is new: fill it in `everything`, and see whether it is deleted."""
    mine = two[1]
    tied = {each.model._meta.label for each in closure.tied(Project)}
    empty = {
        each.model._meta.label
        for each in closure.tied(Project)
        if not any(each.rows(lookup, [mine.pk]).exists() for lookup in each.lookups)
    }
    # Bursts need times, which these pictures have not.
    assert empty <= {"samples.Sequence"}, empty
    assert {"labels.Label", "samples.Sample", "learning.RoundEntry", "jobs.Job"} <= tied


def test_every_way_to_a_project_is_known():
    """A model that names one that goes, must go, or let go of it."""
    going = {each.model for each in closure.tied(Project)} | {Project}
    for model in apps.get_models(include_auto_created=True):
        for field in closure.foreign_keys(model):
            if field.related_model in going:
                assert model in going, f"{model._meta.label}.{field.name} would be left dangling"


def test_nothing_of_a_project_is_left(two, settings, client):
    foxes, mine, (rows, paths) = two
    client.force_login(foxes.olga)
    assert b"".join(client.get("/projects/mine/export/labels.csv").streaming_content)
    told.write_list(
        told.list_path(mine.sources.first().pk, "labels"), [tables_of_labels.Problem("no-row", 1, "a.jpg", "badger")]
    )
    folders = {path.partition("/")[0] for path in files(settings) - paths}
    assert folders == {"embeddings", "exports", "heads", "imports", "media", "reports"}
    job = remove(mine, foxes.olga)
    assert {name: found - rows[name] for name, found in tables().items() if found != rows[name]} == {}
    assert tables() == rows
    assert files(settings) == paths
    assert not list(Path(settings.DATA).glob("*/project-*")), "nor an empty folder"
    assert job.done == job.total > 0
    assert not Job.objects.exclude(pk=job.pk).filter(project=mine.pk).exists()


def test_pictures_that_another_project_shows_stay(two, tmp_path, settings):
    foxes, mine, _ = two
    ingesting.add_source(foxes.project, tmp_path / "mine" / "0")
    factories.work("scan", "ingest")
    shared = set(File.objects.filter(project=foxes.project).values_list("sha256", flat=True))
    remove(mine)
    assert shared and {path.name[:64] for path in settings.MEDIA.rglob("*.jpg")} == shared
    assert (tmp_path / "mine" / "1" / "09.jpg").exists(), "photographs are not the site's to delete"


def test_while_it_is_deleted_nobody_sees_it_and_no_work_is_taken(two, client):
    foxes, mine, _ = two
    client.force_login(foxes.olga)
    question = mine.first_question
    assert client.get("/projects/mine/").status_code == 200
    removing.ask(mine, foxes.olga)
    sample = Sample.objects.filter(project=mine).first()
    for path in ("", "settings/", f"label/{question.key}/", "export/labels.csv"):
        assert client.get(f"/projects/mine/{path}").status_code == 404
    assert client.get(f"/samples/{sample.pk}/256.jpg").status_code == 404
    waiting = jobs.enqueue("refit", f"question:{question.pk}", project=mine, payload={"question": question.pk})
    assert jobs.claim(waiting.pk) is None
    client.force_login(foxes.ada)
    assert client.get("/projects/mine/").status_code == 404


def test_until_the_work_begins_it_can_be_kept_after_all(two, client):
    foxes, mine, _ = two
    before = tables()
    job = removing.ask(mine, foxes.olga)
    assert jobs.claim(job.pk) is None, "there is a moment to think better of it"
    assert removing.cancel(job)
    assert tables() == before
    client.force_login(foxes.olga)
    assert client.get("/projects/mine/").status_code == 200
    job = removing.ask(mine, foxes.olga)
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    assert jobs.claim(job.pk)
    assert not removing.cancel(job)
    assert not Project.objects.filter(pk=mine.pk).exists()


@pytest.mark.parametrize("batches", [0, 1, 7, 20, 45])
def test_what_is_killed_in_the_middle_is_gone_on_with(two, settings, monkeypatch, batches):
    foxes, mine, (rows, paths) = two
    job = removing.ask(mine, foxes.olga)
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    batch, done = emptying.Emptying._batch, []

    def killed(self, model, pks):
        if len(done) == batches:
            raise SystemExit
        done.append(model)
        batch(self, model, pks)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(emptying.Emptying, "_batch", killed)
        with pytest.raises(SystemExit):
            jobs.run(job.pk, registry.get)
    assert Project.everything.filter(pk=mine.pk).exists()
    assert not removing.cancel(job), "half of it is gone"
    do(job)
    assert tables() == rows
    assert files(settings) == paths


def test_a_deletion_that_was_given_up_is_begun_again(two):
    foxes, mine, (rows, _) = two
    job = removing.ask(mine, foxes.olga)
    tasks.go_on_removing()
    assert Job.objects.filter(kind="remove").count() == 1
    long_ago = timezone.now() - timedelta(hours=1)
    Job.objects.filter(pk=job.pk).update(state="failed", started_at=long_ago, finished_at=long_ago)
    tasks.go_on_removing()
    do(Job.objects.get(kind="remove", state="queued"))
    assert tables() == rows
    tasks.go_on_removing()
    assert not Job.objects.filter(kind="remove", state="queued").exists()


def test_what_takes_long_lets_other_work_come_in_between(two, monkeypatch):
    foxes, mine, (rows, _) = two
    for name, value in {"TURN": 0.0, "LEAST": 10, "MOST": 100, "PAGE": 8}.items():  # each turn looks through all tables
        monkeypatch.setattr(emptying, name, value)
    job = removing.ask(mine, foxes.olga)
    turns = 0
    while Job.objects.filter(pk=job.pk).exclude(state=Job.State.DONE).exists():
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        assert jobs.run(job.pk, registry.get)
        turns += 1
        assert turns < 200 and not removing.cancel(job)
    assert turns > 20 and tables() == rows
    job.refresh_from_db()
    assert job.attempts == 1, "no attempt is counted"


def test_what_is_added_in_the_last_moment_goes_too(two, monkeypatch):
    mine, rows = two[1], two[2][0]
    first, delete = [], removing._delete_row

    def late(emptied, model, pks):
        if not first:
            source = Source.objects.create(project=mine, path="/late")
            fields = {"path": "late.jpg", "sha256": "0" * 64, "bytes": 1, "modified_ns": 0}
            file = File.objects.create(project=mine, source=source, width=1, height=1, **fields)
            Sample.objects.create(project=mine, file=file, shard=0)
            first.append(True)
        delete(emptied, model, pks)

    monkeypatch.setattr(removing, "_delete_row", late)
    remove(mine)
    assert tables() == rows


# --- a source -------------------------------------------------------------------------------------


def test_a_source_goes_with_its_samples_and_the_project_goes_on(two, settings):
    mine = two[1]
    gone, stays = mine.sources.order_by("pk")
    samples = set(Sample.objects.filter(file__source=stays).values_list("pk", flat=True))
    left = set(Label.objects.filter(project=mine, sample__file__source=stays).values_list("pk", flat=True))
    remove(gone)
    assert set(Sample.objects.filter(project=mine).values_list("pk", flat=True)) == samples
    assert set(Label.objects.filter(project=mine).values_list("pk", flat=True)) == left
    assert not Refusal.objects.filter(source=gone).exists()
    assert not Source.everything.filter(pk=gone.pk).exists()
    assert not answering.check(mine)
    for run in mine.embedding_runs.exclude(dimension=0):
        assert set(loading.load_embeddings(run).ids.tolist()) <= samples
    run = EmbeddingRun.in_use(mine)
    assert set(loading.load_embeddings(run).ids.tolist()) == samples
    factories.work()
    current = Round.objects.get(question=mine.first_question, is_current=True)
    assert set(current.entries.values_list("sample", flat=True)) <= samples
    contents = set(File.objects.filter(project=mine).values_list("sha256", flat=True))
    assert {path.name[:64] for path in settings.MEDIA.rglob("*.jpg")} == contents


def test_vectors_of_a_shard_that_two_sources_share_are_overwritten(two):
    mine = two[1]
    gone, stays = mine.sources.order_by("pk")
    run = EmbeddingRun.in_use(mine)
    Sample.objects.filter(project=mine).update(shard=0)
    everyone = list(Sample.objects.filter(project=mine).order_by("pk"))
    ids = np.array([each.pk for each in everyone])
    vectors = np.ones((len(ids), run.dimension), np.float32)
    written = runs.store(run).write_shard(0, ids, vectors, np.ones(len(ids), bool))
    run.shards.filter(number=0).update(embedded=len(ids), sha256=written.sha256)
    run.shards.exclude(number=0).delete()
    ahead.kept(run).write("shard-000000.npz", b"vectors that an import computed")
    remove(gone)
    assert not ahead.kept(run).names()
    stored = runs.store(run).read_shard(0)
    is_gone = ~np.isin(stored.ids, list(Sample.objects.filter(file__source=stays).values_list("pk", flat=True)))
    assert is_gone.any() and not stored.vectors[is_gone].any() and stored.vectors[~is_gone].all()
    assert runs.repair(run) == 0


def test_a_folder_that_is_being_deleted_is_not_imported_meanwhile(two):
    foxes, mine, _ = two
    source = mine.sources.first()
    removing.ask(source, foxes.olga)
    with pytest.raises(ingesting.scanning.FolderError, match="being deleted"):
        ingesting.add_source(mine, source.folder)


# --- a question -----------------------------------------------------------------------------------


def test_a_question_goes_with_those_that_follow_it(two, settings):
    foxes, mine, _ = two
    question = mine.first_question
    other = Question.objects.create(project=mine, key="weather", text="Rain?", position=5)
    sample = Sample.objects.filter(project=mine).first()
    kept = factories.label(other, sample, foxes.ana, ensure_class(other, "rain")[0].pk)
    samples = Sample.objects.filter(project=mine).count()
    export = Export.objects.get(questions=question)
    heads = settings.HEADS / f"question-{question.pk}"
    assert heads.exists()
    remove(question)
    assert list(Question.everything.filter(project=mine)) == [other]
    assert list(Label.objects.filter(project=mine)) == [kept]
    assert Sample.objects.filter(project=mine).count() == samples
    assert not heads.exists()
    assert not Export.objects.exists() and not export.path.exists()
    assert not answering.check(mine)


def test_the_only_question_stays(foxes):
    with pytest.raises(removing.Refused, match="at least one question"):
        removing.ask(foxes.question, foxes.olga)


# --- a class --------------------------------------------------------------------------------------


def test_a_class_without_labels_goes_and_one_with_labels_stays(foxes):
    spare = ensure_class(foxes.question, "dodo")[0]
    remove(spare)
    assert not LabelClass.objects.filter(pk=spare.pk).exists()
    sample = factories.samples(foxes.project, 1)[0]
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    with pytest.raises(removing.Refused, match="Labels name this class"):
        removing.ask(LabelClass.objects.get(name="fox"), foxes.olga)


def test_a_class_that_somebody_labels_with_meanwhile_is_kept(foxes):
    spare = ensure_class(foxes.question, "dodo")[0]
    job = removing.ask(spare, foxes.olga)
    label = factories.label(foxes.question, factories.samples(foxes.project, 1)[0], foxes.ana, spare.pk)
    assert sentence(do(job).message).startswith("The class is kept")
    assert list(label.classes.all()) == [spare]


def test_a_class_that_others_need_stays(foxes):
    spare = ensure_class(foxes.question, "dodo")[0]
    below = ensure_class(foxes.question, "young dodo")[0]
    LabelClass.objects.filter(pk=below.pk).update(parent=spare)
    with pytest.raises(removing.Refused, match="below this one"):
        removing.ask(spare, foxes.olga)
    below.delete()
    following = Question.objects.create(project=foxes.project, key="age", text="How old?", follows=foxes.question)
    following.only_for.add(spare)
    with pytest.raises(removing.Refused, match="How old"):
        removing.ask(spare, foxes.olga)
    following.delete()
    run = runs.current_run(foxes.project)
    head = Head.objects.create(
        question=foxes.question, run=run, version=1, class_ids=[spare.pk], n_labels=2, fit_seconds=0.0
    )
    made = factories.ranking(foxes.question, [])
    Round.objects.filter(pk=made.pk).update(head=head)
    with pytest.raises(removing.Refused, match="head knows"):
        removing.ask(spare, foxes.olga)


# --- an account -----------------------------------------------------------------------------------


def test_of_an_account_the_labels_stay_under_a_pseudonym(foxes, client):
    ana = foxes.ana
    User.objects.filter(pk=ana.pk).update(first_name="Ana", email="ana@example.org", keys={"skip": "x"})
    sample = factories.samples(foxes.project, 1)[0]
    label = factories.label(foxes.question, sample, ana, foxes.class_id("fox"))
    AccessLog.objects.create(username="ana", path_info="/login/")
    client.force_login(ana)
    job = removing.ask(User.objects.get(pk=ana.pk), foxes.ada)
    assert client.get("/").status_code == 302, "they are logged out at once"
    do(job)
    label.refresh_from_db()
    former = label.annotator
    assert former.username == f"former-{ana.pk}"
    assert not (former.first_name or former.email or former.keys or former.is_active or former.has_usable_password())
    assert not Membership.objects.filter(user=ana.pk).exists() and not AccessLog.objects.filter(username="ana").exists()
    client.force_login(foxes.mia)
    exported = b"".join(client.get("/projects/foxes/export/labels.csv").streaming_content).decode()
    assert former.username in exported and "ana," not in exported
    tasks.go_on_removing()
    assert not Job.objects.filter(kind="remove", state="queued").exists()


def test_an_account_that_is_kept_after_all_is_as_it_was(foxes):
    job = removing.ask(User.objects.get(pk=foxes.ana.pk), foxes.ada)
    assert removing.cancel(job)
    ana = User.objects.get(pk=foxes.ana.pk)
    assert (ana.username, ana.is_active, ana.closing_at) == ("ana", True, None)


def test_who_is_needed_stays(foxes):
    with pytest.raises(removing.Refused, match="Foxes"):
        removing.ask(foxes.olga, foxes.ada)
    with pytest.raises(removing.Refused, match="administrator"):
        removing.ask(foxes.ada, foxes.ada)
