"""All questions of a project in one queue: what is asked, and that nothing let stand passes for a label."""

import uuid

import pytest
from django.urls import reverse

from labeller.annotating.models import Assignment
from labeller.labels import selectors as labels
from labeller.labels import tallies
from labeller.labels.models import Answer, Default, Label
from labeller.learning.models import Round, RoundEntry
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from labeller.projects.questions import add_following_question
from tests import factories

pytestmark = pytest.mark.django_db

DOUBTFUL, SURE = 0.99, 0.1


class Two:
    """A project that asks what animal it is, and whether it is day; and, of foxes, what they do."""

    def __init__(self, foxes):
        self.foxes = foxes
        self.species = foxes.question
        self.light = Question.objects.create(project=foxes.project, key="light", text="Day or night?", position=1)
        self.day, self.night = (ensure_class(self.light, name)[0].pk for name in ("day", "night"))
        self.fox, self.badger = foxes.class_id("fox"), foxes.class_id("badger")
        self.samples = factories.samples(foxes.project, 6)

    def follow(self):
        found = add_following_question(
            self.species, text="What does it do?", class_names=("rests", "runs"), only_for=[self._class("fox")]
        )
        return found, [each.pk for each in found.classes.all()]

    def _class(self, name):
        return self.species.classes.get(name=name)

    def rank(self, question, ranked, foreseen=None, audits=()):
        """A ranking, with what another question's head thinks of its samples: {question: (class, p, doubt)}."""
        made = factories.ranking(question, ranked, audits=audits)
        told = {
            str(other.pk): {"head": 3, "suggestions": [[class_id, p]], "doubt": doubt}
            for other, (class_id, p, doubt) in (foreseen or {}).items()
        }
        RoundEntry.objects.filter(round=made).update(foreseen=told)
        return made


@pytest.fixture
def two(foxes):
    return Two(foxes)


@pytest.fixture
def post(client, foxes):
    def send(what, body, user=foxes.ana):
        client.force_login(user)
        url = reverse(f"annotating:together_{what}", args=[foxes.project.slug])
        return client.post(url, body, content_type="application/json")

    return send


def event(sample, question, *classes, **more):
    return {
        "uuid": str(uuid.uuid4()),
        "sample": sample["sample"],
        "question": question.key,
        "entry": sample["asks"][0]["entry"],
        "verdict": "answer",
        "classes": list(classes),
        **more,
    }


def test_a_sample_is_asked_what_is_doubtful_and_the_rest_is_let_stand(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.99, SURE)})
    (sample,) = post("next", {"count": 5}).json()["samples"]
    assert [each["question"] for each in sample["asks"]] == ["species"]
    assert sample["plan"] == {"light": "let"}
    assert sample["defaults"]["light"]["class"] == two.day
    assert set(Assignment.objects.values_list("question", flat=True)) == {two.species.pk}


def test_a_question_in_doubt_is_asked_along_and_held(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.6, DOUBTFUL)})
    two.rank(two.light, two.samples[1:2])
    samples = post("next", {"count": 5}).json()["samples"]
    first = next(each for each in samples if each["sample"] == two.samples[0].pk)
    assert [each["question"] for each in first["asks"]] == ["species", "light"]
    assert first["foreseen"]["light"] == [[two.day, 0.6]]
    assert Assignment.objects.filter(question=two.light, sample=two.samples[0], annotator=two.foxes.ana).exists()
    assert post("next", {"count": 5}, two.foxes.bo).json()["samples"] == []


def test_neither_sure_nor_doubtful_is_left_alone(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.8, 0.5)})
    (sample,) = post("next", {"count": 5}).json()["samples"]
    assert (len(sample["asks"]), sample["plan"]) == (1, {})


def test_the_question_near_its_target_keeps_a_part_of_the_queue(two, post):
    more = factories.samples(two.foxes.project, 80)
    two.rank(two.species, more[:40], {two.light: (two.day, 0.8, 0.5)})
    two.rank(two.light, more[40:], {two.species: (two.fox, 0.8, 0.5)})
    Round.objects.filter(question=two.species, is_current=True).update(audit_n=50, audit_correct=10)
    Round.objects.filter(question=two.light, is_current=True).update(audit_n=50, audit_correct=50)
    asked = [sample["asks"][0]["question"] for sample in post("next", {"count": 40}).json()["samples"]]
    assert len(asked) == 40
    assert 5 <= asked.count("light") <= 7


def test_what_is_let_stand_is_no_label_and_no_answer(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.99, SURE)})
    (sample,) = post("next", {"count": 1}).json()["samples"]
    let = event(sample, two.light, two.day, kind="default")
    body = {"events": [event(sample, two.species, two.fox), let]}
    assert [each["status"] for each in post("save", body).json()["results"]] == [200, 200]
    assert [each["status"] for each in post("save", body).json()["results"]] == [200, 200]
    (kept,) = Default.objects.all()
    assert (kept.label_class_id, kept.probability, kept.head_version) == (two.day, 0.99, 3)
    assert not Label.objects.filter(question=two.light).exists()
    assert not Answer.objects.filter(question=two.light).exists()
    assert tallies.of(two.light).labelled == tallies.of(two.light).settled == 0
    assert labels.consensus(two.light) == {}
    assert labels.audit(two.light).n == 0
    taken_back = event(sample, two.light, kind="default", verdict="withdraw", supersedes=let["uuid"])
    assert post("save", {"events": [taken_back]}).json()["results"][0]["status"] == 200
    assert not Default.objects.standing().exists()


