"""A network that somebody uploads: it arrives in pieces, and a job puts them together, tries it and keeps it.

Pieces lie beside the networks, so that any web server takes them and any worker finds them. Whatever dies, the row says
what is left to do: a job done twice writes the same network again.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import stored
from labeller.samples.ingesting import check_disk
from labeller.text import clean
from labeller.transfer import networks
from labeller.transfer.models import NetworkUpload, OwnNetwork
from tl_core.featurisers import cards
from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.notices import notice
from tl_core.store.storage import Storage

KIND = "network"
PIECE = 8_000_000  # bytes; a request may have four times as many
MOST_PIECES = 1000  # 8 GB
KEPT = timedelta(days=1)  # how long pieces wait for the others
PROBLEM = 4000  # characters


def pieces(token: UUID) -> Storage:
    """Where the pieces of an upload lie."""
    return runs.networks().child(f"uploads/{token.hex}")


def receive(person: User, token: UUID, number: int, content: bytes) -> None:
    """Keep a piece; sent twice, it is the same piece. Raises ValidationError where it can't be one."""
    if not content or len(content) > PIECE or not 0 <= number < MOST_PIECES:
        raise ValidationError(_("A piece has up to 8 MB, and there are up to 1000 of them."))
    upload, is_new = NetworkUpload.objects.get_or_create(token=token, defaults={"by": person})
    if is_new:
        _forget_old()
    if upload.by_id != person.pk or upload.pieces:
        raise ValidationError(_("This upload has ended. Load the page again and begin anew."))
    pieces(token).write(_name(number), content)


def ask(person: User, token: UUID, count: int, **described: Any) -> NetworkUpload:
    """All pieces are there: have a worker look at the network. Raises ValidationError where there is no such upload."""
    with transaction.atomic():
        upload = NetworkUpload.objects.select_for_update().filter(token=token, by=person, pieces=0).first()
        if upload is None or not 0 < count <= MOST_PIECES:
            raise ValidationError(_("This upload has ended. Load the page again and begin anew."))
        for field, value in described.items():
            setattr(upload, field, value)
        upload.pieces = count
        upload.save()
        jobs.enqueue(KIND, key=_key(upload), payload={"upload": upload.pk})
    return upload


def shown(person: User) -> list[tuple[NetworkUpload, Job | None]]:
    """Uploads that are looked at or were refused, with the job that is at it."""
    uploads = list(NetworkUpload.objects.filter(by=person, pieces__gt=0).order_by("-pk")[:20])
    keys = {_key(each): each for each in uploads}
    found = Job.objects.filter(kind=KIND, key__in=keys).order_by("pk")
    newest = {each.key: each for each in found}
    return [(each, newest.get(_key(each))) for each in uploads]


def dismiss(person: User, pk: int) -> None:
    """Take an upload off the list: give it up where it is still looked at."""
    for upload in NetworkUpload.objects.filter(by=person, pk=pk):
        jobs.cancel(Job.objects.filter(kind=KIND, key=_key(upload)))
        _forget(upload)


def look(progress: jobs.Progress) -> None:
    """Put the pieces together, try the network and keep it; or keep why it was refused."""
    upload = NetworkUpload.objects.select_related("by").filter(pk=progress.job.payload["upload"]).first()
    if upload is None or upload.problem:
        return
    check_disk()
    progress(0, 2, notice(WorkerCode.TRYING_NETWORK, name=upload.name), now=True)
    Path(settings.CACHE).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.CACHE, prefix="upload-") as folder:
        path = Path(folder, "network")
        try:
            _join(upload, path)
            digest = kept(path, upload.name, upload.file, upload.architecture, upload.details)
        except FeaturiserUnavailable as refusal:
            told = str(refusal).replace(str(path), upload.file)
            reason = notice(WorkerCode.NETWORK_REFUSED, name=upload.file, error=told)
            NetworkUpload.objects.filter(pk=upload.pk).update(problem=stored(reason, PROBLEM))
            _delete(upload.token)
            return
        except FileNotFoundError:
            reason = notice(WorkerCode.PIECES_MISSING, name=upload.file)
            NetworkUpload.objects.filter(pk=upload.pk).update(problem=stored(reason, PROBLEM))
            return
    progress(1, 2, notice(WorkerCode.TRYING_NETWORK, name=upload.name), now=True)
    with transaction.atomic():
        networks.keep(digest, upload.by)
        upload.delete()
    _delete(upload.token)


def kept(path: Path, name: str, file: str, architecture: str, details: dict[str, Any]) -> str:
    """Try the network in a file and save it; its digest. Raises FeaturiserUnavailable with what doesn't fit."""
    from tl_core.featurisers import own, uploads

    card = cards.Card(name, architecture, "upload", timezone.now().isoformat(timespec="seconds"), origin=file)
    state, card = uploads.examined(path, card, details or None)
    return own.save(runs.networks(), state, card)


def add(path: Path, name: str, architecture: str = "", details: dict[str, Any] | None = None) -> OwnNetwork:
    """Keep the network in a file of this machine. Raises FeaturiserUnavailable with what doesn't fit."""
    return networks.keep(kept(path, clean(name), path.name, architecture, details or {}))


def _join(upload: NetworkUpload, path: Path) -> None:
    """Write all pieces one after the other. Raises FileNotFoundError where one is missing."""
    storage = pieces(upload.token)
    with path.open("wb") as file:
        for number in range(upload.pieces):
            with storage.local(_name(number)).open("rb") as piece:
                shutil.copyfileobj(piece, file)


def _forget_old() -> None:
    """Delete uploads that nobody ended, and pieces of those whose person is gone."""
    for old in NetworkUpload.objects.filter(pieces=0, created_at__lt=timezone.now() - KEPT)[:20]:
        _forget(old)
    known = {token.hex for token in NetworkUpload.objects.values_list("token", flat=True)}
    storage = runs.networks()
    for name in storage.names("uploads/"):
        if name.split("/")[1] not in known:
            storage.delete(name)


def _forget(upload: NetworkUpload) -> None:
    token = upload.token
    upload.delete()
    _delete(token)


def _delete(token: UUID) -> None:
    storage = pieces(token)
    for name in storage.names():
        storage.delete(name)


def _name(number: int) -> str:
    return f"{number:06d}"


def _key(upload: NetworkUpload) -> str:
    return f"upload:{upload.pk}"
