"""Texts as vectors that can be compared with a run's embeddings, where its network was trained on both."""

import functools
from typing import TYPE_CHECKING

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable, cards, clip

if TYPE_CHECKING:
    from tl_core.featurisers.clip import TextEncoder


def encoder(run: EmbeddingRun) -> "TextEncoder | None":
    """The texts' half of a run's network, loaded once a worker process; None where it has none.

    Raises FeaturiserUnavailable where it has one that can't be had here.
    """
    # Only these two kinds can; others are not built to be asked. What was derived has left the common space.
    may_read = run.featuriser.startswith((cards.PREFIX, clip.PREFIX)) and run.base_id is None
    return _encoder(run.featuriser) if may_read else None


@functools.lru_cache(maxsize=1)
def _encoder(spec: str) -> "TextEncoder | None":
    runs.import_own()
    try:
        featuriser = featurisers.make(spec)
    except (KeyError, ValueError) as error:  # of another version of the program
        raise FeaturiserUnavailable(str(error)) from error
    return clip.TextEncoder(featuriser) if isinstance(featuriser, clip.ClipNetwork) else None
