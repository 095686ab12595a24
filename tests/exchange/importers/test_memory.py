"""However long a file is, reading it takes no more memory: apart from the contract, for no database is asked."""

import gc
import tracemalloc

import pytest

from labeller.exchange import importers
from labeller.exchange.importers.inputs import Input
from tests.exchange.importers.examples import EXAMPLES


@pytest.mark.parametrize("name", sorted(importers.IMPORTERS))
def test_memory_does_not_grow_with_the_file(name, tmp_path):
    peaks = []
    for n in (1_000, 8_000):
        folder = tmp_path / str(n)
        folder.mkdir()
        file = EXAMPLES[name](folder, [f"camera-{number % 7}/IMG_{number:06}.JPG" for number in range(n)])
        given, importer = Input(file), importers.IMPORTERS[name]
        said = {each.name: each.guess for each in importer.options(given)}
        gc.collect()  # what earlier tests left is not this one's
        tracemalloc.start()
        assert sum(1 for _ in importer.read(given, said)) >= n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_500_000, peaks
