"""POST …/hunt/start/ and …/hunt/tiles/: a hunt is asked for, waited for, and handed out as tiles are."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeller.annotating.models import Assignment
from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning.models import TileGroup
from labeller.messages import sentence
from labeller.projects.models import Project, Question
from labeller.transfer.models import OwnNetwork
from tests import factories
from tl_core.notices import notice

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """60 embedded samples in three groups; the first twelve are labelled."""
    vectors, groups = factories.clusters(60, 3)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:12], groups[:12], strict=True)],
        foxes.bo,
    )
    return made


@pytest.fixture
def post(client, foxes):
    def post(name, body, user=None):
        client.force_login(user or foxes.ana)
        url = reverse(f"annotating:{name}", args=[foxes.project.slug, foxes.question.key])
        return client.post(url, {"tab": "a", **body} if isinstance(body, dict) else body, "application/json")

    return post


@pytest.fixture
def start(post):
    """Start a hunt and have a worker do it; returns its job's id."""

    def start(user=None, **aim):
        answer = post("hunt_start", aim, user)
        assert answer.status_code == 200, answer.content
        factories.work("hunt")
        return answer.json()["job"]

    return start


@pytest.fixture
def tiles(post):
    def tiles(job, user=None, **body):
        answer = post("hunt_tiles", {"job": job, "count": 8, **body}, user)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return tiles


def ids(answer):
    return [tile["sample"] for tile in answer["tiles"]]


# --- starting -------------------------------------------------------------------------------------


def test_a_hunt_for_a_class_is_a_job_and_brings_examples(post, foxes, pool):
    badger = foxes.class_id("badger")
    answer = post("hunt_start", {"class": badger}).json()
    job = Job.objects.get(kind="hunt")
    assert answer == {"job": job.pk, "state": "hunting", "examples": [pool[at].pk for at in (10, 7, 4, 1)]}
    assert job.payload == {
        "question": foxes.question.pk, "user": foxes.ana.pk, "class": badger, "like": [], "without": [], "text": "",
    }  # fmt: skip
    assert job.project == foxes.project


def test_a_hunt_by_an_example_needs_no_class(post, foxes, pool):
    answer = post("hunt_start", {"like": [pool[5].pk, pool[5].pk, pool[7].pk], "without": [pool[9].pk]}).json()
    assert answer["examples"] == []
    assert Job.objects.get(kind="hunt").payload["like"] == [pool[5].pk, pool[7].pk]
    assert Job.objects.get(kind="hunt").payload["without"] == [pool[9].pk]


def test_the_same_hunt_is_pending_once_and_those_of_other_tabs_and_people_do_not_replace_it(post, foxes, pool):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    first = post("hunt_start", {"class": fox}).json()["job"]
    assert post("hunt_start", {"class": fox}).json()["job"] == first
    others = [
        post("hunt_start", {"class": badger, "tab": "b"}), post("hunt_start", {"class": fox}, foxes.bo),
        post("hunt_start", {"like": [pool[0].pk], "class": fox, "tab": "c"}),
    ]  # fmt: skip
    assert len({first, *(answer.json()["job"] for answer in others)}) == 4
    assert set(Job.objects.values_list("state", flat=True)) == {Job.State.QUEUED}


def test_a_newer_hunt_takes_the_place_of_the_one_its_tab_waits_for(post, tiles, foxes, pool):
    started = [post("hunt_start", {"like": [each.pk]}).json()["job"] for each in pool]
    assert list(Job.objects.filter(state=Job.State.QUEUED).values_list("pk", flat=True)) == started[-1:]
    assert Job.objects.get(pk=started[0]).state == Job.State.CANCELLED
    assert tiles(started[-1])["state"] == "hunting"


