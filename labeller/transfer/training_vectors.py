"""Word vectors trained on a project's texts, from nothing or from vectors at hand, by a job of the queue `tune`.

What comes out is judged in pairs with what the question's head sees today, on the texts that have an answer: in its
place, and beside it. Where it is better beyond doubt in its place, the project switches. Where it is better beside, or
too few texts have an answer to tell, it is embedded beside what is in use, and each full refit weighs it. Else nothing
changes, and only the figures are kept. A job that was stopped goes on with the pass over the texts that it was at.
"""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Length

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.learning import reading
from labeller.messages import Explained
from labeller.projects.models import Project
from labeller.samples.bursts import pages
from labeller.samples.ingesting import check_disk
from labeller.samples.models import Text
from labeller.transfer import adapting, fitting_texts, gathering, sampling, switching
from labeller.transfer.models import AdaptingResult
from labeller.transfer.tuning import NextTurn
from tl_core import threads
from tl_core.adaptation import gains as measured
from tl_core.adaptation.gains import Gain
from tl_core.notices import notice
from tl_core.texts import comparing, fitted
from tl_core.texts.training_words import TrainedWords, WordRecipe
from tl_core.texts.word_notices import VectorsRefused
from tl_core.texts.words import KIND as WORDS
from tl_core.texts.words import WordFeaturiser

KIND = "vectors"
FROM_NOTHING, CONTINUED = "words", "continued"  # ways, as rows name them
TURN = 300.0  # seconds after which a job lets others come first, between two passes over the texts
PARTS = 1000  # of the progress
MOST_CHARACTERS = 60_000_000  # of texts that are read: a pass over them is done well within a turn
JUDGED = 2000  # texts with an answer, at most
PASSES = 20  # as a guess, until the words are counted
Tell = Callable[..., None]


class NothingToTrain(Explained):
    """The texts say nothing twice, or the vectors to go on from are none."""


# --- asking ---------------------------------------------------------------------------------------


def ask(project: Project, source: str = "") -> Job:
    """Have word vectors trained on the texts, from nothing or from these; where that is under way, it is the one."""
    under_way = of_project(project).filter(state__in=Job.OPEN).order_by("-pk").first()
    if under_way is not None:
        return under_way  # type: ignore[no-any-return]
    payload = {"source": source, "begun": 0}
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project, payload=payload, total=PARTS)


def cancel(project: Project) -> None:
    """Stop it; nothing changes."""
    jobs.cancel(of_project(project))


def of_project(project: Project) -> Any:
    """The jobs that train its vectors."""
    return Job.objects.filter(project=project, kind=KIND)


def is_used(project: Project, spec: str) -> bool:
    """Whether the project learns from what was trained, or weighs it beside what it learns from."""
    run = EmbeddingRun.in_use(project)
    return bool(spec and run) and (run.featuriser == spec or run.companions.filter(featuriser=spec).exists())  # type: ignore[union-attr]


def wished(project: Project) -> set[str]:
    """What is being embedded, to be used then."""
    wishes = Job.objects.filter(project=project, kind__in=[switching.KIND, adapting.KIND], state__in=Job.OPEN)
    return {each.payload.get("beside") or each.payload.get("spec", "") for each in wishes} - {""}


# --- training -------------------------------------------------------------------------------------


def train(progress: jobs.Progress) -> None:
    """Train, compare, and use it where it is better. Goes on where it was; done twice it changes nothing."""
    job = progress.job
    project = Project.objects.get(pk=progress.project.pk)
    Job.objects.filter(pk=job.pk).update(payload={**job.payload, "begun": job.done})  # for the time that is left
    _tidy()
    try:
        train_on(project, job.payload["source"], progress, turn=TURN)
    except jobs.JobLost:
        _forget_work(project.pk)  # cancelled; whoever else has it begins anew at worst
        raise


def train_on(project: Project, source: str, tell: Tell, *, uses: bool = True, turn: float = math.inf) -> AdaptingResult:
    """Train vectors, judge them and keep the figures; with `uses`, have the project use them where they are better.

    After so many seconds of a `turn` it raises NextTurn, and called again goes on where it was. Raises NotFitted while
    texts are coming in, NothingToTrain, and as `TrainedWords.fit` does.
    """
    started = time.monotonic()
    run = runs.current_run(project)
    if fitting_texts.is_importing(project):
        raise runs.NotFitted(notice(WorkerCode.TEXTS_FIRST))
    check_disk()
    pool = _Pool(project)
    recipe = WordRecipe("continued", source) if source else WordRecipe("fasttext")
    training = TrainedWords(recipe, "mean", _directory(project.pk))
    try:
        arrays = training.fit(pool.texts, _TellingPasses(tell, training, pool.count, turn))
    except VectorsRefused as refused:
        raise NothingToTrain(notice(WorkerCode.VECTORS_REFUSED, name=Path(source).name)) from refused
    if not len(arrays["matrix"]):
        raise NothingToTrain(notice(WorkerCode.NO_WORD_TWICE))
    spec = fitted.spec_of(WORDS, arrays)
    earlier = AdaptingResult.objects.filter(project=project, way=CONTINUED if source else FROM_NOTHING).first()
    if earlier is not None and earlier.made == spec and is_used(project, spec):
        _forget_work(project.pk)
        return earlier  # it would be compared with itself
    tell(PARTS, PARTS, notice(WorkerCode.COMPARING), now=True)
    verdict = _judged(project, run, WordFeaturiser(spec, arrays))
    tell(PARTS, PARTS, now=True)  # whoever lost the job keeps nothing
    if verdict.is_kept:
        fitted.save(WORDS, arrays, runs.networks())
    about = {"texts": pool.count, "source": Path(source).name, "seconds": round(time.monotonic() - started, 1)}
    result = _keep(run, earlier, verdict, spec, about, uses=uses)
    _forget_work(project.pk)
    return result


