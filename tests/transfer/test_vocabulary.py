"""Words nobody has seen: what is looked up, what comes out of it, what is kept, and what people see of it."""

import csv
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from labeller.accounts.models import Membership, Role
from labeller.embedding import text_featurisers
from labeller.jobs.models import Job
from labeller.messages import sentence
from labeller.projects.making import create_project
from labeller.projects.models import Project
from labeller.samples import ingesting
from labeller.samples.known import Given
from labeller.samples.models import HiddenTruth
from labeller.transfer import vocabulary
from labeller.transfer.models import WordReport
from tests import factories
from tl_core.texts import fitted, training_words, vector_packages, words

pytestmark = pytest.mark.django_db

COUNT = 90
FIELDS = """
court tenant judge appeal clause contract ruling statute lease hearing counsel witness
platform junction carriage signal driver freight ticket engine tunnel station track whistle
river paper window copper winter button candle garden ladder mirror pepper saddle
"""
LAW, TRAINS, ODD = (line.split() for line in FIELDS.strip().splitlines())
OF_CLASS = {"law": LAW, "trains": TRAINS}
UNKNOWN = {"law": "eviction", "trains": "pantograph"}
WHERE = "/featuriser/vocabulary/"


@pytest.fixture(autouse=True)
def _nothing_else_at_hand(monkeypatch, settings, tmp_path):
    """Whatever is installed here, the only word vectors are the test's own."""
    settings.VECTORS = tmp_path / "vectors"
    settings.VECTORS.mkdir()
    monkeypatch.setattr(vector_packages, "installed", dict)
    monkeypatch.setattr(text_featurisers.registry, "default", lambda language: ("svd",))


@pytest.fixture
def vectors(settings):
    """A file of vectors of all words but two."""
    rng = np.random.default_rng(0)
    lines = []
    for place, field in enumerate([LAW, TRAINS, ODD]):  # words of one field lie near each other
        for word, vector in zip(field, np.eye(8)[place] + rng.normal(0, 0.2, (12, 8)), strict=True):
            lines.append(f"{word} {' '.join(f'{number:.3f}' for number in vector)}")
    path = settings.VECTORS / "field.vec"
    path.write_text("\n".join([f"{len(lines)} 8", *lines]))
    return path


