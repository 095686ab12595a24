"""What the labelling views share: the way to a question, and answers to bodies that can't be understood."""

from functools import wraps
from typing import Any

from django.http import HttpRequest, JsonResponse

from labeller.accounts import access
from labeller.accounts.access import Member
from labeller.accounts.models import Role
from labeller.annotating.forms import BadRequest
from labeller.annotating.holding import HoldsEnough
from labeller.projects.models import Question


def asked(request: HttpRequest, slug: str, key: str, at_least: Role = Role.ANNOTATOR) -> tuple[Member, Question]:
    """Who asks, and the question; strangers get 404, weaker roles 403."""
    return access.member_asked(request.user, slug, key, at_least=at_least)


def explains(view: Any) -> Any:
    """Answer a body that can't be understood with 422, and somebody who has enough with 429, and the reason."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except BadRequest as error:
            return JsonResponse({"detail": str(error)}, status=422)
        except HoldsEnough as error:
            return JsonResponse({"detail": str(error)}, status=429)

    return wrapped
