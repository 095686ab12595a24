"""Signs of life of Celery workers, kept in Redis for /readyz."""

import os
import time
from pathlib import Path
from typing import Any

import redis
from celery.signals import beat_init, celeryd_after_setup, heartbeat_sent, worker_init, worker_ready
from django.conf import settings

from labeller.config import schema
from labeller.operations.supervisor import BEGUN
from tl_core import heads

PREFIX = "labeller:worker:"
BEAT = 5.0  # seconds between two signs
SPARED = {"tune"}  # queues without which people label as before: a team may serve them, or not
FORGET = 30  # seconds until a silent worker counts as gone

_queues: list[str] = []
_last = 0.0


def client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def connect_signals() -> None:
    worker_init.connect(_insist_on_this_version)
    celeryd_after_setup.connect(_remember_queues)
    celeryd_after_setup.connect(_load_ahead)
    heartbeat_sent.connect(_beat)
    worker_ready.connect(_tell_begun)
    beat_init.connect(_tell_begun)


def _insist_on_this_version(**kwargs: Any) -> None:
    schema.insist()


def _tell_begun(**kwargs: Any) -> None:
    """Tell the supervisor, where one started this process, that from now on its signals are heard."""
    if path := os.environ.get(BEGUN):
        Path(path).touch()


def _remember_queues(sender: str, instance: Any, **kwargs: Any) -> None:
    _queues[:] = list(instance.app.amqp.queues.consume_from)


def _load_ahead(sender: str, instance: Any, **kwargs: Any) -> None:
    """Load what refits need before the first one, for which people wait; all others load it if they come to need it."""
    if "train" in instance.app.amqp.queues.consume_from:
        heads.get()


def _beat(sender: Any, **kwargs: Any) -> None:
    global _last
    if time.monotonic() - _last < BEAT:
        return
    _last = time.monotonic()
    try:
        with client() as connection:
            connection.set(f"{PREFIX}{sender.eventer.hostname}", ",".join(_queues), ex=FORGET)
    except redis.RedisError:
        pass  # the broker is away: the worker notices by itself, and /readyz says so


def silent_queues() -> list[str]:
    """Queues that labelling needs and no living worker serves. Raises redis.RedisError where the broker is away."""
    with client() as connection:
        names = list(connection.scan_iter(f"{PREFIX}*"))
        served = (
            {queue for value in connection.mget(names) if value for queue in value.decode().split(",")}
            if names
            else set()
        )
    return sorted({queue.name for queue in settings.CELERY_TASK_QUEUES} - served - SPARED)
