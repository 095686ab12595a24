"""What is done with the records of a file: looked up, compared with what is there, and written, a batch at a time.

Looking and applying are one way, so that what a person sees before is what is done. A batch is written in one
transaction, with the mark from which a run goes on that broke off: a picture is taken whole or not at all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from labeller.exchange.counting import Account
from labeller.exchange.deployments import Stands
from labeller.exchange.importers.base import NotTaken, Pictured, Record, Remark, Stand, Taxon
from labeller.exchange.importers.boxes import sticks_out, wrong
from labeller.exchange.naming import ClassNames
from labeller.exchange.placing import Finder, Placed
from labeller.exchange.traits import trait_of
from labeller.labels import recording
from labeller.learning import foreign
from labeller.learning.foreign import Predicted
from labeller.projects.models import Project, Question
from labeller.projects.states import State
from labeller.samples import parts, set_aside
from labeller.samples.models import Box

LONGEST_NAME = 200  # of who gave a label
MOST_RECORDS, MOST_REMARKS = 250, 500  # in one transaction: on SQLite all other writers wait for it


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Records that are written together."""
    batch: list[Record] = []
    remarks = 0
    for record in records:
        batch.append(record)
        remarks += len(record.remarks) if isinstance(record, Pictured) else 0
        if len(batch) >= MOST_RECORDS or remarks >= MOST_REMARKS:
            yield batch
            batch, remarks = [], 0
    if batch:
        yield batch


class Applying:
    """Takes batches in. While a file is looked at (`is_dry`) nothing is written but the account."""

    def __init__(
        self, project: Project, question: Question, finder: Finder, account: Account, *, is_dry: bool, makes: bool
    ) -> None:
        self.project, self.question, self.finder, self.account = project, question, finder, account
        self.is_dry, self.makes = is_dry, makes
        self.classes = ClassNames(question, is_dry=is_dry)
        self.followers = _followers(question, is_dry=is_dry)
        self.stands = Stands(project, account, is_dry=is_dry)
        self._seen = bytearray()  # a bit a picture that came

    def pass_over(self, batch: Sequence[Record]) -> None:
        """Only remember the pictures of a batch that was applied before."""
        for _pictured, placed in self._found(batch):
            if isinstance(placed, Placed):
                self._is_again(placed)

    def take(self, batch: Sequence[Record], keep: Callable[[], None]) -> None:
        """Take a batch in; `keep` is called at the end of the transaction that writes it."""
        found = self._found(batch)
        if self.is_dry:
            self._take(batch, found)
            return
        with transaction.atomic():
            self._take(batch, found)
            keep()

    def _found(self, batch: Sequence[Record]) -> list[tuple[Pictured, Placed | str]]:
        pictured = [each for each in batch if isinstance(each, Pictured)]
        return list(zip(pictured, self.finder.find([(each.path, each.otherwise) for each in pictured]), strict=True))

    def _take(self, batch: Sequence[Record], found: list[tuple[Pictured, Placed | str]]) -> None:
        self.account.add("records", len(batch))
        self.account.note(*(each for each in batch if isinstance(each, NotTaken)))
        self.stands.take([each for each in batch if isinstance(each, Stand)])
        writing = _Writing(self)
        for pictured, placed in found:
            if not pictured.path.strip():
                self.account.note(NotTaken(pictured.line, "", "no-path"))
            elif not isinstance(placed, Placed):
                self.account.note(NotTaken(pictured.line, pictured.path, placed))
            elif self._is_again(placed):
                self.account.note(NotTaken(pictured.line, pictured.path, "twice"))
            else:
                self.account.add("pictures")
                writing.add(pictured, placed)
        self.stands.place([(each, placed) for each, placed in found if isinstance(placed, Placed)])
        writing.write()

    def _is_again(self, placed: Placed) -> bool:
        at, bit = divmod(placed.file_id, 8)
        if at >= len(self._seen):
            self._seen.extend(bytes(at + 1024 - len(self._seen)))
        is_again = bool(self._seen[at] >> bit & 1)
        self._seen[at] |= 1 << bit
        return is_again


