"""How tables of texts are read: seen with their first rows after an import began, and corrected."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.projects.models import Project
from labeller.samples import rereading
from labeller.samples.known import COLUMN
from labeller.samples.models import Refusal, Source
from labeller.samples.rereading import Correction, TableLook
from labeller.samples.scanning import FolderError

MOST_SOURCES = 10  # on the page
BEGINNING = 300  # characters of a cell
ROLES = (
    ("", gettext_lazy("not used")),
    (rereading.TEXT, gettext_lazy("the text")),
    (rereading.LABEL, gettext_lazy("the label")),
    (rereading.GROUP, gettext_lazy("what belongs together")),
)
DELIMITERS = (
    ("", gettext_lazy("as guessed")),
    (",", gettext_lazy("comma")),
    (";", gettext_lazy("semicolon")),
    ("\t", gettext_lazy("tab")),
    ("|", gettext_lazy("vertical bar")),
    (rereading.NO_DELIMITER, gettext_lazy("none: a line is a text")),
)
HEADERS = (
    ("", gettext_lazy("as guessed")),
    ("yes", gettext_lazy("names the columns")),
    ("no", gettext_lazy("is a row like the others")),
)
MEANINGS = (
    ("", gettext_lazy("nothing, or as before")),
    ("truth", gettext_lazy("the true classes, kept hidden to try things out")),
    ("labels", gettext_lazy("labels that are known already")),
)
ENCODINGS = (
    *("utf-8", "utf-16", "cp1252", "iso-8859-1", "iso-8859-15", "cp1250", "iso-8859-2", "cp1251", "koi8-r", "cp1253"),
    *("cp1254", "cp1255", "cp1256", "mac_roman", "cp437", "cp850", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def tables(request: HttpRequest, slug: str) -> HttpResponse:
    """The first table of each source, as it is read; what is corrected is shown first, and then read anew."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    if project.kind != Project.Kind.TEXT:
        raise Http404("photographs are in no table")
    sources = list(project.sources.order_by("pk")[:MOST_SOURCES])
    chosen, said = None, None
    if request.method == "POST":
        named = request.POST.get("source", "")
        chosen = get_object_or_404(project.sources, pk=int(named) if named.isascii() and named.isdecimal() else 0)
        said = _said(request.POST)
    shown = [_shown(source, said if source == chosen else None) for source in sources]
    if chosen is not None and request.POST.get("do") == "read" and _read(request, chosen, shown):
        return redirect("projects:tables", slug)
    context = {
        "project": project,
        "role": member.role,
        "sources": shown,
        "roles": ROLES,
        "delimiters": DELIMITERS,
        "headers": HEADERS,
        "meanings": MEANINGS,
        "encodings": ENCODINGS,
    }
    return render(request, "projects/tables.html", context)


def _said(posted: QueryDict) -> Correction:
    known = {value for value, _words in ROLES}
    return Correction(
        encoding=posted.get("encoding", "") if posted.get("encoding", "") in ENCODINGS else "",
        delimiter=posted.get("delimiter", "") if posted.get("delimiter", "") in dict(DELIMITERS) else "",
        header=posted.get("header", ""),
        roles=tuple(each if each in known else "" for each in posted.getlist("role")),
    )


def _shown(source: Source, said: Correction | None) -> dict[str, Any]:
    """What the page shows of a source."""
    found: dict[str, Any] = {
        "source": source,
        "said": said or Correction(),
        "seen": None,
        "error": "",
        "is_under_way": rereading.is_under_way(source),
        "refused": Refusal.objects.filter(source=source, row__isnull=False).count(),
        "meaning": "labels" if source.labels_from == COLUMN else "truth" if source.truth_from == COLUMN else "",
    }
    try:
        seen = rereading.look(source, said)
    except FolderError as error:
        return {**found, "error": str(error)}
    if seen is not None:
        found["said"] = said or _as_stored(source, seen)
        found["seen"] = seen
        found["rows"] = [[cell[:BEGINNING] for cell in row] for row in seen.rows]
        found["number_of_role"] = list(enumerate(seen.roles))
    return found


def _as_stored(source: Source, seen: TableLook) -> Correction:
    """What the form begins with: what was corrected before, or nothing."""
    if "columns" not in source.layout:
        return Correction()
    layout = seen.layout
    return Correction(layout.encoding, layout.delimiter or rereading.NO_DELIMITER, "yes" if layout.has_header else "no")


def _read(request: HttpRequest, source: Source, shown: list[dict[str, Any]]) -> bool:
    """Have it read anew; False where that can't be, and why."""
    for each in shown:
        if each["source"] == source and isinstance(each["seen"], TableLook):
            try:
                rereading.ask(source, each["seen"], request.POST.get("meaning", ""))
            except FolderError as error:
                each["error"] = str(error)
                return False
            messages.success(request, _("The table is being read anew. Texts that stay keep their labels."))
            return True
    return False
