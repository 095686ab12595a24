"""Fine-tuning: a better network is switched to whole, anything else changes nothing, and nobody waits for it."""

import io
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from labeller.embedding.loading import load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing, registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning.models import Head
from labeller.projects.making import ensure_class
from labeller.projects.models import Project, Question
from labeller.transfer import foretelling, gathering, nightly, switching, tuning
from labeller.transfer.models import FineTuning, Switch, TuningPolicy
from tests import factories
from tests.transfer import tuning_site
from tl_core.adaptation import work as work_of
from tl_core.adaptation.training import Recipe
from tl_core.featurisers import cards

pytestmark = pytest.mark.django_db
RECIPE = Recipe(epochs=3, rate=5e-3, batch=16)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def striped(foxes, folder, networks, monkeypatch):
    real = work_of.Work

    def quickly(**given):
        return real(**given, recipe=RECIPE)

    monkeypatch.setattr(work_of, "Work", quickly)
    tuning_site.prepare(foxes, folder, networks, monkeypatch)
    return foxes


def work(kind):
    """One job of that kind, as a worker would."""
    job = Job.objects.filter(kind=kind, state=Job.State.QUEUED).order_by("pk").first()
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    queueing.run(job.pk, registry.get)
    job.refresh_from_db()
    return job


def spec_in_use(foxes):
    return Project.objects.get(pk=foxes.project.pk).featuriser


def tuned(foxes):
    asked = tuning.ask(foxes.question, 600, is_quick=True)
    job = work("finetune")
    assert job.state == Job.State.DONE, job.error
    asked.refresh_from_db()
    return asked


def test_a_better_network_is_embedded_beside_and_then_switched_to_and_back(striped):
    before = spec_in_use(striped)
    done = tuned(striped)
    assert done.verdict == FineTuning.Verdict.BETTER and done.base == before
    assert done.report["comparisons"][0]["low"] > 0 and done.report["labels"] == tuning_site.N
    assert spec_in_use(striped) == before, "until everything is embedded nothing changes"
    work("switch")
    factories.work("embed")
    work("switch")
    assert spec_in_use(striped) == done.spec
    run = EmbeddingRun.in_use(Project.objects.get(pk=striped.project.pk))
    assert len(load_embeddings(run).ids) == tuning_site.N
    card = cards.card_of(cards.local(gathering.runs.networks(), done.spec.removeprefix("own/")))
    assert (card.made_by, card.origin) == ("tuning", before)
    assert card.figures["comparisons"][0]["gain"] == done.report["comparisons"][0]["gain"]
    switching.ask(striped.project, run=switching.former(Project.objects.get(pk=striped.project.pk)))
    work("switch")
    assert spec_in_use(striped) == before
    assert not list(tuning._directory(done).parent.iterdir()), "what it took is given back"


def test_a_network_that_is_not_better_changes_nothing(striped, monkeypatch):
    perfect = np.eye(3, dtype=np.float32)
    real = gathering.gather

    def gathered(*given):
        data = real(*given)
        return gathering.Gathered(data.ids, data.codes, data.classes, [perfect[data.codes[0]]], data.groups)

    monkeypatch.setattr(gathering, "gather", gathered)
    before = spec_in_use(striped)
    done = tuned(striped)
    assert (done.verdict, done.spec) == (FineTuning.Verdict.KEPT, "")
    assert not Job.objects.filter(kind="switch").exists() and not gathering.runs.networks().names()
    assert spec_in_use(striped) == before


def test_it_works_in_turns_and_goes_on_where_it_was(striped, monkeypatch):
    monkeypatch.setattr(tuning, "TURN", 0.0)
    asked = tuning.ask(striped.question, 600, is_quick=True)
    shares, turns = [], 0
    while turns < 60 and work("finetune").state == Job.State.QUEUED:
        turns += 1
        asked.refresh_from_db()
        shares.append(asked.report["share"])
    assert turns > 3 and shares == sorted(shares)
    assert len(set(shares)) == len(shares), "each turn came further"
    asked.refresh_from_db()
    assert asked.verdict == FineTuning.Verdict.BETTER
    assert Job.objects.get(kind="finetune").attempts == 1


