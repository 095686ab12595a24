"""A table of texts in the running program with its default settings: import, featurising, and rounds after it.

    python -m benchmarks.tables [--rows 1000000] [--labels 600] [--rounds 40] [--directory DIR] [--json FILE]

Rows are short and made of the words of a sentence encoder's own vocabulary, where one is installed: words of letters at
random would be cut into many pieces, and cost what no text costs. One in twenty is nearly another. Memory is what all
processes of the program hold together, mapped files left out. DIR (default: the system's temporary directory) needs
about 6 kB a row. Last line: JSON.
"""

import argparse
import contextlib
import csv
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.read_texts import CLASSES, passages
from benchmarks.rounds import PER_ROUND, WARM_UP, wait_for
from benchmarks.site import Site, report, running

POLL = 1.0  # seconds between two looks at the database
LEAST, MOST = 2, 10  # letters of a word that counts as one
OPEN = "state IN ('queued', 'running')"
EMBEDDED = "SELECT run_id, SUM(embedded) FROM embedding_embeddingshard GROUP BY run_id"


def words() -> list[str]:
    """Whole words that a sentence encoder knows; [] where none is installed."""
    from tl_core.featurisers import FeaturiserUnavailable
    from tl_core.texts import registry

    try:
        file = registry.make("minilm").checkpoint.tokenizer_file  # type: ignore[attr-defined]
    except FeaturiserUnavailable:
        return []
    known = json.loads(file.read_text())["model"]["vocab"]
    return sorted((word for word in known if word.isalpha() and LEAST <= len(word) <= MOST), key=known.__getitem__)


def write(path: Path, rows: int) -> None:
    """The table: text, label, author."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("text", "label", "group"))
        writer.writerows(passages(rows, words()))


class Watch:
    """What the program's database says, and what its processes hold."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.path = f"file:{site.data}/labeller.sqlite3?mode=ro"
        self.peak = self.largest = 0

    def asks(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; none while the database is busy."""
        with contextlib.closing(sqlite3.connect(self.path, uri=True, timeout=30)) as database:
            return database.execute(query).fetchall()

    def looks(self) -> float:
        """Wait a moment and note the memory; seconds since the start."""
        time.sleep(POLL)
        own = []
        for each in psutil.Process(self.site.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                memory = each.memory_info()
                own.append(memory.rss - memory.shared)
        self.peak = max(self.peak, sum(own))
        self.largest = max(self.largest, *own)
        return time.monotonic() - self.site.started

    def until(self, query: str) -> float:
        """Seconds since the start at which a query first gave a row."""
        while not self.asks(query):
            self.looks()
        return time.monotonic() - self.site.started


def measure(table: Path, data: Path, rows: int, labels: int, rounds: int) -> dict[str, Any]:
    """Start the program on the table, wait for each stage, then label."""
    with running("", data=data, TEXTS=str(table), TRUTH="label") as site:
        site.question = "what-is-this-text-about"
        watch = Watch(site)
        began = watch.until("SELECT 1 FROM jobs_job WHERE kind = 'ingest'")
        imported = watch.until(
            f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM jobs_job WHERE kind IN ('scan', 'ingest') AND {OPEN})"
        )
        print(f"imported after {imported:.0f} s", flush=True)
        fitted = watch.until("SELECT 1 FROM embedding_embeddingrun")
        print(f"fitted after {fitted:.0f} s", flush=True)
        while not site.next(1)["samples"]:
            watch.looks()
        first = time.monotonic() - site.started
        print(f"first text after {first:.0f} s", flush=True)
        samples = watch.asks("SELECT COUNT(*) FROM samples_text")[0][0]
        whole: dict[int, float] = {}
        n_runs = len(watch.asks("SELECT 1 FROM embedding_embeddingrun"))
        while len(whole) < n_runs:
            at = watch.looks()
            for run, done in watch.asks(EMBEDDED):
                if done >= samples and run not in whole:
                    whole[run] = at
                    print(f"run {run} whole after {at:.0f} s", flush=True)
        peak, largest = watch.peak, watch.largest
        names = dict(watch.asks("SELECT id, featuriser FROM embedding_embeddingrun"))
        waits = list(_rounds(site, labels, rounds))
        copies = watch.asks("SELECT COUNT(*) FROM samples_textcopy")[0][0]
    return {
        "rows": rows,
        "cores": len(os.sched_getaffinity(0)),
        "samples": samples,
        "folded": copies,
        "import_rows_s": round(rows / (imported - began)),
        "imported_s": round(imported, 1),
        "fitted_s": round(fitted, 1),
        "first_text_s": round(first, 1),
        "whole_s": {names[run].partition("/")[0]: round(at, 1) for run, at in whole.items()},
        "featurised_minutes": round((max(whole.values()) - imported) / 60, 1),
        "peak_mb": round(peak / 1e6),
        "largest_process_mb": round(largest / 1e6),
        "rounds": len(waits),
        "next_round_p50_s": round(float(np.percentile(waits, 50)), 2),
        "next_round_p95_s": round(float(np.percentile(waits, 95)), 2),
        "peak_with_rounds_mb": round(watch.peak / 1e6),
    }


def _rounds(site: Site, labels: int, count: int) -> Iterator[float]:
    """Seconds from each answer to so many labels to a round that knows them; before that, label so many in haste."""
    classes, labelled = site.classes(), 0
    numbers = dict(Watch(site).asks("SELECT id, start FROM samples_sample"))
    first = min(numbers.values())

    def truth(sample: int) -> int:
        return classes[f"class {int(numbers[sample] - first) % CLASSES}"]

    def save(most: int) -> int:
        while not (batch := site.next(most)["samples"]):
            time.sleep(POLL)  # a round was used up in haste, the next one is under way
        site.save([(sample, truth(sample["sample"])) for sample in batch])
        return len(batch)

    while labelled < labels:
        labelled += save(20)
    wait_for(site, labelled - PER_ROUND)
    for number in range(WARM_UP + count):
        labelled += save(PER_ROUND)
        took = wait_for(site, labelled)
        if number >= WARM_UP:
            yield took


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labeller-tables-", dir=options.directory) as name:
        table = Path(name, "table.csv")
        write(table, options.rows)
        figures = measure(table, Path(name, "data"), options.rows, options.labels, options.rounds)
    report(figures, options.json)


if __name__ == "__main__":
    main()
