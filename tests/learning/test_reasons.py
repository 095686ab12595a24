"""Why a sample is shown: a code in the row, words in the reader's language and with the names of today."""

import pytest
from django.utils import translation

from labeller.learning import reasons
from labeller.learning.models import RoundEntry
from labeller.projects.models import LabelClass

pytestmark = pytest.mark.django_db


def entry(code, *class_ids):
    return RoundEntry(reason=code, suggestions=[[class_id, 0.5] for class_id in class_ids])


def words(*given):
    made = entry(*given)
    return reasons.describe(made, reasons.names([made]))


def test_reasons_name_the_classes_that_are_suggested(foxes):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    assert words("between", fox, badger) == "between fox and badger"
    assert words("doubt", badger, fox) == "like many that are not sure yet, may be badger"
    assert words(f"hunted:{fox}", badger, fox) == "may be fox"
    assert words("audit", fox) == "audit: drawn at random"


def test_a_renamed_class_is_called_by_its_new_name(foxes):
    made = entry(f"hunted:{foxes.class_id('fox')}")
    LabelClass.objects.filter(name="fox").update(name="red fox")
    assert reasons.describe(made, reasons.names([made])) == "may be red fox"


@pytest.mark.parametrize("code", [*reasons.PLAIN, "hunted:987654"])
def test_without_names_no_class_is_told(foxes, code):
    """Neither where a class is gone, nor to people who see no suggestions."""
    told = reasons.describe(entry(code, 987654, 987655), {})
    assert told == reasons.PLAIN[code.partition(":")[0]]


@pytest.mark.parametrize(
    "old", ["audit: drawn at random", "between fox and badger", "may be fox", "hunted: 3", "", "?"]
)
def test_words_that_older_rows_hold_are_shown_as_they_are(foxes, old):
    assert words(old) == old


def test_the_reader_chooses_the_language(foxes):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    with translation.override("nl"):
        assert words("between", fox, badger) == "tussen fox en badger"
        assert words("audit") != "audit: drawn at random"


def test_one_query_finds_all_names(foxes, django_assert_num_queries):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    made = [entry("between", fox, badger), entry(f"hunted:{badger}"), entry("audit", fox)]
    with django_assert_num_queries(1):
        assert reasons.names(made) == {fox: "fox", badger: "badger"}
    with django_assert_num_queries(0):
        assert reasons.names([entry("audit"), entry("typical")]) == {}


def test_every_code_fits_into_its_row():
    assert max(map(len, [*reasons.PLAIN, reasons.hunted(2**62)])) <= 300