def test_one_at_a_time_and_cancelled_without_a_trace(striped, monkeypatch):
    first = tuning.ask(striped.question, 600, is_quick=True)
    assert tuning.ask(striped.question, 60) == first
    monkeypatch.setattr(tuning, "TURN", 0.0)
    work("finetune")
    tuning.cancel(striped.project)
    assert not FineTuning.objects.exists()
    assert not Job.objects.filter(kind="finetune", state__in=("queued", "running")).exists()
    monkeypatch.setattr(tuning, "TURN", 600.0)
    second = tuned(striped)
    assert second.verdict == FineTuning.Verdict.BETTER
    assert not list(tuning._directory(second).parent.iterdir())


def test_a_later_one_begins_with_the_network_that_the_first_began_with(striped):
    done = tuned(striped)
    Project.objects.filter(pk=striped.project.pk).update(featuriser=done.spec)
    assert gathering.begun_with(Project.objects.get(pk=striped.project.pk)) == done.base


def test_without_two_classes_it_says_what_to_do(foxes, sent):
    factories.samples(foxes.project, 3)
    tuning.ask(foxes.question, 60)
    for _ in range(3):
        job = work("finetune")
    assert job.state == Job.State.FAILED
    assert "label photographs of two classes first" in tuning.NothingToTune(job.error).__str__()


# --- what it learns from --------------------------------------------------------------------------


def test_other_questions_are_watched_and_cameras_are_kept_together(striped, monkeypatch):
    from labeller.samples.models import Deployment, File

    monkeypatch.setattr(gathering, "ENOUGH", 20)
    other = Question.objects.create(project=striped.project, key="day", text="Day?", multi_label=True)
    classes = [ensure_class(other, name)[0].pk for name in ("day", "night")]
    samples = list(striped.project.samples.order_by("pk"))
    factories.labelled_each(
        other, [(sample, classes[number % 2]) for number, sample in enumerate(samples[:30])], striped.ana
    )
    cameras = [Deployment.objects.create(project=striped.project, name=f"camera {number}") for number in range(8)]
    for number, sample in enumerate(samples):
        File.objects.filter(pk=sample.file_id).update(deployment=cameras[number % 8])
    data = gathering.gather(striped.question, EmbeddingRun.in_use(striped.project))
    assert data.ids.tolist() == [sample.pk for sample in samples]
    assert [codes.shape for codes in data.codes] == [(72,), (72, 2)]
    assert data.codes[1][:2].tolist() == [[1, 0], [0, 1]] and (data.codes[1][30:] == -1).all()
    assert data.groups.tolist() == [cameras[number % 8].pk for number in range(72)]
    assert [Job is not None, len(data.pictures())] == [True, 72]


def test_all_questions_are_tried_at_once_where_that_was_asked_for(striped, monkeypatch, client):
    monkeypatch.setattr(gathering, "ENOUGH", 20)
    other = Question.objects.create(project=striped.project, key="day", text="Day?")
    classes = [ensure_class(other, name)[0].pk for name in ("day", "night")]
    factories.labelled_each(
        other,
        [(sample, classes[number % 2]) for number, sample in enumerate(striped.project.samples.order_by("pk")[:40])],
        striped.ana,
    )
    asked = tuning.ask(striped.question, 600, is_quick=True, is_joint=True)
    assert work("finetune").state == Job.State.DONE
    asked.refresh_from_db()
    joint = asked.report["joint"]
    # What day it is no picture tells: training on that too helps nobody.
    assert [len(joint["comparisons"]), joint["kept"]] == [2, False]
    client.force_login(striped.mia)
    page = client.get(reverse("transfer:featuriser", args=[striped.project.slug])).content.decode()
    assert "One network for all questions was tried too" in page
    assert 'name="is_joint"' in page


# --- what to expect -------------------------------------------------------------------------------


def head(foxes, labels, accuracy, run=None):
    run = run or EmbeddingRun.in_use(foxes.project) or factories.runs.current_run(foxes.project)
    return Head.objects.create(
        question=foxes.question, run=run, version=Head.objects.count() + 1, directory="none", class_ids=[1, 2, 3],
        n_labels=labels, fit_seconds=0.0, is_full=True, cv_accuracy=accuracy,
    )  # fmt: skip


