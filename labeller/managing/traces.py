"""The files that projects, sources and questions leave behind, found by their names and deleted.

Photographs themselves are never touched: they belong to whoever runs the site.
"""

import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from django.conf import settings

from labeller.embedding import ahead, runs
from labeller.embedding.models import EmbeddingRun
from labeller.exchange.models import Import, files_of, folder_of
from labeller.projects.models import Project, Question
from labeller.samples import told
from labeller.samples.known import PURPOSES
from labeller.samples.models import File, Source
from labeller.transfer.models import AdaptingResult, FineTuning
from tl_core.images import DERIVATIVE_SIZES
from tl_core.texts import fitted, registry, tuned


def of_pictures(project_id: int, sha256s: Collection[str]) -> list[Path]:
    """The small pictures of these contents that no other project shows."""
    others = Project.everything.exclude(pk=project_id).values_list("pk", flat=True)
    # By project and content: there is an index for that, and there are few projects.
    shared = File.objects.filter(project__in=list(others), sha256__in=list(sha256s))
    gone = set(sha256s) - set(shared.values_list("sha256", flat=True))
    return [path for each in sorted(gone) for path in of_content(each)]


def of_content(sha256: str) -> list[Path]:
    """Where the small pictures of a content lie, in all sizes there may be."""
    return [Path(settings.MEDIA, sha256[:2], f"{sha256}-{size}.jpg") for size in DERIVATIVE_SIZES]


def of_embeddings(project_id: int) -> list[str]:
    """Names of the embeddings of a project and of what was made from them, where embeddings lie."""
    return runs.root().names(f"project-{project_id}/")


def of_heads(question_id: int) -> Path:
    """The folder of a question's heads."""
    return Path(settings.HEADS, f"question-{question_id}")


def of_source(source_id: int) -> list[Path]:
    """What became of the labels that came with a source, and what its zip was unpacked to."""
    return [Source(pk=source_id).unpacked, *(told.list_path(source_id, purpose) for purpose in PURPOSES)]


def of_exports(question: Question) -> list[Path]:
    """What its downloads held; called by the project's name, which another may have next."""
    stem = re.sub("[^A-Za-z0-9._-]", "-", f"{question.project.slug}-{question.key}-")
    kinds = re.compile(re.escape(stem) + r"(labels|predictions)(-with-text)?(-for-spreadsheets)?\.csv\.json")
    folder = Path(settings.DATA, "exports")
    return [each for each in folder.glob(f"{stem}*") if kinds.fullmatch(each.name)] if folder.is_dir() else []


def of_made_exports(project_id: int) -> Path:
    """The folder of what was exported of a project in other formats."""
    return folder_of(project_id)


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; nothing where there is none."""
    try:
        return path.stat().st_size if not path.is_dir() else sum(size(each) for each in path.iterdir())
    except FileNotFoundError:
        return 0


def delete(paths: Iterable[Path]) -> None:
    """Delete files, those that are there, and folders with all that is in them."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def delete_embeddings(project_id: int) -> None:
    """Delete the embeddings of a project."""
    root = runs.root()
    for name in of_embeddings(project_id):
        root.delete(name)
    folder = Path(str(settings.EMBEDDINGS), f"project-{project_id}")
    if "://" not in str(settings.EMBEDDINGS) and folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
    ahead.forget_all(ahead.of_project(project_id))


def of_fitted(project_id: int) -> list[str]:
    """Names of what was fitted to a project's texts, whose words it holds, and that no other project learns from."""
    own = EmbeddingRun.objects.filter(project=project_id, project__kind=Project.Kind.TEXT)
    specs = {runs.underived(spec) for spec in own.values_list("featuriser", flat=True)}
    specs |= set(AdaptingResult.objects.filter(project=project_id).values_list("made", flat=True))
    specs |= set(FineTuning.objects.filter(project=project_id).values_list("spec", flat=True))
    others = EmbeddingRun.objects.exclude(project=project_id).filter(featuriser__in=specs)
    gone = specs - set(others.values_list("featuriser", flat=True))
    kinds = tuple(f"{kind}/" for kind in (*registry.kinds(), tuned.KIND))
    return [fitted.file_name(spec) for spec in sorted(gone) if spec.startswith(kinds)]


def delete_of_project(project_id: int, questions: Iterable[Question], source_ids: Iterable[int]) -> None:
    """Delete all files of a project but its pictures."""
    delete_embeddings(project_id)
    delete([of_made_exports(project_id)])
    for name in of_fitted(project_id):
        runs.networks().delete(name)
    delete(files_of(Import.objects.filter(project=project_id)))
    for question in questions:
        delete([of_heads(question.pk), *of_exports(question)])
    for source_id in source_ids:
        delete(of_source(source_id))
