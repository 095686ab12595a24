"""What holds of photographs holds of texts: they are imported, ranked, hunted, exported and deleted alike."""

import csv

import numpy as np
import pytest
from PIL import Image

from labeller.embedding import loading, runs
from labeller.embedding.models import EmbeddingRun
from labeller.exchange import exporting
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning import asking, choosing, hunting, reading, weighing
from labeller.learning.choosing import Aim
from labeller.learning.models import Head, Round
from labeller.managing import previewing, removing
from labeller.projects.making import create_project
from labeller.projects.models import Project
from labeller.samples import ingesting
from labeller.samples.known import Given
from labeller.samples.models import Deployment, File, HiddenTruth, Sample, Text
from tests import factories

pytestmark = pytest.mark.django_db

COUNT = 48
OF_CLASS = {
    "plum": "plum jam and plum cake were sweet in the orchard",
    "engine": "the engine of this car burns oil and stalls at night",
    "sonata": "a sonata for piano played slowly in the concert hall",
}
ODD = ("river", "paper", "window", "copper", "winter", "button", "candle", "garden")
ENDS = ("early", "quietly", "twice", "for once", "outside", "again", "with care", "by chance")


def _photographs(folder):
    for number in range(COUNT):
        of_class = list(OF_CLASS)[number % 3]
        seed = 100 * (number % 3)
        photograph = folder / f"site{number % 4}" / of_class / f"{number}.png"
        photograph.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.asarray(factories.picture(seed)).astype(int)
        noise = np.random.default_rng(number).integers(-9, 9, pixels.shape)
        Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(photograph)
    return folder, Given(truth="folders", level=2)


def _texts(folder):
    path = folder / "reviews.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label", "author"])
        for number in range(COUNT):
            of_class = list(OF_CLASS)[number % 3]
            # Different enough to be no near-copies of each other.
            odd = f"{ODD[number % 8]} {ENDS[number // 6 % 8]} {ODD[number // 8 % 8]} {ENDS[number % 7]} {number * 7919}"
            rows.writerow([f"{OF_CLASS[of_class]} {odd}", of_class, f"author {number % 4}"])
    return path, Given(truth="column")


@pytest.fixture(params=["image", "text"])
def pool(request, db, tmp_path):
    """A tiny project of either kind, imported and embedded, its truth hidden."""
    project = create_project(name="Pool", owner=factories.person("olga"), question_text="Which?", kind=request.param)
    project.questions.update(refit_every=1, round_size=12)
    (tmp_path / "pool").mkdir()
    folder, given = (_photographs if request.param == "image" else _texts)(tmp_path / "pool")
    ingesting.add_source(project, folder, given=given)
    factories.work()
    return Project.objects.get(pk=project.pk)


def _label(project, count):
    question, ana = project.first_question, factories.person("ana")
    factories.labelled_each(
        question,
        [
            (truth.sample, truth.label_class_id)
            for truth in HiddenTruth.objects.select_related("sample").order_by("sample")[:count]
        ],
        ana,
    )
    asking.request_refit(question, at_once=True)
    factories.work()
    return question


def test_it_is_imported_counted_and_embedded(pool):
    assert tallies.samples(pool) == Sample.objects.filter(project=pool).count() == COUNT
    assert tallies.off(pool) == 0
    assert HiddenTruth.objects.count() == COUNT
    run = runs.current_run(pool)
    assert EmbeddingRun.in_use(pool) == run
    assert loading.load_embeddings(run).vectors.shape == (COUNT, run.dimension)
    assert runs.missing(run) == {}
    assert not Job.objects.filter(state="failed").exists()


def test_what_belongs_together_is_known(pool):
    run = runs.current_run(pool)
    deployments = choosing._Placed(pool.pk, loading.load_embeddings(run), "group")[np.arange(COUNT)]
    assert len(set(deployments.tolist())) == (4 if pool.kind == "text" else 1)  # folders tell the truth
    ids = np.array(Sample.objects.values_list("pk", flat=True))
    assert weighing.groups(ids).shape == ids.shape


def test_it_is_ranked_and_predicted(pool):
    question = _label(pool, 18)
    current = Round.objects.get(question=question, is_current=True)
    assert current.entries.count() == 12
    head = Head.latest(question)
    rows = list(exporting.prediction_rows(question, head))
    names = dict(HiddenTruth.objects.values_list("sample__file__path", "label_class__name"))
    at = exporting.PREDICTION_COLUMNS
    told = [dict(zip(at, row, strict=True)) for row in rows[1:]]
    assert len(told) == COUNT
    if pool.kind == "image":
        right = [row["predicted_class"] == names[row["path"]] for row in told]
    else:
        by_row = dict(HiddenTruth.objects.values_list("sample__start", "label_class__name"))
        right = [row["predicted_class"] == by_row[float(row["part"].removeprefix("row "))] for row in told]
    assert np.mean(right) > 0.9
    assert all(row["deployment"] for row in told)


def test_it_is_hunted_by_an_example_and_by_a_class(pool):
    question = _label(pool, 18)
    truths = dict(HiddenTruth.objects.values_list("sample", "label_class__name"))
    labelled = set(reading.read(question).answers)
    example = next(pk for pk in truths if truths[pk] == "engine" and pk in labelled)
    found = hunting.search(question, Aim(like=(example,)), 6)
    assert [truths[pk] for pk, _score in found.tiles] == ["engine"] * 6
    sonata = question.classes.get(name="sonata")
    found = hunting.search(question, Aim(class_id=sonata.pk), 6)
    assert [truths[pk] for pk, _score in found.tiles] == ["sonata"] * 6


def test_labels_are_exported_and_pages_shown(pool, client):
    question = _label(pool, 12)
    rows = list(exporting.label_rows(question, exporting.newest_label(question)))
    assert len(rows) == 13
    files = set(File.objects.values_list("path", flat=True))
    assert {row[0] for row in rows[1:]} <= files
    client.force_login(factories.person("olga"))
    for page in ("", "featuriser/", "export/", "settings/", "classes/", "delete/", "refused/"):
        answer = client.get(f"/projects/{pool.slug}/{page}")
        assert answer.status_code == 200, page
    for page in ("tables/", "copies/"):
        assert client.get(f"/projects/{pool.slug}/{page}").status_code == (404 if pool.kind == "image" else 200)
    of_cameras = client.get(f"/projects/{pool.slug}/deployments/")
    tried = client.post(f"/projects/{pool.slug}/featuriser/advise/")
    assert (of_cameras.status_code, tried.status_code) == ((200, 302) if pool.kind == "image" else (404, 404))


def test_it_is_deleted_with_all_that_hangs_on_it(pool):
    _label(pool, 6)
    preview = previewing.of(pool.sources.get())
    assert any(n == str(COUNT) for _words, n in preview.counts)
    removing.ask(pool.sources.get(), factories.person("olga"))
    factories.work("remove")
    for model in (File, Sample, Text, HiddenTruth, Deployment):
        assert not model.objects.exists(), model
    assert tallies.samples(pool) == 0
    assert tallies.off(pool) == 0
