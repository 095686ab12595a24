"""Words nobody has seen: what word vectors know of a project's words, measured by a job, kept, and shown.

Which vectors, a person chooses among those at hand. Paths are never taken from a page: they would tell what files there
are on the server.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.codes import WorkerCode
from labeller.embedding import loading, runs, text_featurisers
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.messages import Explained
from labeller.projects.models import Project, Question
from labeller.samples.models import Text
from labeller.text import storable
from labeller.transfer.models import WordReport, called
from labeller.transfer.trying import Tell
from tl_core import threads
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.notices import notice
from tl_core.texts import reporting, svd, training_words, vector_packages, vector_reading, words
from tl_core.texts.counting import Cumulative
from tl_core.texts.reporting import LabelledTexts
from tl_core.texts.word_notices import VectorsRefused

KIND = "vocabulary"
KEPT = 5  # reports of a project: older ones are of other texts
LISTED = 50  # words of each list
LABELLED = 5_000  # labelled texts that are looked at, at most
PAGE = 2_000
PASSES = 4  # over all texts, at most
GRADES = {
    "knows": gettext_noop("These embeddings know your field."),
    "half": gettext_noop("These embeddings know half of your field."),
    "does-not": gettext_noop("These embeddings do not know your field."),
}


class VectorsUnusable(Explained):
    """There are no word vectors here, those that were chosen can't be read, or there is no text."""


@dataclass(frozen=True)
class KnownShare:
    """How much of something is known, in percent, of how many."""

    title: str
    percent: float
    count: int


@dataclass(frozen=True)
class Looking:
    """What a page shows of it."""

    job: Job | None
    failed: Job | None
    found: WordReport | None
    verdict: str
    shares: list[KnownShare]
    choices: list[tuple[str, str]]


# --- asking ---------------------------------------------------------------------------------------


def ask(project: Project, source: str = "") -> Job:
    """Have it looked at; "" = whichever `default` says. A path must not come from a page."""
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project, payload={"source": source})


def cancel(project: Project) -> None:
    """Stop looking; what was found before stays."""
    jobs.cancel(_jobs(project))


def choices(project: Project) -> list[tuple[str, str]]:
    """Vectors that may be chosen, with what people call them: those at hand, and those that were chosen before."""
    before = project.word_reports.order_by("-pk").values_list("source", flat=True)
    return [(source, called(source)) for source in dict.fromkeys([*at_hand(project), *before])]


def at_hand(project: Project) -> list[str]:
    """What this server has: files in VECTORS, then packages, those in the language of the project first."""
    languages = vector_packages.installed()
    packages = sorted(languages, key=lambda name: languages[name] != project.language)
    files = [path for path in vector_reading.in_folder(settings.VECTORS) if storable(path) == path]
    return [*files, *packages]


def resolved(name: str) -> str:
    """The source that somebody at the server means: a file in VECTORS, one of theirs, or a package."""
    for path in (settings.VECTORS / name, Path(name)):
        if path.exists():
            return str(path.resolve())
    return name


def _jobs(project: Project) -> Any:
    return Job.objects.filter(project=project, kind=KIND)


# --- looking --------------------------------------------------------------------------------------


def look(progress: jobs.Progress) -> None:
    """Look, and keep what came out. Done twice it is found twice, and the newer counts."""
    measure(progress.project, progress.job.payload.get("source", ""), progress)


def measure(project: Project, source: str, tell: Tell) -> WordReport:
    """Look up a project's words in vectors, by its first question's answers where there are some, and keep the report.

    Raises VectorsUnusable, where a file is refused with what is wrong in it.
    """
    started = time.monotonic()
    count = Text.objects.filter(project=project).count()
    if not count:
        raise VectorsUnusable(notice(WorkerCode.NO_WORDS))
    rng = np.random.default_rng(project.pk)
    question = project.first_question
    labelled = _labelled(project, question, rng) if question else None
    with _explained(), threads.single():
        source = source or default(project)
        total, said = PASSES * count, notice(WorkerCode.READING_WORDS, name=called(source))
        tell(0, total, said, now=True)
        told = Cumulative(lambda done: tell(min(done, total), total, said))
        report = reporting.report(source, lambda: text_featurisers.contents(project), rng, labelled, told, LISTED)
    tell(total, total, said, now=True)  # whoever lost the job keeps nothing
    found = WordReport.objects.create(
        project=project,
        question=question if labelled else None,
        source=storable(source),
        report=asdict(report),
        seconds=time.monotonic() - started,
    )
    old = project.word_reports.order_by("-pk").values_list("pk", flat=True)[KEPT:]
    project.word_reports.filter(pk__in=list(old)).delete()
    return found


