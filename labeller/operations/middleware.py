"""Answering 503 instead of 500 while the database is busy or away, wherever in a request that shows."""

import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults

from labeller.config.postgresql.base import request_limit
from labeller.operations import views


class OutageMiddleware:
    """No request waits for the database for ever, and one that only asks for life not at all.

    A database that can't answer now is no fault of the request: 503, and the client tries again. What views raise comes
    here; what middleware, context processors and error pages raise comes to the handlers below.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return views.healthz(request)
        with request_limit():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return busy(request) if is_outage(exception) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500"""
    return busy(request) if is_outage(sys.exception()) else defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: a session that could not be saved looks like one that was deleted meanwhile."""
    return busy(request) if is_outage(exception) else defaults.bad_request(request, exception)


def is_outage(exception: BaseException | None) -> bool:
    """Whether the database was busy or away, here or where this exception began."""
    while exception is not None and not isinstance(exception, OperationalError | InterfaceError):
        exception = exception.__cause__ or exception.__context__
    return exception is not None


def busy(request: HttpRequest) -> HttpResponse:
    connection.close_if_unusable_or_obsolete()
    if "text/html" in request.headers.get("Accept", ""):  # a person who opens a page; scripts ask for anything
        response = HttpResponse(render_to_string("503.html"), status=503)
    else:
        detail = _("The database is busy or away; nothing was saved. Try again.")
        response = JsonResponse({"detail": detail}, status=503)
    response["Retry-After"] = "1"
    return response