class _Pool:
    """The texts that are read: all, or of a large project whole shards, each of which is spread over all of it."""

    def __init__(self, project: Project) -> None:
        rows = Text.objects.filter(project=project)
        characters = rows.aggregate(n=Sum(Length("content")))["n"] or 0
        share = min(1.0, MOST_CHARACTERS / max(characters, 1))
        self.shards = math.ceil(share * max(project.next_shard, 1))
        self.rows = rows
        self.count = rows.filter(sample__shard__lt=self.shards).count()

    def texts(self) -> Iterator[str]:
        for number in range(self.shards):
            for _pk, content in pages(self.rows.filter(sample__shard=number), "content"):
                yield content


class _TellingPasses:
    """Says how far it is; ends a turn between two passes, for what they taught is kept."""

    def __init__(self, tell: Tell, training: TrainedWords, count: int, turn: float) -> None:
        self.tell, self.training, self.count, self.turn = tell, training, max(count, 1), turn
        self.began, self.kept = time.monotonic(), 0

    def __call__(self, done: int) -> None:
        whole = (self.training.passes or PASSES) * self.count
        said = notice(WorkerCode.TRAINING_VECTORS)
        self.tell(min(PARTS - 1, PARTS * done // whole), PARTS, said)
        if self.training.kept > self.kept and time.monotonic() - self.began > self.turn:
            raise NextTurn(said)
        self.kept = self.training.kept


# --- judging and keeping --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdict:
    """What came of the comparison with what is in use: in its place, and beside it."""

    alone: list[Gain]
    beside: list[Gain]
    n: int

    @property
    def is_better(self) -> bool:
        return measured.helps(self.alone)

    @property
    def is_beside(self) -> bool:
        return not self.is_better and (not self.alone or measured.helps(self.beside))

    @property
    def is_kept(self) -> bool:
        return self.is_better or self.is_beside


def _judged(project: Project, run: EmbeddingRun, made: WordFeaturiser) -> _Verdict:
    """Compare with what the head of the question with most answers sees, on texts with one class."""
    question = sampling.question_of(project)
    if question is None:
        return _Verdict([], [], 0)
    seen = reading.embeddings_of(question, run)
    single = {pk: next(iter(classes)) for pk, classes in labels.consensus(question).items() if len(classes) == 1}
    ids = np.sort(np.array(list(single), np.int64))
    ids = ids[seen.positions(ids) >= 0]
    if len(ids) > JUDGED:
        ids = np.sort(np.random.default_rng(question.pk).choice(ids, JUDGED, replace=False))
    if not len(ids):
        return _Verdict([], [], 0)
    contents = {
        pk: content
        for page in gathering.in_pages(ids.tolist())
        for pk, content in Text.objects.filter(sample__in=page).values_list("sample", "content")
    }
    after = made.embed([contents.get(pk, "") for pk in ids.tolist()])
    before = gathering.vectors_of(seen, ids)
    codes = np.array([single[pk] for pk in ids.tolist()], np.intp)
    groups = gathering.groups_of(ids)
    with threads.single():
        alone, beside = (
            comparing.compare(before, after, codes, np.random.default_rng(0), groups, beside=is_beside)
            for is_beside in (False, True)
        )
    return _Verdict(alone, beside, len(ids))


def _keep(
    run: EmbeddingRun,
    earlier: AdaptingResult | None,
    verdict: _Verdict,
    spec: str,
    about: dict[str, Any],
    *,
    uses: bool,
) -> AdaptingResult:
    """The row of what came of it, and the wish to use it, together. What is used of an earlier training stays so."""
    made, is_beside = (spec, verdict.is_beside) if verdict.is_kept else ("", False)
    if not made and earlier and (is_used(run.project, earlier.made) or earlier.made in wished(run.project)):
        made, is_beside = earlier.made, earlier.is_beside
    report = {
        "gains": adapting.rounded(verdict.alone),
        "beside": adapting.rounded(verdict.beside),
        "n": verdict.n,
        "reason": None,
        "is_better": verdict.is_kept,
        **about,
    }
    fields = {"run": run, "report": report, "made": made, "is_network": True, "is_beside": is_beside}
    way = CONTINUED if about["source"] else FROM_NOTHING
    with transaction.atomic():
        result, _is_new = AdaptingResult.objects.update_or_create(project=run.project, way=way, defaults=fields)
        if verdict.is_kept and uses:
            adapting.use(result)
    if earlier is not None and earlier.made not in ("", made):
        _forget_file(earlier.made)
    return result


def _forget_file(spec: str) -> None:
    """Delete vectors that newer ones take the place of, where no run is made by them."""
    if not EmbeddingRun.objects.filter(featuriser=spec).exists():
        runs.networks().delete(fitted.file_name(spec))


def _directory(project_id: int) -> Path:
    return Path(settings.CACHE) / "vectors" / str(project_id)


def _forget_work(project_id: int) -> None:
    shutil.rmtree(_directory(project_id), ignore_errors=True)


def _tidy() -> None:
    """Delete what trainings left on this machine that were cancelled elsewhere."""
    known = set(Job.objects.filter(kind=KIND, state__in=Job.OPEN).values_list("project", flat=True))
    for each in _directory(0).parent.glob("*"):
        if each.name.isdecimal() and int(each.name) not in known:
            shutil.rmtree(each, ignore_errors=True)
