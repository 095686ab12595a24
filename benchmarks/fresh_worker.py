"""The first two rounds of a process that begins anew, as a worker that was just started does them.

    python -m benchmarks.fresh_worker DATA [summed|unsummed]

DATA is what `benchmarks.rounds --pool` prepared and ran the program on. Summed: with the file that the pool is
summed up by, as the program does it; unsummed: as if no job had written it yet. Seconds of importing what ranks, of the
first round and of the second; the same in seconds that processors were at work; the most memory held then. Last line:
JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.pool import set_up

SUMMED, UNSUMMED = "summed", "unsummed"


def memory(pid: int | str) -> dict[str, int]:
    """The most memory a process held so far with what it maps, and what it holds now that is its own; megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = {name: text.split() for name, _, text in (line.partition(":") for line in lines)}
    return {
        name: round(int(fields[key][0]) * 1024 / 1e6)
        for name, key in (("peak_mb", "VmHWM"), ("own_mb", "RssAnon"))
        if key in fields  # a process that has just ended has none
    }


def main() -> None:
    data, way = sys.argv[1:]
    found: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        started, worked = time.perf_counter(), time.process_time()
        yield
        found[f"{name}_s"] = time.perf_counter() - started
        found[f"{name}_processor_s"] = time.process_time() - worked

    set_up(Path(data))
    with timed("importing"):
        from labeller.learning import rounds
    question = _asked(way)
    for name in ("first", "second"):
        with timed(name):
            rounds.switch(rounds.rank(question))
    print(json.dumps({**found, **memory("self")}))


def _asked(way: str) -> Any:
    from labeller.embedding import loading, runs
    from labeller.projects.models import Question

    question = Question.objects.select_related("project").get()
    run = runs.current_run(question.project)
    if way == UNSUMMED:
        loading.summary = lambda *arguments: None
    elif loading.summary(run, "", loading.parts(run, "")) is None:
        sys.exit("the pool is not summed up: run the program on it")
    loading._summary.cache_clear()
    return question


if __name__ == "__main__":
    main()
