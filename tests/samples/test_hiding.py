"""Which pictures are hidden: by what models say, by labels, by a manager's word; and what follows from that."""

import json
import uuid

import pytest
from django.db import connection

from labeller.annotating.handing import bursts, single, state, tiles
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import asking, foreign, rounds, seeing
from labeller.learning.foreign import Predicted
from labeller.learning.models import RoundEntry
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Project
from labeller.samples import hiding, parts
from labeller.samples.models import PeopleSeen, Sample
from tests import factories
from tests.annotating.test_sequences import make_burst
from tests.test_pages import gone_through, statements

pytestmark = pytest.mark.django_db
FORM = {
    "annotators_add_classes": "on", "burst_gap": 60, "box_threshold": 0.2, "people_shown_to": "manager",
    "people_from": 20,
}  # fmt: skip


@pytest.fixture
def person(foxes):
    """A class that says that a person is there."""
    return ensure_class(foxes.question, "Homo sapiens")[0]


def says(foxes, name, *predictions):
    foreign.store(foreign.model(foxes.question, name), predictions)


def hidden(project):
    return set(PeopleSeen.objects.filter(project=project, is_hidden=True).values_list("file", flat=True))


# --- what hides -----------------------------------------------------------------------------------


def test_a_detector_hides_from_its_threshold_on_and_lets_go_again(foxes, sent):
    low, high, animal, failed, unsure = factories.samples(foxes.project, 5)
    says(
        foxes, "md", Predicted(low.pk, "person", 0.19), Predicted(high.pk, "person", 0.2),
        Predicted(animal.pk, "animal", 0.99), Predicted(failed.pk, failure="broken"), Predicted(unsure.pk, "Human"),
    )  # fmt: skip
    assert hidden(foxes.project) == {high.file_id, unsure.file_id}
    says(foxes, "md", Predicted(high.pk, "animal", 0.9), Predicted(unsure.pk))
    assert hidden(foxes.project) == set()


def test_a_box_hides_the_whole_file_and_of_several_models_any(foxes, sent):
    one, two = factories.samples(foxes.project, 2)
    boxes = parts.add_boxes(foxes.project, [(one.file_id, (0.1, 0.1, 0.2, 0.2)), (one.file_id, (0.5, 0.5, 0.2, 0.2))])
    says(foxes, "md", Predicted(boxes[0], "animal", 0.9), Predicted(boxes[1], "person", 0.5))
    says(foxes, "other", Predicted(one.pk, "animal", 0.9), Predicted(two.pk, "animal", 0.9))
    assert hidden(foxes.project) == {one.file_id}
    assert hiding.shown_among(foxes.ana, foxes.project, [one.pk, *boxes, two.pk]) == {two.pk}


def test_a_classifier_hides_by_the_class_it_puts_first(foxes, person, sent):
    one, two = factories.samples(foxes.project, 2)
    fox = foxes.class_id("fox")
    says(
        foxes, "net", Predicted(one.pk, suggestions=((person.pk, 0.6), (fox, 0.4))),
        Predicted(two.pk, suggestions=((fox, 0.6), (person.pk, 0.4))),
    )  # fmt: skip
    assert hidden(foxes.project) == {one.file_id}


def test_a_label_hides_until_it_is_taken_back_or_corrected(foxes, person, sent):
    one, two = factories.samples(foxes.project, 2)
    given = [factories.label(foxes.question, each, foxes.ana, person.pk) for each in (one, two)]
    assert hidden(foxes.project) == {one.file_id, two.file_id}
    factories.label(foxes.question, one, foxes.ana, foxes.class_id("fox"), supersedes=given[0].uuid)
    factories.label(foxes.question, two, foxes.ana, verdict=Label.Verdict.WITHDRAW, supersedes=given[1].uuid)
    assert hidden(foxes.project) == set()


def test_a_label_that_is_outvoted_hides_all_the_same(foxes, person, sent):
    (one,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, one, foxes.bo, foxes.class_id("fox"))
    factories.label(foxes.question, one, foxes.ana, person.pk)
    assert hidden(foxes.project) == {one.file_id}


def test_two_boxes_of_a_file_are_told_apart(foxes, person, sent):
    (one,) = factories.samples(foxes.project, 1)
    boxes = parts.add_boxes(foxes.project, [(one.file_id, (0.1, 0.1, 0.2, 0.2)), (one.file_id, (0.5, 0.5, 0.2, 0.2))])
    given = factories.labelled_each(foxes.question, [(Sample(pk=pk), person.pk) for pk in boxes], foxes.ana)
    fox = foxes.class_id("fox")
    factories.label(foxes.question, Sample(pk=boxes[0]), foxes.ana, fox, supersedes=given[0].uuid)
    assert hidden(foxes.project) == {one.file_id}
    factories.label(foxes.question, Sample(pk=boxes[1]), foxes.ana, fox, supersedes=given[1].uuid)
    assert hidden(foxes.project) == set()


