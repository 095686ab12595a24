"""What was seen at which deployment on which day, against pictures placed by hand; and the tables made of it."""

import csv
import datetime

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeller.embedding import runs
from labeller.insights import site_days, site_days_shown
from labeller.insights.models import SiteDay, SiteDays
from labeller.learning import accepting
from labeller.learning.models import Head
from labeller.samples.models import Deployment, File, Sequence
from tests import factories

pytestmark = pytest.mark.django_db
DAY = datetime.datetime(2026, 5, 1, 23, 30, tzinfo=datetime.UTC)
URL = "/projects/foxes/questions/species/site-days"


@pytest.fixture
def head(foxes, monkeypatch):
    """A head that says of each sample what it is told to say."""
    said = {}
    fields = {"class_ids": [], "n_labels": 2, "fit_seconds": 0.0, "directory": "somewhere"}

    class Shard:
        def __init__(self, ids):
            self.ids, self.vectors = np.array(ids, np.int64), np.array(ids)

    def make(names):
        run = runs.current_run(foxes.project)
        run.shards.create(number=0, embedded=len(names), sha256="")
        Head.objects.create(question=foxes.question, run=run, version=7, **fields)
        said.update({sample.pk: foxes.class_id(name) for sample, name in names.items()})

    monkeypatch.setattr(site_days.head_files, "load", lambda directory: None)
    monkeypatch.setattr(site_days.loading, "read_shard", lambda *_: Shard(list(said)))
    monkeypatch.setattr(accepting, "predicted", lambda *_: [((class_id,), 0.9) for class_id in said.values()])
    return make


@pytest.fixture
def pictures(foxes):
    """Pictures of a deployment, so many on each of the days that follow each other."""

    def take(name, *counts):
        place, _ = Deployment.objects.get_or_create(project=foxes.project, name=name)
        made = []
        for number, count in enumerate(counts):
            taken = factories.samples(foxes.project, count)
            when = DAY + datetime.timedelta(days=number)
            File.objects.filter(pk__in=[each.file_id for each in taken]).update(deployment=place, taken_at=when)
            made.append(taken)
        return made

    return take


def worked_out(foxes, sent):
    site_days.ask(foxes.question)
    factories.work("site_days")
    return SiteDays.latest(foxes.question)


def test_a_day_is_of_a_class_where_people_say_so_or_the_head_where_nobody_looked(foxes, pictures, head, sent):
    (first, second, third), (fourth,) = pictures("north", 3, 2, 1), pictures("south", 1)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    head(dict.fromkeys([*first, *second, *fourth], "fox") | dict.fromkeys(third, "badger"))
    factories.label(foxes.question, first[0], foxes.ana, fox)
    factories.label(foxes.question, second[0], foxes.ana, badger)
    factories.label(foxes.question, fourth[0], foxes.ana, badger)  # the head says fox of it, and is wrong
    made = worked_out(foxes, sent)
    seen = {
        (each.label_class.name, each.deployment.name, each.day.day): (each.by_people, each.by_head, each.predicted)
        for each in SiteDay.objects.filter(of=made, label_class__isnull=False).select_related()
    }
    assert seen == {
        ("fox", "north", 1): (1, 2, 3),
        ("fox", "north", 2): (0, 1, 2),
        ("badger", "north", 2): (1, 0, 0),
        ("badger", "north", 3): (0, 1, 1),
        ("badger", "south", 1): (1, 0, 0),
        ("fox", "south", 1): (0, 0, 1),
    }
    claim = site_days_shown.claim(made, foxes.question.classes.get(name="fox"))
    assert (claim.by_people, claim.by_head, claim.days, claim.deployments) == (1, 1, 2, 1)
    assert site_days_shown.effort(made) == {"deployments": 2, "days": 4, "events": 7}


def test_blanks_are_effort_and_what_is_left_out_is_nothing(foxes, pictures, head, sent):
    ((blank, left, _),) = pictures("north", 3)
    foxes.question.classes.filter(name="empty").update(is_blank=True)
    factories.label(foxes.question, blank, foxes.ana, foxes.class_id("empty"))
    factories.label(foxes.question, left, foxes.olga, verdict="ignore", mode="review")
    factories.samples(foxes.project, 2)  # without a place or a time
    made = worked_out(foxes, sent)
    assert (made.pictures, made.placeless) == (4, 2)
    (day,) = SiteDay.objects.filter(of=made)
    assert (day.label_class, day.by_people, day.by_head) == (None, 1, 1)