# What files tell besides a class, by the keys of the questions that ask for it, without case and dashes.
def _followers(question: Question, *, is_dry: bool) -> dict[str, ClassNames]:
    """The classes of questions that follow and ask for what files tell besides."""
    asked = {each: trait_of(each.key).lower() for each in question.followers.order_by("position")}
    return {name: ClassNames(each, is_dry=is_dry) for each, name in asked.items() if name}


class _Writing:
    """What a batch says, gathered by what it is written with."""

    def __init__(self, applying: Applying) -> None:
        self.applying, self.account, self.classes = applying, applying.account, applying.classes
        self.boxes: dict[tuple[int, Box], None] = {}
        self.labels: list[_Labelled] = []
        self.predictions: list[tuple[Placed, Box | None, Predicted, Remark]] = []

    def add(self, pictured: Pictured, placed: Placed) -> None:
        shown: list[tuple[Any, str]] = []
        labelled: dict[Box | None, _Labelled] = {}
        for remark in pictured.remarks:
            box = self._box(pictured, placed, remark)
            if isinstance(box, str):
                text = ", ".join(f"{each:g}" for each in remark.box or ())
                self.account.note(NotTaken(remark.line, pictured.path, box, text))
                continue
            if box is None and placed.sample_id is None:
                continue  # of a file of which there are only parts
            if remark.model:
                shown += self._prediction(placed, box, remark)
            elif said := self._label(pictured, placed, box, remark):
                first = labelled.setdefault(box, said)
                first.class_ids.update(said.class_ids)
                first.traits.update(said.traits)
                first.told = first.told or said.told
        shown += [(box, each.names) for box, each in labelled.items() if self._is_label(each)]
        self.boxes.update({(placed.file_id, box): None for box, _said in shown if box})
        if shown and self.account.wants_preview and placed.sample_id:
            self.account.show(placed.sample_id, pictured.path, shown)

    def _box(self, pictured: Pictured, placed: Placed, remark: Remark) -> Box | str | None:
        """The box as it is stored; the code of what is wrong with it."""
        box = remark.box
        if box is None:
            return None
        if pictured.pixels:
            left, top, width, height = box
            box = (left / placed.width, top / placed.height, width / placed.width, height / placed.height)
            if not wrong(box) and sticks_out(box, 1 / min(placed.width, placed.height)):
                self.account.note(NotTaken(remark.line, pictured.path, "box-cut"))
        if problem := wrong(box):
            return problem
        try:
            return parts.tidied(box)
        except ValueError:
            return "box-empty"

    def _label(self, pictured: Pictured, placed: Placed, box: Box | None, remark: Remark) -> "_Labelled | None":
        class_ids = set()
        for taxon in remark.classes:
            class_id, problem = self.classes.find(taxon, makes=self.applying.makes)
            if problem:
                text = taxon.name or taxon.scientific_name
                self.account.note(NotTaken(remark.line, pictured.path, problem, text))
                return None
            class_ids.add(class_id)
        if not class_ids:
            self.account.note(NotTaken(remark.line, pictured.path, "no-class"))
            return None
        traits = self._traits(remark, pictured.path)
        told = recording.SaidBy(remark.by[:LONGEST_NAME], remark.at) if remark.by or remark.at else None
        return _Labelled(placed, box, class_ids, remark.line, pictured.path, self.classes, traits, told)

    def _traits(self, remark: Remark, path: str) -> dict[str, int]:
        """What is told besides the class, where a question asks for it that follows: the classes of its answers."""
        found = {}
        for trait, text in remark.also:
            names = self.applying.followers.get(trait)
            if names is None:
                continue
            found[trait], problem = names.find(Taxon(text, state=State.ANIMAL), makes=self.applying.makes)
            if problem:
                self.account.note(NotTaken(remark.line, path, problem, f"{trait} {text}"))
        return found

    def _is_label(self, said: "_Labelled") -> bool:
        """Take a label, where it is one: rows that contradict each other are none."""
        if len(said.class_ids) > 1 and not self.applying.question.multi_label:
            self.account.note(NotTaken(said.line, said.path, "several-classes", said.names))
            return False
        self.account.add("labels")
        self.account.add("boxes", int(said.box is not None))
        self.labels.append(said)
        return True

    def _prediction(self, placed: Placed, box: Box | None, remark: Remark) -> list[tuple[Any, str]]:
        if remark.failure:
            self.account.add("failures")
            self.predictions.append((placed, box, Predicted(0, failure=remark.failure), remark))
            return []
        pairs = []
        for taxon, score in zip(remark.classes, remark.scores, strict=False):
            class_id, _problem = self.classes.find(taxon, makes=self.applying.makes)
            if class_id:
                pairs.append((class_id, score))
        first = remark.classes[0] if remark.classes else Taxon("", state=State.BLANK)
        category = "" if first.state == State.BLANK else remark.category or first.name
        self.account.add("blanks" if not category and box is None else "predictions")
        self.account.add("boxes", int(box is not None))
        foreseen = Predicted(0, category, remark.confidence, tuple(pairs))
        self.predictions.append((placed, box, foreseen, remark))
        words = [first.name or first.scientific_name or first.state, *(f"{score:.0%}" for score in remark.scores[:1])]
        return [(box, " ".join(words))]

    # --- writing ----------------------------------------------------------------------------------

    def write(self) -> None:
        """Write it: boxes first, then what is said of them and of wholes."""
        if self.applying.is_dry:
            return
        wanted = list(self.boxes)
        made = dict(zip(wanted, parts.add_boxes(self.applying.project, wanted), strict=True)) if wanted else {}

        def sample(placed: Placed, box: Box | None) -> int:
            return made[placed.file_id, box] if box else placed.sample_id or 0

        self._write_labels(sample, self.applying.question, [(each, each.class_ids) for each in self.labels])
        for trait, names in self.applying.followers.items():
            told = [(each, {each.traits[trait]}) for each in self.labels if each.traits.get(trait)]
            self._write_labels(sample, names.question, told)
        by_model: dict[str, dict[int, Predicted]] = {}
        sure: dict[int, float] = {}  # detectors, by what they found
        for placed, box, foreseen, remark in self.predictions:
            if box is not None and foreseen.confidence is not None:
                found = sample(placed, box)
                sure[found] = max(foreseen.confidence, sure.get(found, 0.0))
            of_model = by_model.setdefault(remark.model, {})
            pk = sample(placed, box)
            before = of_model.get(pk)
            if before is None or (foreseen.confidence or 0) > (before.confidence or 0):
                of_model[pk] = replace(foreseen, sample_id=pk)
        for name, of_model in by_model.items():
            changed = foreign.store(foreign.model(self.applying.question, name), list(of_model.values()))
            self.account.add("changed", changed)
        set_aside.detected(sure)

    def _write_labels(
        self,
        sample: Callable[[Placed, Box | None], int],
        question: Question,
        labels: Sequence[tuple["_Labelled", set[int]]],
    ) -> None:
        told = {sample(each.placed, each.box): each for each, _class_ids in labels}
        known = {sample(each.placed, each.box): frozenset(class_ids) for each, class_ids in labels}
        by_whom = {pk: each.told for pk, each in told.items() if each.told}
        kept = recording.adopt_known(None, question, known, told=by_whom) if known else {}
        for pk, code in kept.items():
            reason = code if code == "people" else "other-label"
            self.account.note(NotTaken(told[pk].line, told[pk].path, reason))


@dataclass
class _Labelled:
    """What all rows of a picture, or of one box in it, say together."""

    placed: Placed
    box: Box | None
    class_ids: set[int]
    line: int
    path: str
    classes: ClassNames
    traits: dict[str, int]  # the classes that answer questions which follow, by what they are about
    told: recording.SaidBy | None  # by whom and when, where the file says so

    @property
    def names(self) -> str:
        return "|".join(sorted(self.classes.name(each) for each in self.class_ids))
