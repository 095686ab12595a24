"""What no database takes is dropped from requests before anything else reads them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.request import UnreadablePostError

from labeller.text import storable

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class StorableRequestMiddleware:
    """Drops NUL and lone surrogates from headers, cookies, queries and forms: PostgreSQL refuses them as an error.

    JSON bodies are the labelling screens' own (`annotating.forms.body`). It comes before the session is looked up.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name, value in request.META.items():
            if name.startswith("HTTP_") and storable(value) != value:
                request.META[name] = storable(value)
        request.COOKIES = {storable(name): storable(value) for name, value in request.COOKIES.items()}
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.META.get("QUERY_STRING", ""):
            request.GET = _storable(request.GET)  # type: ignore[assignment]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """Forms, once it is known where they go: who sends one to nowhere has it read by nobody."""
        if request.method != "POST" or request.content_type not in FORMS:
            return None
        try:
            given = request.POST
        except UnreadablePostError:  # who sends it has gone
            return HttpResponse(status=400)
        cleaned = _storable(given)
        if cleaned != given:
            request.POST = cleaned  # type: ignore[assignment]
        return None


def _storable(given: QueryDict) -> QueryDict:
    found = QueryDict(mutable=True, encoding=given.encoding)
    for name, values in given.lists():
        found.setlist(storable(name), [storable(value) for value in values])
    found._mutable = False
    return found
