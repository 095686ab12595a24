"""Nothing is open to somebody who has not chosen a password yet."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

OPEN = {"accounts:password", "logout"}


class OneTimePasswordMiddleware:
    """Whoever logged in with a password that was made for them is led to the page where they choose their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not getattr(view, "login_required", True) or name in OPEN:
            return None
        if not request.user.is_authenticated or not request.user.must_choose_password:
            return None
        if "text/html" in request.headers.get("Accept", ""):  # a person who opens a page; scripts ask for anything
            onward = f"?{urlencode({'next': request.path})}" if request.method == "GET" else ""
            return redirect(reverse("accounts:password") + onward)
        return JsonResponse({"detail": _("Choose a password of your own first: load the page anew.")}, status=403)
