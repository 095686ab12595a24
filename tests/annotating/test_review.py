"""POST …/review/next/: what reviewers look at again, and what their word does."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeller.annotating.models import Assignment
from labeller.labels import flags, selectors
from labeller.labels.models import Flag, Label
from labeller.learning.models import Assessment
from tests import factories

pytestmark = pytest.mark.django_db


class Desk:
    """What a reviewer's tab asks and says."""

    def __init__(self, cast, who="mia", tab="one"):
        self.place = [cast.project.slug, cast.question.key]
        self.tab = tab
        self.client = Client()
        self.client.force_login(getattr(cast, who))

    def ask(self, **body):
        url = reverse("annotating:review_next", args=self.place)
        body = {"count": 10, "tab": self.tab, **body}
        return self.client.post(url, body, content_type="application/json")

    def samples(self, **body):
        return self.ask(**body).json()["samples"]

    def ids(self, **body):
        return [each["sample"] for each in self.samples(**body)]

    def say(self, sample, *classes, verdict="answer", supersedes=None, **fields):
        event = {
            "uuid": str(uuid.uuid4()),
            "sample": sample.pk,
            "verdict": verdict,
            "classes": classes,
            "supersedes": supersedes,
            "mode": "review",
            **fields,
        }
        url = reverse("annotating:save", args=self.place)
        answer = self.client.post(url, {"events": [event], "tab": self.tab}, content_type="application/json")
        return answer.json()["results"][0]

    def release(self, **body):
        url = reverse("annotating:release", args=self.place)
        return self.client.post(url, {"tab": self.tab, **body}, content_type="application/json")


@pytest.fixture
def desk(foxes):
    return Desk(foxes)


@pytest.fixture
def fox(foxes):
    return foxes.class_id("fox")


@pytest.fixture
def badger(foxes):
    return foxes.class_id("badger")


@pytest.fixture
def disputed(foxes, fox, badger):
    """A sample that ana and bo see differently."""

    def make():
        (sample,) = factories.samples(foxes.project, 1)
        factories.label(foxes.question, sample, foxes.ana, fox)
        factories.label(foxes.question, sample, foxes.bo, badger)
        return sample

    return make


def suspicious(foxes, sample, given, suggested):
    """An assessment that finds the label of this sample suspicious."""
    error = {"sample": sample.pk, "given": given, "suggested": suggested, "margin": 0.9}
    report = {"classes": {}, "label_errors": [error], "savings": {}, "recall": []}
    Assessment.objects.create(question=foxes.question, n_labels=1, report=report)


def wave(foxes, sample, who, note=""):
    flags.raise_flag(uuid.uuid4(), foxes.question, sample.pk, who, note)


# --- what waits -----------------------------------------------------------------------------------


def test_where_all_agree_nothing_waits(foxes, desk, fox):
    (sample,) = factories.samples(foxes.project, 1)
    for who in (foxes.ana, foxes.bo):
        factories.label(foxes.question, sample, who, fox)
    answer = desk.ask().json()
    assert (answer["samples"], answer["left"], answer["state"]) == ([], 0, "finished")


def test_disagreements_come_first_then_suspects_then_unsure_then_flagged(foxes, desk, disputed, fox, badger):
    flagged, unsure, suspect, odd, _plain = factories.samples(foxes.project, 5)
    wave(foxes, flagged, foxes.ana, "two tails")
    factories.label(foxes.question, unsure, foxes.ana, verdict="unsure")
    factories.label(foxes.question, suspect, foxes.ana, fox)
    factories.label(foxes.question, odd, foxes.ana, fox)
    suspicious(foxes, suspect, fox, badger)
    latest = Assessment.latest(foxes.question)
    latest.report["odd_frames"] = [{"sample": odd.pk, "given": fox, "suggested": badger, "burst": 3}]
    latest.save()
    sample = disputed()
    answer = desk.ask().json()
    assert [(each["sample"], each["why"], each["suggested"]) for each in answer["samples"]] == [
        (sample.pk, "disagreement", None),
        (suspect.pk, "suspect", [badger]),
        (odd.pk, "burst", [badger]),
        (unsure.pk, "unsure", None),
        (flagged.pk, "flag", None),
    ]
    assert (answer["left"], answer["state"]) == (5, "ready")


