"""GET …/flagged/ and closing a flag there."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeller.annotating import flagged
from labeller.labels import flags
from labeller.labels.models import Flag
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(client, foxes):
    def page(who=foxes.ana, **query):
        client.force_login(who)
        return client.get(reverse("annotating:flagged", args=[foxes.project.slug]), query)

    return page


@pytest.fixture
def close(client, foxes):
    def post(flag, who=foxes.ana):
        client.force_login(who)
        body = {"flag": str(getattr(flag, "uuid", flag))}
        return client.post(reverse("annotating:close_flag", args=[foxes.project.slug]), body, follow=True)

    return post


@pytest.fixture
def wave(foxes):
    """Let somebody flag a new sample, or this one."""

    def flag(who, note, sample=None):
        sample = sample or factories.samples(foxes.project, 1)[0]
        name = uuid.uuid4()
        flags.raise_flag(name, foxes.question, sample.pk, who, note)
        return Flag.objects.get(uuid=name)

    return flag


def test_annotators_see_their_own_managers_all_newest_first(foxes, get, wave):
    wave(foxes.ana, "tail?")
    wave(foxes.bo, "blurred")
    mine, all_of_them = get().content.decode(), get(foxes.mia).content.decode()
    assert ("tail?" in mine, "blurred" in mine) == (True, False)
    assert all_of_them.index("blurred") < all_of_them.index("tail?")


def test_an_annotator_sees_no_one_elses_answer(foxes, get, wave):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.bo, foxes.class_id("badger"))
    wave(foxes.ana, "tail?", sample)
    assert "badger" not in get().content.decode()
    assert "badger" in get(foxes.mia).content.decode()
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert "fox" in get().content.decode()


def test_a_note_is_text_and_nothing_else(foxes, get, wave):
    wave(foxes.ana, "<script>alert(1)</script>")
    assert b"<script>alert(1)" not in get().content


def test_a_flag_leads_to_its_sample(foxes, get, wave):
    flag = wave(foxes.ana, "tail?")
    address = reverse("annotating:label", args=[foxes.project.slug, foxes.question.key])
    assert f'href="{address}?sample={flag.sample_id}"' in get().content.decode()
    review = reverse("annotating:review", args=[foxes.project.slug, foxes.question.key])
    assert review not in get().content.decode()
    assert f'href="{review}?sample={flag.sample_id}"' in get(foxes.mia).content.decode()


def test_what_was_closed_or_reviewed_is_no_longer_open(foxes, get, close, wave):
    closed, reviewed = wave(foxes.ana, "tail?"), wave(foxes.ana, "blurred")
    close(closed)
    factories.label(foxes.question, reviewed.sample, foxes.mia, foxes.class_id("fox"), mode="review")
    page = get().content.decode()
    assert page.count('data-testid="closed-flag"') == 2
    assert 'data-testid="no-flags"' in page
    assert "closed by ana" in page


@pytest.mark.parametrize(("who", "status"), [("ana", 200), ("bo", 404), ("mia", 200), ("ada", 200), ("vic", 403)])
def test_a_flag_is_closed_by_its_author_and_by_managers_once(foxes, close, wave, who, status):
    flag = wave(foxes.ana, "tail?")
    assert [close(flag, getattr(foxes, who)).status_code for _ in range(2)] == [status, status]
    flag.refresh_from_db()
    assert (flag.closed_at is not None) == (status == 200)


@pytest.mark.parametrize("name", ["", "x", "7d444840-9dc0-11d1-b245-5ffdce74fad2"])
def test_a_flag_that_is_none_is_not_found(close, name):
    assert close(name).status_code == 404


def test_a_flag_of_another_project_is_not_found(foxes, close):
    other = factories.project("other")
    (sample,) = factories.samples(other, 1)
    name = uuid.uuid4()
    flags.raise_flag(name, other.first_question, sample.pk, foxes.ana, "secret")
    assert close(name, foxes.ada).status_code == 404
    assert Flag.objects.get().closed_at is None


def test_pages_go_on_where_the_last_one_ended(foxes, get, wave, monkeypatch):
    monkeypatch.setattr(flagged, "PAGE", 2)
    made = [wave(foxes.ana, f"note {number}") for number in range(3)]
    assert f"?before={made[1].pk}" in get().content.decode()
    page = get(before=made[1].pk).content.decode()
    assert ("note 0" in page, "note 1" in page) == (True, False)
    assert get(before="x").status_code == 200


def test_the_number_of_queries_does_not_grow(foxes, get, wave):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            get(foxes.mia)
        return len(captured)

    wave(foxes.ana, "tail?")
    get(foxes.mia)
    small = queries()
    for who in (foxes.ana, foxes.bo) * 5:
        flag = wave(who, "blurred")
        factories.label(foxes.question, flag.sample, foxes.ana, foxes.class_id("fox"))
    assert queries() <= small + 1  # the classes of labels, where there are any


@pytest.mark.parametrize(("who", "status"), [("sam", 404), ("vic", 403), ("ana", 200), ("mia", 200), ("ada", 200)])
def test_annotators_and_stronger_see_flags(foxes, get, who, status):
    assert get(getattr(foxes, who)).status_code == status
