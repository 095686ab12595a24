"""What the heads of questions that follow think of the samples that the question before ranks.

They are asked in the same pass, right after the answer: what their heads think must be there with the sample. An audit
sample has it, too: labelled blind, it audits these heads as well.
"""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from labeller.embedding.models import EmbeddingRun
from labeller.learning.fitting import suggestions
from labeller.learning.models import Head, RoundEntry
from labeller.projects.models import Question
from tl_core.heads import files as head_files

log = logging.getLogger(__name__)


def foresee(question: Question, run: EmbeddingRun, entries: Sequence[RoundEntry], vectors: Any) -> None:
    """Write into the entries of a ranking, whose embeddings these are, what the following questions' heads think."""
    if not entries:
        return
    for follower in question.followers.all():
        head = Head.objects.filter(question=follower, run=run, acceptances=None).order_by("-version").first()
        if head is None or not head.directory:
            continue
        try:
            stored = head_files.load(settings.HEADS / head.directory)
        except (FileNotFoundError, IsADirectoryError, head_files.HeadCorrupt) as error:
            log.warning("nothing is suggested for question %d: %s", follower.pk, error)
            continue
        likeliest = suggestions(stored.predict_proba(vectors), head.class_ids)
        for entry, suggested in zip(entries, likeliest, strict=True):
            entry.foreseen[str(follower.pk)] = {"head": head.version, "suggestions": suggested}