def counted(monkeypatch, labels):
    real = foretelling.tallies.of

    def of(question):
        counts = real(question)
        return type(counts)(**{**counts.__dict__, "labelled": labels})

    monkeypatch.setattr(foretelling.tallies, "of", of)


@pytest.mark.parametrize(
    ("labels", "accuracy", "reason"),
    [(100, 0.7, "few answers"), (8000, None, "unknown"), (8000, 0.85, "gain"), (8000, 0.999, "small gain")],
)
def test_it_says_whether_it_is_worth_it(foxes, monkeypatch, labels, accuracy, reason):
    counted(monkeypatch, labels)
    head(foxes, labels, accuracy)
    foretold = foretelling.foretell(foxes.question)
    assert foretold.worth.reason == reason
    assert foretold.is_worth_it == (reason == "gain")


def test_of_a_tuned_network_what_it_was_tuned_with_counts(foxes, monkeypatch):
    counted(monkeypatch, 8000)
    head(foxes, 8000, 0.85)
    base = foxes.project.featuriser
    FineTuning.objects.create(
        project=foxes.project, question=foxes.question, seconds=60, base=base, spec="own/0123456789abcdef",
        verdict="better", report={"labels": 7000}, finished_at=timezone.now(),
    )  # fmt: skip
    assert foretelling.foretell(foxes.question).worth.reason == "gain"
    foxes.question.project.featuriser = "own/0123456789abcdef"
    assert foretelling.foretell(foxes.question).worth.reason == "tuned"
    counted(monkeypatch, 12_000)
    assert foretelling.foretell(foxes.question).worth.reason == "gain"


def test_nightly_it_is_asked_once_a_night_and_only_where_it_is_worth_it(foxes, monkeypatch):
    nightly.remember(
        foxes.project, {"question": foxes.question, "minutes": 5, "is_mirrored": False, "is_nightly": True}
    )
    assert nightly.tune_due() == 0
    counted(monkeypatch, 8000)
    head(foxes, 8000, 0.85)
    assert nightly.tune_due() == 1
    asked = FineTuning.objects.get()
    assert (asked.seconds, asked.is_mirrored) == (300, False)
    assert nightly.tune_due() == 0
    jobs = Job.objects.filter(kind="finetune")
    jobs.update(state="done")
    assert nightly.tune_due() == 0, "one a night"
    FineTuning.objects.update(created_at=timezone.now() - timezone.timedelta(days=2))
    TuningPolicy.objects.update(is_nightly=False)
    assert nightly.tune_due() == 0


# --- audits ---------------------------------------------------------------------------------------


def audited(foxes, samples, right):
    """Audit samples, each predicted before; so many of them rightly."""
    for number, sample in enumerate(samples):
        given = foxes.class_id("fox")
        said = given if number < right else foxes.class_id("badger")
        factories.label(foxes.question, sample, foxes.ana, given)
        Label.objects.filter(sample=sample).update(strategy="audit", predicted=said)


@pytest.mark.parametrize(("right", "goes"), [(36, False), (4, True)])
def test_where_audits_come_out_worse_the_project_goes_back(foxes, right, goes):
    samples = factories.samples(foxes.project, 80)
    former = factories.runs.current_run(foxes.project)
    audited(foxes, samples[:40], 38)
    new = EmbeddingRun.objects.create(
        project=foxes.project, featuriser="own/0123456789abcdef", fingerprint="f" * 16, dimension=8
    )
    Project.objects.filter(pk=foxes.project.pk).update(featuriser=new.featuriser)
    FineTuning.objects.create(
        project=foxes.project, question=foxes.question, seconds=60, base="efficientnet-lite0", spec=new.featuriser,
        verdict="better", report={"labels": 40}, finished_at=timezone.now(),
    )  # fmt: skip
    Switch.objects.create(project=foxes.project, run=new, former=former)
    audited(foxes, samples[40:], right)
    assert nightly.go_back_where_worse() == int(goes)
    assert FineTuning.objects.get().report["audit"]["since"]["n"] == 40
    wishes = Job.objects.filter(kind="switch", state="queued")
    assert [wish.payload["run"] for wish in wishes] == ([former.pk] if goes else [])
    assert nightly.go_back_where_worse() == 0


