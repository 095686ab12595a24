"""Near-copies: seen side by side, unfolded and folded again, and no label lost by either."""

import csv

import numpy as np
import pytest

from labeller.embedding import loading, runs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.labels.models import Answer, Label
from labeller.messages import sentence
from labeller.projects.making import create_project, ensure_class
from labeller.samples import ingesting
from labeller.samples.differing import MOST_WORDS, Stretch, differing
from labeller.samples.models import Sample, Text, TextCopy
from tests import factories

pytestmark = pytest.mark.django_db

BODY = "The contract ends on the last day of the month in which either party has given notice in writing. " * 4
ROWS = [
    f"{BODY} Signed in Paris.",
    "A car was sold as seen, without a warranty of any kind.",
    f"{BODY} Signed in <Rome>.",
    f"{BODY} Signed in Bonn.",
    f"{BODY} Signed in Bonn.",
]


@pytest.fixture
def project(db, tmp_path):
    """Two samples: with the first, three rows are folded, two of which say just the same."""
    found = create_project(name="Law", owner=factories.person("olga"), question_text="About what?", kind="text")
    with (tmp_path / "law.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text",), *((row,) for row in ROWS)])
    ingesting.add_source(found, tmp_path / "law.csv")
    factories.work()
    found.refresh_from_db()
    return found


@pytest.fixture
def page(project, client):
    """The first text's page, as its owner asks for it."""
    client.force_login(factories.person("olga"))
    address = f"/projects/law/copies/{Sample.objects.get(start=1).pk}/"

    def ask(**said):
        return client.post(address, said, follow=True) if said else client.get(address)

    return ask


def label(project, sample, name):
    question = project.first_question
    class_id = ensure_class(question, name)[0].pk
    return factories.label(question, sample, factories.person("ana"), class_id)


def test_what_was_folded_is_seen_beside_with_its_words_marked(project, client, page):
    said = page().content.decode()
    assert said.count('data-testid="near-copy"') == 3
    assert "<mark> &lt;Rome&gt;.</mark>" in said
    assert "<mark> Paris.</mark>" in said
    listed = client.get("/projects/law/copies/").content.decode()
    assert f"/projects/law/copies/{Sample.objects.get(start=1).pk}/" in listed
    assert listed.count("<tr>") == 2


def test_one_is_unfolded_and_what_says_the_same_is_its_copy(project, page):
    first = Sample.objects.get(start=1)
    label(project, first, "lease")
    bonn = TextCopy.objects.get(start=4)
    assert "Once a near-copy" in page(unfold=bonn.pk).content.decode()
    factories.work()
    new = Sample.objects.get(start=4)
    assert (new.text.content, new.text.like) == (ROWS[3], first)
    assert list(new.copies.values_list("start", "content")) == [(5.0, "")]
    # The label of the one stays with it, and the other is asked.
    assert Answer.objects.answered().get().sample == first
    assert tallies.samples(project) == Sample.objects.count() == 3
    assert len(loading.load_embeddings(runs.current_run(project)).ids) == 3


def test_it_is_folded_again(project, page):
    first = Sample.objects.get(start=1)
    label(project, first, "lease")
    page(unfold=TextCopy.objects.get(start=4).pk)
    factories.work()
    new = Sample.objects.get(start=4)
    assert "being folded again" in page(fold=new.pk).content.decode()
    factories.work()
    assert set(TextCopy.objects.values_list("original", "start", "content")) == {
        (first.pk, 3.0, ROWS[2]),
        (first.pk, 4.0, ROWS[3]),
        (first.pk, 5.0, ROWS[4]),
    }
    assert Label.objects.get().sample == first
    assert tallies.samples(project) == Sample.objects.count() == 2
    assert tallies.off(project) == 0
    embeddings = loading.load_embeddings(runs.current_run(project))
    assert new.pk not in np.asarray(embeddings.ids)
    assert not Job.objects.filter(state="failed").exists()


def test_one_with_labels_of_its_own_is_not_folded_again(project, page):
    page(unfold=TextCopy.objects.get(start=4).pk)
    factories.work()
    new = Sample.objects.get(start=4)
    page(fold=new.pk)  # asked for, and labelled before the job began
    label(project, new, "sale")
    factories.work()
    assert Label.objects.get().sample == new
    assert "labels of its own" in sentence(Job.objects.get(kind="fold").message)
    said = page(fold=new.pk).content.decode()
    assert "It has labels of its own" in said
    assert 'name="fold"' not in said
    assert Job.objects.filter(kind="fold").count() == 1


def test_others_are_not_touched(project, client):
    other = Sample.objects.get(start=2)
    copy = TextCopy.objects.first()
    client.force_login(factories.person("olga"))
    assert client.post(f"/projects/law/copies/{other.pk}/", {"unfold": copy.pk}).status_code == 404
    assert client.post(f"/projects/law/copies/{other.pk}/", {"fold": Text.objects.first().pk}).status_code == 404
    assert client.post(f"/projects/law/copies/{other.pk}/", {"unfold": "1e9", "fold": "-1"}).status_code == 302
    assert TextCopy.objects.count() == 3


def joined(stretches):
    return "".join(each.content for each in stretches)


def test_words_that_differ():
    one, other = differing("The cat sat on the mat", "The dog sat on a mat.")
    assert one == [
        Stretch("The", False),
        Stretch(" cat", True),
        Stretch(" sat on", False),
        Stretch(" the mat", True),
    ]
    assert joined(other) == "The dog sat on a mat."
    assert differing("the same", "the same")[0] == [Stretch("the same", False)]
    assert differing("", "new words") == ([], [Stretch("new words", True)])
    assert differing("a a a", "a a") == ([Stretch("a a", False), Stretch(" a", True)], [Stretch("a a", False)])


def test_very_different_texts_are_not_compared_for_ever():
    one = " ".join(str(number) for number in range(2 * MOST_WORDS))
    other = " ".join(str(-number) for number in range(1, 2 * MOST_WORDS))
    assert [each.differs for each in differing(one, other)[0]] == [True]
