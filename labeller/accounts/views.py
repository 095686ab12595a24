"""A person's own pages."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeller.accounts import access, admitting
from labeller.accounts.forms import KeysForm, password_form


@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The keys of the labelling screens, to be replaced by keys of one's own."""
    person = access.account(request.user)
    if "restore_all" in request.POST:
        admitting.set_keys(person, {})
        messages.success(request, _("All keys are the usual ones again."))
        return redirect("accounts:keys")
    given = request.POST.copy() if request.method == "POST" else None
    if given and "restore" in given:
        given[f"{KeysForm.prefix}-{given['restore']}"] = ""
    form = KeysForm(given, own=person.keys)
    if given and "check" in given:  # by the page's script, while keys are chosen
        return render(request, "accounts/_key_problem.html", {"errors": form.errors.get(str(given["check"]), [])})
    if form.is_valid():
        admitting.set_keys(person, form.cleaned_data)
        messages.success(request, _("Your keys were saved. Pages open already take them once they are loaded anew."))
        return redirect("accounts:keys")
    return render(request, "accounts/keys.html", {"form": form, "sections": form.sections()})


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """A person's own account: name, password, keys, sessions."""
    return render(request, "accounts/account.html")


@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose a password; the only page there is for somebody whose password was made for them."""
    person = access.account(request.user)
    form = password_form(request, request.POST or None)
    onward = request.POST.get("next") or request.GET.get("next", "")
    if request.method == "POST" and form.is_valid():
        admitting.choose_password(person, form.cleaned_data["new_password1"])
        update_session_auth_hash(request, person)
        messages.success(request, _("Your password was changed. Everywhere else you were logged out."))
        if url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
            return redirect(onward)
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/password.html", {"form": form, "next": onward})


@require_POST
def log_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End all of one's sessions, this one included."""
    admitting.log_out_everywhere(access.account(request.user))
    logout(request)
    messages.success(request, _("You were logged out everywhere."))
    return redirect("login")
