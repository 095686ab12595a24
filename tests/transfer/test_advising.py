"""Advice: what is read and what computed, what comes out of it, and what is kept."""

import json
from dataclasses import replace

import numpy as np
import pytest

from labeller.embedding import computing, runs
from labeller.jobs.models import Job
from labeller.transfer import advising, candidates, trying
from labeller.transfer.candidates import Rival, Variant
from labeller.transfer.models import Advice
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.transfer.trials import GOOD, POOR, Counting, line_of, measured, network
from tl_core.featurisers import Entry, FeaturiserUnavailable, baselines

pytestmark = pytest.mark.django_db


# --- what comes out -------------------------------------------------------------------------------


def test_by_labels_the_better_network_is_picked(foxes, labelled, tried):
    report = measured(foxes.project)
    assert report["labelled"]
    assert (report["n"], report["classes"], report["looked_at"]) == (60, 3, 60)
    assert report["candidates"][report["pick"]]["name"] == "good"
    assert line_of(report, "good")["score"] > line_of(report, "poor")["score"]
    assert line_of(report, "good")["neighbours"] > 0.9
    assert report["sentence"]["code"] == "transfers_well"
    assert report["missing"] == [{"name": "far", "reason": "pip install far"}]
    assert json.loads(json.dumps(report)) == report
    shown = report["pictures"][0]
    assert [len(near) for near in shown["near"]] == [4, 4]
    assert shown["sample"] not in [pk for pk, _ in shown["near"][0]]


def test_labels_that_mean_nothing_are_no_better_than_pixels(foxes, pictures, tried):
    classes = [foxes.class_id(name) for name in ("fox", "badger")]
    factories.labelled_each(
        foxes.question,
        [
            (sample, classes[label_class])
            for sample, label_class in zip(pictures, np.random.default_rng(5).permutation(60) % 2, strict=True)
        ],
        foxes.ana,
    )
    assert measured(foxes.project)["sentence"]["code"] in ("no_better", "few_labels")


def test_without_labels_copies_are_known_again(foxes, pictures, tried):
    report = measured(foxes.project)
    assert not report["labelled"]
    assert report["sentence"]["code"] == "alike_only"
    assert 0 <= line_of(report, "good")["twins"] <= 1
    assert line_of(report, "good")["mates"] is None
    assert report["pictures"][0]["near"][0][0][1] is None


def test_what_a_run_holds_is_read(foxes, labelled, tried, monkeypatch):
    monkeypatch.setattr(runs.featurisers, "get", lambda name: replace(GOOD))
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(GOOD))
    monkeypatch.setattr(trying, "TIMED", 10)
    run = runs.run_of(foxes.project, "good")
    runs.resume(run)
    factories.work("embed")
    read, computed = Counting(GOOD), Counting(POOR)
    tried[:2] = [network(GOOD, read, (run,)), network(POOR, computed)]
    report = measured(foxes.project)
    assert (read.embedded, computed.embedded) == (10, 60)  # ten by which its speed is known
    assert line_of(report, "good")["score"] > line_of(report, "poor")["score"]
    assert line_of(report, "good")["rate"] > 0


def test_a_run_that_lacks_a_picture_is_not_read(foxes, labelled, tried):
    run = runs.current_run(foxes.project)
    factories.embed(foxes.project, labelled[:5], np.ones((5, factories.DIMENSION)))
    read = Counting(FakeFeaturiser())
    tried[:2] = [network(FakeFeaturiser(), read, (run,))]
    measured(foxes.project)
    assert read.embedded == 60


def test_a_derived_run_is_tried_by_what_it_holds(foxes, labelled, tried):
    run = runs.current_run(foxes.project)
    vectors = np.random.default_rng(0).normal(size=(60, factories.DIMENSION))
    factories.embed(foxes.project, labelled, vectors)
    columns = ((slice(0, factories.DIMENSION), False),)
    tried.append(Rival("derived", True, (Variant("", "x,whiten=8", columns),), stored=(run,)))
    line = line_of(measured(foxes.project), "derived")
    assert (line["run"], line["rate"], line["minutes"]) == (run.pk, None, None)


def test_time_is_bounded_and_the_rest_must_do(foxes, labelled, tried, monkeypatch):
    monkeypatch.setattr(trying, "SECONDS", 0.0)
    monkeypatch.setattr(trying, "TIMED", 9)
    monkeypatch.setattr(trying, "LEAST", 30)
    assert measured(foxes.project)["looked_at"] == 30


def test_a_broken_picture_and_a_network_that_cannot_be_loaded_stop_nothing(foxes, labelled, folder, tried):
    (folder / "03.png").write_bytes(b"broken since")

    def missing():
        raise FeaturiserUnavailable("pip install huge")

    tried.insert(0, replace(tried[0], name="huge", load=missing))
    report = measured(foxes.project)
    assert (report["looked_at"], report["refused"]) == (59, 1)
    assert {"name": "huge", "reason": "pip install huge"} in report["missing"]


def test_without_pictures_it_says_so(foxes, tried):
    with pytest.raises(advising.NothingToTry, match="no photograph"):
        measured(foxes.project)


def test_what_is_at_hand_is_named_with_all_that_it_gives_out(foxes, monkeypatch):
    monkeypatch.undo()  # the networks themselves, without weights
    entry = Entry("efficientnet-lite0", 1280, 19.0, "wheel", True, "")
    monkeypatch.setattr(candidates.featurisers, "catalogue", lambda: [entry])
    listed, _ = candidates.of(foxes.project, lambda spec: spec)
    names = [each.name for each in listed]
    assert "efficientnet-lite0" in names
    assert names[-3:] == [f"{baselines.UNTRAINED} efficientnet-lite0", baselines.PIXELS, baselines.GRADIENTS]
    lite = listed[names.index("efficientnet-lite0")]
    assert [each.part for each in lite.variants] == ["last", "levels", "both"]
    assert lite.load() == "efficientnet-lite0,output=both"
    assert [each.dimension for each in lite.variants] == [1280, 848, 2128]


# --- the job --------------------------------------------------------------------------------------


def test_the_job_keeps_what_it_found_and_only_the_newest(foxes, labelled, tried, monkeypatch):
    monkeypatch.setattr(advising, "KEPT", 2)
    for _time in range(3):
        job = advising.ask(foxes.project, 60)
        assert advising.ask(foxes.project) == job
        (done,) = factories.work("advise")
        assert (done.state, done.done, done.total) == (Job.State.DONE, 60, 60)
    assert Advice.objects.count() == 2
    assert advising.newest(foxes.project).question == foxes.question


def test_a_cancelled_job_keeps_nothing(foxes, labelled, tried, monkeypatch):
    advising.ask(foxes.project)
    report = advising.judging.report

    def cancelled(*args):
        advising.cancel(foxes.project)
        return report(*args)

    monkeypatch.setattr(advising.judging, "report", cancelled)
    (job,) = factories.work("advise")
    assert job.state == Job.State.CANCELLED
    assert not Advice.objects.exists()