def test_nobody_waits_for_more_than_a_few_hunts_whatever_their_tabs_are_called(post, foxes, pool):
    answers = [post("hunt_start", {"like": [each.pk], "tab": str(each.pk)}) for each in pool]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 55
    assert "5 hunts" in answers[-1].json()["detail"]
    assert Job.objects.filter(kind="hunt").count() == 5
    assert post("hunt_start", {"like": [pool[0].pk]}, foxes.bo).status_code == 200
    factories.work("hunt")
    assert post("hunt_start", {"like": [pool[0].pk], "tab": "new"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "`class`"),
        ({"like": []}, "`like`"),
        ({"class": "fox"}, "`class`"),
        ({"class": 999_999}, "`class`"),
        ({"class": True}, "`class`"),
        ({"like": 5}, "`like`"),
        ({"like": ["x"]}, "`like`"),
        ({"like": [999_999]}, "`like`"),
        ({"like": list(range(1, 22))}, "`like`"),
        ({"class": "OWN", "without": "all"}, "`without`"),
        ("[]", "body"),
        ("{", "body"),
    ],
)
def test_what_cannot_be_hunted_for_is_named(post, foxes, pool, body, field):
    if isinstance(body, dict) and body.get("class") == "OWN":
        body = {**body, "class": foxes.class_id("fox")}
    answer = post("hunt_start", body)
    assert answer.status_code == 422 and field in answer.json()["detail"]
    assert not Job.objects.exists()


def test_samples_and_classes_of_other_projects_are_refused(post, foxes, pool):
    other = factories.project("bears")
    (stranger,) = factories.samples(other, 1)
    assert post("hunt_start", {"like": [pool[0].pk, stranger.pk]}).status_code == 422
    assert post("hunt_start", {"class": other.first_question.classes.first().pk}).status_code == 422


@pytest.mark.parametrize(
    ("who", "status"), [("olga", 200), ("mia", 200), ("ana", 200), ("vic", 403), ("sam", 404), ("ada", 200)]
)
def test_who_may_hunt(post, foxes, pool, who, status):
    person = getattr(foxes, who)
    answer = post("hunt_start", {"class": foxes.class_id("fox")}, person)
    assert answer.status_code == status
    assert post("hunt_tiles", {"job": answer.json()["job"] if status == 200 else 1}, person).status_code == status


# --- waiting --------------------------------------------------------------------------------------


def test_until_a_worker_has_been_there_it_hunts_and_then_has_tiles(post, tiles, foxes, pool):
    job = post("hunt_start", {"class": foxes.class_id("badger")}).json()["job"]
    waiting = tiles(job)
    assert (waiting["state"], waiting["hunt"], waiting["tiles"], waiting["group"]) == ("hunting", None, [], None)
    factories.work("hunt")
    found = tiles(job)
    group = TileGroup.objects.get()
    assert found["state"] == "ready" and found["group"] == {
        "id": group.pk, "kind": "hunt", "class": foxes.class_id("badger"),
    }  # fmt: skip
    assert ids(found) == [sample_id for sample_id, _ in group.tiles[:8]]
    assert set(found["tiles"][0]) == {"sample", "width", "height", "box", "p", "previous", "group"}
    hunt = found["hunt"]
    assert (hunt["by"], hunt["class"], hunt["like"], hunt["found"]) == ("head", foxes.class_id("badger"), [], 4)
    assert 12 < hunt["expected"] < 20 and hunt["at_most"] is None and "audit samples" in hunt["reason"]
    assert found["pool"] == {"labelled": 12, "total": 60, "embedded": 60} and found["kept"] == []


def test_a_later_hunt_of_the_same_aim_is_what_an_earlier_job_brings(start, tiles, foxes, pool):
    badger = foxes.class_id("badger")
    first = start(**{"class": badger})
    second = start(**{"class": badger})
    assert tiles(first)["group"] == tiles(second)["group"] and TileGroup.objects.count() == 1


def test_a_job_that_failed_says_why(post, tiles, foxes, pool):
    job = post("hunt_start", {"class": foxes.class_id("badger")}).json()["job"]
    Job.objects.update(state=Job.State.FAILED, error="Traceback\nOSError: the disk is gone")
    answer = tiles(job)
    assert (answer["state"], answer["message"], answer["tiles"]) == ("failed", "OSError: the disk is gone", [])


def test_where_there_is_nothing_to_hunt_by_it_is_said_in_the_readers_language(start, tiles, foxes, pool, client):
    factories.forget(Label.objects.all())
    job = start(**{"class": foxes.class_id("fox")})
    answer = tiles(job)
    assert (answer["state"], answer["message"]) == ("failed", sentence(notice(WorkerCode.NO_EXAMPLE)))


