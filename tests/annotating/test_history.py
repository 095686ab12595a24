"""GET …/history/ and taking a label back there."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeller.annotating import history as past
from labeller.labels.models import Check, Label
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(client, foxes):
    def page(who=foxes.ana, **query):
        client.force_login(who)
        return client.get(reverse("annotating:history", args=[foxes.project.slug]), query)

    return page


@pytest.fixture
def withdraw(client, foxes):
    def post(said, who=foxes.ana, **fields):
        client.force_login(who)
        body = {"label": str(said.uuid), "uuid": str(uuid.uuid4()), **fields}
        return client.post(reverse("annotating:withdraw", args=[foxes.project.slug]), body, follow=True)

    return post


def said(answer):
    """The rows of a page, as plain text."""
    items = re.findall(r'<li[^>]*data-testid="said".*?</li>', answer.content.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in items]


def label_all(foxes, count, who=None, name="fox"):
    made = factories.samples(foxes.project, count)
    return factories.labelled(foxes.question, made, who or foxes.ana, name)


def test_labels_come_newest_first_with_what_they_replaced_struck_through(foxes, get):
    (first,) = label_all(foxes, 1)
    label_all(foxes, 1, name="badger")
    again = {"supersedes": first.uuid, "mode": "grid"}
    factories.label(foxes.question, first.sample, foxes.ana, foxes.class_id("empty"), **again)
    answer = get()
    rows = said(answer)
    assert [row.split()[0] for row in rows] == ["empty", "badger", "fox"]
    assert "grid" in rows[0]
    assert "replaced" in rows[2]
    assert answer.content.decode().count("<s>") == 1


def test_what_names_no_class_says_so(foxes, get):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, verdict="unsure")
    assert said(get())[0].startswith("unsure")


def test_others_labels_are_not_shown(foxes, get):
    label_all(foxes, 1, foxes.bo)
    assert said(get()) == []
    assert b"no-history" in get().content


def test_managers_choose_a_person_and_change_nothing(foxes, get):
    label_all(foxes, 1, foxes.bo)
    answer = get(foxes.mia, person="bo")
    assert len(said(answer)) == 1
    assert b'data-testid="withdraw"' not in answer.content
    assert get(foxes.mia, person="nobody").status_code == 404
    assert get(foxes.mia, person="sam").status_code == 404  # an account, but not here


def test_annotators_choose_nobody_but_themselves(foxes, get):
    assert get(person="bo").status_code == 403
    assert get(person="ana").status_code == 200
    assert b'data-testid="person"' not in get().content


def test_an_answer_to_a_known_tile_is_listed_as_any_other(foxes, get):
    """Were it missing, people would know which tiles measure them."""
    label_all(foxes, 1)
    (sample,) = factories.samples(foxes.project, 1)
    Check.objects.create(
        uuid=uuid.uuid4(),
        project=foxes.project,
        question=foxes.question,
        sample=sample,
        annotator=foxes.ana,
        verdict="answer",
        given=[foxes.class_id("badger")],
        is_hit=False,
        mode="grid",
    )
    answer = get()
    assert [row.split()[0] for row in said(answer)] == ["badger", "fox"]
    assert b">2</dd>" in re.sub(rb"\s+", b"", answer.content)


def test_pages_go_on_where_the_last_one_ended(foxes, get, monkeypatch):
    monkeypatch.setattr(past, "PAGE", 3)
    made = label_all(foxes, 5)
    for each in made[:2]:
        Check.objects.create(
            uuid=uuid.uuid4(),
            project=foxes.project,
            question=foxes.question,
            sample=each.sample,
            annotator=foxes.ana,
            verdict="skip",
            mode="grid",
        )
    seen, before = [], ""
    while True:
        page = past.page(foxes.project, foxes.ana, before)
        seen += [row.said for row in page.rows]
        before = page.older
        if not before:
            break
        assert len(page.rows) == 3
    assert [type(each) for each in seen[:2]] == [Check, Check]
    assert [each.pk for each in seen[2:]] == [each.pk for each in reversed(made)]
    assert b'data-testid="older"' in get().content
    assert b'data-testid="newest"' in get(before="3-0").content


@pytest.mark.parametrize("before", ["x", "-", "9" * 40, "1-2-3", "-5", "٣"])
def test_a_page_that_makes_no_sense_is_some_page(foxes, get, before):
    label_all(foxes, 2)
    assert get(before=before).status_code == 200


def test_the_number_of_queries_does_not_grow(foxes, get):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            get()
        return len(captured)

    label_all(foxes, 2)
    get()
    small = queries()
    label_all(foxes, 30)
    assert queries() == small <= 25


# --- taking back ----------------------------------------------------------------------------------


def test_a_label_is_taken_back_once_however_often_it_is_pressed(foxes, withdraw):
    (label,) = label_all(foxes, 1)
    name = str(uuid.uuid4())
    for _ in range(2):
        answer = withdraw(label, uuid=name)
        assert b"Taken back" in answer.content
    assert list(Label.objects.order_by("pk").values_list("verdict", "is_current")) == [
        ("answer", False),
        ("withdraw", True),
    ]


def test_every_row_brings_its_own_name_for_taking_it_back(foxes, get):
    label_all(foxes, 2)
    names = re.findall(rb'name="uuid" value="([^"]+)"', get().content)
    assert len(set(names)) == 2


def test_a_label_changed_meanwhile_is_told_and_left(foxes, withdraw):
    (label,) = label_all(foxes, 1)
    factories.label(foxes.question, label.sample, foxes.ana, foxes.class_id("badger"), supersedes=label.uuid)
    assert b"changed meanwhile" in withdraw(label).content
    assert Label.objects.get(is_current=True).verdict == "answer"


@pytest.mark.parametrize("who", ["bo", "mia", "ada"])
def test_nobody_takes_back_what_somebody_else_said(foxes, withdraw, who):
    (label,) = label_all(foxes, 1)
    assert withdraw(label, getattr(foxes, who)).status_code == 404
    assert Label.objects.get().is_current


def test_a_label_of_another_project_is_not_reached(foxes, withdraw):
    other = factories.project("other")
    (sample,) = factories.samples(other, 1)
    question = other.first_question
    label = factories.label(question, sample, foxes.ana, question.classes.first().pk)
    assert withdraw(label).status_code == 404


@pytest.mark.parametrize("fields", [{"uuid": "x"}, {"label": "x"}, {"uuid": ""}])
def test_names_that_are_none_find_nothing(foxes, withdraw, fields):
    (label,) = label_all(foxes, 1)
    assert withdraw(label, **fields).status_code == 404


def test_a_review_taken_back_by_who_manages_no_more_is_refused(foxes, withdraw):
    (sample,) = factories.samples(foxes.project, 1)
    label = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"), mode="review")
    assert b"Only managers review" in withdraw(label).content
    assert Label.objects.get().is_current


@pytest.mark.parametrize(("who", "status"), [("sam", 404), ("vic", 403), ("ana", 200), ("mia", 200), ("ada", 200)])
def test_annotators_and_stronger_have_a_history(foxes, get, who, status):
    assert get(getattr(foxes, who)).status_code == status


# --- pace -----------------------------------------------------------------------------------------


@pytest.fixture
def at(foxes):
    """Give ana a label made at that moment."""

    def make(*moments):
        for moment, label in zip(moments, label_all(foxes, len(moments)), strict=True):
            Label.objects.filter(pk=label.pk).update(created_at=moment)

    return make


@pytest.fixture
def noon(monkeypatch):
    moment = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(past.clock, "now", lambda: moment)
    return moment


def test_pace_counts_todays_labels_and_leaves_out_breaks(foxes, at, noon):
    start = noon - timedelta(hours=2)
    at(*(start + timedelta(seconds=2 * n) for n in range(10)), noon, noon + timedelta(seconds=2))
    pace = past.pace(foxes.project, foxes.ana, past.zone(""))
    # 12 labels: 3 s for the first and the one after the break, 2 s for each of ten others.
    assert (pace.today, pace.per_minute) == (12, round(12 / (26 / 60)))


def test_days_are_days_of_the_persons_own_clock(foxes, at, noon):
    midnight = noon.replace(hour=0)
    at(midnight - timedelta(minutes=90), midnight - timedelta(minutes=30), midnight + timedelta(minutes=30))
    days = [dict(past.pace(foxes.project, foxes.ana, past.zone(offset)).days) for offset in ("", "-60", "600")]
    today, yesterday = noon.date(), noon.date() - timedelta(days=1)
    assert [(each[yesterday], each[today]) for each in days] == [(2, 1), (1, 2), (3, 0)]
    assert all(len(each) == 14 for each in days)


def test_what_was_replaced_taken_back_or_is_older_does_not_count(foxes, noon):
    old, back, long_ago = label_all(foxes, 3)
    factories.label(foxes.question, old.sample, foxes.ana, foxes.class_id("badger"), supersedes=old.uuid)
    factories.label(foxes.question, back.sample, foxes.ana, verdict="withdraw", supersedes=back.uuid)
    Label.objects.update(created_at=noon)
    Label.objects.filter(pk=long_ago.pk).update(created_at=noon - timedelta(days=30))
    pace = past.pace(foxes.project, foxes.ana, past.zone(""))
    assert (pace.today, pace.per_minute, sum(n for _day, n in pace.days)) == (1, None, 1)


@pytest.mark.parametrize(("offset", "hours"), [("-120", 2), ("300", -5), ("", 0), ("x", 0), ("99999", 0), ("1e3", 0)])
def test_the_browsers_clock_is_believed_within_reason(offset, hours):
    assert past.zone(offset).utcoffset(None) == timedelta(hours=hours)


def test_times_are_told_in_the_persons_own_zone(foxes, client, get, at):
    at(timezone.now().replace(hour=12, minute=34))
    client.cookies["labeller-zone"] = "-120"
    assert "14:34" in said(get())[0]


def test_a_label_without_a_place_of_its_own_can_be_labelled_again(foxes, client):
    """A review, or a label that came late: the one place is somebody else's."""
    (sample,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [sample])
    url = reverse("annotating:next", args=[foxes.project.slug, foxes.question.key])

    def ask(who):
        client.force_login(who)
        answer = client.post(url, {"count": 0, "tab": "one", "sample": sample.pk}, content_type="application/json")
        return [each["sample"] for each in answer.json()["samples"]]

    assert ask(foxes.bo) == [sample.pk]
    assert ask(foxes.ana) == []
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert ask(foxes.ana) == [sample.pk]
