"""Networks of this site's own: listed, offered where a featuriser is chosen, and removed where nothing uses them.

The files in NETWORKS are the truth, and rows are what requests read; `keep` writes a row of a file.
"""

from dataclasses import asdict, dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from labeller.accounts.models import User
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.transfer import switching
from labeller.transfer.models import OwnNetwork
from tl_core import featurisers
from tl_core.featurisers import cards, clip, own
from tl_core.texts import tuned, words

MOST_OFFERED = 50  # on a project's page
MADE_BY = {
    "upload": _("uploaded"),
    "tuning": _("fine-tuned here"),
    "adaptation": _("adapted here"),
}


TRAINED = {
    words.KIND: _("word vectors trained here"),
    tuned.KIND: _("sentence encoder tuned here"),
}


@dataclass(frozen=True)
class Listed:
    """A network as the page shows it."""

    network: OwnNetwork
    made_by: str
    used_by: list[Project]


@dataclass(frozen=True)
class Offered:
    """A network as a project's page offers it."""

    network: OwnNetwork
    made_by: str
    in_use: bool


def _made_by(network: OwnNetwork) -> str:
    made_by = network.card.get("made_by", "")
    return str(MADE_BY.get(made_by, made_by))


def keep(digest: str, by: User | None = None) -> OwnNetwork:
    """Write the row of a network that was saved; done twice, it is the same row. For workers: it reads the file."""
    path = cards.local(runs.networks(), digest)
    card = cards.card_of(path)
    fields = {
        "name": card.name[:200],
        "card": asdict(card),
        "dimension": card.dimension,
        "megabytes": round(path.stat().st_size / 1e6, 3),
        "reads_texts": featurisers.make(f"{cards.PREFIX}{digest}").reads_texts,
    }
    network, _made = OwnNetwork.objects.update_or_create(
        digest=digest, defaults=fields, create_defaults={**fields, "added_by": by}
    )
    return network


def find() -> int:
    """Write rows of all files that have none, as another site with the same storage may have left them."""
    known = set(OwnNetwork.objects.values_list("digest", flat=True))
    missing = [digest for digest in own.listing(runs.networks()) if digest not in known]
    for digest in missing:
        keep(digest)
    return len(missing)


def newest_first() -> "QuerySet[OwnNetwork]":
    return OwnNetwork.objects.order_by("-created_at", "-pk")


def listed(networks: list[OwnNetwork]) -> list[Listed]:
    """What the page shows of these networks."""
    users = _users()
    return [Listed(each, _made_by(each), users.get(each.digest, [])) for each in networks]


def used_by(network: OwnNetwork) -> list[Project]:
    """The projects that have embeddings by it, or learn from them."""
    return _users().get(network.digest, [])


def _users() -> dict[str, list[Project]]:
    """By digest the projects that use a network; by name. One statement each, whatever the number of networks."""
    prefix = cards.PREFIX
    pairs = set(EmbeddingRun.objects.filter(featuriser__startswith=prefix).values_list("featuriser", "project"))
    pairs |= set(Project.everything.filter(featuriser__startswith=prefix).values_list("featuriser", "pk"))
    wished = Job.objects.filter(kind=switching.KIND, state__in=Job.OPEN, payload__spec__startswith=prefix)
    pairs |= set(wished.values_list("payload__spec", "project"))
    projects = Project.everything.in_bulk({pk for _, pk in pairs})
    found: dict[str, set[int]] = {}
    for spec, pk in pairs:
        if pk in projects:
            found.setdefault(cards.digest_of(spec) or "", set()).add(pk)
    return {
        digest: sorted((projects[pk] for pk in pks), key=lambda each: (each.name, each.pk))
        for digest, pks in found.items()
    }


def offered(project: Project) -> list[Offered]:
    """What a project may choose: the newest networks, and the one it has."""
    in_use = cards.digest_of(project.featuriser)
    networks = list(newest_first()[:MOST_OFFERED])
    if in_use and in_use not in {each.digest for each in networks}:
        networks += OwnNetwork.objects.filter(digest=in_use)
    return [Offered(each, _made_by(each), each.digest == in_use) for each in networks]


def called(spec: str) -> str:
    """What people call a featuriser: an own network by its name, what was trained here by its kind, others by spec."""
    kind, _slash, trained = spec.partition("/")
    if kind in TRAINED:
        return f"{TRAINED[kind]} ({trained})"
    digest = cards.digest_of(spec)
    network = OwnNetwork.objects.filter(digest=digest).first() if digest else None
    rest = spec.partition(",")[2]
    return f"{network.name} ({rest})" if network and rest else network.name if network else spec


def reads_texts(spec: str) -> bool:
    """Whether texts can be compared with the embeddings of a featuriser; a row tells, no file is opened."""
    if runs.underived(spec) != spec:  # what was made of the embeddings has left the space they share with texts
        return False
    digest = cards.digest_of(spec)
    if digest:
        return OwnNetwork.objects.filter(digest=digest, reads_texts=True).exists()
    return spec.startswith(clip.PREFIX)


def remove(network: OwnNetwork) -> bool:
    """Delete a network that nothing uses, its file last; False where something does.

    A project that begins to use it in between is told by its worker that there is no such network any more.
    """
    if used_by(network):
        return False
    digest = network.digest
    network.delete()
    own.remove(runs.networks(), digest)
    return True
