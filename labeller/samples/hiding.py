"""Pictures with people in them: which are hidden, and from whom. Nobody decides that anywhere else.

Hidden is a whole file, with all samples of it. It is hidden from whoever lacks the role that the project asks for; and
while annotators lack it, it is ranked for nobody, or rounds would fill with what cannot be handed out. Whoever writes
predictions of others, or labels, notes here what they say, in the same transaction.
"""

from collections.abc import Callable, Collection

from django.db.models import Exists, OuterRef, Q, QuerySet

from labeller.accounts import access
from labeller.accounts.access import Who
from labeller.accounts.models import Role
from labeller.projects.models import Project
from labeller.samples.models import File, PeopleSeen, Sample

Word = PeopleSeen.Word
BY_MODELS, BY_LABELS = "by_models", "by_labels"


# --- reading --------------------------------------------------------------------------------------


def is_hidden(sample: str = "pk") -> Exists:
    """Whether the sample that rows name in that field is of a picture with people in it."""
    return Exists(Sample.objects.filter(pk=OuterRef(sample), file__people__is_hidden=True))


def shown_to(who: Who, project: Project, sample: str = "pk") -> Q:
    """Whether this person may see the sample, of that project, that rows name in that field."""
    return ~Q(is_hidden(sample)) | access.sees_people(who, project)


def shown_among(who: Who, project: Project, sample_ids: Collection[int]) -> set[int]:
    """Of these samples those that this person may see."""
    found = Sample.objects.filter(shown_to(who, project), pk__in=list(sample_ids))
    return set(found.values_list("pk", flat=True))


def has_people(file: File) -> bool:
    """Whether it is hidden from who must not see people; of a file with `people` selected without a statement."""
    seen = getattr(file, "people", None)  # most have no row
    return seen is not None and bool(seen.is_hidden)


def is_asked_about(project: Project) -> bool:
    """Whether pictures with people in them are ranked and handed out as any others: annotators see them."""
    return Role(project.people_shown_to).rank <= Role.ANNOTATOR.rank


def kept_apart(project: Project) -> QuerySet[Sample]:
    """Samples that are ranked for nobody, for annotators must not see them."""
    if is_asked_about(project):
        return Sample.objects.none()
    return Sample.objects.filter(file__people__project=project, file__people__is_hidden=True)


# --- writing --------------------------------------------------------------------------------------


def note(project_id: int, column: str, file_ids: Collection[int], seen: Callable[[Collection[int]], set[int]]) -> int:
    """Write in which of these files people are as models, or labels, have it (`column`), in the writer's transaction.

    `seen` looks which they are. It is asked only once the files that were marked before are held: so of two who write
    of one file at the same moment the later knows what the earlier wrote. Returns how many files changed.
    """
    rows = PeopleSeen.objects.filter(file__in=list(file_ids), **{column: True}).order_by("file").select_for_update()
    before = set(rows.values_list("file", flat=True))
    now = seen(file_ids)
    if gone := before - now:
        PeopleSeen.objects.filter(file__in=gone).update(**{column: False})
    _upsert(project_id, sorted(now - before), **{column: True})
    return len(gone) + len(now - before)


def tell(file: File, word: str) -> None:
    """Keep what a manager says: that somebody is in it, or, against what models say, nobody; nothing: as it was."""
    _upsert(file.project_id, [file.pk], word=word)


def _upsert(project_id: int, file_ids: Collection[int], **values: object) -> None:
    PeopleSeen.objects.bulk_create(
        (PeopleSeen(file_id=each, project_id=project_id, **values) for each in file_ids),
        update_conflicts=True,
        unique_fields=["file"],
        update_fields=list(values),
    )
