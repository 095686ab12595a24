"""Texts on the labelling screens: what a page is told of them, how a long one goes on, and which words speak."""

import hashlib

import numpy as np
import pytest
from django.urls import reverse

from labeller.annotating.wire.shown import FIRST, OF_TILE, PIECE
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.labels import tallies
from labeller.learning import speaking
from labeller.learning.models import Round, RoundEntry, TileGroup
from labeller.projects.models import Project
from labeller.samples.models import File, Sample, Source, Text
from tests import factories
from tl_core.heads.plain import LinearHead

pytestmark = pytest.mark.django_db


def write(project, *contents):
    """A text a row of one table."""
    source = Source.objects.create(project=project, path="/nowhere/texts", layout={"language": "en"})
    file = File.objects.create(
        project=project, source=source, kind="text", path="news.csv", sha256="0" * 64, bytes=1, modified_ns=0
    )
    tallies.add_samples(None, project=project, count=len(contents))
    made = Sample.objects.bulk_create(
        Sample(project=project, file=file, part="row", start=at, shard=0) for at in range(1, len(contents) + 1)
    )
    for sample, content in zip(made, contents, strict=True):
        digest = hashlib.sha256(content.encode()).hexdigest()
        Text.objects.create(sample=sample, project=project, content=content, digest=digest)
    return made


@pytest.fixture
def news(foxes, monkeypatch):
    """The project is of texts, and its featuriser there."""
    spec = "svd/0123456789abcdef"
    Project.objects.update(kind=Project.Kind.TEXT, featuriser=spec)
    numbers = {"featuriser": spec, "dimension": factories.DIMENSION, "fingerprint": "0123456789abcdef"}
    run = EmbeddingRun.objects.create(project=foxes.project, **numbers)
    monkeypatch.setattr(runs, "current_run", lambda project: run)
    foxes.project.refresh_from_db()
    foxes.question.project = foxes.project
    return foxes


@pytest.fixture
def post(client, news):
    def post(name, body, user=news.ana):
        client.force_login(user)
        url = reverse(f"annotating:{name}", args=[news.project.slug, news.question.key])
        return client.post(url, {"tab": "a", **body}, content_type="application/json")

    return post


# --- what a page is told --------------------------------------------------------------------------


def test_a_text_comes_in_the_place_of_a_picture(post, news):
    made = write(news.project, "A fox in the hen house.")
    factories.ranking(news.question, made, suggest=[news.class_id("fox"), news.class_id("badger")])
    (told,) = post("next", {"count": 1}).json()["samples"]
    assert told["text"] == "A fox in the hen house." and told["more"] is False and told["lang"] == "en"
    assert told["path"] == "news.csv row 1"
    assert not {"width", "height", "box"} & set(told)
    assert [class_id for class_id, _ in told["suggestions"]] == [news.class_id("fox"), news.class_id("badger")]


def test_of_a_long_text_the_beginning_comes_and_the_rest_in_pieces(client, post, news):
    content = "".join(f"{number} grüße " for number in range(30_000))
    made = write(news.project, content)
    factories.ranking(news.question, made)
    (told,) = post("next", {"count": 1}).json()["samples"]
    assert told["text"] == content[:FIRST] and told["more"] is True
    read, start = told["text"], FIRST
    while start is not None:
        piece = client.get(reverse("annotating:reading", args=[news.project.slug, made[0].pk, start])).json()
        assert len(piece["text"]) <= PIECE and piece["length"] == len(content)
        read, start = read + piece["text"], piece["next"]
    assert read == content


def test_a_stranger_reads_nothing(client, news):
    (made,) = write(news.project, "Private.")
    url = reverse("annotating:reading", args=[news.project.slug, made.pk, 0])
    client.force_login(news.sam)
    assert client.get(url).status_code == 404
    client.force_login(news.vic)
    assert client.get(url).status_code == 403
    client.force_login(news.ana)
    assert client.get(url).json()["text"] == "Private."
    other = factories.project("other")
    assert client.get(reverse("annotating:reading", args=[other.slug, made.pk, 0])).status_code == 404


def test_tiles_hold_less_of_each_text(post, news):
    made = write(news.project, "short", "x" * 5_000)
    ranked = factories.ranking(news.question, made)
    TileGroup.objects.create(
        question=news.question, round=ranked, kind="predicted", label_class_id=news.class_id("fox"), number=1, n=2,
        tiles=[(made[0].pk, 0.9), (made[1].pk, 0.8)],
    )  # fmt: skip
    tiles = post("grid_tiles", {"count": 20}).json()["tiles"]
    assert [(len(tile["text"]), tile["more"]) for tile in tiles] == [(5, False), (OF_TILE, True)]


@pytest.mark.parametrize("mode", ["label", "grid", "hunt", "review"])
def test_pages_of_texts_offer_nothing_that_is_for_pictures_alone(client, news, mode):
    client.force_login(news.mia)
    page = client.get(reverse(f"annotating:{mode}", args=[news.project.slug, news.question.key])).content.decode()
    for absent in ("zoom_in", "brighter", "whole_frame", "frame_next", 'data-command="play"'):
        assert absent not in page
    assert 'data-command="typeface"' in page and "css/reading.css" in page