def test_the_reviewer_sees_who_said_what_what_the_head_thought_and_the_note(foxes, desk, disputed, fox, badger):
    sample = disputed()
    factories.ranking(foxes.question, [sample], audits=[sample], suggest=[badger, fox])
    wave(foxes, sample, foxes.bo, "two tails")
    (shown,) = desk.samples()
    assert [(each["annotator"], each["verdict"], each["classes"], each["mine"]) for each in shown["given"]] == [
        ("ana", "answer", [fox], False),
        ("bo", "answer", [badger], False),
    ]
    assert shown["suggestions"] == [[badger, 0.5], [fox, 0.5]]
    assert [(each["author"], each["note"]) for each in shown["flags"]] == [("bo", "two tails")]
    assert (shown["width"], shown["path"], shown["previous"]) == (640, sample.file.path, None)


def test_a_reviewers_own_label_comes_as_what_they_supersede(foxes, desk, fox, badger):
    (sample,) = factories.samples(foxes.project, 1)
    own = factories.label(foxes.question, sample, foxes.mia, fox)
    factories.label(foxes.question, sample, foxes.bo, badger)
    (shown,) = desk.samples()
    assert shown["previous"]["uuid"] == str(own.uuid)
    assert [each["mine"] for each in shown["given"]] == [True, False]
    assert desk.say(sample, badger, supersedes=str(own.uuid))["status"] == 200
    assert selectors.consensus(foxes.question) == {sample.pk: frozenset([badger])}


def test_an_import_and_a_person_disagree_too(foxes, desk, fox, badger):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, None, fox, mode="import")
    factories.label(foxes.question, sample, foxes.ana, badger)
    (shown,) = desk.samples()
    assert (shown["why"], [each["annotator"] for each in shown["given"]]) == ("disagreement", ["", "ana"])


def test_with_several_classes_the_whole_answers_are_compared(db):
    cast = factories.cast(multi_label=True)
    same, less, other = factories.samples(cast.project, 3)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    for sample, answer in ((same, (fox, badger)), (less, (fox,)), (other, (badger, empty))):
        factories.label(cast.question, sample, cast.ana, fox, badger)
        factories.label(cast.question, sample, cast.bo, *answer)
    assert Desk(cast).ids() == [less.pk, other.pk]


def test_with_several_classes_all_that_is_suggested_is_offered(db):
    cast = factories.cast(multi_label=True)
    (sample,) = factories.samples(cast.project, 1)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    factories.label(cast.question, sample, cast.ana, fox, empty)
    suspicious(cast, sample, [fox, empty], [fox, badger])
    (shown,) = Desk(cast).samples()
    assert (shown["why"], shown["suggested"]) == ("suspect", sorted([fox, badger]))


def test_a_label_changed_since_the_assessment_is_no_suspect_any_more(foxes, desk, fox, badger):
    (sample,) = factories.samples(foxes.project, 1)
    old = factories.label(foxes.question, sample, foxes.ana, fox)
    suspicious(foxes, sample, fox, badger)
    assert desk.ids() == [sample.pk]
    factories.label(foxes.question, sample, foxes.ana, badger, supersedes=old.uuid)
    assert desk.ids() == []


# --- what a review does ---------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["answer", "unsure", "ignore"])
def test_what_was_reviewed_does_not_come_again(foxes, desk, disputed, fox, verdict):
    sample = disputed()
    desk.ids()
    classes = [fox] if verdict == "answer" else []
    assert desk.say(sample, *classes, verdict=verdict)["status"] == 200
    assert desk.ask().json()["left"] == 0
    assert Desk(foxes, "olga").ids() == []


def test_a_reviewed_one_comes_again_once_an_annotator_says_something_new(foxes, desk, disputed, fox, badger):
    sample = disputed()
    desk.say(sample, fox)
    old = Label.objects.get(sample=sample, annotator=foxes.bo)
    factories.label(foxes.question, sample, foxes.bo, foxes.class_id("empty"), supersedes=old.uuid)
    assert desk.ids() == [sample.pk]


