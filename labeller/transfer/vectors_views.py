"""What is pressed where word vectors are trained."""

from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from labeller.accounts import access
from labeller.accounts.models import Role
from labeller.transfer import training_vectors, vocabulary


@require_POST
def train_vectors(request: HttpRequest, slug: str) -> HttpResponse:
    """Have vectors trained on the texts: from nothing, or from those at hand that are named."""
    project = access.of_texts(request.user, slug, at_least=Role.MANAGER).project
    named = request.POST.get("source", "")
    source = next((each for each in vocabulary.at_hand(project) if named and Path(each).name == named), "")
    if named and not source:
        messages.warning(request, _("These word vectors are not on this server any more: choose others."))
    else:
        training_vectors.ask(project, source)
    return redirect("transfer:featuriser", slug)


@require_POST
def stop_vectors(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop training: nothing changes."""
    training_vectors.cancel(access.of_texts(request.user, slug, at_least=Role.MANAGER).project)
    return redirect("transfer:featuriser", slug)
