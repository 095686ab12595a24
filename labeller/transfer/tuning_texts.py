"""What differs where a project of texts tunes: a sentence encoder's upper layers in the place of a network's."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import Max
from django.db.models.functions import Length

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.projects.models import Project
from labeller.samples.models import Text
from labeller.transfer.gathering import Gathered
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.texts import fitted, registry
from tl_core.texts.encoders import SentenceEncoder
from tl_core.texts.tuned import KIND, arrays_of

if TYPE_CHECKING:
    from tl_core.adaptation.work import FineTuned
    from tl_core.texts.tuning_encoder import EncoderWork

ENOUGH = 100  # answers: with fewer nothing could be told from chance
MOST = 5000  # texts: more would take more time than they are worth
MOST_TOKENS = 400_000  # of all together, for an epoch must fit well into a turn
LONGEST, LETTERS = 256, 4  # tokens of a text at most, and characters of a token, about
NOT_TUNED = "mpnet"  # a kind of encoder that tl_core.texts.layers does not take apart


def most(project: Project) -> int:
    """How many texts are learnt from at most: all are filled up to the longest."""
    characters = Text.objects.filter(project=project).aggregate(n=Max(Length("content")))["n"] or 1
    return min(MOST, MOST_TOKENS // max(8, min(LONGEST, characters // LETTERS)))


def encoder_of(project: Project) -> str:
    """The encoder that is tuned: what is in use, or stands beside it; "" where none of them can be.

    Of one that was tuned here it is the one that it was tuned from. Rows and a small file are read, no weights.
    """
    run = EmbeddingRun.in_use(project)
    if run is None or importlib.util.find_spec("torch") is None:
        return ""
    specs = [run.featuriser, *run.companions.order_by("pk").values_list("featuriser", flat=True)]
    bases = dict(project.tunings.exclude(spec="").values_list("spec", "base"))
    return next((spec for spec in (bases.get(each, each) for each in specs) if _can_be_tuned(spec)), "")


def _can_be_tuned(spec: str) -> bool:
    try:
        encoder = registry.make(spec)
        return isinstance(encoder, SentenceEncoder) and encoder.checkpoint.config["model_type"] != NOT_TUNED
    except (FeaturiserUnavailable, KeyError, ValueError):
        return False  # not installed, fitted, or of another version of the program


def work_of(spec: str, gathered: Gathered, directory: Path) -> "EncoderWork":
    """What is to be tuned. Imports torch."""
    from tl_core.texts.tuning_encoder import EncoderWork

    encoder: Any = registry.make(spec)  # a SentenceEncoder: encoder_of has seen to it
    return EncoderWork(encoder, gathered.texts(), gathered.targets(), gathered.rivals, directory, gathered.groups)


def save(encoder: SentenceEncoder, tuned: "FineTuned") -> str:
    """Write the layers that changed; the spec of the tuned encoder."""
    return fitted.save(KIND, arrays_of(encoder, tuned.state or {}), runs.networks())
