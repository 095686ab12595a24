"""What reading texts costs: tables row by row against pandas' own readers in the same run, and near-copies.

    python -m benchmarks.read_texts [--rows 1000000] [--directory DIR] [--json]

Rows are short (about twelve words), one in twenty is nearly another. Each reader has a process of its own, so that its
peak of memory is its own; ours makes of every row what is imported, digest included, and holds none. Memory is told as
what a reader takes beside the program itself; time also as that of the processor, which others may be using. One
thread. With --json only the last line, which is JSON, is printed.
"""

import argparse
import csv
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("csv", "jsonl", "parquet")
AT_ONCE = 10_000
CLASSES = 50


def passages(n: int, known: Sequence[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Rows of text, label and group, always the same; of known words, the frequent ones first, or of made-up ones."""
    rng = np.random.default_rng(0)
    letters = np.array(list("aeioulnrstdmé"))
    made_up = ("".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(20_000))
    words = np.array(known or list(made_up))
    shares = (1 / np.arange(1, len(words) + 1)).cumsum()
    for start in range(0, n, AT_ONCE):
        lengths = rng.integers(6, 19, AT_ONCE)
        ranks = np.searchsorted(shares / shares[-1], rng.random(lengths.sum()))
        # Half of the words are frequent everywhere, half in texts of one class alone.
        own = np.repeat((start + np.arange(AT_ONCE)) % CLASSES, lengths) * (len(words) // CLASSES)
        drawn = words[np.where(rng.random(len(ranks)) < 0.5, ranks, (ranks + own) % len(words))].tolist()
        ends = lengths.cumsum().tolist()
        copied = rng.random(AT_ONCE) < 0.05
        before: list[str] = []
        for at in range(min(AT_ONCE, n - start)):
            some = drawn[ends[at] - int(lengths[at]) : ends[at]]
            if copied[at] and before:
                some = [*before[:-1], "zzz"]
            before = some
            number = start + at
            yield " ".join(some) + ", and so on.", f"class {number % CLASSES}", f"author {number % 5000}"


def write(folder: Path, n: int) -> None:
    """The same rows in every format."""
    import pyarrow
    from pyarrow import parquet

    names = ("text", "label", "group")
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    with (
        (folder / "table.csv").open("w", newline="", encoding="utf-8") as separated,
        (folder / "table.jsonl").open("w", encoding="utf-8") as lines,
        parquet.ParquetWriter(folder / "table.parquet", schema) as columns,
    ):
        writer = csv.writer(separated)
        writer.writerow(names)
        some: list[tuple[str, ...]] = []
        for row in passages(n):
            writer.writerow(row)
            lines.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
            some.append(row)
            if len(some) == AT_ONCE:
                columns.write_table(pyarrow.table(dict(zip(names, zip(*some, strict=True), strict=True)), schema))
                some = []
        if some:
            columns.write_table(pyarrow.table(dict(zip(names, zip(*some, strict=True), strict=True)), schema))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Call it in a process of its own: what it returns, and what it took."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, *arguments).result()


def _measured(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    function(*arguments, warm=True)
    before, started, busy = _peak(), time.perf_counter(), time.process_time()
    result = function(*arguments)
    took = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - busy}
    return {**result, **{name: round(each, 2) for name, each in took.items()}, "mb": round((_peak() - before) / 1e6)}


def ours(path: Path, *, warm: bool = False) -> dict[str, Any]:
    """Every row, as it is imported."""
    from tl_core.texts.reading import TextRow, guess, open_table

    if warm and path.suffix == ".parquet":
        import pyarrow.parquet  # noqa: F401 - the library is no part of what the rows take
    if warm:
        return {}
    n = sum(isinstance(row, TextRow) for row in open_table(path, guess(path)))
    return {"rows": n}


def of_pandas(path: Path, *, warm: bool = False) -> dict[str, Any]:
    """The whole table in memory, without digests."""
    import pandas

    if warm:
        if path.suffix == ".parquet":
            import pyarrow.parquet  # noqa: F401
        return {}
    read = {
        ".csv": pandas.read_csv,
        ".jsonl": lambda each: pandas.read_json(each, lines=True),
        ".parquet": pandas.read_parquet,
    }
    return {"rows": len(read[path.suffix](path))}


def near_copies(path: Path, *, warm: bool = False) -> dict[str, Any]:
    """Signatures of all texts, then who stands for whom."""
    from tl_core.texts.reading import Layout, TextRow, open_table
    from tl_core.texts.reading.near_copies import N_VALUES, representatives, signatures

    if warm:
        return {}
    layout = Layout("csv", ("text", "label", "group"), (0,))
    n = sum(1 for _ in open_table(path, layout))
    held = np.empty((n, N_VALUES), np.uint16)
    started, at = time.process_time(), 0
    for some in signatures(row.text for row in open_table(path, layout) if isinstance(row, TextRow)):
        held[at : at + len(some)] = some
        at += len(some)
    signing, started = time.process_time() - started, time.process_time()
    standing = representatives(held[:at])
    folding, started = time.process_time() - started, time.process_time()
    late = held[: at // 100]
    representatives(late, held[at // 100 : at])
    return {
        "rows": at,
        "folded": int((standing != np.arange(at)).sum()),
        "signing_cpu_s": round(signing, 1),
        "folding_cpu_s": round(folding, 1),
        "one_percent_more_cpu_s": round(time.process_time() - started, 1),
        "signatures_mb": round(held.nbytes / 1e6),
    }


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"rows": arguments.rows}
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        folder = Path(name)
        write(folder, arguments.rows)
        for kind in KINDS:
            path = folder / f"table.{kind}"
            result[kind] = {"file_mb": round(path.stat().st_size / 1e6)}
            for reader, function in (("ours", ours), ("pandas", of_pandas)):
                took = measured(function, path)
                result[kind][reader] = {
                    **took,
                    "rows_s": round(took["rows"] / took["seconds"]),
                    "rows_cpu_s": round(took["rows"] / took["cpu_s"]),
                }
        result["near_copies"] = measured(near_copies, folder / "table.csv")
    if not arguments.json:
        for kind in KINDS:
            for reader in ("ours", "pandas"):
                row = result[kind][reader]
                speeds = f"{row['rows_s']:>9,} rows/s  {row['rows_cpu_s']:>9,} rows/s of CPU"
                print(f"{kind:8} {reader:7} {speeds}  {row['mb']:>6,} MB")
        print("near-copies", result["near_copies"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
