"""What samples belong together by, so that none of it is torn apart when some are held out.

In queries on samples. A photograph is of a camera's deployment and perhaps of a burst; a text is of the group that its
table names or else of its file's folder, and the passages of one document are one event.
"""

from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Coalesce

from labeller.samples.models import Sample

GROUP = Coalesce("text__deployment", "file__deployment")
EVENT = Case(When(part=Sample.Part.PASSAGE, then=F("file")), default=F("file__sequence"))


def placed(samples: "QuerySet[Sample]") -> "QuerySet[Any]":
    """The samples with the ids of their `group` and `event`, null where they have none."""
    return samples.annotate(group=GROUP, event=EVENT)
