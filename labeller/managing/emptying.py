"""Deleting very many rows while others work: in short transactions, with pauses as long as these took."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models, transaction

from labeller.jobs import queueing as jobs
from labeller.managing.closure import Rows, Tied, let_go, tied

LEAST, MOST = 500, 5000  # rows in one transaction
AIM = 0.1  # seconds that one transaction should take: on SQLite all other writers wait for it
LONGEST_PAUSE = 0.25
PAGE = 2000  # rows whose dependents are looked for at once
TURN = 300.0  # seconds that a worker deletes before it does other work in between: well below a task's time limit

Before = Callable[[list[Any]], None]


class OthersTurn(jobs.Postponed):
    """Much is left to delete, and other work waits."""

    seconds = 1.0


class Emptying:
    """Deletes rows in batches of a size that the database manages in a moment. Told of each batch is `report`."""

    def __init__(self, report: Callable[[Rows, int], None], before: dict[Rows, Before] | None = None) -> None:
        self.report = report
        self.before = before or {}
        self.size = LEAST
        self.until = time.monotonic() + TURN

    def everything_of(self, root: Rows, roots: Collection[int]) -> None:
        """Delete all that hangs on these rows, not they themselves."""
        for each in tied(root):
            for lookup in each.lookups:
                for found in self._parts(each, lookup, roots):
                    self.all_of(found)

    def all_of(self, found: "models.QuerySet[Any]") -> None:
        """Delete these rows."""
        while pks := list(found.values_list("pk", flat=True)[: self.size]):
            self._batch(found.model, pks)

    def _parts(self, each: Tied, lookup: str, roots: Collection[int]) -> Iterator["models.QuerySet[Any]"]:
        """The rows; where they name the root by way of others, a page of these after the other, each by an index."""
        name, _, rest = lookup.partition("__")
        if not rest:
            yield each.rows(lookup, roots)
            return
        parent: Any = each.model._meta.get_field(name).related_model
        parents = (
            parent._base_manager.filter(**{f"{rest}__in": list(roots)}).order_by("pk").values_list("pk", flat=True)
        )
        last = 0
        while page := list(parents.filter(pk__gt=last)[:PAGE]):
            yield each.rows(name, page)
            last = page[-1]

    def _batch(self, model: Rows, pks: list[Any]) -> None:
        if model in self.before:
            self.before[model](pks)
        with transaction.atomic():
            started = time.monotonic()  # what was waited for others' transactions before is no reason for smaller ones
            let_go(model, pks)
            # Not `delete`, which would look once more for all that hangs on them, in many statements. Where something
            # was added in between, the database refuses the whole batch.
            model._base_manager.filter(pk__in=pks)._raw_delete(DEFAULT_DB_ALIAS)
        self.rest(time.monotonic() - started)
        self.report(model, len(pks))

    def rest(self, spent: float) -> None:
        """Let others have their turn, and find the size that takes a moment. Raises OthersTurn now and then."""
        self.size = max(LEAST, min(MOST, int(self.size * max(0.5, min(2.0, AIM / max(spent, 1e-3))))))
        time.sleep(min(spent, LONGEST_PAUSE))
        if time.monotonic() > self.until:
            raise OthersTurn("going on in a moment")
