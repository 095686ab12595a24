"""A person's own pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeller.accounts import services
from labeller.accounts.forms import KeysForm


@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The keys of the labelling screens, to be replaced by keys of one's own."""
    if "restore_all" in request.POST:
        services.set_keys(request.user, {})
        messages.success(request, _("All keys are the usual ones again."))
        return redirect("accounts:keys")
    given = request.POST.copy() if request.method == "POST" else None
    if given and "restore" in given:
        given[f"{KeysForm.prefix}-{given['restore']}"] = ""
    form = KeysForm(given, own=request.user.keys)
    if given and "check" in given:  # by the page's script, while keys are chosen
        return render(request, "accounts/_key_problem.html", {"errors": form.errors.get(given["check"], [])})
    if form.is_valid():
        services.set_keys(request.user, form.cleaned_data)
        messages.success(request, _("Your keys were saved. Pages open already take them once they are loaded anew."))
        return redirect("accounts:keys")
    return render(request, "accounts/keys.html", {"form": form, "sections": form.sections()})
