"""What the heads of questions that follow think of the samples that the question before ranks.

They are asked in the same pass, right after the answer: what their heads think must be there with the sample. An audit
sample has it, too: labelled blind, it audits these heads as well.
"""

import logging
from collections.abc import Sequence

from django.conf import settings

from labeller.embedding.loading import load_embeddings
from labeller.embedding.mixing import MixGone
from labeller.learning.fitting import likeliest
from labeller.learning.models import Head, RoundEntry
from labeller.learning.reading import Known
from tl_core.heads import files as head_files
from tl_core.query.planning import Pick

log = logging.getLogger(__name__)


def foresee(known: Known, entries: Sequence[RoundEntry], picks: Sequence[Pick]) -> None:
    """Write into the entries of a ranking, one for each pick, what the following questions' heads think."""
    for follower in known.question.followers.all():
        heads = Head.objects.filter(question=follower, run=known.run, acceptances=None)
        head = heads.order_by("-version").first()
        if not entries or head is None or not head.directory:
            continue
        try:
            stored = head_files.load(settings.HEADS / head.directory)
            seen = known.embeddings if head.mix == known.embeddings.mix else load_embeddings(known.run, head.mix)
        except (FileNotFoundError, IsADirectoryError, head_files.HeadCorrupt, MixGone) as error:
            log.warning("nothing is suggested for question %d: %s", follower.pk, error)
            continue
        at = seen.positions(known.embeddings.ids[[pick.position for pick in picks]])
        probabilities = stored.predict_proba(seen.vectors[at[at >= 0]])
        listed = [entry for entry, position in zip(entries, at, strict=True) if position >= 0]
        for entry, suggested in zip(listed, likeliest(probabilities, head.class_ids), strict=True):
            entry.foreseen[str(follower.pk)] = {"head": head.version, "suggestions": suggested}
