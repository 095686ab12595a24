"""Deleting embeddings that nothing uses any more."""

from django.db import transaction
from django.db.models import F

from labeller.embedding import ahead, loading, neighbours, runs
from labeller.embedding.models import EmbeddingRun
from labeller.projects.models import Project


def unused(project: Project) -> list[EmbeddingRun]:
    """Runs that neither the project learns from nor the run it learns from is made from."""
    current = EmbeddingRun.in_use(project)
    kept = {current.pk, current.base_id, *current.companions.values_list("pk", flat=True)} if current else set()
    # A run after those made from it, or beside it.
    of_project = project.embedding_runs.order_by(
        F("base").desc(nulls_last=True), F("beside").desc(nulls_last=True), "pk"
    )
    # Where a head was trained on it a row stays for good, with nothing left to delete.
    return [run for run in of_project if run.pk not in kept and (run.shards.exists() or not run.heads.exists())]


def remove(run: EmbeddingRun) -> None:
    """Delete a run's embeddings, files last; its row stays where a head was trained on it."""
    runs.cancel(run)
    with transaction.atomic():
        run.shards.all().delete()
        if not run.heads.exists() and not run.derived.exists() and not run.companions.exists():
            run.delete()
    files = runs.store(run).storage
    for name in [neighbours.FILE, *files.names("mix-"), *files.names(loading.SUMMARY)]:
        files.delete(name)
    runs.store(run).delete()
    ahead.forget_all(ahead.kept(run))


def orphans() -> list[str]:
    """Folders of embeddings that belong to no run, as deleted projects leave them."""
    rows = EmbeddingRun.objects.values_list("project", "fingerprint")
    known = {f"project-{project}/{fingerprint}" for project, fingerprint in rows}
    return sorted({name.rpartition("/")[0] for name in runs.root().names("project-")} - known)


def remove_orphan(folder: str) -> None:
    """Delete such a folder's files."""
    for name in runs.root().names(f"{folder}/"):
        runs.root().delete(name)
