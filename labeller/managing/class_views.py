"""Questions and their classes, for managers.

Here, at the top, because what labels say of them is shown, and what is changed asks for a refit.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.labels import tallies
from labeller.learning import asking as learning
from labeller.learning import seeing
from labeller.projects import questions, taxonomy
from labeller.projects.class_forms import AddClassesForm, ClassForm, FollowingQuestionForm, TaxonomyForm
from labeller.projects.models import LabelClass, Question
from labeller.text import clean, fold
from labeller.transfer import networks

A_PAGE = 100


def _page_of(question: Question) -> str:
    return f"{reverse('projects:classes', args=[question.project.slug])}?question={question.key}"


@require_http_methods(["GET", "HEAD", "POST"])
def classes(request: HttpRequest, slug: str) -> HttpResponse:
    """A question's classes; more are added by name or from a file."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    question = access.question(member.project, request.GET.get("question"))
    done = request.POST.get("do")
    forms: dict[str, Form] = {
        "add": AddClassesForm(request.POST if done == "add" else None),
        "upload": TaxonomyForm(*((request.POST, request.FILES) if done == "upload" else ())),
    }
    if done in forms and forms[done].is_valid():
        try:
            said = {"add": _add, "upload": _upload}[done](question, forms[done].cleaned_data)
        except ValidationError as error:
            forms[done].add_error(None, error)
        else:
            messages.success(request, said)
            return redirect(_page_of(question))
    return render(request, "projects/classes.html", {**_shown(request, member, question), "forms": forms})


def _add(question: Question, given: dict[str, Any]) -> str:
    n = questions.add_classes(question, given["names"])
    _suggest_anew(question)
    return ngettext("%(n)d class was added.", "%(n)d classes were added.", n) % {"n": n}


def _upload(question: Question, given: dict[str, Any]) -> str:
    outcome = taxonomy.load(question, given["file"].read(taxonomy.MAX_BYTES + 1))
    if outcome.moved:
        learning.request_refit(question, at_once=True)
    learning.ask_anew(question)
    seeing.ask(question.project)
    _suggest_anew(question)
    made = ngettext("%(n)d class was added", "%(n)d classes were added", outcome.made) % {"n": outcome.made}
    return ngettext("%(made)s, and %(n)d changed.", "%(made)s, and %(n)d changed.", outcome.changed) % {
        "made": made,
        "n": outcome.changed,
    }


def _suggest_anew(question: Question) -> None:
    """Have new names suggested too, where names alone suggest: there is no head yet, and the featuriser reads texts."""
    if networks.reads_texts(question.project.featuriser) and not question.heads.exists():
        learning.request_refit(question, at_once=True)


def _shown(request: HttpRequest, member: Member, question: Question) -> dict[str, Any]:
    sought = clean(request.GET.get("q", ""))[:200]
    page = Paginator(_sought(question, sought), A_PAGE).get_page(request.GET.get("page"))
    counts = tallies.of(question).classes
    return {
        "project": member.project,
        "role": member.role,
        "question": question,
        "questions": member.project.questions.order_by("position", "pk"),
        "page": page,
        "rows": [(each, counts.get(each.pk, 0)) for each in page.object_list],
        "n_classes": question.classes.count(),
        "sought": sought,
        "is_looking": request.method != "POST" and (sought or page.number > 1),
        "columns": taxonomy.COLUMNS,
    }


def _sought(question: Question, sought: str) -> QuerySet[LabelClass]:
    found = question.classes.select_related("parent").order_by("position", "pk")
    if not sought:
        return found
    matching = Q(folded__contains=fold(sought)) | Q(parent__folded__contains=fold(sought))
    for field in ("scientific_name", "local_name", "code"):
        matching |= Q(**{f"{field}__icontains": sought})
    return found.filter(matching)


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, slug: str, class_id: int) -> HttpResponse:
    """One class: its names, its key, and what it belongs to."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    found = LabelClass.objects.select_related("question", "parent").filter(question__project=project)
    label_class = get_object_or_404(found, pk=class_id)
    question = label_class.question
    question.project = project
    name, learnt, was_blank = label_class.name, _learnt(label_class), label_class.is_blank
    meant = _meant(label_class)
    form = ClassForm(request.POST or None, instance=label_class)
    if form.is_valid():
        try:
            taxonomy.change(form.instance)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if _learnt(form.instance) != learnt:
                learning.request_refit(question, at_once=True)
            if form.instance.is_blank != was_blank:
                learning.ask_anew(question)
            if _meant(form.instance) != meant:
                seeing.ask(project)
            messages.success(request, _("“%(name)s” was saved.") % {"name": form.instance.name})
            return redirect(_page_of(question))
    context = {
        "project": project,
        "role": member.role,
        "question": question,
        "name": name,
        "colour": label_class.colour,
        "form": form,
        "back": _page_of(question),
    }
    return render(request, "projects/class.html", context)


def _learnt(label_class: LabelClass) -> tuple[int | None, bool]:
    """What of a class the head and the ranking go by."""
    return label_class.parent_id, label_class.is_starred


def _meant(label_class: LabelClass) -> tuple[Any, ...]:
    """What of a class says whether a person is in a picture."""
    return label_class.name, label_class.scientific_name, label_class.parent_id, label_class.is_blank


@require_http_methods(["GET", "HEAD", "POST"])
def follow_up(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """A new question, asked in the same pass right after this one."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    project = member.project
    follows = get_object_or_404(project.questions.filter(follows=None), key=key)
    follows.project = project
    form = FollowingQuestionForm(request.POST if request.method == "POST" else None, follows=follows)
    if form.is_valid():
        question = questions.add_following_question(follows, **form.cleaned_data)
        question.project = project
        learning.ask_anew(follows)
        messages.success(request, _("The question is asked from now on."))
        return redirect(_page_of(question))
    context = {
        "project": project,
        "role": member.role,
        "question": follows,
        "form": form,
        "back": _page_of(follows),
    }
    return render(request, "projects/follow_up.html", context)
