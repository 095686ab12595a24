"""Who asked for what: a line for every request that a view answers, in DATA/logs/access.log."""

import logging
import time
from collections.abc import Callable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from labeller.accounts import clients

LONGEST = 500  # characters of a path that are kept

log = logging.getLogger("labeller.access")


class AccessLogMiddleware:
    """Address, person, method, path, status and time; never what stands after the question mark."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        log.info(
            "%s %s %s %s %d %d ms",
            clients.address(request) or "-",
            _person(request),
            request.method,
            quote(request.path, errors="replace")[:LONGEST],  # quoted, or it could write lines of its own
            response.status_code,
            (time.monotonic() - started) * 1000,
        )
        return response


def _person(request: HttpRequest) -> str:
    """The name of who is logged in, where the view has looked already: a database that is away is not asked here."""
    user = getattr(request, "_cached_user", None)  # Django's own, behind request.user
    return quote(user.get_username(), safe="@+") if user is not None and user.is_authenticated else "-"
