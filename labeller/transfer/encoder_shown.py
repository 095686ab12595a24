"""Tuning a sentence encoder as a page shows it: which one, and which questions have enough answers."""

from dataclasses import dataclass

from labeller.labels import tallies
from labeller.projects.models import Project, Question
from labeller.transfer import tuning_texts


@dataclass(frozen=True)
class AskedOf:
    """A question, and whether there are answers enough to tune with."""

    question: Question
    answers: int
    is_enough: bool


@dataclass(frozen=True)
class EncoderShown:
    """The encoder that would be tuned, "" where there is none, and the questions."""

    spec: str
    enough: int
    questions: list[AskedOf]


def can_be_asked(question: Question) -> bool:
    """Whether an encoder can be tuned with the answers to this question now."""
    return tallies.of(question).labelled >= tuning_texts.ENOUGH and bool(tuning_texts.encoder_of(question.project))


def shown(project: Project) -> EncoderShown:
    """All of it."""
    questions = []
    for question in project.questions.order_by("position", "pk"):
        answers = tallies.of(question).labelled
        questions.append(AskedOf(question, answers, answers >= tuning_texts.ENOUGH))
    return EncoderShown(tuning_texts.encoder_of(project), tuning_texts.ENOUGH, questions)
