"""What the progress page says is known, against hand-made truth; and what managers do by it."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeller.insights import estimates, selectors
from labeller.insights.models import Summary
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels.lacking import claim_json
from labeller.learning.models import Acceptance, Assessment, Head, Round
from labeller.learning.signals import learnt
from labeller.messages import sentence
from labeller.projects.models import LabelClass
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def audited(foxes):
    """Give audit labels: pairs of what was predicted and what ana says."""

    def give(*pairs):
        ids = dict(foxes.question.classes.values_list("name", "pk"))
        factories.recorded(
            [
                factories.judgement(
                    foxes.question, sample, foxes.ana, ids[given], strategy="audit", predicted_id=ids[predicted]
                )
                for sample, (predicted, given) in zip(factories.samples(foxes.project, len(pairs)), pairs, strict=True)
            ]
        )

    return give


def assessment(question, **report):
    report = {"classes": {}, "label_errors": [], "savings": {"reason": ""}, "recall": [], **report}
    return Assessment.objects.create(question=question, n_labels=1, report=report)


def offer(foxes, **fields):
    head = Head.objects.create(
        question=foxes.question, run=run(foxes), version=7, directory="none", class_ids=[], n_labels=2, fit_seconds=0.0
    )
    given = {"threshold": 0.9, "bound": 0.03, "accepted": 1234, "audited": 90, "wrong": 1, "reason": "", **fields}
    return Acceptance.objects.create(
        question=foxes.question, head=head, epsilon=0.05, confidence=0.975, n_audited=150, newest_sample=10**6, **given
    )


def run(foxes):
    from labeller.embedding import runs

    return runs.current_run(foxes.project)


def rows(foxes):
    audited = estimates.summarise(foxes.question)["classes"]
    found = estimates.classes(foxes.question, audited, Assessment.latest(foxes.question))
    return {row["name"]: row for row in found}


# --- numbers --------------------------------------------------------------------------------------


def test_precision_and_recall_of_a_class_count_its_audit_samples(foxes, audited):
    audited(*[("fox", "fox")] * 6, *[("fox", "badger")] * 2, *[("badger", "badger")] * 3, ("empty", "fox"))
    found = rows(foxes)
    fox, badger = found["fox"]["audit"], found["badger"]["audit"]
    assert (fox["precision"]["value"], fox["precision"]["n"]) == (75, 8)
    assert (fox["recall"]["value"], fox["recall"]["n"]) == (86, 7)
    assert (badger["precision"]["value"], badger["recall"]["n"]) == (100, 5)
    assert found["empty"]["audit"]["precision"]["value"] == 0 and "recall" not in found["empty"]["audit"]
    for share in (fox["precision"], fox["recall"], badger["recall"]):
        assert share["low"] <= share["value"] <= share["high"] == share["low"] + share["width"]
    assert [found[name]["found"] for name in ("fox", "badger", "empty")] == [7, 5, 0]


def test_with_several_classes_each_has_a_precision_and_a_recall(db):
    cast = factories.cast(multi_label=True)
    fox, badger = cast.class_id("fox"), cast.class_id("badger")
    for named, given in [([fox, badger], [fox, badger])] * 3 + [([fox], [fox, badger])] * 2 + [([fox, badger], [fox])]:
        (sample,) = factories.samples(cast.project, 1)
        fields = {"strategy": "audit", "predicted_id": fox, "predicted_classes": named}
        factories.label(cast.question, sample, cast.ana, *given, **fields)
    found = rows(cast)
    told = {
        name: {kind: (share["value"], share["n"]) for kind, share in found[name]["audit"].items()}
        for name in ("fox", "badger")
    }
    assert told == {
        "fox": {"precision": (100, 6), "recall": (100, 6)},
        "badger": {"precision": (75, 4), "recall": (60, 5)},
    }
    assert estimates.summarise(cast.question)["audit"]["value"] == 50  # in all classes at once


def test_starred_classes_come_first_with_what_is_known_of_their_recall(foxes):
    LabelClass.objects.filter(name="badger").update(is_starred=True)
    badger = foxes.class_id("badger")
    known = {"found": 8, "estimate": 0.8, "low": 0.4, "high": 1.0, "unseen": 2.2, "most_unseen": 12, "reason": ""}
    assessment(foxes.question, recall=[{"class": badger, **known}])
    first, *others = rows(foxes).values()
    assert first["name"] == "badger" and all(row["recall"] is None for row in others)
    assert (first["recall"]["unseen"], first["recall"]["bar"]["low"], first["recall"]["bar"]["value"]) == (2, 40, 80)
    assert first["recall"]["share"] is None  # an earlier version did not say of how many


def test_a_starred_class_is_said_to_be_a_part_of_all(client, foxes):
    LabelClass.objects.filter(name="badger").update(is_starred=True)
    known = {"found": 8, "estimate": None, "low": 0.4, "high": 0.95, "unseen": None, "most_unseen": 12, "reason": ""}
    assessment(foxes.question, recall=[{"class": foxes.class_id("badger"), "of": 3000, **known}])
    assert rows(foxes)["badger"]["recall"]["share"] == {"low": 0.2, "high": 0.7}  # 8.4 to 20 of 3,000, outwards
    assert "– it is 0.2 to 0.7 % of all" in " ".join(page(client, foxes.mia).split())


def test_classes_that_audits_did_not_show_are_estimated(foxes, audited):
    assert estimates.undiscovered_words(foxes.question, labels.trail(foxes.question)) is None
    audited(*[("fox", "fox")] * 20, *[("fox", "badger")] * 10)
    found = estimates.undiscovered_words(foxes.question, labels.trail(foxes.question))
    assert (found["n"], found["observed"], found["missing"], found["low"]) == (30, 2, 0, 0)
    assert found["would_be_seen"] == pytest.approx(9.5, abs=0.1)
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("empty"))  # found otherwise: no more missing
    found = estimates.undiscovered_words(foxes.question, labels.trail(foxes.question))
    assert (found["n"], found["observed"], found["missing"], found["low"]) == (30, 3, 0, 0)
    audited(("fox", "empty"))
    assert estimates.undiscovered_words(foxes.question, labels.trail(foxes.question))["coverage"]["value"] == 97


def test_page_and_status_say_what_the_claim_lacks(client, foxes, audited):
    audited(*[("fox", "fox")] * 9)
    assert 'data-testid="lacks"' not in page(client, foxes.mia)
    audited(*[("fox", "fox")] * 20, *[("fox", "badger")] * 6)
    claimed = claim_json(labels.trail(foxes.question))
    lacks = claimed["lacks"]
    assert lacks["width"] < (claimed["high"] - claimed["low"]) / 2
    said = f"bout {lacks['samples']} more audit samples would narrow this to ±{round(100 * lacks['width'])}"
    assert f"A{said} %" in " ".join(page(client, foxes.mia).split())
    printed = StringIO()
    call_command("status", stdout=printed)
    assert f"a{said}%" in printed.getvalue()


def test_the_advice_rests_on_agreement_audit_and_quiet(foxes, audited):
    def advice():
        return estimates.stop_advice(foxes.question, labels.trail(foxes.question))

    assert not any(check.met for check in advice().criteria)
    foxes.question.target_accuracy = 0.8
    audited(*[("fox", "fox"), ("badger", "badger")] * 60)
    for kappa in (0.5, 0.995, 0.999, 1.0):
        made = factories.ranking(foxes.question, [])
        Round.objects.filter(pk=made.pk).update(kappa=kappa)
    assert advice().stop
    Round.objects.filter(pk=made.pk).update(kappa=0.9)
    assert [check.met for check in advice().criteria] == [False, True, True]
    audited(("fox", "empty"))  # a new class
    assert not advice().explored.met


def test_a_forecast_waits_for_audits_and_then_follows_the_curve(foxes, audited):
    rng = np.random.default_rng(0)
    trail = labels.trail(foxes.question)
    assert "0 of the 30" in sentence(estimates.forecast(foxes.question, trail).reason)
    for n in (20, 40, 80, 160, 320, 640):
        last = foxes.question.labels.order_by("-pk").values_list("pk", flat=True).first() or 0
        made = factories.ranking(foxes.question, [])
        Round.objects.filter(pk=made.pk).update(n_labels=n, last_label=last)
        wrong = rng.permutation(40) < 40 * 2 * n**-0.5
        audited(*[("fox", "badger" if each else "fox") for each in wrong])
    foxes.question.target_accuracy = 0.95
    trail = labels.trail(foxes.question)
    found = estimates.forecast(foxes.question, trail)
    assert found.low <= 1600 and (found.high is None or found.high >= 1600)  # 2 / sqrt(1600) = 5 %
    words = estimates.forecast_words(foxes.question, trail)
    assert words["low"] == pytest.approx(max(0, found.low - 640), rel=0.05)


def test_suspicious_labels_vanish_once_they_are_changed(foxes):
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    one, two = factories.samples(foxes.project, 2)
    given = [factories.label(foxes.question, each, foxes.ana, fox) for each in (one, two)]
    errors = [{"sample": each.pk, "given": fox, "suggested": badger, "margin": -0.9} for each in (one, two)]
    found = assessment(foxes.question, label_errors=errors)
    assert [each["sample_id"] for each in estimates.suspects(foxes.question, found, foxes.ana)] == [one.pk, two.pk]
    factories.label(foxes.question, one, foxes.ana, badger, supersedes=given[0].uuid)
    (left,) = estimates.suspects(foxes.question, found, foxes.ana)
    assert (left["sample_id"], left["given"], left["suggested"]) == (two.pk, "fox", "badger")


def test_the_curve_says_what_was_known_at_each_round_and_what_random_labels_would_give(client, foxes, audited):
    audited(("fox", "fox"), ("fox", "fox"), ("fox", "badger"), ("fox", "fox"))
    last = foxes.question.labels.order_by("-pk").values_list("pk", flat=True)
    for number, last_label in enumerate((0, last[2], last[0])):
        made = factories.ranking(foxes.question, [])
        Round.objects.filter(pk=made.pk).update(last_label=last_label, n_labels=number * 2, n_classes=number)
    assessment(foxes.question, savings={"reason": "", "curve": [[5, 0.4], [8, 0.5]]})
    client.force_login(foxes.vic)
    answer = client.get("/projects/foxes/questions/species/curve.json").json()
    none, two, four = answer["rounds"]
    assert (none["accuracy"], none["low"], none["high"], none["audit_n"]) == (None, None, None, 0)
    assert (two["number"], two["accuracy"], two["audit_n"], two["classes_found"]) == (2, 1.0, 2, 1)
    assert (four["accuracy"], four["audit_n"], four["n_labels"]) == (0.75, 4, 4)
    assert four["low"] < 0.75 < four["high"]
    assert answer["random"] == [[5, 0.4], [8, 0.5]]


def test_status_tells_advice_missing_classes_coverage_forecast_and_what_is_accepted(foxes, audited):
    def status(*options):
        out = StringIO()
        call_command("status", *options, stdout=out)
        return out.getvalue()

    audited(*[("fox", "fox")] * 9, ("fox", "badger"))
    look = offer(foxes)
    (found,) = json.loads(status("--json"))["projects"][0]["questions"]
    assert found["stop"]["advised"] is False
    assert [check["name"] for check in found["stop"]["checks"]] == ["stable", "accurate", "explored"]
    assert (found["missing_classes"]["observed"], found["coverage"]["estimate"]) == (2, 0.9)
    assert (found["forecast"]["target"], found["forecast"]["labels"], found["accepted"]) == (0.9, None, None)
    Acceptance.objects.filter(pk=look.pk).update(made_at="2026-01-01T00:00Z", made_by=foxes.mia)
    (found,) = json.loads(status("--json"))["projects"][0]["questions"]
    assert found["accepted"] == {"head": 7, "n": 1234, "epsilon": 0.05, "bound": 0.03, "audited": 90}
    for words in ("keep labelling", "[ ]", "2 seen", "too early to tell", "accepted  1,234 predictions of head 7"):
        assert words in status()


# --- the page -------------------------------------------------------------------------------------


def page(client, person, **headers):
    client.force_login(person)
    return client.get("/projects/foxes/", headers=headers).content.decode()


def test_everybody_sees_the_numbers_and_managers_alone_the_buttons(client, foxes, audited):
    audited(*[("fox", "fox")] * 9)
    offer(foxes)
    for person in (foxes.vic, foxes.ana, foxes.mia, foxes.olga, foxes.ada):
        text = page(client, person)
        for part in ("advice", "undiscovered", "forecast", "classes-found", "suspects", "queue", "offer"):
            assert f'data-testid="{part}"' in text
        manages = person not in (foxes.vic, foxes.ana)
        assert ('data-testid="accept"' in text, 'data-testid="assess"' in text) == (manages, manages)


def test_the_page_says_which_class_is_missing_or_too_many_and_what_counts_as_correct(client, db):
    cast = factories.cast(multi_label=True)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    made = factories.samples(cast.project, 3)
    errors = []
    for sample, given, suggested in (
        (made[0], [fox], [fox, badger]),
        (made[1], [fox, badger], [badger]),
        (made[2], [fox, empty], [fox, badger]),
    ):
        fields = {"strategy": "audit", "predicted_id": fox, "predicted_classes": suggested}
        factories.label(cast.question, sample, cast.ana, *given, **fields)
        errors.append({"sample": sample.pk, "given": given, "suggested": suggested, "margin": -0.9})
    assessment(cast.question, label_errors=errors)
    offer(cast)
    text = " ".join(page(client, cast.mia).split())
    assert "labelled fox: <strong>badger</strong> may be missing </figcaption>" in text
    assert "labelled fox, badger: <strong>fox</strong> may be too much </figcaption>" in text
    both = "labelled fox, empty: <strong>badger</strong> may be missing, <strong>empty</strong> too much </figcaption>"
    assert both in text
    assert text.count("exactly its classes") == 2  # beside the claim, and beside what may be accepted


def test_a_project_without_questions_has_a_page(client, foxes):
    foxes.question.delete()
    assert "advice" not in page(client, foxes.vic)


def test_the_page_says_when_one_may_stop(client, foxes, audited, monkeypatch):
    assert "Keep labelling" in page(client, foxes.vic)
    foxes.question.target_accuracy = 0.5
    foxes.question.save()
    audited(*[("fox", "fox")] * 120)
    for _ in range(3):
        Round.objects.filter(pk=factories.ranking(foxes.question, []).pk).update(kappa=1.0)
    assert "You may stop labelling" in page(client, foxes.vic)


def test_a_refused_look_says_why(client, foxes):
    offer(foxes, threshold=None, reason="not safe even where the head is surest: 9 of 90 were wrong")
    text = page(client, foxes.mia)
    assert "9 of 90 were wrong" in text and 'data-testid="accept"' not in text


def test_the_queue_is_shown_in_order_with_its_reasons(client, foxes):
    ranked = factories.samples(foxes.project, 20)
    factories.ranking(foxes.question, ranked, audits=ranked[:1])
    client.force_login(foxes.vic)
    queued = client.get("/projects/foxes/").context["queued"]
    assert [entry["sample_id"] for entry in queued] == [sample.pk for sample in ranked[: selectors.NEXT]]
    assert page(client, foxes.vic).count("/part-256.jpg") == selectors.NEXT


def test_the_number_of_queries_grows_with_nothing(client, foxes, audited):
    client.force_login(foxes.mia)
    client.get("/projects/foxes/")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get("/projects/foxes/")
        return len(captured)

    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    LabelClass.objects.update(is_starred=True)

    def grow(count):
        audited(*[("fox", "fox")] * count)
        made = factories.samples(foxes.project, count)
        factories.ranking(foxes.question, made)
        errors = [{"sample": each.pk, "given": fox, "suggested": badger, "margin": -0.9} for each in made]
        factories.labelled(foxes.question, made, foxes.ana, fox)
        assessment(foxes.question, label_errors=errors)

    grow(4)
    few = queries()
    grow(40)
    assert queries() == few <= 46


# --- accepting ------------------------------------------------------------------------------------


def post(client, person, look, action):
    client.force_login(person)
    return client.post(f"/projects/foxes/acceptances/{look.pk}/{action}/")


def test_managers_accept_and_revoke_and_a_refit_follows(client, foxes):
    look = offer(foxes)
    assert post(client, foxes.mia, look, "accept").status_code == 302
    assert (Acceptance.standing(foxes.question).pk, Acceptance.standing(foxes.question).made_by) == (look.pk, foxes.mia)
    assert Job.objects.filter(kind="refit", state="queued").count() == 1
    text = page(client, foxes.vic)
    assert "1,234" in text and "head 7" in text and "mia" in text and 'data-testid="revoke"' not in text
    assert 'data-testid="revoke"' in page(client, foxes.mia)
    post(client, foxes.olga, look, "revoke")
    assert Acceptance.standing(foxes.question) is None


def test_what_is_not_offered_any_more_is_not_accepted_and_the_page_says_so(client, foxes):
    look = offer(foxes, threshold=None, reason="no")
    post(client, foxes.mia, look, "accept")
    assert "offered any more" in page(client, foxes.mia)
    assert Acceptance.standing(foxes.question) is None


def test_others_and_other_projects_accept_nothing(client, foxes):
    look = offer(foxes)
    for person, status in ((foxes.ana, 403), (foxes.vic, 403), (foxes.sam, 404)):
        assert post(client, person, look, "accept").status_code == status
    factories.project("other")
    client.force_login(foxes.ada)
    assert client.post(f"/projects/other/acceptances/{look.pk}/accept/").status_code == 404
    assert post(client, foxes.ada, look, "destroy").status_code == 404
    assert Acceptance.standing(foxes.question) is None


# --- the summary ----------------------------------------------------------------------------------


def test_pages_of_a_large_question_read_what_a_worker_kept(foxes, audited, monkeypatch):
    audited(*[("fox", "fox")] * 6, ("empty", "fox"))
    estimates.keep_summary(None, question=foxes.question)
    kept = estimates.summary(foxes.question)
    monkeypatch.setattr(estimates, "FEW", 3)
    monkeypatch.setattr(labels, "trail", None)  # whoever goes through the labels now fails
    assert estimates.summary(foxes.question) == kept
    assert estimates.curve(foxes.question)["rounds"] == kept["curve"]
    assert kept["n_audited"] == 7 and kept["audit"]["value"] == 86
    page = selectors.known(foxes.question, foxes.ana)
    assert page["audit"]["n"] == 7 and [row["found"] for row in page["classes"]] == [7, 0, 0]


def test_while_labels_are_few_pages_tell_how_it_is_now(foxes, audited):
    audited(("fox", "fox"))
    estimates.keep_summary(None, question=foxes.question)
    audited(("fox", "fox"))
    assert estimates.summary(foxes.question)["n_audited"] == 2


def test_a_refit_keeps_the_summary(foxes, audited):
    audited(*[("fox", "fox")] * 2)
    learnt.send(None, question=foxes.question)
    report = Summary.objects.get(question=foxes.question).report
    assert (report["n_audited"], report["advice"]["stable"]["met"]) == (2, False)
    kept, fresh = estimates.advice(report), estimates.stop_advice(foxes.question, labels.trail(foxes.question))
    assert list(map(told, kept.criteria)) == list(map(told, fresh.criteria))


def told(check):
    return check.name, check.met, check.value, check.wanted, sentence(check.reason)


def test_a_curve_of_very_many_rounds_shows_some_of_them(foxes, monkeypatch):
    monkeypatch.setattr(estimates, "MOST_POINTS", 4)
    for _ in range(10):
        factories.ranking(foxes.question, [])
    assert [point["number"] for point in estimates.curve(foxes.question)["rounds"]] == [1, 4, 7, 10]