def test_a_class_below_people_says_so_too_and_texts_never_do(foxes, person, sent):
    hiker = ensure_class(foxes.question, "hiker")[0]
    LabelClass.objects.filter(pk=hiker.pk).update(parent=person)
    (one,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, one, foxes.ana, hiker.pk)
    assert hidden(foxes.project) == {one.file_id}
    Project.objects.update(kind=Project.Kind.TEXT)
    (two,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, two, foxes.ana, person.pk)
    assert hidden(foxes.project) == {one.file_id}


def test_a_managers_word_stands_against_models_but_not_against_labels(foxes, person, sent):
    (one,) = factories.samples(foxes.project, 1)
    says(foxes, "md", Predicted(one.pk, "person", 0.9))
    hiding.tell(one.file, hiding.Word.SHOW)
    says(foxes, "md", Predicted(one.pk, "person", 0.95))
    assert hidden(foxes.project) == set()
    factories.label(foxes.question, one, foxes.ana, person.pk)
    assert hidden(foxes.project) == {one.file_id}


def test_by_hand_it_is_hidden_and_as_it_was_again(foxes, sent):
    (one,) = factories.samples(foxes.project, 1)
    hiding.tell(one.file, hiding.Word.HIDE)
    assert hidden(foxes.project) == {one.file_id}
    hiding.tell(one.file, hiding.Word.NONE)
    assert hidden(foxes.project) == set()


# --- a whole project ------------------------------------------------------------------------------


def test_a_job_finds_what_there_was_before_and_what_a_new_threshold_makes_of_it(foxes, person, sent, monkeypatch):
    monkeypatch.setattr(seeing, "PAGE", 2)
    made = factories.samples(foxes.project, 5)
    says(foxes, "md", Predicted(made[0].pk, "person", 0.5), Predicted(made[1].pk, "person", 0.9))
    factories.label(foxes.question, made[4], foxes.ana, person.pk)
    PeopleSeen.objects.all().delete()
    seeing.ask(foxes.project)
    factories.work("people")
    assert hidden(foxes.project) == {made[0].file_id, made[1].file_id, made[4].file_id}
    Project.objects.update(people_from=0.6)
    seeing.ask(foxes.project)
    factories.work("people")
    assert hidden(foxes.project) == {made[1].file_id, made[4].file_id}
    assert Job.objects.filter(kind="refit", state="queued").exists()


def test_what_a_manager_changes_has_the_project_looked_at_anew(client, foxes, person, sent):
    client.force_login(foxes.mia)
    (one,) = factories.samples(foxes.project, 1)
    says(foxes, "md", Predicted(one.pk, "person", 0.5))
    form = {
        "annotators_add_classes": "on",
        "burst_gap": 60,
        "box_threshold": 0.2,
        "people_shown_to": "manager",
        "people_from": 60,
    }
    assert client.post("/projects/foxes/settings/", form).status_code == 302
    factories.work("people")
    assert hidden(foxes.project) == set()
    assert client.post("/projects/foxes/settings/", form).status_code == 302
    assert not Job.objects.filter(kind="people", state="queued").exists(), "nothing was changed"
    factories.label(foxes.question, one, foxes.ana, foxes.class_id("badger"))
    form = {"name": "person", "colour": "#4477aa", "position": 1}
    assert client.post(f"/projects/foxes/classes/{foxes.class_id('badger')}/", form).status_code == 302
    factories.work("people")
    assert hidden(foxes.project) == {one.file_id}


# --- what is handed out ---------------------------------------------------------------------------


@pytest.fixture
def pool(foxes, sent):
    """Six ranked samples, of which the first and the third are hidden."""
    made = factories.samples(foxes.project, 6)
    says(foxes, "md", *(Predicted(made[at].pk, "person", 0.9) for at in (0, 2)))
    factories.ranking(foxes.question, made)
    return made


def served(batch):
    return [each.sample_id for each in batch.assignments]