def test_history_and_flags_say_how_the_text_begins(client, post, news):
    made = write(news.project, "A fox\n\nin the hen house.")
    factories.label(news.question, made[0], news.ana, news.class_id("fox"))
    client.force_login(news.ana)
    page = client.get(reverse("annotating:history", args=[news.project.slug])).content.decode()
    assert "A fox in the hen house." in page and "part-256.jpg" not in page
    event = {"uuid": "00000000-0000-4000-8000-000000000001", "kind": "flag", "sample": made[0].pk, "note": "odd"}
    factories.ranking(news.question, made)
    post("save", {"events": [event]})
    page = client.get(reverse("annotating:flagged", args=[news.project.slug])).content.decode()
    assert "A fox in the hen house." in page and "part-512.jpg" not in page


def test_a_hunt_by_words_finds_the_texts_that_have_them_all(post, news):
    made = write(news.project, "A fox in the hen house.", "A fox in the wood.", "A badger.", "The House of the Fox.")
    factories.embed(news.project, made, factories.clusters(4, 2)[0])
    job = post("hunt_start", {"text": "fox house"}).json()["job"]
    factories.work("hunt")
    answer = post("hunt_tiles", {"job": job, "count": 20, "keep": []}).json()
    assert [tile["sample"] for tile in answer["tiles"]] == [made[0].pk, made[3].pk]
    assert answer["hunt"]["by"] == "words"


def test_examples_of_a_hunt_come_as_texts(post, news):
    made = write(news.project, "A fox in the hen house.", "A badger.")
    factories.label(news.question, made[0], news.bo, news.class_id("fox"))
    told = post("hunt_start", {"class": news.class_id("fox"), "like": [made[1].pk]}).json()
    assert told["excerpts"] == {str(made[0].pk): "A fox in the hen house.", str(made[1].pk): "A badger."}


# --- words that speak -----------------------------------------------------------------------------


class Foxes:
    """Stands for a featuriser that counts words: a column for foxes, and one for badgers."""

    def word_weights(self, text, places, direction):
        columns = {"fox": 0, "hen": 0, "badger": 1}
        words = [text[start:end].casefold() for start, end in places]
        return [float(direction[columns[word]]) if word in columns else 0.0 for word in words]


@pytest.fixture
def speaks(monkeypatch, post, news):
    """Ask which words of a sample speak for foxes."""
    classes = np.array([news.class_id("fox"), news.class_id("badger")])
    head = LinearHead(classes, np.array([[2, -1], [-2, 1]], np.float32), np.zeros(2, np.float32), np.zeros(2))
    monkeypatch.setattr(speaking, "_linear", lambda directory: head)
    monkeypatch.setattr(speaking, "featuriser", lambda spec: Foxes())

    def speaks(sample, user=news.ana):
        answer = post("speaking", {"sample": sample.pk, "class": news.class_id("fox")}, user)
        assert answer.status_code == 200, answer.content
        return answer.json()["spans"]

    return speaks


def test_the_words_that_speak_for_a_suggestion_and_against_it(speaks, news):
    made = write(news.project, "No badger: a fox, and a hen.")
    factories.ranking(news.question, made, suggest=[news.class_id("fox")])
    assert speaks(made[0]) == [[3, 9, -0.5], [13, 16, 1.0], [24, 27, 1.0]]


def test_a_blind_sample_gets_no_marks(speaks, post, news):
    made = write(news.project, "A fox.", "A fox and a hen.")
    factories.ranking(news.question, made, audits=made[:1], suggest=[news.class_id("fox")])
    assert speaks(made[0]) == [] and speaks(made[1]) != []


def test_a_sample_that_was_handed_out_blind_gets_none_in_a_later_round(speaks, post, news):
    made = write(news.project, "A fox.")
    factories.ranking(news.question, made, audits=made, suggest=[news.class_id("fox")])
    (told,) = post("next", {"count": 1}).json()["samples"]
    assert told["blind"] is True and told["suggestions"] == []
    factories.ranking(news.question, made, suggest=[news.class_id("fox")])
    assert not RoundEntry.objects.filter(round__is_current=True, strategy="audit").exists()
    assert speaks(made[0]) == []
    assert speaks(made[0], news.bo) != []


def test_where_suggestions_are_hidden_there_are_no_marks(speaks, news):
    made = write(news.project, "A fox.")
    factories.ranking(news.question, made, suggest=[news.class_id("fox")])
    news.question.show_suggestions = False
    news.question.save()
    assert speaks(made[0]) == []


def test_without_a_head_nothing_speaks(post, news):
    made = write(news.project, "A fox.")
    factories.ranking(news.question, made)
    assert Round.objects.get().head is None
    assert post("speaking", {"sample": made[0].pk, "class": news.class_id("fox")}).json() == {"spans": []}
    assert post("speaking", {"sample": "fox", "class": 1}).status_code == 422
