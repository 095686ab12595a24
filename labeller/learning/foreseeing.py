"""What the heads of a project's other questions think of the samples that one question ranks.

Questions that follow are asked in the same pass, right after the answer, and so may any other be where one queue serves
several: what their heads think, and how much they doubt it, must be there with the sample. An audit sample has it, too:
labelled blind, it audits the heads of questions that follow as well.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.embedding.loading import Embedded, load_embeddings
from labeller.embedding.mixing import MixGone
from labeller.learning.fitting import likeliest, named
from labeller.learning.models import Head, RoundEntry
from labeller.learning.reading import Known
from labeller.projects.models import Question
from tl_core.heads import files as head_files
from tl_core.query.planning import Pick
from tl_core.query.questions import doubt_ranks
from tl_core.query.uncertainty import margin_scores

log = logging.getLogger(__name__)

REFERENCE = 1000  # samples of the pool that doubts are compared with


def foresee(known: Known, entries: Sequence[RoundEntry], picks: Sequence[Pick]) -> None:
    """Write into the entries of a ranking, one for each pick, what the other questions' heads think."""
    if not entries:
        return
    sample_ids = known.embeddings.ids[[pick.position for pick in picks]]
    # The question before is answered already where one that follows ranks a sample.
    others = known.question.project.questions.exclude(pk__in=[known.question.pk, known.question.follows_id or 0])
    for other in others:
        stored, head, seen = _stored(other, known)
        if stored is None or head is None:
            continue
        at = seen.positions(sample_ids)  # a mix may lack a sample
        probabilities = stored.predict_proba(seen.vectors[at[at >= 0]])
        doubts = doubt_ranks(doubt(other, probabilities), _reference(other, stored, seen))
        suggested = likeliest(probabilities, head.class_ids)
        classes = named(other, probabilities, head.class_ids)
        listed = [entry for entry, position in zip(entries, at, strict=True) if position >= 0]
        for entry, few, rank, all_of_it in zip(listed, suggested, doubts.round(4).tolist(), classes, strict=True):
            told = {"head": head.version, "suggestions": few, "doubt": rank}
            entry.foreseen[str(other.pk)] = told if all_of_it is None else {**told, "classes": all_of_it}


def _stored(other: Question, known: Known) -> tuple[Any, Head | None, Embedded]:
    """The newest head of another question on the same run, and what it sees; no head where there is none to be had."""
    nothing = None, None, known.embeddings
    head = Head.objects.filter(question=other, run=known.run, acceptances=None).order_by("-version").first()
    if head is None or not head.directory:
        return nothing
    try:
        stored = head_files.load(settings.HEADS / head.directory)
        seen = known.embeddings if head.mix == known.embeddings.mix else load_embeddings(known.run, head.mix)
    except (FileNotFoundError, IsADirectoryError, head_files.HeadCorrupt, MixGone) as error:
        log.warning("nothing is suggested for question %d: %s", other.pk, error)
        return nothing
    return stored, head, seen


def _reference(other: Question, stored: Any, embeddings: Embedded) -> NDArray[np.float64]:
    """How much the head doubts a sample of the pool, always the same one."""
    whole = embeddings.part[0] if embeddings.part else embeddings
    count = min(REFERENCE, len(whole.ids))
    drawn = np.sort(np.random.default_rng(other.pk).choice(len(whole.ids), count, replace=False))
    return doubt(other, stored.predict_proba(whole.vectors[drawn]))


def doubt(question: Question, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How unclear each row of probabilities is, higher = more so; of several classes by the least clear one."""
    if question.multi_label:
        unclear: NDArray[np.float64] = -np.abs(probabilities.astype(np.float64) - 0.5).min(axis=1)
        return unclear
    return margin_scores(probabilities)