def test_settings_that_cannot_be_used_are_told(start, tiles, foxes, pool):
    Question.objects.update(head="no.such.Head")
    answer = tiles(start(**{"class": foxes.class_id("fox")}))
    assert answer["state"] == "failed" and "no.such.Head" in answer["message"]


def test_nobody_sees_anybody_elses_hunt(post, start, tiles, foxes, pool):
    job = start(**{"class": foxes.class_id("fox")})
    gone = tiles(job, foxes.bo)
    assert (gone["state"], gone["tiles"], gone["hunt"]) == ("lost", [], None)
    assert tiles(999_999)["message"] == gone["message"], "as if there were none"
    refit = Job.objects.create(kind="refit", key="x", not_before="2020-01-01T00:00Z", project=foxes.project)
    assert tiles(refit.pk)["state"] == "lost"


def test_a_cancelled_hunt_is_told_to_be_lost_and_can_be_asked_for_again(post, tiles, foxes, pool):
    job = post("hunt_start", {"class": foxes.class_id("fox")}).json()["job"]
    Job.objects.update(state=Job.State.CANCELLED)
    assert tiles(job)["state"] == "lost"
    again = post("hunt_start", {"class": foxes.class_id("fox")}).json()["job"]
    factories.work("hunt")
    assert again != job and tiles(again)["state"] == "ready"


def test_who_waits_for_a_hunt_that_no_worker_began_wakes_one_again_but_not_at_every_look(
    post, tiles, foxes, pool, monkeypatch
):
    sent = []
    monkeypatch.setattr(jobs, "send", lambda job, delay=0.0: sent.append(job.pk))
    job = post("hunt_start", {"class": foxes.class_id("fox")}).json()["job"]
    assert tiles(job)["state"] == "hunting" and sent == [], "its message is on the way"
    Job.objects.update(not_before=timezone.now() - timedelta(seconds=11))
    for _ in range(3):
        assert tiles(job)["state"] == "hunting"
    assert sent == [job]


def test_while_a_worker_is_at_it_that_is_said(post, tiles, foxes, pool):
    job = post("hunt_start", {"class": foxes.class_id("fox")}).json()["job"]
    Job.objects.update(state=Job.State.RUNNING, heartbeat_at=timezone.now(), started_at=timezone.now())
    answer = tiles(job)
    assert (answer["state"], answer["message"]) == ("hunting", "A worker is looking through all pictures.")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"job": None}, "`job`"), ({"job": "x"}, "`job`"), ({"count": 999}, "`count`"), ({"keep": 1}, "`keep`"),
     ({"without": [None]}, "`without`")],
)  # fmt: skip
def test_wrong_input_is_named(post, foxes, pool, body, field):
    answer = post("hunt_tiles", {"job": 1, "count": 8, **body})
    assert answer.status_code == 422 and field in answer.json()["detail"]


# --- handing out ----------------------------------------------------------------------------------


def test_tabs_and_people_never_get_the_same_tile(start, tiles, foxes, pool):
    badger = foxes.class_id("badger")
    job, bos = start(**{"class": badger}), start(foxes.bo, **{"class": badger})
    pages = [tiles(job), tiles(job, tab="b"), tiles(bos, foxes.bo)]
    assert len({sample for page in pages for sample in ids(page)}) == 24


def test_what_is_kept_stays_and_what_is_not_is_given_back(start, tiles, foxes, pool):
    job = start(**{"class": foxes.class_id("badger")})
    first = ids(tiles(job))
    more = tiles(job, keep=first[:4], count=2)
    assert more["kept"] == sorted(first[:4]) and ids(more) == first[4:6]
    assert set(Assignment.objects.values_list("sample", flat=True)) == set(first[:6])
    assert ids(tiles(job, keep=[], count=0)) == [] and not Assignment.objects.exists()


def test_what_was_passed_over_is_not_shown_again(start, tiles, foxes, pool):
    job = start(**{"class": foxes.class_id("badger")})
    first = ids(tiles(job))
    second = ids(tiles(job, without=first))
    assert len(second) == 8 and not set(first) & set(second)


def test_what_the_current_round_drew_for_its_audit_since_is_left_to_it(start, tiles, foxes, pool):
    job = start(**{"class": foxes.class_id("badger")})
    best = [sample_id for sample_id, _ in TileGroup.objects.get().tiles[:3]]
    factories.ranking(foxes.question, pool, audits=[sample for sample in pool if sample.pk in best])
    assert not set(best) & set(ids(tiles(job)))


