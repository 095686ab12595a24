"""What answers teach that name a parent class, by somebody who couldn't tell its children apart."""

import numpy as np
import pytest

from labeller.embedding import loading, runs
from labeller.labels import selectors
from labeller.learning import backing_off, fitting
from labeller.projects.models import LabelClass
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids(db):
    """Ids by name: the carnivores, below them the foxes with two kinds, and the badger; beside them empty."""
    cast = factories.cast(classes=("carnivore", "fox", "red fox", "grey fox", "badger", "empty"))
    found = {name: cast.class_id(name) for name in cast.question.classes.values_list("name", flat=True)}
    below = {"fox": "carnivore", "badger": "carnivore", "red fox": "fox", "grey fox": "fox"}
    for name, parent in below.items():
        LabelClass.objects.filter(pk=found[name]).update(parent=found[parent])
    found["question"] = cast.question
    return found


def taught(ids, *answers):
    names = {class_id: name for name, class_id in ids.items()}
    given = [frozenset(ids[name] for name in answer) for answer in answers]
    return [{names[each] for each in classes} for classes in backing_off.taught(ids["question"], given)]


def test_a_parent_teaches_nothing_once_a_child_is_seen(ids):
    assert taught(ids, ["fox"], ["red fox"], ["empty"]) == [set(), {"red fox"}, {"empty"}]


def test_a_parent_is_a_class_as_any_other_before_a_child_is_seen(ids):
    assert taught(ids, ["fox"], ["badger"]) == [{"fox"}, {"badger"}]


def test_any_descendant_counts(ids):
    assert taught(ids, ["carnivore"], ["grey fox"], ["badger"]) == [set(), {"grey fox"}, {"badger"}]


def test_among_several_classes_a_parent_beside_its_child_says_nothing_more(ids):
    answers = (["fox", "red fox"], ["carnivore", "empty"], ["badger", "red fox"])
    assert taught(ids, *answers) == [{"red fox"}, set(), {"badger", "red fox"}]


def test_classes_that_are_each_others_parents_do_no_harm(ids):
    LabelClass.objects.filter(pk=ids["carnivore"]).update(parent=ids["red fox"])
    assert taught(ids, ["badger"], ["empty"])[1] == {"empty"}


def test_a_head_is_not_fitted_on_what_was_backed_off_but_the_label_stays(ids):
    question = ids["question"]
    cast_sample = factories.samples(question.project, 6)
    vectors, _ = factories.clusters(6, 3)
    factories.embed(question.project, cast_sample, vectors)
    ana = factories.person("ana")
    factories.labelled_each(
        question,
        [
            (sample, ids[name])
            for sample, name in zip(cast_sample, ["red fox", "empty", "fox", "red fox", "empty", "fox"], strict=True)
        ],
        ana,
    )
    answers = selectors.consensus(question)
    assert len(answers) == 6
    data = fitting.training(question, loading.load_embeddings(runs.current_run(question.project)), answers)
    assert data.class_ids == sorted([ids["red fox"], ids["empty"]])
    assert data.sample_ids.tolist() == [cast_sample[at].pk for at in (0, 1, 3, 4)]
    assert data.y.tolist() == [ids["red fox"], ids["empty"]] * 2
    assert np.array_equal(data.X, vectors[[0, 1, 3, 4]].astype(np.float32))
