"""What a page is told of the words that speak for a suggestion; of what is labelled blind, nothing."""

from typing import Any

from labeller.accounts.models import User
from labeller.annotating.handing import state
from labeller.annotating.models import Assignment
from labeller.annotating.wire.shown import FIRST
from labeller.labels.selectors import AUDIT
from labeller.learning import speaking
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question
from labeller.samples.models import Text


def speaking_json(user: User, question: Question, sample_id: int, class_id: int) -> list[list[Any]]:
    """Spans of the text's beginning: first character, the one after the last, and how much it speaks for the class."""
    if not question.show_suggestions or _is_blind(user, question, sample_id):
        return []
    text = Text.objects.filter(sample=sample_id, project=question.project).values_list("content", flat=True).first()
    current = state.current_round(question)
    if not text or current is None or current.head is None:
        return []
    found = speaking.words_of(current.head, text[:FIRST], class_id)
    return [[span.start, span.end, round(span.weight, 3)] for span in found]


def _is_blind(user: User, question: Question, sample_id: int) -> bool:
    """Whether the sample is drawn for an audit, of any question: by now, or when this person was handed it."""
    drawn = RoundEntry.objects.filter(
        round__project=question.project_id, round__is_current=True, strategy=AUDIT, sample=sample_id
    )
    held = Assignment.objects.filter(annotator=user, sample=sample_id, is_done=False, entry__strategy=AUDIT)
    return drawn.exists() or held.exists()