@contextmanager
def _explained() -> Iterator[None]:
    """Say of vectors that can't be had what people are told by a job that fails."""
    try:
        yield
    except VectorsRefused as error:
        raise VectorsUnusable(error.detail) from error
    except FeaturiserUnavailable as error:
        raise VectorsUnusable(str(error)) from error


def default(project: Project) -> str:
    """The vectors that the project learns from, where they came from elsewhere; else the first at hand.

    For workers: it reads what was fitted.
    """
    if project.featuriser.startswith(f"{words.KIND}/"):
        own = runs.featuriser_of(project, project.featuriser)
        if isinstance(own, words.WordFeaturiser) and own.source != training_words.OWN:
            return own.source
    found = at_hand(project)
    if not found:
        raise VectorsUnusable(notice(WorkerCode.NO_VECTORS_HERE))
    return found[0]


def _labelled(project: Project, question: Question, rng: np.random.Generator) -> LabelledTexts | None:
    """Texts with one class each, and their embeddings by the SVD where there are some; None with one class alone."""
    from labeller.learning import weighing  # brings scikit-learn, which pages do without

    answers = labels.consensus(question)
    single = {sample: next(iter(classes)) for sample, classes in answers.items() if len(classes) == 1}
    run = _counted(project)
    embedded = loading.load_embeddings(run) if run is not None else None
    ids = np.array(sorted(single), np.int64)
    if embedded is not None:
        ids = ids[embedded.positions(ids) >= 0]
    content = _contents(rng.permutation(ids)[:LABELLED])
    ids = np.array(list(content), np.int64)
    codes = np.array([single[pk] for pk in content], np.intp)
    if len(np.unique(codes)) < 2:
        return None
    rival = None if embedded is None else embedded.vectors[embedded.positions(ids)]
    return LabelledTexts(list(content.values()), codes, rival, weighing.groups(ids).astype(np.intp))


def _counted(project: Project) -> EmbeddingRun | None:
    """A run by the SVD of the pool's own counts, that in use first; None where nothing was embedded by one."""
    fitted = project.embedding_runs.filter(featuriser__startswith=f"{svd.KIND}/", base=None)
    counted = fitted.filter(shards__isnull=False)
    in_use = counted.filter(featuriser=project.featuriser).order_by("-pk").first()
    return in_use or counted.order_by("-pk").first()


def _contents(sample_ids: np.ndarray) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(sample_ids), PAGE):
        of_page = Text.objects.filter(sample__in=sample_ids[start : start + PAGE].tolist()).order_by("sample")
        found.update(of_page.values_list("sample", "content"))
    return found


# --- showing --------------------------------------------------------------------------------------


def newest(project: Project) -> WordReport | None:
    """The last report."""
    return project.word_reports.order_by("-pk").select_related("question").first()


def shown(project: Project) -> Looking:
    """What is under way, and the last report with what its page needs besides."""
    job, failed = jobs.under_way_or_failed(_jobs(project))
    found = newest(project)
    if failed and found and failed.finished_at and found.created_at > failed.finished_at:
        failed = None
    return Looking(
        job=job,
        failed=failed,
        found=found,
        verdict=verdict(found) if found else "",
        shares=_shares(found.report["coverage"]) if found else [],
        choices=choices(project),
    )


def verdict(found: WordReport) -> str:
    """Whether they know the field, in one sentence."""
    return _(GRADES[found.report["verdict"]["grade"]])


def _shares(coverage: dict[str, Any]) -> list[KnownShare]:
    return [
        KnownShare(title, round(100 * (1 - coverage[lacking]), 1), coverage[count])
        for title, lacking, count in (
            (_("Of all words said"), "tokens", "n_tokens"),
            (_("Of all different words"), "types", "n_types"),
            (_("Of all texts: every word known"), "texts", "n_texts"),
            (_("Of all texts: at least one word known"), "blank", "n_texts"),
        )
    ]
