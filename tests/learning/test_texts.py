"""What a network that reads texts brings: hunts by words, and what names alone suggest before there is a head."""

import numpy as np
import pytest
import torch

from labeller.codes import WorkerCode
from labeller.embedding import runs, texts
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.jobs import queueing as jobs
from labeller.labels.models import Label
from labeller.labels.selectors import AUDIT
from labeller.learning import naming, reading, rounds
from labeller.learning.models import RoundEntry, TileGroup
from labeller.messages import sentence
from labeller.projects.making import ensure_class
from labeller.transfer import networks
from tests import factories
from tests.tl_core import clips
from tl_core.featurisers import cards, clip, guard, own, registry
from tl_core.query.planning import Pick

pytestmark = pytest.mark.django_db
WORDS = "a lynx at night"


@pytest.fixture(scope="module")
def vectors():
    """Embeddings of 60 pictures of noise in three brightnesses, by the tiny CLIP."""
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 80, (60, 3, 32, 32)) + np.arange(60)[:, None, None, None] % 3 * 80
    with torch.inference_mode():
        return clips.network().encode_image((torch.from_numpy(pictures).float() / 255 - 0.5) / 0.25).numpy()


@pytest.fixture
def pool(foxes, vectors, monkeypatch):
    """The project learns from those embeddings: (samples, vectors)."""
    monkeypatch.setattr(runs.featurisers, "get", registry.get)
    card = cards.Card("Tiny", "clip", "upload", "2026-01-02", arguments=clips.DESCRIPTION)
    network = networks.keep(own.save(runs.networks(), clips.network().state_dict(), card))
    foxes.project.featuriser = foxes.question.project.featuriser = network.spec
    foxes.project.save()
    run = runs.current_run(foxes.project)
    made = factories.samples(foxes.project, 60)
    ids = np.array([sample.pk for sample in made], np.int64)
    written = runs.store(run).write_shard(0, ids, vectors, np.ones(60, bool))
    EmbeddingShard.objects.create(run=run, number=0, embedded=60, sha256=written.sha256)
    return made, vectors


def cosines(vectors, prompts):
    """Of pictures (rows) with texts, by open_clip alone."""
    tokens = guard.open_clip().SimpleTokenizer(context_length=16)(prompts)
    with torch.inference_mode():
        text = clips.network().encode_text(tokens, normalize=True).numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ text.T


def hunt(foxes, text, class_id=None):
    payload = {
        "question": foxes.question.pk, "user": foxes.ana.pk, "like": [], "class": class_id, "without": [], "text": text,
    }  # fmt: skip
    job = jobs.enqueue("hunt", key=f"test:{payload}", project=foxes.project, payload=payload)
    factories.work("hunt")
    return TileGroup.objects.get(job=job.pk)


# --- hunts by words -------------------------------------------------------------------------------


def test_words_bring_the_pictures_that_fit_them_best(foxes, pool):
    made, vectors = pool
    found = hunt(foxes, WORDS)
    expected = cosines(vectors, [WORDS])[:, 0]
    order = np.argsort(-expected)
    assert [pk for pk, _ in found.tiles] == [made[at].pk for at in order]
    np.testing.assert_allclose([cosine for _, cosine in found.tiles], expected[order], atol=2e-4)
    assert (found.text, found.like, found.label_class, found.n) == (WORDS, [], None, 60)
    assert found.estimate["by"] == "text" and found.estimate["expected"] is None
    other = [pk for pk, _ in hunt(foxes, "an empty meadow").tiles]
    assert other != [pk for pk, _ in found.tiles]


def test_what_is_decided_or_drawn_for_the_audit_does_not_come(foxes, pool):
    made, _ = pool
    factories.labelled(foxes.question, made[:6], foxes.bo, "fox")
    factories.ranking(foxes.question, made[10:20], audits=made[10:12])
    assert {pk for pk, _ in hunt(foxes, WORDS).tiles} == {each.pk for each in (*made[6:10], *made[12:])}


def test_a_class_given_with_words_is_counted(foxes, pool):
    made, vectors = pool
    factories.labelled_each(
        foxes.question, [(made[at], ("fox", "badger", "empty")[at % 3]) for at in range(30)], foxes.bo
    )
    found = hunt(foxes, WORDS, foxes.class_id("badger"))
    left = np.argsort(-cosines(vectors[30:], [WORDS])[:, 0])
    assert [pk for pk, _ in found.tiles] == [made[30 + at].pk for at in left]
    assert (found.estimate["by"], found.estimate["found"]) == ("text", 10)
    assert 5 < found.estimate["expected"] < 15


def test_a_hunt_takes_the_place_of_one_for_the_same_words_only(foxes, pool):
    first, other, again = hunt(foxes, WORDS), hunt(foxes, "badger"), hunt(foxes, WORDS)
    kept = set(TileGroup.objects.filter(kind="hunt").values_list("pk", flat=True))
    assert kept == {other.pk, again.pk} and first.pk not in kept


