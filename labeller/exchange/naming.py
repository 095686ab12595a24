"""Which class of a question a file means by a name: found however it is spelt, made with what it lies below."""

from collections import Counter
from collections.abc import Iterable

from django.core.exceptions import ValidationError

from labeller.exchange.importers.base import Taxon
from labeller.projects import making
from labeller.projects.models import LabelClass, Question
from labeller.projects.states import State, state_of, state_of_name
from labeller.text import fold

LONGEST = 200  # characters of a name


class ClassNames:
    """The classes of a question by what files call them. While a file is looked at, none is made: they get ids < 0."""

    def __init__(self, question: Question, *, is_dry: bool) -> None:
        self.question, self.is_dry = question, is_dry
        self.named: Counter[str] = Counter()  # how often each class was named
        self.new: set[str] = set()
        self._known: dict[tuple[Taxon, bool], tuple[int, str]] = {}
        self._classes: dict[str, int] = {}  # by every name
        self._states: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._read()

    def _read(self) -> None:
        for each in self.question.classes.select_related("parent").order_by("position", "pk"):
            self._learn(each.pk, each.name, each.scientific_name)
            if (state := state_of(each)) is not State.ANIMAL:
                self._states.setdefault(state, each.pk)

    def go_on(self, told: Iterable[tuple[str, int, bool]]) -> None:
        """Count on from what was named before a run broke off."""
        for name, n, is_new in told:
            self.named[name] += n
            self.new.update([name] if is_new else [])

    def _learn(self, class_id: int, name: str, scientific_name: str) -> None:
        self._names[class_id] = name
        for each in (name, scientific_name):
            if each.strip():
                self._classes.setdefault(fold(each), class_id)

    def find(self, taxon: Taxon, *, makes: bool) -> tuple[int, str]:
        """The id of its class, and the code of why there is none: then the id is 0. What there is not yet is made."""
        at = (taxon, makes)
        if at not in self._known:
            self._known[at] = self._find(taxon, makes)
        class_id, problem = self._known[at]
        if class_id:
            self.named[self.name(class_id)] += 1
        return class_id, problem

    def name(self, class_id: int) -> str:
        """What the class is called."""
        return self._names.get(class_id, "")

    def _find(self, taxon: Taxon, makes: bool) -> tuple[int, str]:
        state = State(taxon.state) if taxon.state else state_of_name(taxon.name)
        if state is State.UNCLASSIFIED:
            return 0, "no-class"
        for name in (taxon.name, taxon.scientific_name):
            if name.strip() and (known := self._classes.get(fold(name))):
                return known, ""
        if state is not State.ANIMAL and state in self._states:
            return self._states[state], ""
        name = taxon.name.strip() or taxon.scientific_name.strip() or (state if state is not State.ANIMAL else "")
        if not name:
            return 0, "no-class"
        if not makes:
            return 0, "unknown-class"
        if fold(name) in {fold(each) for each in taxon.above} or len({*map(fold, taxon.above)}) < len(taxon.above):
            return 0, "cycle"
        try:
            return self._made(taxon, making.tidy_class_name(name), state), ""
        except ValidationError:
            return 0, "bad-class"

    def _made(self, taxon: Taxon, name: str, state: State) -> int:
        parent = None
        for above in taxon.above:
            if above.strip():
                parent = self._one(making.tidy_class_name(above), parent, "")
        made = self._one(name, parent, taxon.scientific_name)
        if state is not State.ANIMAL:
            self._states.setdefault(state, made)
        return made

    def _one(self, name: str, parent: int | None, scientific_name: str) -> int:
        if known := self._classes.get(fold(name)):
            return known
        self.new.add(name)
        if self.is_dry:
            class_id = -len(self._classes) - 1
        else:
            row, is_new = making.ensure_class(self.question, name)
            class_id = row.pk
            if is_new and (parent or scientific_name):
                LabelClass.objects.filter(pk=row.pk).update(
                    parent=parent, scientific_name=scientific_name.strip()[:LONGEST]
                )
        self._learn(class_id, name, scientific_name)
        return class_id