@pytest.fixture
def reports(tmp_path):
    """A project of texts, imported and embedded, its truth hidden."""
    path, rng = tmp_path / "reports.csv", np.random.default_rng(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(COUNT):
            of_class = list(OF_CLASS)[number % 2]
            drawn = [*rng.choice(OF_CLASS[of_class], 6), UNKNOWN[of_class], *rng.choice(ODD, 4)]
            rows.writerow([" ".join(drawn), of_class])
    project = create_project(
        name="Reports", owner=factories.person("olga"), question_text="What is it about?", kind="text"
    )
    ingesting.add_source(project, path, given=Given(truth="column"))
    factories.work()
    return Project.objects.get(pk=project.pk)


@pytest.fixture
def labelled(reports):
    ana = factories.person("ana")
    factories.labelled_each(
        reports.first_question,
        [(truth.sample, truth.label_class_id) for truth in HiddenTruth.objects.select_related("sample")],
        ana,
    )
    return reports


def looked_up(project, source=""):
    vocabulary.ask(project, source)
    (job,) = factories.work("vocabulary")
    assert job.state == Job.State.DONE
    return vocabulary.newest(project)


# --- what comes out -------------------------------------------------------------------------------


def test_without_labels_the_unknown_words_are_listed_and_words_alone_judge(reports, vectors):
    found = looked_up(reports)
    assert (found.source, found.name, found.question) == (str(vectors), "field.vec", None)
    report = found.report
    assert {each["word"] for each in report["frequent"]} == {*UNKNOWN.values()}
    assert {(each["count"], each["texts"], each["mapped_to"]) for each in report["frequent"]} == {
        (COUNT // 2, COUNT // 2, "context")
    }
    assert all(len(each["like"]) == 3 and not {*UNKNOWN.values()} & {*each["like"]} for each in report["frequent"])
    assert report["telling"] == []
    coverage = report["coverage"]
    assert (coverage["n_texts"], coverage["texts"], coverage["blank"]) == (COUNT, 1.0, 0.0)
    assert (report["verdict"]["by"], report["verdict"]["reasons"][-1]["code"]) == ("words", "words_alone_tell_little")


def test_with_labels_the_most_telling_come_and_accuracy_judges(labelled, vectors):
    found = looked_up(labelled)
    assert found.question == labelled.first_question
    assert {each["word"] for each in found.report["telling"]} == {*UNKNOWN.values()}
    assert all(each["weight"] > 0 for each in found.report["telling"])
    judged = found.report["verdict"]
    assert (judged["grade"], judged["by"], judged["reasons"][0]["code"]) == ("knows", "labels", "as_accurate_as_svd")
    assert judged["reasons"][0]["parameters"]["n"] == COUNT


def test_labels_without_an_embedding_by_the_svd_tell_words_alone(labelled, vectors):
    labelled.embedding_runs.all().delete()
    report = looked_up(labelled).report
    assert {each["word"] for each in report["telling"]} == {*UNKNOWN.values()}
    assert report["verdict"]["by"] == "words"


def test_labels_of_one_class_tell_nothing(reports, vectors):
    truth = HiddenTruth.objects.select_related("sample").first()
    factories.label(reports.first_question, truth.sample, factories.person("ana"), truth.label_class_id)
    found = looked_up(reports)
    assert (found.question, found.report["telling"]) == (None, [])


def test_the_vectors_that_a_project_learns_from_come_first(reports, vectors, tmp_path):
    mine = tmp_path / "mine.vec"
    mine.write_text("judge 1 2\ncourt 2 1\n")
    pretrained = words.PretrainedWords(str(mine)).fit(lambda: text_featurisers.contents(reports))
    trained = {**pretrained, "about": fitted.packed([json.dumps({"source": training_words.OWN})])}
    for arrays, source in ((pretrained, mine), (trained, vectors)):
        reports.featuriser = fitted.save(words.KIND, arrays)
        assert vocabulary.default(reports) == str(source)


def test_packages_in_the_language_of_the_project_come_before_others(reports, vectors, monkeypatch):
    monkeypatch.setattr(vector_packages, "installed", lambda: {"de_some": "de", "fr_some": "fr", "glove": "en"})
    reports.language = "fr"
    assert vocabulary.at_hand(reports) == [str(vectors), "fr_some", "de_some", "glove"]


# --- the job --------------------------------------------------------------------------------------


def test_only_the_newest_reports_are_kept(reports, vectors, monkeypatch):
    monkeypatch.setattr(vocabulary, "KEPT", 2)
    for _time in range(3):
        newest = looked_up(reports)
    assert WordReport.objects.count() == 2
    assert vocabulary.newest(reports) == newest


def test_a_cancelled_job_keeps_nothing(reports, vectors, monkeypatch):
    vocabulary.ask(reports)
    report = vocabulary.reporting.report

    def cancelled(*args):
        vocabulary.cancel(reports)
        return report(*args)

    monkeypatch.setattr(vocabulary.reporting, "report", cancelled)
    (job,) = factories.work("vocabulary")
    assert job.state == Job.State.CANCELLED
    assert not WordReport.objects.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "There are no word vectors in odd.vec."),
        ("2 3\njudge 1 2 3\ncourt 1 2\n", "odd.vec cannot be read as word vectors: at line or word 3"),
        ("5 3\njudge 1 2 3\ncourt 1 2 3\n", "odd.vec ends at line or word"),
        (None, "There are no word vectors odd.vec on this server."),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(reports, settings, content, told):
    odd = settings.VECTORS / "odd.vec"
    if content is not None:
        odd.write_text(content)
    vocabulary.ask(reports, str(odd))
    job = factories.work("vocabulary")[-1]
    assert job.state == Job.State.FAILED
    assert told in sentence(job.error)


def test_without_vectors_or_without_texts_it_says_so(reports):
    with pytest.raises(vocabulary.VectorsUnusable, match="no word vectors on this server"):
        vocabulary.measure(reports, "", lambda *told, **how: None)
    empty = create_project(name="Empty", owner=factories.person("olga"), question_text="What?", kind="text")
    with pytest.raises(vocabulary.VectorsUnusable, match="no text"):
        vocabulary.measure(empty, "", lambda *told, **how: None)


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def mia(reports, client):
    mia = factories.person("mia")
    Membership.objects.create(project=reports, user=mia, role=Role.MANAGER)
    client.force_login(mia)
    return client


def page(mia, project):
    return _shown(mia.get(reverse("transfer:vocabulary", args=[project.slug])))


def press(mia, project, name, **given):
    return _shown(mia.post(reverse(f"transfer:{name}", args=[project.slug]), given, follow=True))


def _shown(answer):
    """A page, however its lines are broken."""
    return " ".join(answer.content.decode().split())


def test_a_manager_asks_watches_and_stops(reports, vectors, mia):
    assert "Nothing was looked up yet" in page(mia, reports)
    shown = press(mia, reports, "look_up", source=str(vectors))
    assert "waiting for a worker" in shown
    assert 'hx-trigger="every 2s"' in shown
    assert Job.objects.get(kind="vocabulary").payload == {"source": str(vectors)}
    press(mia, reports, "stop_looking")
    assert Job.objects.get(kind="vocabulary").state == Job.State.CANCELLED
    assert "waiting for a worker" not in page(mia, reports)


def test_the_page_shows_what_was_found(labelled, vectors, mia, django_assert_max_num_queries):
    found = looked_up(labelled)
    with django_assert_max_num_queries(20):
        shown = page(mia, labelled)
    assert "These embeddings know your field." in shown
    assert "Looked up in field.vec" in shown
    assert shown.count('data-testid="share"') == 4
    assert shown.count("<bdi>pantograph</bdi>") == 2
    assert "the words around it" in shown
    assert f'value="{vectors}" selected' in shown
    assert f"<bdi>{', '.join(found.report['frequent'][0]['like'])}</bdi>" in shown


def test_what_failed_is_told_until_something_was_found(reports, mia, settings):
    assert "no word vectors on this server yet" in page(mia, reports)
    vocabulary.ask(reports)
    factories.work("vocabulary")
    assert "There are no word vectors on this server." in page(mia, reports)
    (settings.VECTORS / "small.vec").write_text("judge 1 2\ncourt 2 1\n")
    looked_up(reports)
    shown = page(mia, reports)
    assert "There are no word vectors on this server." not in shown
    assert "These embeddings do not know your field." in shown


def test_a_page_takes_no_path(reports, vectors, mia, tmp_path):
    elsewhere = tmp_path / "elsewhere.vec"
    elsewhere.write_text("judge 1 2\n")
    assert "choose others" in press(mia, reports, "look_up", source=str(elsewhere))
    assert not Job.objects.filter(kind="vocabulary").exists()


def test_the_featurisers_page_leads_to_it_where_the_project_is_of_texts(reports, mia, client, foxes):
    where = reverse("transfer:vocabulary", args=[reports.slug])
    assert where in mia.get(reverse("transfer:featuriser", args=[reports.slug])).content.decode()
    client.force_login(foxes.mia)
    assert WHERE not in client.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [(None, 404), (Role.VIEWER, 403), (Role.ANNOTATOR, 403), (Role.MANAGER, 200)]
)
def test_it_is_for_managers(reports, vectors, client, role, status):
    sam = factories.person("sam")
    if role:
        Membership.objects.create(project=reports, user=sam, role=role)
    client.force_login(sam)
    assert client.get(reverse("transfer:vocabulary", args=[reports.slug])).status_code == status
    for name in ("look_up", "stop_looking"):
        answer = client.post(reverse(f"transfer:{name}", args=[reports.slug]))
        assert answer.status_code == (302 if status == 200 else status)


# --- the command ----------------------------------------------------------------------------------


def test_the_command_says_what_is_unknown(labelled, vectors, capsys):
    call_command("vocabulary", labelled.slug)
    said = capsys.readouterr().out
    assert said.startswith("reports in field.vec")
    assert "The most telling unknown words" in said
    assert "pantograph" in said
    assert "These embeddings know your field." in said


def test_the_command_as_json(reports, vectors, tmp_path, capsys):
    other = tmp_path / "other.vec"
    other.write_text("judge 1 2\n")
    for named, source in (("field.vec", vectors), (str(other), other)):
        call_command("vocabulary", reports.slug, "--json", "--vectors", named)
        said = json.loads(capsys.readouterr().out)
        assert (said["project"], said["source"]) == ("reports", str(source.resolve()))
        assert said["verdict"]["sentence"].startswith("These embeddings")
    assert said["coverage"]["types"] > 0.9


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["none"], "no project 'none'"),
        (["foxes"], "photographs"),
        (["reports", "--vectors", "nothing.vec"], "no word vectors nothing.vec"),
    ],
)
def test_the_command_names_what_is_wrong(foxes, reports, wrong, told):
    with pytest.raises(CommandError, match=told):
        call_command("vocabulary", *wrong)