def test_a_featuriser_that_reads_no_texts_says_so(foxes):
    made = factories.samples(foxes.project, 9)
    factories.embed(foxes.project, made, factories.clusters(9, 3)[0])
    found = hunt(foxes, WORDS)
    assert found.tiles == [] and "reads no texts" in sentence(found.estimate["reason"])


def test_a_tokenizer_that_is_not_here_is_told(foxes, pool, monkeypatch):
    texts._encoder.cache_clear()

    def refuse(featuriser):
        raise clip.FeaturiserUnavailable("transformers is missing")

    monkeypatch.setattr(clip, "TextEncoder", refuse)
    reason = hunt(foxes, WORDS).estimate["reason"]
    assert reason["code"] == WorkerCode.TEXTS_UNREADABLE and "transformers is missing" in sentence(reason)
    assert not any(entry.suggestions for entry in rounds.rank(foxes.question).entries)  # and a round comes all the same


def test_what_was_made_of_its_embeddings_reads_no_texts(foxes, pool):
    base = runs.current_run(foxes.project)
    assert texts.encoder(base) is not None
    whitened = EmbeddingRun(project=foxes.project, featuriser=f"{base.featuriser},whiten=8", base=base, dimension=8)
    assert texts.encoder(whitened) is None


# --- before there is a head -----------------------------------------------------------------------


def test_names_alone_suggest_before_there_is_a_head(foxes, pool):
    made, vectors = pool
    classes = list(foxes.question.classes.order_by("position"))
    first = classes[0]
    first.scientific_name = "Vulpes vulpes"
    first.save()
    ranking = rounds.rank(foxes.question)
    assert ranking.fitted is None and len(ranking.entries) == 60
    names = [["fox", "Vulpes vulpes"], ["badger"], ["empty"]]
    prompts = [[template.format(name) for name in each for template in clip.TEMPLATES] for each in names]
    encoder = texts.encoder(runs.current_run(foxes.project))
    means = np.stack([encoder.encode(each).mean(axis=0) for each in prompts])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    shares = np.exp(units @ means.T / 0.07)
    shares /= shares.sum(axis=1, keepdims=True)
    at = {sample.pk: position for position, sample in enumerate(made)}
    for entry in ranking.entries:
        expected = shares[at[entry.sample_id]]
        assert [pk for pk, _ in entry.suggestions] == [classes[column].pk for column in np.argsort(-expected)]
        np.testing.assert_allclose([p for _, p in entry.suggestions], np.sort(expected)[::-1], atol=2e-3)
    assert not Label.objects.exists()


def test_audit_samples_have_none(foxes, pool):
    """They are labelled blind, and nothing is kept of them that accuracy could be claimed from."""
    picks = [Pick(0, AUDIT, 0.0), Pick(1, "random", 0.0), Pick(2, AUDIT, 0.0)]
    found = naming.suggestions(reading.read(foxes.question), picks)
    assert [len(each) for each in found] == [0, 3, 0]


def test_a_heads_suggestions_take_their_place(foxes, pool):
    made, _ = pool
    factories.labelled_each(
        foxes.question, [(made[at], ("fox", "badger", "empty")[at % 3]) for at in range(12)], foxes.bo
    )
    ranking = rounds.rank(foxes.question)
    assert ranking.fitted is not None and all(entry.suggestions for entry in ranking.entries)


def test_many_classes_have_one_prompt_each(foxes, pool, monkeypatch):
    monkeypatch.setattr(naming, "FEW_CLASSES", 2)
    asked = []
    encode = clip.TextEncoder.encode
    monkeypatch.setattr(clip.TextEncoder, "encode", lambda self, given: asked.extend(given) or encode(self, given))
    naming._classes.cache_clear()
    assert any(entry.suggestions for entry in rounds.rank(foxes.question).entries)
    assert asked == ["a photo of a fox.", "a photo of a badger.", "a photo of a empty."]
    rounds.rank(foxes.question)
    assert len(asked) == 3  # once a process
    naming._classes.cache_clear()


def test_one_class_or_thousands_suggest_nothing(foxes, pool, monkeypatch):
    monkeypatch.setattr(naming, "MOST_CLASSES", 3)
    assert any(entry.suggestions for entry in rounds.rank(foxes.question).entries)
    ensure_class(foxes.question, "one too many")
    assert not any(entry.suggestions for entry in rounds.rank(foxes.question).entries)
    foxes.question.classes.exclude(name="fox").delete()
    assert not any(entry.suggestions for entry in rounds.rank(foxes.question).entries)


def test_a_new_class_is_suggested_soon(foxes, pool, client):
    client.force_login(foxes.mia)
    client.post("/projects/foxes/classes/", {"do": "add", "names": "lynx\nboar"})
    factories.work("refit")
    entries = RoundEntry.objects.filter(round__question=foxes.question, round__is_current=True)
    assert all(len(entry.suggestions) == 5 for entry in entries) and entries


def test_other_featurisers_suggest_nothing(foxes):
    made = factories.samples(foxes.project, 30)
    factories.embed(foxes.project, made, factories.clusters(30, 3)[0])
    assert not any(entry.suggestions for entry in rounds.rank(foxes.question).entries)