def test_a_review_that_is_taken_back_waits_again(foxes, desk, disputed, fox):
    sample = disputed()
    said = desk.say(sample, fox)
    desk.say(sample, verdict="withdraw", supersedes=said["uuid"])
    assert desk.ids() == [sample.pk]


@pytest.mark.parametrize("why", ["suspect", "unsure", "flag"])
def test_a_kept_answer_settles_every_reason(foxes, desk, fox, badger, why):
    (sample,) = factories.samples(foxes.project, 1)
    if why == "unsure":
        factories.label(foxes.question, sample, foxes.ana, verdict="unsure")
    else:
        factories.label(foxes.question, sample, foxes.ana, fox)
    if why == "suspect":
        suspicious(foxes, sample, fox, badger)
    if why == "flag":
        wave(foxes, sample, foxes.bo)
    assert [each["why"] for each in desk.samples()] == [why]
    assert desk.say(sample, fox)["status"] == 200
    assert desk.ask().json()["left"] == 0


def test_the_label_says_that_a_reviewer_chose_the_sample_and_saw_a_suggestion(foxes, desk, disputed, fox):
    sample = disputed()
    desk.say(sample, fox, suggestion_shown=True, dwell_ms=700)
    label = Label.objects.get(annotator=foxes.mia)
    assert (label.mode, label.strategy, label.suggestion_shown, label.dwell_ms) == ("review", "review", True, 700)
    assert (label.propensity, label.predicted) == (None, None)


def test_a_review_of_an_audit_label_is_no_second_draw(foxes, desk, fox, badger):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, fox, strategy="audit", predicted_id=badger)
    desk.say(sample, badger)
    audit = selectors.audit(foxes.question)
    assert (audit.n, audit.correct) == (1, 1)


@pytest.mark.parametrize("verdict", ["answer", "ignore"])
def test_an_annotator_reviews_nothing(foxes, disputed, fox, verdict):
    sample = disputed()
    before = Label.objects.get(annotator=foxes.ana)
    classes = [fox] if verdict == "answer" else []
    said = Desk(foxes, "ana").say(sample, *classes, verdict=verdict, supersedes=str(before.uuid))
    assert (said["status"], said["label"]) == (403, None)
    assert Label.objects.count() == 2


def test_leaving_out_takes_a_review(foxes, desk):
    (sample,) = factories.samples(foxes.project, 1)
    assert desk.say(sample, verdict="ignore", mode="single")["status"] == 422


def test_a_review_is_recorded_where_the_reviewer_was_asked_a_known_answer(foxes, desk, disputed, fox):
    """What a manager says as a reviewer is a label, also where their own answer measured them."""
    sample = disputed()
    Assignment.objects.create(
        question=foxes.question, sample=sample, kind="check", annotator=foxes.mia, expires_at=timezone.now()
    )
    desk.say(sample, fox)
    assert Label.objects.filter(annotator=foxes.mia, mode="review").exists()


# --- two at a time --------------------------------------------------------------------------------


def test_two_reviewers_never_have_the_same_sample(foxes, disputed):
    made = [disputed().pk for _ in range(4)]
    mia, olga, again = Desk(foxes, "mia"), Desk(foxes, "olga"), Desk(foxes, "mia", tab="two")
    assert [each.ids(count=n) for each, n in ((mia, 2), (olga, 1), (again, 5))] == [made[:2], made[2:3], made[3:]]
    assert olga.ask(keep=made[2:3]).json()["samples"] == []


def test_what_is_kept_stays_and_the_rest_goes_back(foxes, desk, disputed):
    made = [disputed().pk for _ in range(3)]
    desk.ids()
    answer = desk.ask(count=0, keep=made[:1]).json()
    assert (answer["samples"], answer["kept"], answer["left"], answer["state"]) == ([], made[:1], 3, "ready")
    assert Desk(foxes, "olga").ids() == made[1:]


def test_what_is_passed_over_is_left_for_others(foxes, desk, disputed):
    made = [disputed().pk for _ in range(2)]
    assert desk.ids(passed=made[:1]) == made[1:]
    assert Desk(foxes, "olga").ids() == made[:1]


