"""Which rows hang on a row, read from the models themselves: a new table is found without anybody thinking of it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from django.db import models

Rows = type[models.Model]


@dataclass(frozen=True)
class Tied:
    """A model whose rows go with a root's, and the lookups from them to it: a row that matches any of them goes."""

    model: Rows
    lookups: tuple[str, ...]

    def rows(self, lookup: str, roots: Collection[int]) -> "models.QuerySet[Any]":
        """The rows that hang on these roots by that lookup, in no order."""
        return self.model._base_manager.filter(**{f"{lookup}__in": list(roots)}).order_by()


def tied(root: Rows) -> list[Tied]:
    """What hangs on rows of `root`, without these themselves; rows that name others come before those they name.

    A row hangs on what it cannot be without. A reference that may fall to null is none. Raises graphlib.CycleError
    where two models cannot be without each other.
    """
    way = {root: ""}
    lookups: dict[Rows, list[str]] = {}
    models_left = [root]
    while models_left:
        model = models_left.pop(0)
        for field in _needing(model):
            other = field.model
            lookup = f"{field.name}__{way[model]}" if way[model] else field.name
            if other in (root, model):
                continue
            lookups.setdefault(other, []).append(lookup)
            if other not in way:  # the shortest comes first
                way[other] = lookup
                models_left.append(other)
    return [Tied(model, tuple(lookups[model])) for model in _named_last(lookups)]


def _needing(model: Rows) -> Iterator["models.ForeignKey[Any, Any]"]:
    """The foreign keys that rows have to this model's and cannot be without."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.on_delete is not models.SET_NULL:
            yield relation.field


def _named_last(found: Collection[Rows]) -> list[Rows]:
    """The models in an order in which rows may be deleted."""
    sorter: TopologicalSorter[Rows] = TopologicalSorter({model: set() for model in found})
    for model in found:
        for field in foreign_keys(model):
            if field.related_model in found and field.related_model != model:
                sorter.add(field.related_model, model)
    return list(sorter.static_order())


def foreign_keys(model: Rows) -> list["models.ForeignKey[Any, Any]"]:
    """All foreign keys of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


def let_go(model: Rows, pks: Collection[int]) -> None:
    """Have other rows forget these, where they can be without: a label supersedes one, a refusal has a twin."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.field.null:
            field = relation.field
            if relation.on_delete is models.SET_NULL or field.model == model:
                field.model._base_manager.filter(**{f"{field.name}__in": list(pks)}).update(**{field.name: None})
