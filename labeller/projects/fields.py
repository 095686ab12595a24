"""The field that names are compared by."""

from typing import Any

from django.db import models

from labeller.text import fold

TWIN = "\t"  # no folded name holds one


class FoldedName(models.CharField):  # type: ignore[type-arg]
    """`fold(name)`, set on whatever way a row is written: by `save`, `create` or in bulk.

    Rows of earlier versions whose names fold to one keep both: the later ones have TWIN and their id behind it.
    """

    def of(self, row: Any) -> str:
        """What is to be stored for a row."""
        held, wanted = getattr(row, self.attname), fold(row.name)
        return held if held.partition(TWIN)[0] == wanted else wanted

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        setattr(model_instance, self.attname, self.of(model_instance))
        return super().pre_save(model_instance, add)
