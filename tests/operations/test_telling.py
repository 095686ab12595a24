"""What the terminal is told while the program runs."""

import socket

import pytest

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.jobs.models import Job
from labeller.operations import telling
from labeller.projects.models import Project
from labeller.samples import ingesting as samples
from tests import factories

pytestmark = pytest.mark.django_db
PLACE = "http://here:1"


def news(cast):
    return list(telling.news(cast.project, PLACE))


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8413"), ("::1", "http://[::1]:8413"), ("box.example", "http://box.example:8413")],
)
def test_an_address_is_one_that_a_browser_opens(host, address):
    assert telling.addresses(host, 8413) == [address]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_listens_everywhere_is_found_here_and_from_other_machines(host, monkeypatch):
    monkeypatch.setattr(telling, "_outward", lambda: "192.168.7.9")
    assert telling.addresses(host, 8413) == ["http://localhost:8413", "http://192.168.7.9:8413"]
    monkeypatch.setattr(telling, "_outward", lambda: "")
    assert telling.addresses(host, 8413)[1] == f"http://{socket.gethostname()}:8413"


# --- how far it is --------------------------------------------------------------------------------


@pytest.fixture
def embedding(foxes):
    """Two shards of four samples: the first embedded, the second half-way."""
    made = factories.samples(foxes.project, 8)
    factories.embed(foxes.project, made[:4], factories.clusters(4, 2)[0])
    soon = "2020-01-01T00:00Z"
    foxes.run = runs.current_run(foxes.project)
    rows = {"project": foxes.project, "kind": "embed", "not_before": soon}
    first, second = (f"run:{foxes.run.pk}:shard:{number}" for number in range(2))
    foxes.done = Job.objects.create(key=first, state="done", done=4, total=4, finished_at="2099-01-01T00:00Z", **rows)
    foxes.job = Job.objects.create(key=second, state="running", done=2, total=4, started_at=soon, **rows)
    return foxes


def test_embedding_is_counted_in_all_samples_whatever_jobs_there_are(embedding):
    assert telling.work(embedding.project).startswith("embedding 6 of 8 ")
    # The work of an import that ended is forgotten: neither number may fall by it.
    Job.objects.filter(pk=embedding.done.pk).update(finished_at="2000-01-01T00:00Z")
    assert telling.work(embedding.project).startswith("embedding 6 of 8 ")


def test_what_is_made_beside_the_embeddings_in_use_is_told_once_these_are_whole(embedding):
    beside = EmbeddingRun.objects.create(
        project=embedding.project, beside=embedding.run, featuriser="b", fingerprint="b", dimension=1
    )
    Job.objects.filter(pk=embedding.done.pk).update(key=f"run:{beside.pk}:shard:0")
    EmbeddingShard.objects.create(run=beside, number=0, embedded=4)
    assert telling.work(embedding.project).startswith("embedding 6 of 8 ")
    Job.objects.filter(pk=embedding.job.pk).update(key=f"run:{beside.pk}:shard:1")
    EmbeddingShard.objects.create(run=embedding.run, number=1, embedded=4)
    assert telling.work(embedding.project).startswith("embedding 6 of 8 ")
    EmbeddingShard.objects.filter(run=beside).delete()
    assert telling.work(embedding.project).startswith("embedding 2 of 8 ")


def test_the_terminal_looks_at_the_project_as_it_is_now(embedding):
    seen = Project.objects.get(pk=embedding.project.pk)
    seen.featuriser = "svd"  # as it was before it was fitted
    assert telling.work(telling.now(seen)).startswith("embedding 6 of 8 ")
    gone = Project(pk=10**9, name="deleted meanwhile")
    assert telling.now(gone) is gone


def test_that_everything_is_embedded_is_said_once_it_is_so(embedding):
    assert not [line for line in news(embedding) if "embedded" in line]
    Job.objects.filter(pk=embedding.job.pk).update(state="done", done=4)
    EmbeddingShard.objects.update(embedded=8)
    assert telling.work(embedding.project) == ""
    assert "8 of 8 photographs are embedded: all of them." in news(embedding)


# --- what became of the files ---------------------------------------------------------------------


def test_nothing_is_said_of_files_while_they_are_looked_at(foxes, folder):
    (folder / "empty.jpg").touch()
    samples.add_source(foxes.project, folder)
    assert news(foxes) == []


def test_a_folder_of_which_nothing_can_be_used_says_so(foxes, folder):
    for number in range(5):
        (folder / f"{number}.jpg").touch()
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    sentence = "None of the 5 files can be used: 5 × empty file. For example 0.jpg: The file is empty."
    assert news(foxes) == [f"{sentence} See {PLACE}/projects/foxes/"]


def test_files_set_aside_are_counted_by_reason(foxes, folder):
    factories.photograph(folder / "good.png", 1)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    (line,) = [line for line in news(foxes) if "set aside" in line]
    assert line.startswith("2 files were set aside: 1 × empty file, 1 × ")


def test_work_that_was_given_up_is_told_with_its_reason(foxes):
    Job.objects.create(
        project=foxes.project, kind="ingest", key="k", state="failed", not_before="2020-01-01T00:00Z",
        error="Traceback\nKeyError: 'rabbit'",
    )  # fmt: skip
    assert news(foxes) == ["Given up: import images: KeyError: 'rabbit'"]
