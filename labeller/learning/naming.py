"""What the names of classes alone suggest, before there is a head: each name's text is compared with a picture.

Only where the run's network reads texts. They are suggestions and no more: no label is made of them, no head learns
from them, and audit samples have none, so that no claim about accuracy rests on them.
"""

import functools
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labeller.embedding import loading, texts
from labeller.learning.fitting import likeliest
from labeller.learning.reading import Known
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.clip import TEMPLATES
from tl_core.geometry import unit_rows
from tl_core.query import planning
from tl_core.query.planning import Pick

if TYPE_CHECKING:
    from tl_core.featurisers.clip import TextEncoder

log = logging.getLogger(__name__)

# ViT-B-32 takes a busy core 60 ms a prompt, once a process: a quarter of a minute for most of either.
FEW_CLASSES = 50  # that each name is put into every template for; above, into one
MOST_CLASSES = 200

Names = tuple[tuple[str, ...], ...]


def suggestions(known: Known, picks: Sequence[Pick]) -> list[list[list[float]]]:
    """For each pick pairs of class id and probability, the likeliest first; none for audit samples."""
    none: list[list[list[float]]] = [[] for _ in picks]
    if not picks:
        return none
    rows = list(known.question.classes.order_by("position", "pk").values_list("pk", "name", "scientific_name"))
    if not 2 <= len(rows) <= MOST_CLASSES:
        return none
    try:
        compared = _compared(known, picks, tuple(tuple(filter(None, names)) for _, *names in rows))
    except FeaturiserUnavailable as error:
        log.warning("names suggest nothing for question %d: %s", known.question.pk, error)
        return none
    if compared is None:
        return none
    found = likeliest(compared, [pk for pk, *_ in rows])
    return [[] if pick.strategy == planning.AUDIT else each for pick, each in zip(picks, found, strict=True)]


def _compared(known: Known, picks: Sequence[Pick], names: Names) -> NDArray[np.float64] | None:
    """Probabilities (picks, classes); None where the run's network reads no texts."""
    encoder = texts.encoder(known.run)
    if encoder is None:
        return None
    pool = loading.load_embeddings(known.run)
    at = pool.positions(known.embeddings.ids[[pick.position for pick in picks]])
    vectors = pool.vectors[at]
    cosines = unit_rows(vectors, np.zeros(vectors.shape[1], np.float32)) @ _classes(encoder, names).T
    logits = encoder.scale * cosines.astype(np.float64) + encoder.bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@functools.lru_cache(maxsize=4)
def _classes(encoder: "TextEncoder", names: Names) -> NDArray[np.float32]:
    """The vectors of classes, (classes, dimension), kept by the process."""
    templates = TEMPLATES if len(names) <= FEW_CLASSES else TEMPLATES[1:2]
    return np.stack([encoder.of_class(each, templates) for each in names])