def test_known_answers_are_never_mixed_in(start, tiles, foxes, pool, monkeypatch):
    monkeypatch.setattr("labeller.annotating.handing.tiles.CHECKED", 1.0)
    factories.label(foxes.question, pool[20], None, foxes.class_id("badger"), mode="import")
    tiles(start(**{"class": foxes.class_id("badger")}))
    assert not Assignment.objects.filter(kind="check").exists()


def test_where_suggestions_are_hidden_no_probability_is_told(start, tiles, foxes, pool):
    Question.objects.update(show_suggestions=False)
    answer = tiles(start(**{"class": foxes.class_id("badger")}))
    assert {tile["p"] for tile in answer["tiles"]} == {None}


def test_a_label_of_a_hunt_says_so_and_what_was_predicted_even_after_a_fresh_hunt(post, start, tiles, foxes, pool):
    badger, fox = foxes.class_id("badger"), foxes.class_id("fox")
    job = start(**{"class": badger})
    shown = tiles(job)["tiles"]
    events = [
        {"uuid": str(uuid.uuid4()), "sample": tile["sample"], "entry": None, "verdict": "answer", "classes": [given],
         "supersedes": None, "mode": "hunt", "dwell_ms": 300, "suggestion_shown": False, "head_version": 3}
        for tile, given in zip(shown, [badger] * 6 + [fox] * 2, strict=True)
    ]  # fmt: skip
    assert post("save", {"events": events[:3]}).status_code == 200
    start(**{"class": badger})  # the page asks for it as soon as labels are saved
    assert post("save", {"events": events[3:]}).status_code == 200
    told = Label.objects.filter(annotator=foxes.ana).values_list("mode", "strategy", "predicted", "suggestion_shown")
    assert set(told) == {("hunt", "hunt", badger, True)} and len(told) == 8
    again = start(**{"class": badger})
    after = tiles(again)
    assert after["hunt"]["found"] == 10 and not {tile["sample"] for tile in shown} & set(ids(after))


def test_questions_to_the_database_do_not_grow_with_the_page(start, tiles, foxes, pool):
    job = start(**{"class": foxes.class_id("badger")})
    counted = []
    for count in (2, 20):
        tiles(job, count=0)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            tiles(job, count=count)
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 32


# --- by words -------------------------------------------------------------------------------------


@pytest.fixture
def reading(foxes):
    """The project's featuriser reads texts."""
    OwnNetwork.objects.create(
        digest="0123456789abcdef", name="Tiny", card={}, dimension=8, megabytes=1, reads_texts=True
    )
    Project.objects.filter(pk=foxes.project.pk).update(featuriser="own/0123456789abcdef")


def test_a_hunt_by_words_is_offered_where_the_featuriser_reads_texts(client, post, foxes, pool, reading):
    job = Job.objects.get(pk=post("hunt_start", {"text": "  a lynx\n at night "}).json()["job"])
    assert job.payload["text"] == "a lynx at night"
    assert post("hunt_start", {"text": "a lynx at night"}).json()["job"] == job.pk  # pending once
    assert post("hunt_start", {"text": "a badger"}).json()["job"] != job.pk
    page = client.get(reverse("annotating:hunt", args=["foxes", "species"])).content.decode()
    assert 'data-testid="by-words"' in page


@pytest.mark.parametrize(
    ("aim", "said"),
    [
        ({"text": 7}, "`text` must be a text."),
        ({"text": "x" * 201}, "`text` must have at most 200 characters."),
        ({"text": " "}, "`text`, words for it"),
        ({"text": "x", "like": [1]}, "not both"),
    ],
)
def test_words_that_cannot_be_hunted_by(post, foxes, pool, reading, aim, said):
    answer = post("hunt_start", aim)
    assert answer.status_code == 422 and said in answer.json()["detail"]


def test_no_words_where_the_featuriser_reads_none(client, post, foxes, pool):
    answer = post("hunt_start", {"text": "a lynx at night"})
    assert answer.status_code == 422 and "reads no texts" in answer.json()["detail"]
    page = client.get(reverse("annotating:hunt", args=["foxes", "species"])).content.decode()
    assert 'data-testid="by-words"' not in page
