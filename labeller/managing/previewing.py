"""What would go if something were deleted, for the page on which somebody decides that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from labeller.accounts.models import Membership, User
from labeller.embedding.models import EmbeddingShard
from labeller.jobs.models import Kept
from labeller.labels import tallies
from labeller.labels.models import Flag, Label
from labeller.learning.models import Head, Round
from labeller.managing import removing, traces
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import File, Refusal, Sample, Source

SHOWN = 6  # pictures
MOST = 100_000  # rows that are counted; of more it is said that they are more
LOOKED_AT = 40  # samples whose pictures' sizes stand for all
A_NUMBER = 4  # bytes of one number of an embedding


@dataclass
class Preview:
    """What would go: what it is called, by which it is confirmed; counts with their words; megabytes; pictures."""

    what: str
    name: str
    counts: list[tuple[str, str]] = field(default_factory=list)
    megabytes: float | None = None
    pictures: list[int] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)
    problem: str = ""


def of(row: removing.Removable) -> Preview:
    """The preview of any of them."""
    looks: dict[str, Callable[[Any], Preview]] = {
        removing.PROJECT: _project,
        removing.SOURCE: _source,
        removing.QUESTION: _question,
        removing.CLASS: _class,
        removing.ACCOUNT: _account,
    }
    preview = looks[removing.what_is(row)](row)
    try:
        removing.check(row)
    except removing.Refused as refused:
        preview.problem = str(refused)
    return preview


def _untouched() -> str:
    return _("The files themselves stay where they are: nothing in the folder is touched.")


def _project(project: Project) -> Preview:
    questions = list(project.questions.all())
    counts = [(_things(project), tallies.samples(project))]
    counts.append((_("labels"), sum(tallies.of(each).answers for each in questions)))
    counts.append((_("questions"), len(questions)))
    counts.append((_("classes"), LabelClass.objects.filter(question__project=project).count()))
    counts.append((_("people who lose it"), Membership.objects.filter(project=project).count()))
    kept = Kept.objects.filter(project=project, what=Kept.What.HEADS).aggregate(n=Sum("bytes"))["n"] or 0
    samples = Sample.objects.filter(project=project)
    size = kept + _vectors(project) + _of_files(project, File.objects.filter(project=project))
    return Preview(removing.PROJECT, project.name, _said(counts), size / 1e6, _shown(project, samples), [_untouched()])


def _source(source: Source) -> Preview:
    samples = Sample.objects.filter(file__source=source)
    n = _up_to(samples)
    labels = _up_to(Label.objects.filter(sample__file__source=source, is_current=True))
    counts = [
        (_things(source.project), n),
        (_("labels"), labels),
        (_("flags"), _up_to(Flag.objects.filter(sample__file__source=source))),
    ]
    counts.append((_("files that were set aside"), _up_to(Refusal.objects.filter(source=source))))
    total = tallies.samples(source.project)
    size = _of_files(source.project, File.objects.filter(source=source)) + _vectors(source.project) * n / max(1, total)
    shown = _shown(source.project, samples)
    return Preview(removing.SOURCE, source.path, _said(counts), size / 1e6, shown, [_untouched()])


def _question(question: Question) -> Preview:
    following = list(Question.objects.filter(follows=question))
    both = [question, *following]
    of_both = Q(question__in=both)
    counts = [
        (_("labels"), sum(tallies.of(each).answers for each in both)),
        (_("classes"), LabelClass.objects.filter(of_both).count()),
        (_("rounds"), Round.objects.filter(of_both).count()),
        (_("heads"), Head.objects.filter(of_both).count()),
        (_("questions that follow it"), len(following)),
    ]
    size = sum(traces.size(traces.of_heads(each.pk)) for each in both)
    labelled = Label.objects.filter(question=question, is_current=True).order_by("-pk")
    is_text = question.project.kind == Project.Kind.TEXT
    pictures = list(dict.fromkeys(labelled.values_list("sample", flat=True)[: 0 if is_text else 2 * SHOWN]))[:SHOWN]
    stays = [_("The samples stay in the project, with what was said to other questions.")]
    return Preview(removing.QUESTION, question.text, _said(counts), size / 1e6, pictures, stays)


def _class(label_class: LabelClass) -> Preview:
    labels = label_class.labelled.count() if label_class.labelled.exists() else 0
    return Preview(removing.CLASS, label_class.name, _said([(_("labels"), labels)]))


def _account(user: User) -> Preview:
    counts = [(_("projects they lose"), Membership.objects.filter(user=user).count())]
    labels = Label.objects.filter(annotator=user).count()
    stays = [
        _("%(n)s labels stay, under a pseudonym; so do flags and checks.") % {"n": number_format(labels, use_l10n=True)}
    ]
    return Preview(removing.ACCOUNT, user.username, _said(counts), stays=stays)


# --- figures --------------------------------------------------------------------------------------


def _said(counts: list[tuple[str, int]]) -> list[tuple[str, str]]:
    """Numbers as they are read; what was counted no further says so."""
    return [
        (words, number_format(n, use_l10n=True, force_grouping=True) + ("+" if n > MOST else "")) for words, n in counts
    ]


def _up_to(rows: "QuerySet[Any]") -> int:
    """How many there are, counted no further than one beyond MOST."""
    return rows.order_by()[: MOST + 1].count()


def _vectors(project: Project) -> float:
    """Bytes of the project's embeddings."""
    of_runs = EmbeddingShard.objects.filter(run__project=project)
    found = of_runs.aggregate(n=Sum(F("embedded") * F("run__dimension")))["n"] or 0
    return float(found * A_NUMBER)


def _things(project: Project) -> str:
    return _("texts") if project.kind == Project.Kind.TEXT else _("photographs")


def _of_files(project: Project, files: "QuerySet[File]") -> float:
    """Bytes that the site keeps of files: small pictures, or texts."""
    if project.kind != Project.Kind.TEXT:
        return _pictures(files)
    return float(files.aggregate(n=Sum("bytes"))["n"] or 0)


def _pictures(files: "QuerySet[File]") -> float:
    """Bytes of the small pictures of these files, as a few of them tell."""
    n = _up_to(files)
    contents = list(files.order_by("pk").values_list("sha256", flat=True)[:LOOKED_AT])
    sizes = [sum(traces.size(path) for path in traces.of_content(each)) for each in contents]
    return n * sum(sizes) / max(1, len(sizes))


def _shown(project: Project, samples: "QuerySet[Sample]") -> list[int]:
    """Of which pictures are shown; none of texts."""
    if project.kind == Project.Kind.TEXT:
        return []
    return list(samples.order_by("shard", "pk").values_list("pk", flat=True)[:SHOWN])
