"""Word vectors trained on a project's own texts: by a job, judged in pairs, used where they are better."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeller.embedding import loading, mixing, runs, text_featurisers
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.managing import traces
from labeller.messages import sentence
from labeller.samples.models import Text
from labeller.transfer import switching, training_vectors
from labeller.transfer.models import AdaptingResult
from tests import factories
from tests.transfer import texts_made
from tests.transfer.texts_made import now, work
from tl_core.adaptation.gains import Gain
from tl_core.texts import comparing, training_words
from tl_core.texts.base import TextFeaturiser

pytestmark = pytest.mark.django_db
WORSE = [Gain("head", 90, 0.8, 0.6, -0.3, -0.1)]
BETTER = [Gain("head", 90, 0.6, 0.8, 0.1, 0.3)]


class Lengths(TextFeaturiser):
    """An encoder that knows how long a text is, and no more."""

    name, dimension, fingerprint = "lengths", 2, "00000000000000aa"

    def embed(self, texts):
        return np.array([[len(text), 1] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def _small(monkeypatch, settings, tmp_path):
    settings.VECTORS = tmp_path / "vectors"
    monkeypatch.setattr(jobs.Progress, "MIN_INTERVAL", 0.0)
    monkeypatch.setattr(training_words, "_BUCKETS", 500)
    make = text_featurisers.registry.make
    monkeypatch.setattr(text_featurisers.registry, "default", lambda language: ("svd", "lengths"))
    monkeypatch.setattr(text_featurisers.registry, "make", lambda spec: Lengths() if spec == "lengths" else make(spec))


@pytest.fixture
def news(tmp_path):
    return texts_made.project(tmp_path)


@pytest.fixture
def labelled(news):
    texts_made.label(news)
    return news


@pytest.fixture
def olga(news):
    client = Client()
    client.force_login(factories.person("olga"))
    return client


def trained(project, source=""):
    """By a job as a worker does it; what comes of it."""
    job = training_vectors.ask(project, source)
    work("vectors")
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return AdaptingResult.objects.get(project=project, way="continued" if source else "words")


def settled():
    """What was wished for is embedded, and then used."""
    for _ in range(2):
        work("switch", "adapt")
        work("embed")
    work("switch", "adapt")


def judged_as(monkeypatch, alone, beside):
    monkeypatch.setattr(comparing, "compare", lambda *given, **how: beside if how["beside"] else alone)


# --- from start to use ----------------------------------------------------------------------------


def test_the_project_switches_to_vectors_that_are_better_and_one_click_goes_back(labelled, olga):
    before = EmbeddingRun.in_use(labelled)
    (encoder,) = mixing.companions(before)
    result = trained(labelled)
    head = result.report["gains"][0]
    assert head["measure"] == "head" and head["low"] > 0 and head["n"] == texts_made.COUNT
    assert now(labelled).featuriser == before.featuriser, "until everything is embedded nothing changes"
    settled()
    run = EmbeddingRun.in_use(now(labelled))
    assert run.featuriser == result.made and result.made.startswith("words/")
    assert len(loading.load_embeddings(run).ids) == run.fitted_on == texts_made.COUNT
    assert mixing.companions(run) == [encoder], "what stood beside goes on beside"
    page = olga.get(reverse("transfer:featuriser", args=[labelled.slug])).content.decode()
    assert 'data-testid="back"' in page and "in use" in page and "use-words" not in page
    olga.post(reverse("transfer:use", args=[labelled.slug]), {"run": before.pk})
    settled()
    assert EmbeddingRun.in_use(now(labelled)) == before and mixing.companions(before) == [encoder]
    page = olga.get(reverse("transfer:featuriser", args=[labelled.slug])).content.decode()
    assert 'data-testid="use-words"' in page
    olga.post(reverse("transfer:use_adapted", args=[labelled.slug, "words"]))
    settled()
    assert EmbeddingRun.in_use(now(labelled)) == run


def test_what_is_not_better_changes_nothing_and_the_page_says_so(labelled, olga, monkeypatch):
    judged_as(monkeypatch, WORSE, WORSE)
    before = now(labelled).featuriser
    result = trained(labelled)
    assert not result.made and not Job.objects.filter(kind__in=["switch", "adapt", "embed"], state="queued").exists()
    assert now(labelled).featuriser == before and not any("words-" in name for name in runs.networks().names())
    page = olga.get(reverse("transfer:featuriser", args=[labelled.slug])).content.decode()
    assert "Not better beyond doubt" in page and "-20.0 (-30.0 to -10.0) points" in page.replace("−", "-")


def test_what_is_better_beside_what_is_in_use_is_kept_beside_and_left_on_one_click(labelled, olga, monkeypatch):
    judged_as(monkeypatch, WORSE, BETTER)
    base = EmbeddingRun.in_use(labelled)
    result = trained(labelled)
    assert result.is_beside
    settled()
    assert EmbeddingRun.in_use(now(labelled)) == base
    assert {each.featuriser for each in mixing.companions(base)} == {"lengths", result.made}
    assert Job.objects.filter(kind="retrain", state="queued").exists(), "each question weighs it"
    page = olga.get(reverse("transfer:featuriser", args=[labelled.slug])).content.decode()
    assert 'data-testid="leave-words"' in page
    olga.post(reverse("transfer:leave_adapted", args=[labelled.slug, "words"]))
    work("adapt")
    assert [each.featuriser for each in mixing.companions(base)] == ["lengths"]


def test_without_answers_they_are_kept_beside(news, olga):
    result = trained(news)
    assert result.is_beside and result.report["gains"] == []
    page = olga.get(reverse("transfer:featuriser", args=[news.slug])).content.decode()
    assert "Too few texts have an answer" in page and "until then nothing changes" in page
    settled()
    assert result.made in {each.featuriser for each in mixing.companions(EmbeddingRun.in_use(news))}


def test_vectors_at_hand_learn_on(labelled, settings, olga):
    settings.VECTORS.mkdir()
    words = [*texts_made.FIELDS["eye"][:6], *texts_made.FIELDS["tax"][:6], "elsewhere"]
    rows = np.random.default_rng(1).normal(size=(len(words), 8)) * 0.1
    lines = [f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows.tolist(), strict=True)]
    (settings.VECTORS / "own.vec").write_text("".join(lines))
    page = reverse("transfer:featuriser", args=[labelled.slug])
    assert 'value="own.vec"' in olga.get(page).content.decode()
    olga.post(reverse("transfer:train_vectors", args=[labelled.slug]), {"source": "/etc/passwd"})
    assert not Job.objects.filter(kind="vectors").exists(), "a request names no file that is not in that folder"
    olga.post(reverse("transfer:train_vectors", args=[labelled.slug]), {"source": "own.vec"})
    work("vectors")
    result = AdaptingResult.objects.get(project=labelled, way="continued")
    assert result.report["source"] == "own.vec" and result.made
    assert text_featurisers.registry.make(result.made).dimension == 8
    assert "Begun with own.vec" in olga.get(page).content.decode()
    (settings.VECTORS / "own.vec").write_text("nothing\n")
    training_vectors.ask(labelled, str(settings.VECTORS / "own.vec"))
    job = factories.work("vectors")[-1]
    assert job.state == Job.State.FAILED and "own.vec cannot be read" in sentence(job.error)


# --- stopped, killed, done twice ------------------------------------------------------------------


def stop_at(monkeypatch, number, stop):
    """Have something happen at the report of that number."""
    told = training_vectors._TellingPasses.__call__
    calls = iter(range(10_000))

    def telling(self, done):
        if next(calls) == number:
            stop()
        told(self, done)

    monkeypatch.setattr(training_vectors._TellingPasses, "__call__", telling)


def test_cancelled_in_the_middle_it_leaves_nothing(labelled, olga, monkeypatch, settings):
    url = reverse("transfer:stop_vectors", args=[labelled.slug])
    stop_at(monkeypatch, 5, lambda: olga.post(url))
    job = training_vectors.ask(labelled)
    work("vectors")
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert not AdaptingResult.objects.exists() and not any("words-" in name for name in runs.networks().names())
    assert not list((settings.CACHE / "vectors").iterdir())


def test_killed_in_the_middle_it_goes_on_and_comes_to_the_same(labelled, monkeypatch):
    whole = training_vectors.train_on(labelled, "", lambda *told, **how: None, uses=False).made
    AdaptingResult.objects.all().delete()

    def killed():
        raise KeyboardInterrupt

    stop_at(monkeypatch, 20, killed)
    training_vectors.ask(labelled)
    with pytest.raises(KeyboardInterrupt):
        work("vectors")
    assert training_vectors._directory(labelled.pk).is_dir()
    told = []
    kept = training_vectors._TellingPasses.__call__
    monkeypatch.setattr(
        training_vectors._TellingPasses, "__call__", lambda self, done: told.append(done) or kept(self, done)
    )
    work("vectors")
    assert AdaptingResult.objects.get().made == whole
    assert len(told) < 20 and told[-1] == 31 * texts_made.COUNT, "it counts, and goes on where it was"


def test_it_lets_others_come_first_between_two_passes(labelled, monkeypatch):
    monkeypatch.setattr(training_vectors, "TURN", -1.0)
    job = training_vectors.ask(labelled)
    turns = 0
    while not AdaptingResult.objects.exists() and turns < 99:
        work("vectors")
        turns += 1
    job.refresh_from_db()
    assert job.state == Job.State.DONE and 10 < turns <= 31


def test_done_twice_it_changes_nothing(labelled):
    first = trained(labelled)
    settled()
    Job.objects.all().delete()
    again = trained(labelled)
    assert (again.pk, again.made, again.report) == (first.pk, first.made, first.report)
    assert not Job.objects.exclude(kind="vectors").exists() and labelled.switches.count() == 1


def test_of_what_is_used_a_worse_training_later_takes_nothing_away(labelled, monkeypatch):
    first = trained(labelled)
    settled()
    Text.objects.filter(pk=Text.objects.first().pk).update(content="eyea eyeb")
    judged_as(monkeypatch, WORSE, WORSE)
    again = trained(labelled)
    assert again.made == first.made and not again.report["is_better"]
    assert EmbeddingRun.in_use(now(labelled)).featuriser == first.made


def test_what_is_still_being_embedded_is_not_taken_away_either(labelled, monkeypatch):
    first = trained(labelled)
    Text.objects.filter(pk=Text.objects.first().pk).update(content="eyea eyeb")
    judged_as(monkeypatch, WORSE, WORSE)
    assert trained(labelled).made == first.made
    settled()
    assert now(labelled).featuriser == first.made


def test_a_later_training_takes_the_place_of_an_earlier_one_beside(news):
    first = trained(news).made
    settled()
    Text.objects.filter(pk=Text.objects.first().pk).update(content="eyea eyeb")
    second = trained(news).made
    settled()
    companions = {each.featuriser for each in mixing.companions(EmbeddingRun.in_use(news))}
    assert second in companions and first not in companions and first != second


def test_trained_vectors_are_not_trained_anew_by_themselves(labelled):
    trained(labelled)
    settled()
    run = EmbeddingRun.in_use(now(labelled))
    EmbeddingRun.objects.filter(pk=run.pk).update(fitted_on=10)
    Job.objects.all().delete()
    runs.fit_again(now(labelled))
    runs.ask_for_fit(now(labelled))
    factories.work("fit")
    assert EmbeddingRun.in_use(now(labelled)) == run and not Job.objects.exclude(kind="fit").exists()


def test_texts_that_say_nothing_twice_are_refused(labelled):
    for number, text in enumerate(Text.objects.filter(project=labelled)):
        Text.objects.filter(pk=text.pk).update(content=f"once{number}")
    training_vectors.ask(labelled)
    job = factories.work("vectors")[-1]
    assert job.state == Job.State.FAILED and "No word is said twice" in sentence(job.error)


def test_what_was_trained_goes_with_the_project(labelled):
    made = trained(labelled).made
    assert f"{made.replace('/', '-')}.safetensors" in traces.of_fitted(labelled.pk)


# --- page and command -----------------------------------------------------------------------------


def test_the_page_starts_shows_how_far_it_is_and_stops(labelled, olga, monkeypatch):
    page = reverse("transfer:featuriser", args=[labelled.slug])
    shown = olga.get(page).content.decode()
    assert "photographs as yet" not in shown and 'data-testid="train-vectors"' in shown
    olga.post(reverse("transfer:train_vectors", args=[labelled.slug]))
    olga.post(reverse("transfer:train_vectors", args=[labelled.slug]))
    job = Job.objects.get(kind="vectors")
    assert 'data-testid="stop-vectors"' in olga.get(page).content.decode()
    started = timezone.now() - timezone.timedelta(minutes=3)
    Job.objects.filter(pk=job.pk).update(state="running", started_at=started, heartbeat_at=started, done=250)
    assert "About 10 min to go" in olga.get(page).content.decode()
    olga.post(reverse("transfer:stop_vectors", args=[labelled.slug]))
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    monkeypatch.setattr("labeller.transfer.vectors_shown.is_installed", lambda: False)
    shown = olga.get(page).content.decode()
    assert "pip install gensim" in shown and 'data-testid="train-vectors"' not in shown


def test_photographs_have_none_of_it(foxes, client):
    client.force_login(foxes.mia)
    for name in ("train_vectors", "stop_vectors"):
        assert client.post(reverse(f"transfer:{name}", args=["foxes"])).status_code == 404


def test_the_command_trains_and_uses_on_demand(labelled, foxes, capsys):
    call_command("adapt", "--project", labelled.slug, "--json")
    told = json.loads(capsys.readouterr().out)
    (line,) = told["ways"]
    assert (line["way"], line["helps"], line["texts"]) == ("words", True, texts_made.COUNT) and told["used"] is None
    assert not Job.objects.filter(kind="switch").exists()
    call_command("adapt", "--project", labelled.slug, "--use")
    assert "points" in (out := capsys.readouterr().out) and "words is used once" in out
    assert switching.shown(labelled).wish is not None
    for given in (["--project", labelled.slug, "--kind", "whitening"], ["--project", "foxes", "--source", "x.vec"]):
        with pytest.raises(CommandError):
            call_command("adapt", *given)
