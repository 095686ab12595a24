"""manage.py rank --like and --class: hunts on the command line."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from labeller.embedding import neighbours, runs
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning.models import Head, Round
from labeller.projects.models import Question
from labeller.samples.models import File
from tests import factories

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """90 embedded samples in three groups, thirty of them labelled."""
    vectors, groups = factories.clusters(90, 3)
    made = factories.samples(foxes.project, 90)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:30], groups[:30], strict=True)],
        foxes.ana,
    )
    return made, groups


@pytest.fixture
def rank(capsys):
    """Run the command; returns its JSON."""

    def run(*args):
        call_command("rank", "--project", "foxes", "--json", *args)
        return json.loads(capsys.readouterr().out)

    return run


def groups_of(shown, pool):
    made, groups = pool
    of_path = {sample.file.path: group for sample, group in zip(made, groups, strict=True)}
    return {of_path[row["path"]] for row in shown["entries"]}


def test_like_finds_the_look_alikes_of_labelled_ones_and_others_but_not_themselves(foxes, pool, rank):
    made, groups = pool
    for position in (1, 70):
        shown = rank("--like", made[position].file.path, "--n", "19")
        assert groups_of(shown, pool) == {groups[position]} and len(shown["entries"]) == 19
        paths = [row["path"] for row in shown["entries"]]
        assert made[position].file.path not in paths and not set(paths) & {each.file.path for each in made[:30]}
        assert {row["reason"] for row in shown["entries"]} == {"looks like one of the examples"}
        assert (shown["strategy"], shown["committed"]) == ("similar_to", False)
    assert (Head.objects.count(), Round.objects.count(), Job.objects.count()) == (0, 0, 0)


def test_like_several_finds_what_looks_like_any(foxes, pool, rank):
    made, groups = pool
    shown = rank("--like", made[0].file.path, made[1].file.path, "--n", "30")
    assert groups_of(shown, pool) == {groups[0], groups[1]}


def test_like_needs_no_labels(foxes, pool, rank):
    factories.forget(Label.objects.all())
    made, groups = pool
    assert groups_of(rank("--like", made[2].file.path, "--n", "10"), pool) == {groups[2]}


def test_like_asks_the_index_where_there_is_one(foxes, pool, rank, monkeypatch):
    made, _ = pool
    Question.objects.update(strategy="seals")
    neighbours.keep_up(runs.current_run(foxes.project))
    exact = rank("--like", made[1].file.path, "--n", "8")
    factories.work("index")
    asked = []
    real = neighbours.InPool.search
    monkeypatch.setattr(neighbours.InPool, "search", lambda *args: asked.append(args) or real(*args))
    indexed = rank("--like", made[1].file.path, "--n", "8")
    assert [row["path"] for row in indexed["entries"]] == [row["path"] for row in exact["entries"]] and asked


def test_class_finds_the_class(foxes, pool, rank):
    shown = rank("--class", "Badger", "--n", "19")
    assert groups_of(shown, pool) == {1} and shown["strategy"] == "positive_first"
    assert {row["reason"] for row in shown["entries"]} == {"may be badger"}


def test_class_finds_it_where_a_sample_may_be_of_several():
    foxes = factories.cast(multi_label=True)
    vectors, groups = factories.clusters(60, 2)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, *("fox", "badger")[: group + 1]) for sample, group in zip(made[:30], groups[:30], strict=True)],
        foxes.ana,
    )
    call_command("rank", "--project", "foxes", "--class", "badger", "--n", "15", "--commit")
    entries = Round.objects.get(is_current=True).entries.all()
    of_sample = {sample.pk: group for sample, group in zip(made, groups, strict=True)}
    assert {of_sample[entry.sample_id] for entry in entries} == {1}
    assert {entry.reason for entry in entries} == {f"hunted:{foxes.class_id('badger')}"}


def test_a_hunt_may_be_committed_without_becoming_the_projects_strategy(foxes, pool, rank):
    shown = rank("--class", "fox", "--n", "5", "--commit")
    current = Round.objects.get(is_current=True)
    assert current.strategy == "positive_first" and Question.objects.get().strategy == foxes.question.strategy
    assert [entry.sample.file.path for entry in current.entries.order_by("rank")] == [
        row["path"] for row in shown["entries"]
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--like", "fox/9999.jpg"), "no sample 'fox/9999.jpg'"),
        (("--class", "lynx"), "no class 'lynx'; there are: .*badger"),
        (("--like", "fox/0001.jpg", "--class", "fox"), "not allowed with"),
        (("--strategy", "margin", "--class", "fox"), "not allowed with"),
        (("--strategy", "similar_to"), "examples"),
    ],
)
def test_what_cannot_be_is_said(foxes, pool, rank, args, said):
    with pytest.raises(CommandError, match=said):
        rank(*args)


def test_a_class_without_labels_cannot_be_hunted_yet(foxes, pool, rank):
    foxes.question.classes.create(name="otter")
    with pytest.raises(CommandError, match="needs labels of it"):
        rank("--class", "otter")


def test_a_sample_of_another_project_is_none_of_this_one(foxes, pool, rank):
    (stranger,) = factories.samples(factories.project("bears"), 1)
    File.objects.filter(samples=stranger).update(path="bear.jpg")
    with pytest.raises(CommandError, match=r"no sample 'bear\.jpg'"):
        rank("--like", "bear.jpg")


def test_a_sample_without_an_embedding_is_said(foxes, pool, rank):
    (waiting,) = factories.samples(foxes.project, 1, shard=1)
    assert np.all(runs.current_run(foxes.project).shards.values_list("number", flat=True) == np.array([0]))
    with pytest.raises(CommandError, match="no embedding"):
        rank("--like", waiting.file.path)
