"""Fine-tuning the project's network on its own answers: asked for, trained by a job of the queue `tune`, switched to.

A job trains for some minutes at a time and goes on where it was, whatever stopped it. What comes out better than
today's heads, beyond doubt and on pictures that neither has seen, becomes a network of this site's own; the pool is
embedded by it beside the old run, and only then the project switches (`switching`). Anything else changes nothing.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from labeller.codes import WorkerCode
from labeller.embedding import computing, runs
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import Explained
from labeller.projects.models import Project, Question
from labeller.transfer import gathering, switching, tuning_texts
from labeller.transfer.models import FineTuning
from tl_core import featurisers
from tl_core.featurisers import cards
from tl_core.featurisers.spec import canonical, parse
from tl_core.notices import Notice, notice

if TYPE_CHECKING:
    from tl_core.adaptation.work import FineTuned, Moment

KIND = "finetune"
Save = Callable[[dict[str, Any]], str]  # writes what was tuned with a report, and says its spec
TURN = 600.0  # seconds after which a job lets others come first; Celery would end it somewhat later
PARTS = 1000  # of the progress
PHASES = {
    "measuring": WorkerCode.TUNING_MEASURES,
    "computing": WorkerCode.TUNING_COMPUTES,
    "joining": WorkerCode.TUNING_JOINS,
    "comparing": WorkerCode.TUNING_COMPARES,
    "training": WorkerCode.TUNING_TRAINS,
}


class NextTurn(jobs.Postponed):
    """It has worked for long enough at a stretch, and goes on in a moment."""

    seconds = 0.0


class NothingToTune(Explained):
    """There is nothing to learn from, or no network that could be tuned."""


# --- asking ---------------------------------------------------------------------------------------


def ask(
    question: Question, seconds: int, *, is_quick: bool = False, is_mirrored: bool = True, is_joint: bool = False
) -> FineTuning:
    """Have the project's network tuned on a question's answers; the one under way, where there is one."""
    under_way = running(question.project)
    if under_way is not None:
        return under_way
    with transaction.atomic():
        tuning = FineTuning.objects.create(
            project=question.project,
            question=question,
            seconds=seconds,
            is_quick=is_quick,
            is_mirrored=is_mirrored,
            is_joint=is_joint,
        )
        payload = {"tuning": tuning.pk}
        job = jobs.enqueue(KIND, key=_key(question.project), project=question.project, payload=payload, total=PARTS)
        if job.payload != payload:  # somebody else asked at the same moment
            tuning.delete()
            return FineTuning.objects.get(pk=job.payload["tuning"])
    return tuning


def cancel(project: Project) -> None:
    """Stop it; nothing changes, and what it took is given back."""
    jobs.cancel(of_project(project))
    FineTuning.objects.filter(project=project, finished_at=None).delete()


def of_project(project: Project) -> Any:
    """The jobs of its fine-tunings."""
    return Job.objects.filter(project=project, kind=KIND)


def running(project: Project) -> FineTuning | None:
    """The one under way."""
    job = of_project(project).filter(state__in=Job.OPEN).order_by("-pk").first()
    return FineTuning.objects.filter(pk=job.payload["tuning"]).first() if job else None


def _key(project: Project) -> str:
    return f"project:{project.pk}"


# --- working --------------------------------------------------------------------------------------


def finetune(progress: jobs.Progress) -> None:
    """Train, compare and, where it is better, have the project switch. Goes on where it was; done twice it is done."""
    tuning = FineTuning.objects.select_related("project", "question").filter(pk=progress.job.payload["tuning"]).first()
    if tuning is None or tuning.finished_at is not None:
        return
    _forget_stopped(tuning)
    directory = _directory(tuning)
    _tidy(keep=directory)
    telling = _Telling(progress, tuning)
    gathered = _gathered(tuning, directory, progress)
    tune = _tune_encoder if tuning.project.kind == Project.Kind.TEXT else _tune_network
    tuned, save = tune(tuning, gathered, directory, telling)
    progress(PARTS, PARTS, now=True)  # whoever lost the job keeps nothing
    _keep(tuning, gathered, tuned, telling.spent, save)
    shutil.rmtree(directory, ignore_errors=True)


def _forget_stopped(tuning: FineTuning) -> None:
    """Delete the rows of earlier ones that were given up; one that waits its turn stays."""
    waiting = [job.payload["tuning"] for job in of_project(tuning.project).filter(state__in=Job.OPEN)]
    FineTuning.objects.filter(project=tuning.project, finished_at=None).exclude(pk__in=[tuning.pk, *waiting]).delete()


def _directory(tuning: FineTuning) -> Path:
    return Path(settings.CACHE) / "tuning" / str(tuning.pk)


def _tidy(keep: Path) -> None:
    """Delete what fine-tunings left that were cancelled: one is under way at a time, on each machine."""
    for each in keep.parent.glob("*"):
        known = each.name.isdecimal() and FineTuning.objects.filter(pk=int(each.name), finished_at=None).exists()
        if each != keep and not known:
            shutil.rmtree(each, ignore_errors=True)


def _gathered(tuning: FineTuning, directory: Path, progress: jobs.Progress) -> gathering.Gathered:
    """What it learns from, and with what it begins: found out at the first turn, the same in each later one."""
    kept = directory / "gathered.npz"
    if not kept.is_file():
        progress(0, PARTS, notice(WorkerCode.TUNING_GATHERS), now=True)
        run, project = runs.current_run(tuning.project), tuning.project
        if project.kind == Project.Kind.TEXT:
            gathered = gathering.gather(tuning.question, run, tuning_texts.most(project))
            missing, tuning.base = WorkerCode.NO_TEXTS_TO_TUNE, tuning_texts.encoder_of(project)
        else:
            gathered = gathering.gather(tuning.question, run)
            missing, tuning.base = WorkerCode.NOTHING_TO_TUNE, gathering.begun_with(project)
        if gathered is None:
            raise NothingToTune(notice(missing))
        if not tuning.base:
            raise NothingToTune(notice(WorkerCode.NO_ENCODER))
        FineTuning.objects.filter(pk=tuning.pk).update(base=tuning.base)
        gathered.save(kept)
    return gathering.Gathered.load(kept)


def _tune_network(
    tuning: FineTuning, gathered: gathering.Gathered, directory: Path, telling: "_Telling"
) -> tuple["FineTuned", Save]:
    """Tune a network of pictures; what came of it, and how it is written."""
    from tl_core.adaptation import finetuning
    from tl_core.adaptation.work import Work
    from tl_core.featurisers import torch_runtime

    runs.import_own()
    network: Any = featurisers.get(tuning.base)
    device = settings.DEVICE or torch_runtime.detect()
    work = Work(
        featuriser=network,
        pictures=gathered.pictures(),
        targets=gathered.targets(),
        rivals=gathered.rivals,
        groups=gathered.groups,
        directory=directory,
        runtime=lambda featuriser: computing.on_device(featuriser, device),
        seconds=tuning.seconds,
        quick=tuning.is_quick,
        mirrored=tuning.is_mirrored,
        joins=tuning.is_joint,
        device=device,
    )
    tuned = finetuning.tune(work, telling)
    return tuned, lambda report: cards.PREFIX + _save(tuning, tuned, report)


def _tune_encoder(
    tuning: FineTuning, gathered: gathering.Gathered, directory: Path, telling: "_Telling"
) -> tuple["FineTuned", Save]:
    """The same with a sentence encoder."""
    from tl_core.texts import tuning_encoder

    work = tuning_texts.work_of(tuning.base, gathered, directory)
    tuned = tuning_encoder.tune(work, telling)
    return tuned, lambda report: tuning_texts.save(work.encoder, tuned)


class _Telling:
    """Says how far it is; ends a turn where the work can be gone on with."""

    def __init__(self, progress: jobs.Progress, tuning: FineTuning) -> None:
        self.progress, self.tuning = progress, tuning
        self.began = time.monotonic()
        self.before = float(tuning.report.get("seconds", 0.0))

    @property
    def spent(self) -> float:
        """Seconds, over all turns."""
        return self.before + time.monotonic() - self.began

    def __call__(self, moment: "Moment") -> None:
        said: Notice = notice(PHASES[moment.phase])
        self.progress(int(PARTS * moment.share), PARTS, said, now=moment.is_kept)
        if not moment.is_kept:
            return
        report = {
            "share": moment.share,
            "seconds": round(self.spent, 1),
            "curve": moment.curve,
            "plan": asdict(moment.plan) if moment.plan else None,
        }
        FineTuning.objects.filter(pk=self.tuning.pk).update(report=report)
        if time.monotonic() - self.began > TURN:
            raise NextTurn(said)


def _keep(tuning: FineTuning, gathered: gathering.Gathered, tuned: "FineTuned", seconds: float, save: Save) -> None:
    """Write the network, where there is one, then its row and the wish to switch, together."""
    report = {
        "plan": asdict(tuned.plan),
        "comparisons": [asdict(each) for each in tuned.comparisons],
        "joint": None if tuned.joint is None else {**asdict(tuned.joint), "kept": tuned.joint.kept},
        "curves": tuned.curves,
        "curve": tuned.curves[-1],
        "labels": int(gathered.targets()[0].known.sum()),
        "classes": gathered.classes[0],
        "seconds": round(seconds, 1),
    }
    spec = "" if tuned.state is None else save(report)
    with transaction.atomic():
        if not FineTuning.objects.filter(pk=tuning.pk, finished_at=None).update(
            report=report,
            spec=spec,
            verdict=FineTuning.Verdict.BETTER if spec else FineTuning.Verdict.KEPT,
            finished_at=timezone.now(),
        ):
            return  # cancelled at the last moment
        if spec:
            switching.ask(tuning.project, spec=spec)


def _save(tuning: FineTuning, tuned: "FineTuned", report: dict[str, Any]) -> str:
    """Write the network's file with its card; returns its digest."""
    from tl_core.featurisers import own

    made = cards.Card(
        name=f"{tuning.project.name}: {tuning.question.text}",
        architecture="",
        made_by="tuning",
        made_at=timezone.now().isoformat(timespec="seconds"),
        origin=tuning.base,
        figures={key: report[key] for key in ("plan", "comparisons", "joint", "labels", "classes", "seconds")},
    )
    name, options = parse(tuning.base)
    if name.startswith(cards.PREFIX):
        base = cards.card_of(cards.local(runs.networks(), name.removeprefix(cards.PREFIX)))
        card = replace(made, architecture=base.architecture, arguments=base.arguments, preprocessing=base.preprocessing)
    else:
        card = replace(made, architecture=canonical(name, {key: options[key] for key in options if key == "size"}))
    return own.save(runs.networks(), dict(tuned.state or {}), card)
