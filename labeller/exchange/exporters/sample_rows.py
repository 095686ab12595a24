"""Samples as rows of a table: where each is from, and what was decided of it on each question."""

from collections.abc import Iterator
from typing import Any

from labeller.exchange.exporters.base import ExportWanted, Tell
from labeller.exchange.exporters.contents import Decision, Part, Shot
from labeller.exchange.exporters.places import local, stamp
from labeller.exchange.exporters.splits import Splits
from labeller.labels.models import Answer, Label
from labeller.projects.models import Project, Question
from labeller.samples.cells import join_names

WHERE = (
    "path", "source", "part", "left", "top", "width", "height", "start", "end", "deployment", "event", "taken_at",
    "clock_time", "split", "sample",
)  # fmt: skip
SAID = ("classes", "says", "state", "decided_how", "decided_by", "decided_at", "probability")
# As labels say it, for reading a table in again: what was accepted is nobody's answer, and becomes none by that.
VERDICTS = {
    Answer.State.ANSWERED: Label.Verdict.ANSWER,
    Answer.State.DISPUTED: Label.Verdict.ANSWER,
    Answer.State.UNSURE: Label.Verdict.UNSURE,
    Answer.State.SKIPPED: Label.Verdict.SKIP,
    Answer.State.LEFT_OUT: Label.Verdict.IGNORE,
    "accepted": "accepted",
}


class SampleRows:
    """The columns and the rows of a project; `is_long` has a row for each answer, else there is one a sample."""

    def __init__(self, wanted: ExportWanted, tell: Tell, *, is_long: bool, with_text: bool) -> None:
        self.wanted, self._tell, self.is_long, self.with_text = wanted, tell, is_long, with_text
        self.splits = Splits(wanted)
        self.questions = wanted.questions
        of_each = [_column(question, name) for question in self.questions for name in SAID]
        said = ["question", "verdict", *SAID] if is_long else of_each
        self.columns = (*WHERE, *said, *(["text"] if with_text else []))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        contents, last, done = self.wanted.contents, 0, 0
        for shot, part, group, text in contents.samples(with_text=self.with_text):
            done += shot.pk != last
            last = shot.pk
            self._tell(done)
            where = self._where(shot, part, group)
            content = (text,) if self.with_text else ()
            if not self.is_long:
                said = [cell for question in self.questions for cell in self._said(question, part)]
                yield (*where, *said, *content)
                continue
            for question in self.questions:
                if question.pk in part.decisions:
                    verdict = VERDICTS.get(part.decisions[question.pk].state)
                    yield (*where, question.key, verdict, *self._said(question, part), *content)

    def _where(self, shot: Shot, part: Part, group: str) -> tuple[Any, ...]:
        place = self.wanted.contents.deployments.get(shot.deployment or 0)
        zone = place.time_zone if place is not None else ""
        is_text = self.wanted.project.kind == Project.Kind.TEXT
        return (
            shot.path, self.wanted.contents.sources[shot.source].path, part.place, *(part.box or (None,) * 4),
            part.start, part.end, group, "" if is_text else shot.event, local(shot.taken_at, zone),
            local(shot.clock_time, ""), self.splits.of(shot, (group or f"text {part.pk}") if is_text else ""), part.pk,
        )  # fmt: skip

    def _said(self, question: Question, part: Part) -> tuple[Any, ...]:
        decision: Decision | None = part.decisions.get(question.pk)
        if decision is None:
            return (None,) * len(SAID)
        classes = [self.wanted.contents.classes[pk] for pk in decision.classes]
        names = join_names(each.name for each in classes) if question.multi_label else "".join(
            each.name for each in classes
        )  # fmt: skip
        says = classes[0].state if len(classes) == 1 else None
        return (
            names, says and str(says), decision.state, decision.how, decision.by, stamp(decision.at),
            decision.probability,
        )  # fmt: skip


def _column(question: Question, name: str) -> str:
    """What a column about a question is called where each has its own: its classes by its key, if that is free."""
    key = f"question_{question.key}" if question.key in WHERE else question.key
    return key if name == "classes" else f"{key}_{name}"
