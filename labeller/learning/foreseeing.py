"""What the heads of questions that follow think of the samples that the question before ranks.

They are asked in the same pass, right after the answer: what their heads think must be there with the sample. An audit
sample has it, too: labelled blind, it audits these heads as well.
"""

import logging
from collections.abc import Sequence

from django.conf import settings

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
        except (FileNotFoundError, IsADirectoryError, head_files.HeadCorrupt) as error:
            log.warning("nothing is suggested for question %d: %s", follower.pk, error)
            continue
        probabilities = stored.predict_proba(known.embeddings.vectors[[pick.position for pick in picks]])
        for entry, suggested in zip(entries, likeliest(probabilities, head.class_ids), strict=True):
            entry.foreseen[str(follower.pk)] = {"head": head.version, "suggestions": suggested}
