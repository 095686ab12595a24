"""A sentence encoder tuned with the labels of a question: switched to where it is better, whole, and back."""

import json

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from labeller.embedding import mixing, text_featurisers
from labeller.embedding.loading import load_embeddings
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.labels.models import Answer
from labeller.managing import traces
from labeller.transfer import gathering, switching, tuning, tuning_texts
from labeller.transfer.models import FineTuning
from tests import factories
from tests.tl_core.texts import checkpoints_made
from tests.transfer import texts_made
from tests.transfer.texts_made import now, work
from tl_core.adaptation.training import Recipe
from tl_core.texts import tuning_encoder

pytestmark = pytest.mark.django_db
RECIPE = Recipe(epochs=4, rate=3e-3, batch=16)
ORDERED = ("one", "two")  # which comes first is the class: the order, of which nothing in use knows


@pytest.fixture
def news(tmp_path, monkeypatch):
    """A project of texts with a tiny encoder beside what is in use."""
    spec = f"sentence-transformers,path={checkpoints_made.save(tmp_path / 'encoder')}"
    monkeypatch.setattr(text_featurisers.registry, "default", lambda language: ("svd", spec))
    monkeypatch.setattr(texts_made, "FIELDS", {name: checkpoints_made.WORDS[5:] for name in ORDERED})
    monkeypatch.setattr(texts_made, "sentence", _sentence)
    monkeypatch.setattr(tuning_encoder, "FOLDS", 2)
    work = tuning_encoder.EncoderWork

    def quickly(*given):
        return work(*given, layers=1, tested=2, recipe=RECIPE)

    monkeypatch.setattr(tuning_encoder, "EncoderWork", quickly)
    monkeypatch.setattr(tuning_texts, "ENOUGH", 50)
    made = texts_made.project(tmp_path)
    texts_made.label(made)
    return made


def _sentence(rng, number):
    """The class is the first word."""
    first, second = ORDERED[number % 2], ORDERED[1 - number % 2]
    return " ".join([first, second, *rng.permutation(checkpoints_made.WORDS[7:])[:3], f"no{number * 7919}"])


@pytest.fixture
def olga(news):
    client = Client()
    client.force_login(factories.person("olga"))
    return client


def settled():
    work("switch")
    work("embed")
    work("switch")


def test_a_better_encoder_is_switched_to_and_back_and_begun_from_again(news, olga):
    before = EmbeddingRun.in_use(news)
    (beside,) = mixing.companions(before)
    page = reverse("transfer:featuriser", args=[news.slug])
    assert "Tune on these answers" in olga.get(page).content.decode()
    olga.post(reverse("transfer:tune_encoder", args=[news.slug]), {"question": news.first_question.key})
    assert 'data-testid="stop-tuning"' in olga.get(page).content.decode()
    work("finetune")
    done = FineTuning.objects.get()
    assert done.verdict == FineTuning.Verdict.BETTER and done.base == beside.featuriser, done.report
    assert done.spec.startswith("encoder/") and done.report["comparisons"][0]["low"] > 0
    assert now(news).featuriser == before.featuriser, "until everything is embedded nothing changes"
    settled()
    run = EmbeddingRun.in_use(now(news))
    assert run.featuriser == done.spec and len(load_embeddings(run).ids) == texts_made.COUNT
    assert "Better, and in use" in (shown := olga.get(page).content.decode()) and "photograph" not in shown
    assert tuning_texts.encoder_of(now(news)) == beside.featuriser
    assert f"{done.spec.replace('/', '-')}.safetensors" in traces.of_fitted(news.pk)
    assert not list(tuning._directory(done).parent.iterdir()), "what it took is given back"
    switching.ask(news, run=switching.former(now(news)))
    settled()
    assert EmbeddingRun.in_use(now(news)) == before
    olga.post(reverse("transfer:use_tuned", args=[news.slug, done.pk]))
    settled()
    assert now(news).featuriser == done.spec


def test_an_encoder_that_is_not_better_changes_nothing(news, olga, monkeypatch):
    gather = gathering.gather

    def gathered(*given):
        data = gather(*given)
        return gathering.Gathered(
            data.ids, data.codes, data.classes, [np.eye(2, dtype=np.float32)[data.codes[0]]], data.groups
        )

    monkeypatch.setattr(gathering, "gather", gathered)
    before = now(news).featuriser
    call_command("finetune", "--project", news.slug)
    done = FineTuning.objects.get()
    assert (done.verdict, done.spec) == (FineTuning.Verdict.KEPT, "")
    assert now(news).featuriser == before and not Job.objects.filter(kind="switch").exists()
    assert "Not better beyond doubt" in olga.get(reverse("transfer:featuriser", args=[news.slug])).content.decode()


def test_killed_it_goes_on_with_what_it_had_and_cancelled_it_leaves_nothing(news, olga, monkeypatch):
    monkeypatch.setattr(tuning, "TURN", 0.0)
    tuning.ask(news.first_question, 0, is_mirrored=False)
    shares = []
    for _ in range(4):
        work("finetune")
        shares.append(FineTuning.objects.get().report["share"])
    assert shares == sorted(set(shares)), "each turn came further"
    olga.post(reverse("transfer:stop_tuning", args=[news.slug]))
    assert not FineTuning.objects.exists() and Job.objects.get(kind="finetune").state == Job.State.CANCELLED
    work("switch", "finetune")
    assert not any("encoder-" in name for name in gathering.runs.networks().names())


def test_with_few_answers_or_no_encoder_it_is_not_offered(news, olga, monkeypatch):
    page, ask = (reverse(f"transfer:{name}", args=[news.slug]) for name in ("featuriser", "tune_encoder"))
    monkeypatch.setattr(tuning_texts, "ENOUGH", 1000)
    assert "From 1000 answers on" in olga.get(page).content.decode()
    olga.post(ask, {"question": news.first_question.key})
    monkeypatch.setattr(tuning_texts, "ENOUGH", 50)
    EmbeddingRun.objects.exclude(beside=None).update(beside=None)
    assert "no sentence encoder here" in olga.get(page).content.decode()
    olga.post(ask, {"question": news.first_question.key})
    assert not Job.objects.filter(kind="finetune").exists() and Answer.objects.exists()


def test_the_command_says_what_came_of_it(news, capsys):
    call_command("finetune", "--project", news.slug, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "better" and told["featuriser"] == FineTuning.objects.get().spec
    assert told["labels"] == texts_made.COUNT and Job.objects.filter(kind="switch").exists()