def test_annotators_are_handed_none_nor_by_its_name(foxes, pool):
    open_ones = [each.pk for each in pool if each not in (pool[0], pool[2])]
    assert served(single.next_batch(foxes.ana, foxes.question, Wanted(10, tab="a"))) == open_ones
    assert served(single.next_batch(foxes.bo, foxes.question, Wanted(0, tab="b", sample=pool[0].pk))) == []
    (asked,) = single.next_batch(foxes.mia, foxes.question, Wanted(0, tab="c", sample=pool[0].pk)).assignments
    assert asked.sample_id == pool[0].pk and asked.has_people


def test_what_is_hidden_while_it_is_held_does_not_come_again(foxes, pool, sent):
    first = single.next_batch(foxes.ana, foxes.question, Wanted(2, tab="a"))
    gone = first.assignments[0].sample_id
    says(foxes, "md", Predicted(gone, "person", 0.9))
    keep = [each.sample_id for each in first.assignments]
    again = single.next_batch(foxes.ana, foxes.question, Wanted(2, keep=keep, tab="a"))
    assert gone not in again.kept and gone not in served(again)
    assert gone not in served(single.next_batch(foxes.ana, foxes.question, Wanted(10, tab="a")))


def test_a_burst_that_was_asked_for_and_hidden_since_is_not_waited_for(foxes, sent):
    (frame,) = make_burst(foxes, 1)
    factories.ranking(foxes.question, [frame])
    bursts.next_batch(foxes.ana, foxes.question, Wanted(1, tab="a"))
    says(foxes, "md", Predicted(frame.pk, "person", 0.9))
    wanted = Wanted(1, keep=[frame.pk], tab="a", sample=frame.pk)
    assert served(bursts.next_batch(foxes.ana, foxes.question, wanted)) == []


def test_bursts_come_without_the_frames_that_show_people(client, foxes, sent):
    frames = make_burst(foxes, 4)
    says(foxes, "md", Predicted(frames[1].pk, "person", 0.9))
    factories.ranking(foxes.question, frames)
    bursts.next_batch(foxes.ana, foxes.question, Wanted(5, tab="a"))
    held = Assignment.objects.filter(annotator=foxes.ana).values_list("sample", flat=True)
    assert set(held) == {each.pk for each in frames} - {frames[1].pk}
    client.force_login(foxes.ana)
    body = {"tab": "b", "count": 5, "mode": "sequence"}
    Assignment.objects.all().delete()
    answer = client.post("/projects/foxes/label/species/next/", body, content_type="application/json").json()
    assert [each["sample"] for each in answer["samples"][0]["burst"]] == [
        each.pk for each in frames if each != frames[1]
    ]


def test_tiles_and_known_answers_come_without_them(foxes, person, sent, monkeypatch):
    made = factories.samples(foxes.project, 8)
    factories.labelled(foxes.question, made[4:], None, "fox", mode="import")
    says(foxes, "md", *(Predicted(each.pk, "person", 0.9) for each in (made[0], *made[4:7])))
    ranked = factories.ranking(foxes.question, made[:4], suggest=[foxes.class_id("fox")])
    ranked.tile_groups.create(
        question=foxes.question, kind="predicted", number=1, n=4, label_class_id=foxes.class_id("fox"),
        tiles=[[each.pk, 0.9] for each in made[:4]],
    )  # fmt: skip
    monkeypatch.setattr(tiles, "CHECKED", 1.0)
    monkeypatch.setattr(tiles, "PLANTED", 0.0)
    page = tiles.next_page(foxes.ana, foxes.question, Wanted(4, tab="a"))
    found = {each.assignment.sample_id for each in page.tiles}
    assert found and found <= {made[1].pk, made[2].pk, made[3].pk, made[7].pk} and made[7].pk in found


def test_nothing_hidden_is_ranked_unless_annotators_see_it(foxes, sent):
    vectors, _ = factories.clusters(12, 3)
    made = factories.samples(foxes.project, 12)
    factories.embed(foxes.project, made, vectors)
    says(foxes, "md", *(Predicted(each.pk, "person", 0.9) for each in made[:4]))
    rounds.switch(rounds.rank(foxes.question))
    ranked = RoundEntry.objects.filter(round__is_current=True).values_list("sample", flat=True)
    assert set(ranked) == {each.pk for each in made[4:]} and labels.settled(foxes.question) == {
        each.pk for each in made[:4]
    }
    Project.objects.update(people_shown_to="annotator")
    foxes.question.project.refresh_from_db()
    rounds.switch(rounds.rank(foxes.question))
    assert RoundEntry.objects.filter(round__is_current=True).count() == 12


