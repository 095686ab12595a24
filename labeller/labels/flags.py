"""Flags: raising them, lowering them, and which are open. A flag decides nothing; it asks for another look."""

from collections.abc import Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts.access import Member
from labeller.accounts.models import User
from labeller.labels.models import Answer, Flag
from labeller.labels.recording import Recorded
from labeller.projects.models import Project, Question


def raise_flag(uuid: UUID, question: Question, sample_id: int, author: User, note: str) -> Recorded:
    """Flag a sample; the same UUID again changes nothing. A person's earlier flag on that sample is closed."""
    try:
        with transaction.atomic():
            # One after the other for each person, so that two tabs can't leave two open flags on one sample.
            User.objects.select_for_update(no_key=True).filter(pk=author.pk).first()
            already = _already(uuid, question, sample_id, author)
            if already is not None:
                return already
            _close(Flag.objects.filter(question=question, sample=sample_id, author=author), author)
            Flag.objects.create(
                uuid=uuid,
                project_id=question.project_id,
                question=question,
                sample_id=sample_id,
                author=author,
                note=note,
            )
            return Recorded(200)
    except IntegrityError:
        # The same flag came twice at the same moment.
        already = _already(uuid, question, sample_id, author)
        if already is None:
            raise
        return already


def _already(uuid: UUID, question: Question, sample_id: int, author: User) -> Recorded | None:
    """The answer given the first time this UUID came; one of somebody else tells nothing but that it is taken."""
    flag = Flag.objects.filter(uuid=uuid).first()
    if flag is None:
        return None
    same = (flag.author_id, flag.question_id, flag.sample_id) == (author.pk, question.pk, sample_id)
    return Recorded(200) if same else Recorded(409, detail=_("This UUID has been used."))


def lower_flag(uuid: UUID, question: Question, by: Member) -> Recorded:
    """Close a flag: one's own, or, as a manager, anybody's. One that is closed already stays as it is."""
    flag = Flag.objects.filter(uuid=uuid, question=question).first()
    if flag is None or (flag.author_id != by.person.pk and not by.manages):
        return Recorded(404, detail=_("There is no such flag of yours."))
    _close(Flag.objects.filter(pk=flag.pk), by.person)
    return Recorded(200)


def _close(flags: QuerySet[Flag], by: User) -> None:
    flags.filter(closed_at=None).update(closed_at=timezone.now(), closed_by=by)


def open_flags(project: Project) -> QuerySet[Flag]:
    """Flags that nobody has closed, and whose sample no reviewer has decided on since.

    Reviewed is not closed: a review that is taken back leaves its sample flagged.
    """
    return Flag.objects.filter(project=project, closed_at=None).exclude(Exists(_reviews_since()))


def reviewed_flags(project: Project) -> QuerySet[Flag]:
    """Flags that were closed, or whose sample a reviewer has decided on since."""
    return Flag.objects.filter(Q(closed_at__isnull=False) | Exists(_reviews_since()), project=project)


def _reviews_since() -> QuerySet[Answer]:
    return Answer.objects.filter(
        sample=OuterRef("sample"), question=OuterRef("question"), reviewed_at__gt=OuterRef("created_at")
    )


def notes(question: Question, among: Collection[int] | None = None) -> dict[int, list[str]]:
    """What open flags say of samples, oldest first."""
    flags = open_flags(question.project).filter(question=question)
    if among is not None:
        flags = flags.filter(sample__in=among)
    found: dict[int, list[str]] = {}
    for sample_id, note in flags.order_by("pk").values_list("sample", "note"):
        found.setdefault(sample_id, []).append(note)
    return found
