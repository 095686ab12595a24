"""Which texts are nearly one that is there already, by their signatures.

Signatures of 240 bytes a text are kept, and all of a project's are read for a comparison: 0.3 GB for a million.
So it is made for all texts of a table at once, or for all passages of the documents of one job.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from labeller.projects.models import Project
from labeller.samples.bursts import pages
from labeller.samples.models import PARKED, Text
from labeller.text import storable
from tl_core.texts.reading import near_copies
from tl_core.texts.reading.copies import digest


def signed(texts: "QuerySet[Text]") -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Ids and signatures of texts, in the order in which they came."""
    ids: list[int] = []
    parts = [np.zeros((0, near_copies.N_VALUES), np.uint16)]
    for page in _paged(pages(texts, "signature")):
        found = [(pk, bytes(signature)) for pk, signature in page if len(signature) == near_copies.SIGNATURE_BYTES]
        ids += [pk for pk, _signature in found]
        if found:
            parts.append(near_copies.of_bytes(signature for _pk, signature in found))
    return np.array(ids, np.int64), np.concatenate(parts)


def _paged(rows: Iterator[tuple[int, bytes]], size: int = 5_000) -> Iterator[list[tuple[int, bytes]]]:
    page: list[tuple[int, bytes]] = []
    for row in rows:
        page.append(row)
        if len(page) == size:
            yield page
            page = []
    yield page


def stands(project: Project, contents: Sequence[str]) -> dict[str, str]:
    """Which of these texts are near-copies, of texts of the project or of earlier ones among themselves.

    By digests: {that of a near-copy: that of the text that stands for it}.
    """
    names = {digest(content): content for content in map(storable, reversed(contents))}
    fresh = dict(reversed(names.items()))  # each text once, in the order of where it is first
    for name in Text.objects.filter(project=project, digest__in=list(fresh)).values_list("digest", flat=True):
        del fresh[name]
    if not fresh:
        return {}
    digests = list(fresh)
    new = np.concatenate(list(near_copies.signatures(fresh.values())))
    ids, known = signed(Text.objects.filter(project=project).exclude(sample__end__gte=PARKED))
    standing = near_copies.representatives(new, known)
    folded = np.flatnonzero(standing != len(ids) + np.arange(len(new))).tolist()
    wanted = {int(ids[standing[at]]) for at in folded if standing[at] < len(ids)}
    originals = dict(Text.objects.filter(pk__in=wanted).values_list("pk", "digest"))
    found = {}
    for at in folded:
        of = int(standing[at])
        name = digests[of - len(ids)] if of >= len(ids) else originals.get(int(ids[of]), "")
        if name:  # else it was deleted just now
            found[digests[at]] = name
    return found
