"""Health: is the process alive, and can it do its work?

Anybody may ask, so the answers name neither places nor errors: those are in the log.
"""

import logging

import redis
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from labeller.operations import workers
from labeller.samples.ingesting import NoSpace, check_disk, megabytes_free

log = logging.getLogger(__name__)


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, broker, workers and storage; 503 with what is wrong."""
    wrong: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        wrong["database"] = type(error).__name__
    try:
        silent = workers.silent_queues()
        if silent:
            wrong["workers"] = f"no worker serves: {', '.join(silent)}"
    except (redis.RedisError, OSError):
        wrong["broker"] = "not reachable"
    try:
        check_disk()
    except (NoSpace, OSError) as error:
        log.warning("storage: %s", error)
        wrong["storage"] = f"Only {megabytes_free()} MB are free" if isinstance(error, NoSpace) else "not readable"
    return JsonResponse({"status": "unready" if wrong else "ready", "wrong": wrong}, status=503 if wrong else 200)
