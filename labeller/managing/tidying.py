"""After a table was read anew as somebody corrected it: what was read wrong goes, unless somebody spoke of it."""

from collections.abc import Sequence

from django.db.models import QuerySet

from labeller.jobs import queueing as jobs
from labeller.labels.models import Label
from labeller.managing import folding, removing_samples
from labeller.samples.models import PARKED, Sample, Source

FLAGS = ("is_corrected", "keeps_rows")  # in a source's layout, until what follows from a correction is done


def tidy(progress: jobs.Progress) -> None:
    """Take the rows out of the project that are not in the tables any more, a shard at a time; twice is once."""
    source = Source.objects.select_related("project").filter(pk=progress.job.payload["source"]).first()
    if source is None or source.readings.exists():  # the reading asks again at its end
        return
    removing_samples.wait_for_embedding(source.project)
    numbers = sorted(set(_read_wrong(source).order_by().values_list("shard", flat=True)))
    for done, number in enumerate(numbers):
        progress(done, len(numbers))
        pks = list(_read_wrong(source).filter(shard=number).order_by().values_list("pk", flat=True))
        going = _unspoken(pks)
        if going:
            removing_samples.take_out(source.project, going, _unspoken)
    layout = {name: value for name, value in source.layout.items() if name not in FLAGS}
    Source.objects.filter(pk=source.pk, layout=source.layout).update(layout=layout)


def _read_wrong(source: Source) -> "QuerySet[Sample]":
    return Sample.objects.filter(file__source=source, part=Sample.Part.ROW, end__gte=PARKED)


def _unspoken(pks: Sequence[int]) -> list[int]:
    """Those of which no person said anything. What the table itself says of a row, it says of its text now."""
    labels = Label.objects.filter(sample__in=list(pks)).exclude(mode=Label.Mode.IMPORT)
    spoken_of = folding.marked(pks) | set(labels.values_list("sample", flat=True))
    return sorted(set(pks) - spoken_of)
