"""Looking after the accounts of the site, for its administrators."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeller.accounts import access, admitting
from labeller.accounts.models import User

ON_A_PAGE = 100


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """All accounts, with what can be done about each."""
    access.administrator(request.user)
    return _people(request)


@never_cache
@require_POST
def new_password(request: HttpRequest, user_id: int) -> HttpResponse:
    """A one-time password for somebody who forgot theirs, shown once."""
    person = _person(request, user_id)
    if person == request.user:
        return redirect("accounts:password")
    return _people(request, new_username=person.username, one_time_password=admitting.give_one_time_password(person))


@require_POST
def set_active(request: HttpRequest, user_id: int) -> HttpResponse:
    """Close an account, or open it again."""
    person = _person(request, user_id)
    try:
        admitting.set_active(person, active="open" in request.POST, by=access.account(request.user))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return redirect("accounts:people")


@require_POST
def log_out(request: HttpRequest, user_id: int) -> HttpResponse:
    """End all sessions of somebody."""
    person = _person(request, user_id)
    admitting.log_out_everywhere(person)
    messages.success(request, _("%(name)s was logged out everywhere.") % {"name": person.username})
    return redirect("accounts:people")


def _person(request: HttpRequest, user_id: int) -> User:
    access.administrator(request.user)
    return get_object_or_404(User, pk=user_id, is_simulated=False, closing_at=None)


def _people(request: HttpRequest, **shown: Any) -> HttpResponse:
    found = Paginator(User.objects.filter(is_simulated=False, closing_at=None).order_by("username"), ON_A_PAGE)
    page = found.get_page(request.GET.get("page"))
    return render(request, "accounts/people.html", {"page": page, "one_time_days": admitting.ONE_TIME_DAYS, **shown})