def test_what_ran_out_is_somebody_elses_or_comes_back(foxes, desk, disputed):
    made = [disputed().pk for _ in range(2)]
    desk.ids()
    Assignment.objects.filter(kind="review").update(expires_at=timezone.now() - timedelta(seconds=1))
    olga = Desk(foxes, "olga")
    assert olga.ids(count=1) == made[:1]
    assert desk.ask(count=0, keep=made).json()["kept"] == made[1:]


def test_a_tab_that_goes_gives_back_what_it_held(foxes, desk, disputed):
    made = [disputed().pk for _ in range(2)]
    desk.ids()
    assert desk.release(samples=made[:1]).status_code == 204
    assert Desk(foxes, "olga").ids() == made[:1]
    assert desk.release().status_code == 204
    assert Desk(foxes, "ada").ids() == made[1:]


def test_annotators_are_handed_samples_whatever_reviewers_look_at(foxes, desk):
    (sample,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [sample])
    wave(foxes, sample, foxes.bo)
    assert desk.ids() == [sample.pk]
    ana = Desk(foxes, "ana")
    url = reverse("annotating:next", args=ana.place)
    answer = ana.client.post(url, {"count": 1, "tab": "one"}, content_type="application/json")
    assert [each["sample"] for each in answer.json()["samples"]] == [sample.pk]


def test_a_sample_may_be_asked_for_by_name(foxes, desk, disputed):
    waits = disputed()
    (plain,) = factories.samples(foxes.project, 1)
    assert [(each["sample"], each["why"]) for each in desk.samples(sample=plain.pk)] == [
        (plain.pk, "asked"),
        (waits.pk, "disagreement"),
    ]
    (foreign,) = factories.samples(factories.project("other"), 1)
    assert foreign.pk not in desk.ids(sample=foreign.pk)


def test_a_sample_asked_for_that_waits_anyway_comes_once_and_first(foxes, desk, disputed):
    first, second = disputed(), disputed()
    assert desk.ids(sample=second.pk) == [second.pk, first.pk]


# --- wrong input, and its price -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"count": "ten"}, "`count`"),
        ({"count": 1000}, "`count`"),
        ({"keep": 7}, "`keep`"),
        ({"passed": "all"}, "`passed`"),
        ({"passed": [1.5]}, "`passed`"),
        ({"sample": "x"}, "`sample`"),
    ],
)
def test_nonsense_is_answered_with_422_naming_the_field(desk, body, field):
    answer = desk.ask(**body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


@pytest.mark.parametrize(("who", "status"), [("sam", 404), ("vic", 403), ("ana", 403), ("mia", 200), ("ada", 200)])
def test_only_managers_review(foxes, who, status):
    desk = Desk(foxes, who)
    assert desk.ask().status_code == status
    assert desk.client.get(reverse("annotating:review", args=desk.place)).status_code == status


def test_the_number_of_queries_does_not_grow_with_what_waits(foxes, desk, disputed, fox):
    def queries(count):
        with CaptureQueriesContext(connection) as captured:
            assert len(desk.ids(count=count)) == count
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    for _ in range(3):
        disputed()
    small = queries(2)
    for _ in range(15):
        sample = disputed()
        wave(foxes, sample, foxes.ana)
    assert queries(12) == small <= 21
    assert Flag.objects.count() == 15


@pytest.mark.parametrize("verdict", ["answer", "ignore", "unsure"])
def test_what_a_reviewer_decided_is_handed_to_no_further_annotator(foxes, desk, fox, verdict):
    foxes.question.redundancy = 3
    foxes.question.save()
    (sample,) = factories.samples(foxes.project, 1)
    factories.ranking(foxes.question, [sample])
    factories.label(foxes.question, sample, foxes.ana, fox)
    desk.say(sample, *([fox] if verdict == "answer" else []), verdict=verdict)
    bo = Desk(foxes, "bo")
    url = reverse("annotating:next", args=bo.place)
    answer = bo.client.post(url, {"count": 1, "tab": "one"}, content_type="application/json")
    assert answer.json()["samples"] == []
