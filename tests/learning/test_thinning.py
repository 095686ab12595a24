"""What refits leave behind is thinned; what is named, in use, new, or a step on the way stays."""

import os
import time

import pytest

from labeller.embedding import runs
from labeller.jobs.models import Kept
from labeller.learning import asking, tasks, thinning
from labeller.learning.models import Acceptance, Assessment, Head, Round, TileGroup
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(thinning, "NEWEST_ROUNDS", 3)
    monkeypatch.setattr(thinning, "NEWEST_HEADS", 2)
    monkeypatch.setattr(thinning, "NEWEST_ASSESSMENTS", 1)
    monkeypatch.setattr(thinning, "BATCH", 4)


def head(foxes, settings, version, n_labels=100, **fields):
    """A head with files."""
    directory = f"question-{foxes.question.pk}/{version:04}"
    (settings.HEADS / directory).mkdir(parents=True)
    (settings.HEADS / directory / "head.json").write_text("{}")
    given = {"class_ids": [], "fit_seconds": 0.0, "directory": directory, "run": runs.current_run(foxes.project)}
    return Head.objects.create(question=foxes.question, version=version, n_labels=n_labels, **{**given, **fields})


def ranked(foxes, number, of=None, n_labels=100, **fields):
    """A round that nobody was served from."""
    numbers = {"strategy": "margin", "seed": 1, "n_labels": n_labels, "n_classes": 2, "n_pool": 9}
    rows = {"project": foxes.project, "question": foxes.question}
    return Round.objects.create(number=number, head=of, **{**rows, **numbers, **fields})


def with_files(settings):
    return {int(each.name) for each in settings.HEADS.glob("*/*") if list(each.iterdir())}


def versions():
    return set(Head.objects.values_list("version", flat=True))


def numbers():
    return set(Round.objects.values_list("number", flat=True))


def test_of_many_refits_of_the_same_labels_few_are_left(foxes, settings):
    for number in range(1, 21):
        ranked(foxes, number, head(foxes, settings, number), is_current=number == 20)
    assert thinning.thin() > 0
    assert numbers() == {1, 18, 19, 20}, "the newest, and the first of its step"
    assert versions() == {1, 18, 19, 20}, "of those rounds"
    assert with_files(settings) == {1, 19, 20}
    assert Head.objects.get(version=18).directory == ""
    assert thinning.thin() == 0
    kept = {each.what: each for each in Kept.objects.all()}
    assert (kept["heads"].n, kept["heads"].thinned, kept["heads"].bytes) == (4, 16, 6)
    assert (kept["rounds"].n, kept["rounds"].thinned) == (4, 16)


def test_a_step_on_the_way_stays(foxes, settings):
    for number in range(1, 11):
        ranked(foxes, number, head(foxes, settings, number, 100 + 15 * (number // 5)), 100 + 15 * (number // 5))
    thinning.thin()
    assert numbers() == {1, 5, 8, 9, 10}
    assert with_files(settings) == {1, 5, 9, 10}


def test_what_is_named_stays(foxes, settings):
    sample = factories.samples(foxes.project, 1)[0]
    whole = {
        2: {"is_full": True},
        3: {},  # of a look at what is safe to accept
        4: {},  # of the newest assessment
        5: {},  # of tiles that somebody looks at
    }
    heads = {number: head(foxes, settings, number, **whole.get(number, {})) for number in range(1, 12)}
    look = {"epsilon": 0.1, "bound": 0.1, "confidence": 0.9, "n_audited": 9, "audited": 9, "wrong": 0, "accepted": 9}
    Acceptance.objects.create(question=foxes.question, head=heads[3], newest_sample=1, reason="", **look)
    for number in (7, 4):
        Assessment.objects.create(question=foxes.question, head=heads[number], n_labels=1, report={})
    TileGroup.objects.create(question=foxes.question, kind="hunt", hunter=foxes.ana, head_version=5, n=0)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"), head_version=6)
    thinning.thin()
    assert versions() == {1, 2, 3, 4, 5, 6, 10, 11}
    assert with_files(settings) == {1, 2, 3, 4, 5, 10, 11}, "a label names the sixth, but predicts nothing"


def test_a_round_that_people_were_served_from_stays_with_its_head(foxes, settings):
    made = factories.samples(foxes.project, 1)
    served = factories.ranking(foxes.question, made)
    Round.objects.filter(pk=served.pk).update(number=2, n_labels=100, head=head(foxes, settings, 2))
    ranked(foxes, 1)
    for number in range(3, 9):
        ranked(foxes, number, head(foxes, settings, number), is_current=False)
    thinning.thin()
    assert numbers() == {1, 2, 6, 7, 8}
    assert 2 in versions()


def test_files_without_a_row_go_once_they_are_old_and_rows_forget_files_that_are_gone(foxes, settings):
    newest = head(foxes, settings, 1)
    lost = head(foxes, settings, 2)
    for each in (settings.HEADS / lost.directory).iterdir():
        each.unlink()
    (settings.HEADS / lost.directory).rmdir()
    folder = settings.HEADS / f"question-{foxes.question.pk}"
    for name in ("0003", "0004"):  # as a worker leaves them that is killed between files and row
        (folder / name).mkdir()
        (folder / name / "head.json").write_text("{}")
    long_ago = time.time() - 2 * thinning.ORPHANED
    os.utime(folder / "0003", (long_ago, long_ago))
    gone = settings.HEADS / "question-999999" / "0009"
    gone.mkdir(parents=True)
    os.utime(gone, (long_ago, long_ago))
    thinning.thin()
    assert with_files(settings) == {1, 4}, "the fourth may be of a refit that is writing its row"
    assert not gone.exists()
    assert dict(Head.objects.values_list("version", "directory")) == {1: newest.directory, 2: ""}


def test_what_broke_off_between_rows_and_files_is_gone_on_with(foxes, settings, monkeypatch):
    for number in range(1, 11):
        head(foxes, settings, number)
    long_ago = time.time() - 2 * thinning.ORPHANED
    for each in settings.HEADS.glob("*/*"):
        os.utime(each, (long_ago, long_ago))

    def killed(folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(thinning, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            thinning.thin()
    assert len(with_files(settings)) == 10
    tasks.thin()
    assert with_files(settings) == {1, 9, 10} == versions()


def test_a_question_goes_on_learning_after_it_was_thinned(foxes):
    vectors, groups = factories.clusters(30, 2)
    made = factories.samples(foxes.project, 30)
    factories.embed(foxes.project, made, vectors)
    for position in range(8):
        name = ("fox", "badger")[groups[position]]
        factories.label(foxes.question, made[position], foxes.ana, foxes.class_id(name))
        asking.request_refit(foxes.question, at_once=True)
        factories.work()
        thinning.thin()
    newest = Round.objects.get(is_current=True)
    assert newest.number == 8 and newest.head.directory


def test_managers_see_what_is_kept_and_when_something_went_last(foxes, settings, client):
    for number in range(1, 9):
        ranked(foxes, number, head(foxes, settings, number))
    thinning.thin()
    client.force_login(foxes.mia)
    page = client.get("/projects/foxes/").content.decode()
    row = page.partition('data-testid="kept-heads"')[2].partition("</tr>")[0]
    assert ">4<" in row and ">4<" in row.replace(">4<", "", 1)
    client.force_login(foxes.ana)
    assert 'data-testid="kept"' not in client.get("/projects/foxes/").content.decode()