# --- page -----------------------------------------------------------------------------------------


def page(client, foxes):
    client.force_login(foxes.mia)
    return client.get(reverse("transfer:featuriser", args=[foxes.project.slug])).content.decode()


def test_the_page_says_what_to_expect_begins_shows_and_stops(client, foxes, monkeypatch):
    counted(monkeypatch, 8000)
    head(foxes, 8000, 0.85)
    assert "Worth it: about" in page(client, foxes)
    chosen = {"question": foxes.question.pk, "minutes": 7, "is_mirrored": "on"}
    answer = client.post(reverse("transfer:tune", args=["foxes"]), chosen)
    assert answer.status_code == 302
    asked = FineTuning.objects.get()
    assert (asked.seconds, asked.is_mirrored, asked.is_quick) == (420, True, False)
    assert not TuningPolicy.objects.get().is_nightly
    report = {
        "share": 0.5, "seconds": 90.0, "plan": {"seconds": 180.0},
        "curve": [{"loss": 1.0, "accuracy": 0.7, "seconds": 1.0}, {"loss": 0.8, "accuracy": 0.8, "seconds": 1.0}],
    }  # fmt: skip
    FineTuning.objects.update(report=report)
    text = page(client, foxes)
    assert "About 2 min to go" in text and "from 70.0 % to 80.0 %" in text and "every 2s" in text
    client.post(reverse("transfer:stop_tuning", args=["foxes"]))
    assert not FineTuning.objects.exists()
    client.post(reverse("transfer:tune", args=["foxes"]), {**chosen, "only_remember": "1", "is_nightly": "on"})
    assert TuningPolicy.objects.get().is_nightly and not FineTuning.objects.exists()


def test_nonsense_is_told_by_its_field(client, foxes):
    client.force_login(foxes.mia)
    answer = client.post(reverse("transfer:tune", args=["foxes"]), {"question": 999, "minutes": 0}, follow=True)
    text = answer.content.decode()
    assert "Minutes it may take" in text and not FineTuning.objects.exists()


@pytest.mark.parametrize(("spec", "says"), [("", "Not better beyond doubt"), ("own/0123456789abcdef", "Use it")])
def test_the_page_shows_what_came_of_it(client, foxes, spec, says):
    comparison = {"tuned": 0.9, "rival": 0.85, "gain": 0.05, "low": 0.02, "high": 0.08, "n": 500}
    plan = {"cut": "layer3", "epochs": 10, "tested": 3, "views": 1, "seconds": 60.0, "below": 10.0}
    done = FineTuning.objects.create(
        project=foxes.project, question=foxes.question, seconds=600, base="efficientnet-lite0", spec=spec,
        verdict="better" if spec else "kept", finished_at=timezone.now(),
        report={"plan": plan, "comparisons": [comparison], "curves": [], "labels": 500, "seconds": 61.0},
    )  # fmt: skip
    text = page(client, foxes)
    assert says in text and "5.0 (2.0 to 8.0)" in text and "layer3" in text
    answer = client.post(reverse("transfer:use_tuned", args=["foxes", done.pk]))
    assert answer.status_code == (302 if spec else 404)
    assert Job.objects.filter(kind="switch").exists() == bool(spec)


# --- the command ----------------------------------------------------------------------------------


def manage(*words):
    written = io.StringIO()
    call_command("finetune", "--project", "foxes", *words, stdout=written)
    return written.getvalue()


def test_the_command_trains_here_and_says_what_came_of_it(striped):
    told = json.loads(manage("--quick", "--no-mirror", "--json"))
    done = FineTuning.objects.get()
    assert (told["verdict"], told["featuriser"], told["advice"]) == ("better", done.spec, "not yet")
    assert told["comparisons"] == done.report["comparisons"] and not done.is_mirrored
    assert Job.objects.get(kind="switch").state == Job.State.QUEUED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--question", "age"], "'age'.*there are: species"),
        (["--minutes", "0"], "1 to 1440"),
        ([], "two classes first"),
    ],
)
def test_the_command_says_what_is_wrong(foxes, monkeypatch, words, said):
    factories.samples(foxes.project, 3)
    with pytest.raises(CommandError, match=said):
        manage(*words)
