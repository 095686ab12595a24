"""Answering 503 instead of 500 while the database is busy or away."""

from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


class BusyDatabaseMiddleware:
    """A database that can't answer now is no fault of the request: 503, and the client tries again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        connection.close_if_unusable_or_obsolete()
        if "text/html" in request.headers.get("Accept", ""):  # a person who opens a page; scripts ask for anything
            response = HttpResponse(render_to_string("503.html"), status=503)
        else:
            detail = _("The database is busy or away; nothing was saved. Try again.")
            response = JsonResponse({"detail": detail}, status=503)
        response["Retry-After"] = "1"
        return response