def test_what_was_given_back_while_it_was_decided_is_let_stand_all_the_same(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.99, SURE)})
    (sample,) = post("next", {"count": 1}).json()["samples"]
    two.rank(two.species, two.samples[:3])
    again = post("next", {"count": 3}).json()["samples"]  # a fresh ranking, while the person decides
    assert sample["asks"][0]["entry"] not in {each["asks"][0]["entry"] for each in again}
    let = event(sample, two.light, two.day, kind="default")
    body = {"events": [event(sample, two.species, two.fox, suggestion_shown=True), let]}
    assert [each["status"] for each in post("save", body).json()["results"]] == [200, 200]
    assert Default.objects.get().label_class_id == two.day
    assert Label.objects.get().strategy == "margin"


@pytest.mark.parametrize("wrong", ["class", "entry", "audit", "not sure"])
def test_only_what_was_shown_can_be_let_stand(two, post, wrong):
    p = 0.7 if wrong == "not sure" else 0.99
    audits = two.samples[:1] if wrong == "audit" else []
    two.rank(two.species, two.samples[:1], {two.light: (two.day, p, SURE)}, audits=audits)
    (sample,) = post("next", {"count": 1}).json()["samples"]
    let = event(sample, two.light, two.night if wrong == "class" else two.day, kind="default")
    if wrong == "entry":
        let["entry"] = None
    (result,) = post("save", {"events": [let]}).json()["results"]
    assert result["status"] == 422
    assert not Default.objects.exists()


def test_the_screen_of_one_question_takes_nothing_that_is_let_stand(two, post, client):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.99, SURE)})
    (sample,) = post("next", {"count": 1}).json()["samples"]
    let = event(sample, two.light, two.day, kind="default")
    url = reverse("annotating:save", args=[two.foxes.project.slug, two.species.key])
    answer = client.post(url, {"events": [let]}, content_type="application/json")
    assert answer.status_code == 422
    assert not Default.objects.exists() and not Label.objects.exists()


def test_an_audit_is_blind_lets_nothing_stand_and_audits_its_own_question_alone(two, post):
    child, (rests, _) = two.follow()
    foreseen = {two.light: (two.day, 0.99, DOUBTFUL), child: (rests, 0.99, SURE)}
    two.rank(two.species, two.samples[:1], foreseen, audits=two.samples[:1])
    (sample,) = post("next", {"count": 1}).json()["samples"]
    assert sample["blind"]
    assert (sample["foreseen"], sample["defaults"]) == ({}, {})
    assert sample["plan"] == {child.key: "ask"}, "a question that follows is audited wherever it applies"
    events = [
        event(sample, two.species, two.fox),
        event(sample, two.light, two.day),
        event(sample, child, rests),
    ]
    post("save", {"events": events})
    strategies = dict(Label.objects.values_list("question", "strategy"))
    assert strategies == {two.species.pk: "audit", two.light.pk: "", child.pk: "audit"}


def test_a_question_that_follows_waits_for_the_answer_before_it(two, post):
    child, (rests, _) = two.follow()
    light = {two.light: (two.day, 0.8, SURE)}
    two.rank(two.species, two.samples[:1], {child: (rests, 0.99, DOUBTFUL), **light})
    two.rank(child, two.samples[1:3], light)
    (sample,) = post("next", {"count": 5}).json()["samples"]  # the child's own ranking applies to nothing yet
    assert [each["question"] for each in sample["asks"]] == ["species"]
    assert sample["plan"] == {child.key: "ask"}
    factories.label(two.species, two.samples[1], two.foxes.bo, two.fox)
    factories.label(two.species, two.samples[2], two.foxes.bo, two.badger)
    samples = post("next", {"count": 5, "keep": [sample["sample"]]}).json()["samples"]
    assert [(each["sample"], [ask["question"] for ask in each["asks"]]) for each in samples] == [
        (two.samples[1].pk, [child.key])
    ]


def test_labels_of_several_questions_are_settled_each_by_itself(two, post):
    two.rank(two.species, two.samples[:1], {two.light: (two.day, 0.6, DOUBTFUL)})
    two.rank(two.light, two.samples[:1])
    (sample,) = post("next", {"count": 5, "tab": "one"}).json()["samples"]
    entries = {each["question"]: each["entry"] for each in sample["asks"]}
    events = [
        event(sample, two.species, two.fox, entry=entries["species"]),
        event(sample, two.light, two.day, entry=entries["light"]),
        {"uuid": str(uuid.uuid4()), "kind": "flag", "sample": sample["sample"], "note": "odd"},
    ]
    assert {each["status"] for each in post("save", {"events": events, "tab": "one"}).json()["results"]} == {200}
    assert Assignment.objects.filter(is_done=True).count() == 2
    assert {each.strategy for each in Label.objects.all()} == {"margin"}
    lowered = {"uuid": str(uuid.uuid4()), "kind": "unflag", "sample": sample["sample"], "flag": events[2]["uuid"]}
    assert post("save", {"events": [lowered]}).json()["results"][0]["status"] == 200


def test_the_page_has_all_questions_and_their_classes(two, client):
    client.force_login(two.foxes.ana)
    response = client.get(reverse("annotating:together", args=[two.foxes.project.slug]))
    assert response.status_code == 200
    boot = response.context["boot"]
    assert [each["key"] for each in boot["followers"]] == ["species", "light"]
    single = client.get(reverse("annotating:label", args=[two.foxes.project.slug, "species"]))
    assert reverse("annotating:together", args=[two.foxes.project.slug]) in single.content.decode()


def test_what_a_tab_holds_is_given_back_for_all_questions(two, post):
    two.rank(two.species, two.samples[:2], {two.light: (two.day, 0.6, DOUBTFUL)})
    two.rank(two.light, two.samples[2:4])
    post("next", {"count": 5, "tab": "one"})
    assert Assignment.objects.exists()
    assert post("release", {"tab": "one"}).status_code == 204
    assert not Assignment.objects.exists()
