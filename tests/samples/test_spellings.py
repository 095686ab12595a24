"""Folders whose names look the same are one class, however they are coded."""

import unicodedata

import pytest

from labeller.labels.models import Label
from labeller.samples import ingesting
from labeller.samples.models import HiddenTruth, Source
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize("meaning", [Source.Meaning.LABELS, Source.Meaning.TRUTH])
def test_two_spellings_of_a_folder_are_one_class(folder, meaning):
    project = factories.project(classes=[])
    names = ["Éland", unicodedata.normalize("NFD", "Éland"), "E\u0301LAND", "É\u200bland"]
    for number, name in enumerate(names):
        factories.photograph(folder / name / f"{number}.jpg", number)
    ingesting.add_source(project, folder, meaning)
    factories.work()
    (eland,) = project.first_question.classes.all()
    assert unicodedata.is_normalized("NFC", eland.name) and eland.name.casefold() == "éland"
    of_it = (
        Label.objects.filter(labelled_classes__label_class=eland)
        if meaning == Source.Meaning.LABELS
        else HiddenTruth.objects.filter(label_class=eland)
    )
    assert of_it.count() == 4