def test_where_only_people_are_left_nobody_waits_for_more(foxes, sent):
    made = factories.samples(foxes.project, 2)
    says(foxes, "md", Predicted(made[0].pk, "person", 0.9))
    factories.ranking(foxes.question, [])
    current = state.current_round(foxes.question)
    assert state.of(foxes.question, current, is_served=False) == "preparing"  # one is open
    factories.label(foxes.question, made[1], foxes.ana, foxes.class_id("fox"))
    assert state.of(foxes.question, current, is_served=False) == "finished"
    hiding.tell(made[0].file, "show")
    assert state.of(foxes.question, current, is_served=False) == "preparing"


def test_a_hunt_takes_no_hidden_example(client, foxes, pool):
    client.force_login(foxes.ana)
    asked = {"tab": "a", "like": [pool[0].pk]}
    url = "/projects/foxes/label/species/hunt/start/"
    assert client.post(url, asked, content_type="application/json").status_code == 422
    client.force_login(foxes.mia)
    assert client.post(url, asked, content_type="application/json").status_code == 200


def test_a_person_that_an_annotator_finds_is_gone_from_then_on(client, foxes, person, sent):
    (one,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [one])
    single.next_batch(foxes.ana, foxes.question, Wanted(1, tab="a"))
    client.force_login(foxes.ana)
    event = {"uuid": str(uuid.uuid4()), "sample": one.pk, "verdict": "answer", "classes": [person.pk]}
    body, url = json.dumps({"tab": "a", "events": [event]}), "/projects/foxes/label/species/labels/"
    assert client.post(url, body, content_type="application/json").status_code == 200
    assert hidden(foxes.project) == {one.file_id}
    assert hiding.shown_among(foxes.ana, foxes.project, [one.pk]) == set()


# --- the page -------------------------------------------------------------------------------------


def test_a_manager_uncovers_and_hides_again(client, foxes, pool):
    client.force_login(foxes.mia)
    url = "/projects/foxes/hidden/"
    assert client.get(url).content.decode().count('data-testid="hidden"') == 2
    assert client.post(url, {"file": pool[0].file_id, "word": "show"}).status_code == 302
    assert hidden(foxes.project) == {pool[2].file_id}
    assert client.get(f"{url}?shown").content.decode().count('data-testid="hidden"') == 1
    client.post(url, {"file": pool[0].file_id, "word": ""})
    assert hidden(foxes.project) == {pool[0].file_id, pool[2].file_id}
    for file, word in (("x", "show"), (pool[0].file_id, "no"), (10**9, "hide")):
        assert client.post(url, {"file": file, "word": word}).status_code == 404


def test_the_page_comes_in_parts_and_takes_as_many_statements_however_much_there_is(client, foxes, sent):
    client.force_login(foxes.mia)
    found = []
    for _ in range(3):
        made = factories.samples(foxes.project, 40)
        says(foxes, "md", *(Predicted(each.pk, "person", 0.9) for each in made))
        asked = statements(lambda: client.get("/projects/foxes/hidden/"))
        assert not [sql for sql in asked if sql.startswith("SELECT") and gone_through(sql)]
        found.append(len(asked))
    assert len(set(found)) == 1 and found[0] <= 10
    page = client.get("/projects/foxes/hidden/").content.decode()
    assert page.count('data-testid="hidden"') == 60 and 'data-testid="older"' in page
    last = PeopleSeen.objects.order_by("-pk")[59].pk
    assert client.get(f"/projects/foxes/hidden/?before={last}").content.decode().count('data-testid="hidden"') == 60


def test_who_may_see_what_is_asked_by_indices_alone(client, foxes, pool):
    client.force_login(foxes.ana)
    asked = statements(lambda: client.get(f"/samples/{pool[0].pk}/256.jpg"))
    asked += statements(lambda: single.next_batch(foxes.ana, foxes.question, Wanted(5, tab="a")))
    asked += statements(lambda: labels.settled(foxes.question))
    of_people = [sql for sql in asked if sql.startswith("SELECT") and "samples_peopleseen" in sql]
    assert len(of_people) >= 3 and connection.vendor in {"sqlite", "postgresql"}
    assert not [sql for sql in of_people if gone_through(sql)]


def test_refits_are_asked_for_once_more_is_shown(client, foxes, pool):
    client.force_login(foxes.mia)
    Job.objects.all().delete()
    form = {
        "annotators_add_classes": "on",
        "burst_gap": 60,
        "box_threshold": 0.2,
        "people_shown_to": "annotator",
        "people_from": 20,
    }
    assert client.post("/projects/foxes/settings/", form).status_code == 302
    assert Job.objects.filter(kind="refit", key=asking._key(foxes.question)).exists()
