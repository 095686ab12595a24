"""Near-copies of texts: what was folded with a text, side by side; unfolded, or folded again."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.managing import folding
from labeller.projects.models import Project
from labeller.samples import copies as folded
from labeller.samples.differing import LONGEST, Stretch, differing
from labeller.samples.models import Sample, Text, TextCopy

A_PAGE = 50  # texts with near-copies
ON_ONE = 20  # near-copies of one text
BEGINNING = 200  # characters of a text in a list


def _project(request: HttpRequest, slug: str, at_least: Role) -> tuple[Project, str]:
    member = access.member(request.user, slug, at_least=at_least)
    if member.project.kind != Project.Kind.TEXT:
        raise Http404("only texts have near-copies")
    return member.project, member.role


@require_safe
def copies(request: HttpRequest, slug: str) -> HttpResponse:
    """The texts with which others were folded, in the order in which they came."""
    project, role = _project(request, slug, Role.ANNOTATOR)
    near = TextCopy.objects.filter(original__project=project, original__gt=_number(request, "after"))
    counted = near.exclude(content="").order_by("original").values_list("original").annotate(n=Count("pk"))
    found = list(counted[: A_PAGE + 1])
    texts = Text.objects.in_bulk([pk for pk, _n in found[:A_PAGE]])
    context = {
        "project": project,
        "role": role,
        "rows": [(texts[pk], texts[pk].content[:BEGINNING], n) for pk, n in found[:A_PAGE] if pk in texts],
        "more": found[A_PAGE - 1][0] if len(found) > A_PAGE else None,
    }
    return render(request, "projects/copies.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def copies_of(request: HttpRequest, slug: str, sample_id: int) -> HttpResponse:
    """One text and its near-copies, with the words marked in which they differ."""
    project, role = _project(request, slug, Role.MANAGER if request.method == "POST" else Role.ANNOTATOR)
    sample = get_object_or_404(Sample.objects.select_related("text", "file"), project=project, pk=sample_id)
    if not Text.objects.filter(pk=sample.pk).exists():
        raise Http404("no text")
    if request.method == "POST":
        _change(request, project, sample)
        return redirect("projects:copies_of", slug, sample.pk)
    after = _number(request, "after")
    near = sample.copies.exclude(content="").filter(pk__gt=after).select_related("file").order_by("pk")
    found = list(near[: ON_ONE + 1])
    context = {
        "project": project,
        "role": role,
        "sample": sample,
        "content": sample.text.content[:LONGEST],
        "is_cut": len(sample.text.content) > LONGEST,
        "same": sample.copies.filter(content="").count(),
        "near": [(copy, *map(_marked, differing(sample.text.content, copy.content))) for copy in found[:ON_ONE]],
        "unfolded": _unfolded(sample),
        "more": found[ON_ONE - 1].pk if len(found) > ON_ONE else None,
    }
    return render(request, "projects/copies_of.html", context)


def _marked(stretches: list[Stretch]) -> SafeString:
    """A text with the words marked that are others."""
    return format_html_join(
        "",
        "{}",
        ((format_html("<mark>{}</mark>", each.content) if each.differs else each.content,) for each in stretches),
    )


def _unfolded(sample: Sample) -> list[dict[str, Any]]:
    """What was a near-copy of it once: whether it is being folded again, and whether it can be."""
    texts = list(Text.objects.filter(like=sample).select_related("sample__file").order_by("pk")[:ON_ONE])
    pks = [text.pk for text in texts]
    spoken_of, under_way = folding.spoken_of(pks), folding.under_way(pks)
    return [
        {
            "text": text,
            "content": _marked(differing(sample.text.content, text.content)[1]),
            "has_labels": text.pk in spoken_of,
            "is_under_way": text.pk in under_way,
        }
        for text in texts
    ]


def _change(request: HttpRequest, project: Project, sample: Sample) -> None:
    if copy_id := _number(request, "unfold"):
        copy = get_object_or_404(TextCopy, pk=copy_id, original=sample)
        if folded.unfold(project, [copy.pk]):
            messages.success(request, _("It is a sample of its own now. What was said of the other stays with that."))
    elif pk := _number(request, "fold"):
        text = get_object_or_404(Text, pk=pk, like=sample)
        if folding.spoken_of([text.pk]):
            messages.error(request, _("It has labels of its own, so it stays a sample of its own."))
        else:
            folding.ask(text)
            messages.success(request, _("It is being folded again."))


def _number(request: HttpRequest, name: str) -> int:
    """A number that was asked for; 0 where it is none, or larger than any row's."""
    said = (request.POST if request.method == "POST" else request.GET).get(name, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else 0
