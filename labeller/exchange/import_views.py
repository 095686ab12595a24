"""Bringing in somebody's file: which one, what would come of it, and what came of it."""

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.exchange import importing, starting
from labeller.exchange.import_forms import ImportForm, OptionsForm
from labeller.exchange.importers import IMPORTERS
from labeller.exchange.importers.reasons import words
from labeller.exchange.models import Import
from labeller.samples.ingesting import NoSpace
from labeller.samples.scanning import FolderError


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest, slug: str) -> HttpResponse:
    """All files that were brought in, and the form that begins with another one."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    form = ImportForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        project=member.project,
    )
    if form.is_valid():
        try:
            wanted = _begin(member, form.cleaned_data)
        except (FolderError, NoSpace) as error:
            form.add_error("path" if form.cleaned_data["path"] else "file", str(error))
        else:
            importing.ask(wanted)
            return redirect("exchange:import", slug, wanted.pk)
    rows = [(each, _title(each)) for each in starting.of_project(member.project)]
    context = {"project": member.project, "role": member.role, "form": form, "rows": rows}
    return render(request, "exchange/imports.html", context)


def _begin(member: Member, given: dict[str, Any]) -> Import:
    question = access.question(member.project, given["question"])
    if given["file"]:
        return starting.of_upload(question, given["file"], given["file"].name, format=given["format"])
    return starting.of_path(question, Path(given["path"]), member, format=given["format"])


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, slug: str, import_id: int) -> HttpResponse:
    """One file: how it is read and what would be done, what is under way, and what was done."""
    member = access.of_photographs(request.user, slug, at_least=Role.MANAGER)
    # Jobs are read before what they change: one that ends in between would leave an old page that asks for no newer.
    wanted = get_object_or_404(Import, project=member.project, pk=import_id)
    job, last = importing.under_way(wanted), importing.last(wanted)
    wanted.refresh_from_db()
    form = OptionsForm(request.POST if request.method == "POST" else None, guesses=wanted.guesses)
    if request.method == "POST" and form.is_valid():
        return _do(request, wanted, form, is_busy=job is not None)
    report = (wanted.report if wanted.applied_at or wanted.position else wanted.look) or {}
    wrong = report.get("wrong", ())
    context = {
        "project": member.project,
        "role": member.role,
        "import": wanted,
        "title": _title(wanted),
        "job": job,
        "failed": last if last and last.state == last.State.FAILED else None,
        "problem": words(*wanted.problem) if wanted.problem else "",
        "form": form,
        "report": report,
        "wrong": [{**each, "words": words(each["reason"], each["first"][0][2])} for each in wrong],
        "has_list": wanted.list_path.is_file(),
    }
    return render(request, "exchange/import.html", context)


def _do(request: HttpRequest, wanted: Import, form: OptionsForm, *, is_busy: bool) -> HttpResponse:
    """What was pressed."""
    slug, what = wanted.project.slug, request.POST.get("do")
    if what == "stop":
        importing.cancel(wanted)
    elif what == "forget" and not is_busy:
        starting.forget(wanted)
        messages.success(request, _("The import was taken off the list; what it brought stays."))
        return redirect("exchange:imports", slug)
    elif what == "look" and not is_busy:
        importing.say(wanted, {name: str(value) for name, value in form.cleaned_data.items()})
        importing.ask(wanted)
    elif what == "apply" and not is_busy and wanted.look is not None:
        importing.ask(wanted, importing.APPLY)
    return redirect("exchange:import", slug, wanted.pk)


@require_safe
def not_taken(request: HttpRequest, slug: str, import_id: int) -> HttpResponseBase:
    """Every row that was not taken, or put right, and why."""
    project = access.of_photographs(request.user, slug, at_least=Role.MANAGER).project
    wanted = get_object_or_404(Import, project=project, pk=import_id)
    try:
        file = wanted.list_path.open("rb")
    except FileNotFoundError as error:
        raise Http404("there is no list yet") from error
    name = f"{slug}-import-{wanted.pk}.csv"
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv")


def _title(wanted: Import) -> str:
    known = IMPORTERS.get(wanted.format)
    return _(known.title) if known else ""
