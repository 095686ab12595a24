"""Which pictures featurisers are tried on."""

import numpy as np
import pytest

from labeller.labels import tallies
from labeller.samples.models import Deployment, File, Sequence
from labeller.transfer import sampling
from tests import factories

pytestmark = pytest.mark.django_db


def test_labelled_ones_come_first_in_turns_by_class_and_camera(foxes):
    samples = factories.samples(foxes.project, 90)
    cameras = [Deployment.objects.create(project=foxes.project, name=str(number)) for number in range(3)]
    said = []
    for number, sample in enumerate(samples):
        # Most are foxes, and most foxes are of one camera.
        of_class = "fox" if number < 60 else "badger" if number < 80 else "empty"
        camera = cameras[number % 3 if number < 9 or number >= 60 else 0]
        File.objects.filter(pk=sample.file_id).update(deployment=camera)
        said.append((sample, of_class))
    factories.labelled_each(foxes.question, said, foxes.ana)
    drawn = sampling.draw(foxes.project, foxes.question, 18, np.random.default_rng(0))
    assert drawn.is_labelled
    assert np.unique(drawn.classes, return_counts=True)[1].tolist() == [6, 6, 6]
    of_foxes = drawn.cameras[drawn.classes == foxes.class_id("fox")]
    assert np.unique(of_foxes, return_counts=True)[1].tolist() == [2, 2, 2]
    assert len(set(drawn.ids.tolist())) == 18


def test_too_few_labels_are_no_ground(foxes):
    samples = factories.samples(foxes.project, 60)
    factories.labelled_each(
        foxes.question,
        [(sample, ("fox", "badger")[number % 2]) for number, sample in enumerate(samples[:29])],
        foxes.ana,
    )
    rng = np.random.default_rng(0)
    assert sampling.labelled(foxes.question, 100, rng) is None
    assert not sampling.draw(foxes.project, foxes.question, 100, rng).is_labelled
    factories.label(foxes.question, samples[29], foxes.ana, foxes.class_id("fox"))
    assert sampling.labelled(foxes.question, 100, rng) is not None
    factories.label(foxes.question, samples[30], foxes.ana, foxes.class_id("empty"))  # one alone can't be held out
    assert len(sampling.labelled(foxes.question, 100, rng).ids) == 30


def test_without_labels_burst_mates_are_drawn_beside_each_other(foxes):
    samples = factories.samples(foxes.project, 40)
    camera = Deployment.objects.create(project=foxes.project, name="north")
    for start in range(0, 20, 2):
        burst = Sequence.objects.create(deployment=camera, started_at=factories.timezone.now())
        pks = [sample.file_id for sample in samples[start : start + 2]]
        File.objects.filter(pk__in=pks).update(deployment=camera, sequence=burst)
    drawn = sampling.unlabelled(foxes.project, 10, np.random.default_rng(0))
    bursts = drawn.events[drawn.events >= 0]
    assert len(bursts)
    assert (np.unique(bursts, return_counts=True)[1] == 2).all()
    assert len(set(drawn.ids.tolist())) == len(drawn.ids)


def test_the_question_with_most_answers_is_asked(foxes):
    age = foxes.project.questions.create(key="age", text="How old?")
    assert sampling.question_of(foxes.project) is None
    young = age.classes.create(name="young", folded="young")
    factories.label(age, factories.samples(foxes.project, 1)[0], foxes.ana, young.pk)
    tallies.recount(foxes.project)
    assert sampling.question_of(foxes.project) == age
