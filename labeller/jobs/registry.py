"""Which function does which kind of job. Filled by each app's tasks.py."""

from collections.abc import Callable

from labeller.jobs.queueing import QUEUES, Progress

Handler = Callable[[Progress], None]
_handlers: dict[str, Handler] = {}


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Decorator: this function does jobs of that kind."""
    if kind not in QUEUES:
        raise ValueError(f"no queue is named for jobs of kind {kind!r} in jobs.services.QUEUES")

    def register(run: Handler) -> Handler:
        _handlers[kind] = run
        return run

    return register


def get(kind: str) -> Handler:
    return _handlers[kind]