def test_frames_of_a_burst_are_one_event(foxes, pictures, sent):
    ((one, two, apart),) = pictures("north", 3)
    burst = Sequence.objects.create(deployment=Deployment.objects.get(), started_at=DAY)
    File.objects.filter(pk__in=[one.file_id, two.file_id]).update(sequence=burst)
    for each in (one, two, apart):
        factories.label(foxes.question, each, foxes.ana, foxes.class_id("fox"))
    made = worked_out(foxes, sent)
    assert SiteDay.objects.get(of=made, label_class__name="fox").events == 2


def test_each_day_counts_alike_in_what_is_claimed_however_many_pictures_it_has(foxes, pictures, head, sent):
    """The head is right of one day with many pictures, and wrong of many days with a picture each."""
    many, *ones = pictures("north", 60, *[1] * 40)
    wrong = [sample for (sample,) in ones]
    head(dict.fromkeys([*many, *wrong], "fox"))
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    fields = {"strategy": "audit", "predicted_id": fox}
    factories.labelled(foxes.question, many[:30], foxes.ana, fox, **fields)
    factories.labelled(foxes.question, wrong[:20], foxes.ana, badger, **fields)
    made = worked_out(foxes, sent)
    audited, low, high = made.shares[str(fox)]
    assert audited == 50
    assert low < 1 / 41 < high < 0.4  # three of five pictures are right, and one of 41 days
    claim = site_days_shown.claim(made, foxes.question.classes.get(name="fox"))
    assert (claim.by_people, claim.by_head) == (1, 20)
    assert (claim.low, claim.high) == (1, 21)


def test_worked_out_anew_it_replaces_what_was_and_one_that_broke_off_is_never_shown(foxes, pictures, sent):
    pictures("north", 2)
    broken = SiteDays.objects.create(question=foxes.question)
    assert SiteDays.latest(foxes.question) is None
    first = worked_out(foxes, sent)
    assert not SiteDays.objects.filter(pk=broken.pk).exists()
    pictures("south", 1)
    second = worked_out(foxes, sent)
    assert SiteDays.objects.get() == second != first
    assert SiteDay.objects.count() == 2


def table(response):
    return list(csv.reader(b"".join(response).decode("utf-8-sig").splitlines()))


def test_the_history_has_a_row_a_deployment_and_a_column_a_day(client, foxes, pictures, head, sent):
    (first, _, third), _south = pictures("north", 2, 0, 1), pictures("south", 1)
    head(dict.fromkeys(third, "fox"))
    factories.label(foxes.question, first[0], foxes.ana, foxes.class_id("fox"))
    worked_out(foxes, sent)
    client.force_login(foxes.mia)
    answer = client.get(f"{URL}/history.csv?class={foxes.class_id('fox')}")
    assert table(answer) == [
        ["deployment", "2026-05-01", "2026-05-02", "2026-05-03"],
        ["north", "1", "NA", "1"],
        ["south", "0", "NA", "NA"],
    ]
    by_people = client.get(f"{URL}/history.csv?class={foxes.class_id('fox')}&by=people")
    assert table(by_people)[1] == ["north", "1", "NA", "0"]
    days = table(client.get(f"{URL}.csv"))
    at = {name: place for place, name in enumerate(days[0])}
    assert [(row[at["deployment"]], row[at["day"]], row[at["decided_by"]]) for row in days[1:]] == [
        ("north", "2026-05-01", "people"),
        ("north", "2026-05-03", "head"),
    ]


def test_no_name_starts_a_formula_in_the_tables(client, foxes, pictures, sent):
    ((sample,),) = pictures("=1+1", 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    worked_out(foxes, sent)
    client.force_login(foxes.mia)
    assert table(client.get(f"{URL}.csv"))[1][0] == "'=1+1"


def test_the_page_asks_as_much_for_many_days_as_for_few(client, foxes, pictures, head, sent):
    client.force_login(foxes.mia)
    assert "Nothing was worked out yet" in client.get(f"{URL}/").content.decode()
    counts = []
    for number in range(2):
        taken = [sample for day in pictures(f"place {number}", *[1] * 30 * (number + 1)) for sample in day]
        factories.labelled(foxes.question, taken, foxes.ana, "fox")
        worked_out(foxes, sent)
        with CaptureQueriesContext(connection) as captured:
            page = client.get(f"{URL}/").content.decode()
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 20
    assert page.count('class="people" x=') == 90
    assert "<strong>90</strong> (people saw it on 90, 0 rest on the head alone)" in " ".join(page.split())


def test_managers_have_it_worked_out_and_others_look(client, foxes, pictures, sent):
    pictures("north", 1)
    client.force_login(foxes.vic)
    assert client.post(f"{URL}/").status_code == 403
    client.force_login(foxes.mia)
    assert client.post(f"{URL}/").status_code == 302
    assert "Being worked out" in client.get(f"{URL}/").content.decode()
    factories.work("site_days")
    assert "No class but blank ones" in client.get(f"{URL}/").content.decode()
