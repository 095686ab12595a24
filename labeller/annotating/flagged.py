"""The page of flagged samples: one's own for annotators, everybody's for managers."""

from dataclasses import dataclass

from django.db.models import QuerySet

from labeller.accounts.access import Member
from labeller.accounts.models import User
from labeller.annotating.wire.shown import excerpts
from labeller.labels import flags
from labeller.labels.models import Flag, Label
from labeller.projects.models import LabelClass, Project
from labeller.samples import hiding

PAGE = 60
LATELY = 12  # of those looked at


@dataclass(frozen=True)
class StandingLabel:
    """What stands of somebody's judgement: classes, or none where the verdict is no answer."""

    label: Label
    classes: list[LabelClass]


@dataclass(frozen=True)
class FlagRow:
    """A flag, and what stands for its sample, as far as this person may see it."""

    flag: Flag
    said: list[StandingLabel]
    excerpt: str = ""  # how the text begins, where it is of one


@dataclass(frozen=True)
class FlagPage:
    """Open flags, newest first, where those before them begin, and some that were looked at lately."""

    rows: list[FlagRow]
    older: int | None
    lately: list[FlagRow]


def page(member: Member, before: int | None = None) -> FlagPage:
    """The flags that this person may see; `before` is the `older` of another page."""
    still_open, looked_at = flags.open_flags(member.project), flags.reviewed_flags(member.project)
    if not member.manages:
        still_open, looked_at = still_open.filter(author=member.person), looked_at.filter(author=member.person)
    if before is not None:
        still_open = still_open.filter(pk__lt=before)
    found = _newest(still_open)[: PAGE + 1]
    shown = list(found[:PAGE])
    lately = [] if before is not None else list(_newest(looked_at)[:LATELY])
    # An annotator sees no one else's answer: two people are asked so that each says what they see.
    rows = _rows(member.project, [*shown, *lately], None if member.manages else member.person)
    return FlagPage(rows[: len(shown)], shown[-1].pk if len(found) > PAGE else None, rows[len(shown) :])


def _newest(found: QuerySet[Flag]) -> QuerySet[Flag]:
    found = found.annotate(has_people=hiding.is_hidden("sample"))
    return found.select_related("author", "question", "closed_by", "sample").order_by("-pk")


def _rows(project: Project, found: list[Flag], only: User | None) -> list[FlagRow]:
    standing = Label.objects.standing().filter(sample__in={flag.sample_id for flag in found})
    if only is not None:
        standing = standing.filter(annotator=only)
    said: dict[tuple[int, int], list[StandingLabel]] = {}
    for label in standing.select_related("annotator").prefetch_related("classes").order_by("pk"):
        said.setdefault((label.question_id, label.sample_id), []).append(
            StandingLabel(label, list(label.classes.all()))
        )
    texts = excerpts(project, {flag.sample_id for flag in found})
    return [
        FlagRow(flag, said.get((flag.question_id, flag.sample_id), []), texts.get(flag.sample_id, "")) for flag in found
    ]
