"""Deleting for good: what would go, a name to type, and until the work begins a way back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role, User
from labeller.managing import previewing, removing
from labeller.projects.models import LabelClass
from labeller.text import clean


class NameForm(forms.Form):
    """The name of what is to be deleted, typed: no one does that by mistake."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=4000, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *arguments: Any, name: str) -> None:
        super().__init__(*arguments)
        self.expected = name

    def clean_name(self) -> str:
        """It must be the same, but for spaces around and between words."""
        typed = clean(self.cleaned_data["name"])
        if typed != clean(self.expected):
            raise forms.ValidationError(_("That is not its name. Nothing was deleted."))
        return typed


def _decide(request: HttpRequest, row: removing.Removable, back: str, member: Member | None = None) -> HttpResponse:
    """Show what would go; delete it where its name was typed."""
    preview = previewing.of(row)
    form = NameForm(request.POST if request.method == "POST" else None, name=preview.name)
    if request.method == "POST" and not preview.problem and form.is_valid():
        try:
            removing.ask(row, access.account(request.user))
        except removing.Refused as refused:
            messages.error(request, str(refused))
            return redirect(back)
        messages.success(request, _("“%(name)s” is being deleted.") % {"name": preview.name})
        gone_with_it = preview.what in {removing.PROJECT, removing.ACCOUNT}
        return redirect("projects:list" if gone_with_it else back)
    context = {"preview": preview, "form": form, "back": back, "layout": "base.html"}
    if member is not None:
        context |= {"project": member.project, "role": member.role, "layout": "project.html"}
    return render(request, "projects/remove.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def project(request: HttpRequest, slug: str) -> HttpResponse:
    """A whole project; only its owners may."""
    member = access.member(request.user, slug, at_least=Role.OWNER)
    return _decide(request, member.project, reverse("projects:settings", args=[slug]), member)


@require_http_methods(["GET", "HEAD", "POST"])
def source(request: HttpRequest, slug: str, source_id: int) -> HttpResponse:
    """A folder's photographs with all that was said of them."""
    member = access.member(request.user, slug, at_least=Role.OWNER)
    found = get_object_or_404(member.project.sources, pk=source_id)
    found.project = member.project
    return _decide(request, found, reverse("projects:settings", args=[slug]), member)


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """A question with its labels, and those that follow it."""
    member = access.member(request.user, slug, at_least=Role.OWNER)
    found = access.question(member.project, key)
    return _decide(request, found, reverse("projects:classes", args=[slug]), member)


@require_http_methods(["GET", "HEAD", "POST"])
def label_class(request: HttpRequest, slug: str, class_id: int) -> HttpResponse:
    """A class that no label names."""
    member = access.member(request.user, slug, at_least=Role.MANAGER)
    found = get_object_or_404(LabelClass.objects.filter(question__project=member.project), pk=class_id)
    return _decide(request, found, reverse("projects:classes", args=[slug]), member)


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest, user_id: int) -> HttpResponse:
    """Somebody's account; their labels stay."""
    administrator = access.administrator(request.user)
    person = get_object_or_404(User, pk=user_id, is_simulated=False, closing_at=None)
    if person == administrator:
        raise Http404("nobody deletes their own account")
    return _decide(request, person, reverse("accounts:people"))


@require_POST
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """Keep what somebody asked to be deleted, where the work has not begun."""
    found = get_object_or_404(removing.under_way(access.account(request.user)), pk=job_id)
    if removing.cancel(found):
        messages.success(request, _("It is kept: everything is as it was."))
    else:
        messages.warning(request, _("It is being deleted already."))
    return redirect("projects:list")
