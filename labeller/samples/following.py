"""Rows follow their photographs: by content, whatever becomes of names. Samples are of the rows and stay theirs.

What has the content of a known file is either a copy (the known one is still there: refused as a duplicate) or that
photograph under a new name (it isn't: the row's path follows). So the other way round, another content at a known path
is an edited photograph only where the old content turns up nowhere else; that is known when all new files have been
looked at, which is why a scan's jobs come in stages.
"""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from django.db.models import F, Value
from django.db.models.functions import Greatest

from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples.models import File, Refusal, Sample, Source
from labeller.samples.signals import content_changed
from tl_core.images import is_url
from tl_core.notices import notice
from tl_core.store import storage

# New files; then files that differ from what is known of them; then those of them that no other file explains.
STAGES = ("shard", "changed", "edited")
CHANGED = asdict(notice(WorkerCode.CHANGED))


class Waiting(jobs.Postponed):
    """Files of an earlier stage are still being looked at."""

    seconds = 2.0


def wait_for_earlier(source: Source, stage: str) -> None:
    """Raises Waiting while jobs of an earlier stage are open."""
    for earlier in STAGES[: STAGES.index(stage)]:
        opened = Job.objects.filter(kind="ingest", state__in=Job.OPEN)
        if opened.filter(key__startswith=f"source:{source.pk}:{earlier}:").exists():
            raise Waiting(notice(WorkerCode.NEW_FILES_FIRST))


def known_content(source: Source, path: str) -> str | None:
    """The file's digest where a file of the project has that content already; else None."""
    location = source.location(path)
    if is_url(location):
        return None
    try:
        digest = _digest(Path(location))
    except OSError:
        return None  # the closer look says what is wrong with it
    return digest if File.objects.filter(project=source.project, sha256=digest).exists() else None


def _digest(path: Path) -> str | None:
    if not path.is_file():  # opening a pipe would wait for ever
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- which have left their place ------------------------------------------------------------------


class Left(NamedTuple):
    """A known file that isn't where its row says, as the row was when that was looked up."""

    source_id: int
    path: str
    is_gone: bool  # there is no file at all; else another one


def left(project: Project, hashes: list[str]) -> dict[int, Left]:
    """Known files of these contents that are not where their rows say, by their ids."""
    twins = File.objects.filter(project=project, sha256__in=hashes).select_related("source")
    found = ((twin, _is_in_place(twin)) for twin in twins)
    return {
        twin.pk: Left(twin.source_id, twin.path, is_gone=in_place is None) for twin, in_place in found if not in_place
    }


def _is_in_place(file: File) -> bool | None:
    """Whether the content is where its row says; None where there is no file."""
    location = file.source.location(file.path)
    try:
        if is_url(location):
            with storage.remote(str(location)) as (store, path):
                return True if store.exists(path) else None
        status = Path(location).stat()
        if (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns):
            return True
        return _digest(Path(location)) == file.sha256
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return True  # can't be told: then nothing is moved


# --- inside the transaction that writes a shard ---------------------------------------------------


class Rows:
    """The rows that a shard's files meet: known files of their contents, and known files at their paths."""

    def __init__(self, source: Source, hashes: list[str], paths: list[str], gone: dict[int, Left]) -> None:
        self.source, self.gone = source, gone
        mine = {file.pk: file for file in File.objects.filter(source=source, path__in=paths)}
        twins = File.objects.filter(project=source.project, sha256__in=hashes)
        self.by_content = {twin.sha256: mine.get(twin.pk, twin) for twin in twins}
        self.by_path = {file.path: file for file in mine.values()}
        self.parked: set[int] = set()
        self.shards: set[int] = set()  # whose samples are to be embedded again

    def has_left(self, twin: File) -> bool:
        """Whether the row may follow its content to another path."""
        found = self.gone.get(twin.pk) if twin.pk else None
        # Another shard's job may have brought it to its new place in between.
        return twin.pk in self.parked or (found is not None and found[:2] == (twin.source_id, twin.path))

    def restamp(self, file: File, found: Any) -> None:
        """The same content as before, written at another time."""
        if (file.bytes, file.modified_ns) != (found.bytes, found.modified_ns):
            File.objects.filter(pk=file.pk).update(bytes=found.bytes, modified_ns=found.modified_ns)
        self._forget_refusal(file)

    def move(self, file: File, found: Any) -> None:
        """Let the row follow its content here; whoever stood here gives way until its own content is met."""
        if (other := self.by_path.pop(found.path, None)) is not None:
            self._park(other)
        was = self.gone.get(file.pk)
        if was and was.is_gone:
            fewer = Greatest(F("missing") - 1, Value(0))
            Source.objects.filter(pk=was.source_id, missing__gt=0).update(missing=fewer)
        self._forget_refusal(file)
        self.by_path.pop(file.path, None)
        same_place = file.source_id == self.source.pk and _folder(file.path) == _folder(found.path)
        place = {} if same_place else {"deployment": None, "sequence": None}  # grouped anew
        File.objects.filter(pk=file.pk).update(
            source=self.source, path=found.path, bytes=found.bytes, modified_ns=found.modified_ns, **place
        )
        file.source, file.path = self.source, found.path
        self.by_path[found.path] = file
        self.parked.discard(file.pk)

    def _park(self, file: File) -> None:
        file.path = f"{file.path[:1900]} (replaced, {file.pk})"
        File.objects.filter(pk=file.pk).update(path=file.path)
        self.parked.add(file.pk)

    def edit(self, file: File, found: Any, fields: dict[str, Any]) -> None:
        """Another content at a known path: its samples keep their labels, it is marked, and they are embedded again."""
        notes = [*fields.get("notes", []), CHANGED]
        File.objects.filter(pk=file.pk).update(
            **{**fields, "notes": notes, "bytes": found.bytes, "modified_ns": found.modified_ns},
            deployment=None,
            sequence=None,
        )
        self.by_content[fields["sha256"]] = file
        self._embed_again(file)

    def _forget_refusal(self, file: File) -> None:
        """What was noted when it could not be embedded holds no more."""
        if Refusal.objects.filter(source_id=file.source_id, path=file.path).delete()[0]:
            self._embed_again(file)

    def _embed_again(self, file: File) -> None:
        self.shards.update(file.samples.values_list("shard", flat=True))

    def finish(self) -> None:
        """Have the shards embedded again in which something changed."""
        for shard in sorted(self.shards):
            count = Sample.objects.filter(project=self.source.project, shard=shard).count()
            content_changed.send(Sample, project=self.source.project, shard=shard, count=count)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
