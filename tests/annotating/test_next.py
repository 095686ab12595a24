"""POST …/next/: samples to label."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeller.annotating import places
from labeller.labels import flags
from labeller.learning.models import RoundEntry
from labeller.samples.models import Source
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, foxes):
    def post(body, user=foxes.ana, **options):
        client.force_login(user)
        url = reverse("annotating:next", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, body, content_type="application/json", **options)

    return post


def test_a_batch_says_all_the_page_needs(ask, foxes):
    made = factories.samples(foxes.project, 2)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    factories.ranking(foxes.question, made, suggest=[badger, fox])
    answer = ask({"count": 1}).json()
    entry = RoundEntry.objects.get(sample=made[0])
    assert answer == {
        "samples": [
            {
                "sample": made[0].pk,
                "width": 640,
                "height": 480,
                "box": None,
                "photo": made[0].file_id,
                "boxes": [],
                "path": "fox/0000.jpg",
                "taken_at": None,
                "deployment": "",
                "notes": [],
                "entry": places.named(entry.pk, foxes.ana),
                "round": 1,
                "reason": "because",
                "blind": False,
                "head_version": 7,
                "suggestions": [[badger, 0.5], [fox, 0.5]],
                "by_names": False,
                "by_model": "",
                "foreseen": {},
                "previous": None,
                "followers": {},
                "burst": [],
                "flag": None,
            }
        ],
        "round": {"number": 1, "strategy": "margin", "n_labels": 0},
        "pool": {"labelled": 0, "total": 2, "embedded": 0},
        "kept": [],
        "state": "ready",
        "message": "",
    }


def test_an_audit_sample_comes_blind(ask, foxes):
    made = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, made, audits=made, suggest=[foxes.class_id("fox"), foxes.class_id("badger")])
    (sample,) = ask({"count": 1}).json()["samples"]
    assert sample["blind"]
    assert (sample["suggestions"], sample["head_version"]) == ([], None)


def test_where_folders_are_the_truth_the_path_does_not_give_it_away(ask, foxes):
    made = factories.samples(foxes.project, 1)
    Source.objects.update(truth_from="folders")
    factories.ranking(foxes.question, made)
    assert "fox" not in ask({"count": 1}).content.decode()


def test_a_sample_reopened_by_undo_brings_its_previous_label(ask, foxes):
    made = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, made)
    ask({"count": 1})
    old = factories.label(foxes.question, made[0], foxes.ana, foxes.class_id("fox"))
    back = factories.label(foxes.question, made[0], foxes.ana, verdict="withdraw", supersedes=old.uuid)
    (sample,) = ask({"count": 1, "keep": []}).json()["samples"]
    assert sample["previous"] == {"uuid": str(back.uuid), "verdict": "withdraw", "classes": []}


def test_while_nothing_is_ranked_it_says_what_the_person_waits_for(ask, foxes):
    factories.samples(foxes.project, 3)
    answer = ask({"count": 1}).json()
    assert (answer["samples"], answer["round"], answer["state"]) == ([], None, "preparing")
    assert answer["message"]


def test_what_this_person_said_of_a_sample_comes_with_it(ask, foxes):
    (sample,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [sample])
    for position, key in ((2, "age"), (1, "doing")):
        follower = foxes.project.questions.create(key=key, text=key, follows=foxes.question, position=position)
        factories.label(follower, sample, foxes.ana, *[follower.classes.create(name=name).pk for name in ("a",)])
        factories.label(follower, sample, foxes.bo, follower.classes.get().pk)
    other = foxes.project.questions.create(key="other", text="Asked by itself", position=3)
    factories.label(other, sample, foxes.ana, verdict="skip")
    flags.raise_flag(uuid.UUID(int=1), foxes.question, sample.pk, foxes.bo, "not mine")
    flags.raise_flag(uuid.UUID(int=2), foxes.question, sample.pk, foxes.ana, "closed")
    flags.raise_flag(uuid.UUID(int=3), foxes.question, sample.pk, foxes.ana, "two of them?")
    (told,) = ask({"count": 1}).json()["samples"]
    assert told["previous"] is None
    assert list(told["followers"]) == ["doing", "age"]
    assert [len(each["classes"]) for each in told["followers"].values()] == [1, 1]
    assert told["flag"] == {"uuid": str(uuid.UUID(int=3)), "note": "two of them?"}


def test_several_classes_of_a_previous_label_come_in_the_order_of_their_ids(ask, foxes):
    type(foxes.question).objects.update(multi_label=True)
    foxes.question.refresh_from_db()
    (sample,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [sample])
    both = [foxes.class_id("badger"), foxes.class_id("fox")]
    label = factories.label(foxes.question, sample, foxes.ana, *both)
    (told,) = ask({"count": 0, "sample": sample.pk}).json()["samples"]
    assert told["previous"] == {"uuid": str(label.uuid), "verdict": "answer", "classes": sorted(both)}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        (b"\xff\xfe", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "object"),
        ("null", "object"),
        ('{"count": "ten"}', "`count`"),
        ('{"count": -1}', "`count`"),
        ('{"count": 1e3}', "`count`"),
        ('{"count": true}', "`count`"),
        ('{"count": null}', "`count`"),
        ('{"count": 100000}', "`count`"),
        ('{"keep": 7}', "`keep`"),
        ('{"keep": {"a": 1}}', "`keep`"),
        ('{"keep": ["x"]}', "`keep`"),
        ('{"keep": [1.5]}', "`keep`"),
        ('{"keep": [99999999999999999999999]}', "`keep`"),
        ('{"keep": [' + ",".join(["1"] * 1001) + "]}", "`keep`"),
    ],
)
def test_nonsense_is_answered_with_422_naming_the_field(ask, foxes, body, field):
    answer = ask(body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


def test_the_number_of_queries_is_bounded_and_does_not_grow_with_the_round(client, foxes):
    made = factories.samples(foxes.project, 10)
    suggest = [foxes.class_id("fox"), foxes.class_id("badger")]
    client.force_login(foxes.ana)
    url = reverse("annotating:next", args=[foxes.project.slug, foxes.question.key])

    def queries(count):
        factories.ranking(foxes.question, made, suggest=suggest)
        client.post(url, {"count": count}, content_type="application/json")
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(url, {"count": count, "keep": [made[0].pk]}, content_type="application/json")
        assert len(answer.json()["samples"]) == count
        return [query for query in captured if "SAVEPOINT" not in query["sql"]]

    small = queries(5)
    made += factories.samples(foxes.project, 30)
    large = queries(20)
    assert len(large) == len(small) == 12
