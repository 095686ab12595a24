"""tl_core.pipeline: every path gets its answer, in order, whatever the files are."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tl_core.pictures import scene
from tl_core import images
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import embed_images


class FakeFeaturiser:
    image_size = 4

    def preprocess(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((4, 4)))


class FakeRuntime:
    """Embeds an image as its top left pixel, and remembers the sizes of its batches."""

    featuriser = FakeFeaturiser()
    threads = 2

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, batch: np.ndarray) -> np.ndarray:
        self.batches.append(len(batch))
        return batch[:, 0, 0].astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes((folder / "1.png").read_bytes()[:50])
    (folder / "text.png").write_text("no")
    return folder


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from([*map(str, range(40)), "broken", "text", "gone"]), max_size=50),
    batch_size=st.integers(1, 12),
)
def test_every_path_is_answered_in_order(names: list[str], batch_size: int, folder: Path) -> None:
    runtime = FakeRuntime()
    found = list(embed_images([folder / f"{name}.png" for name in names], runtime, batch_size=batch_size))
    assert [one.index for one in found] == list(range(len(names)))
    for one, name in zip(found, names, strict=True):
        if name.isdigit():
            assert one.refused is None and list(one.vector) == [int(name), 0, 0]
        else:
            expected = {"broken": "truncated", "text": "not-an-image", "gone": "missing"}[name]
            assert one.vector is None and one.refused.reason == expected
    assert max(runtime.batches, default=0) <= batch_size and 0 not in runtime.batches


def test_decoding_runs_ahead_but_not_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    load = images.load

    def counting(path: Path, *, min_side: int) -> Image.Image:
        decoded.append(path)
        return load(path, min_side=min_side)

    monkeypatch.setattr(images, "load", counting)
    stream = embed_images([folder / "1.png"] * 200, FakeRuntime(), batch_size=5, decode_threads=2)
    next(stream)
    deadline = time.monotonic() + 5
    while len(decoded) < 15 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(decoded) == 15
    stream.close()
    assert len(decoded) == 15
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_a_caller_that_stops_does_not_wait_for_the_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def slow(path: Path, *, min_side: int) -> Image.Image:
        time.sleep(0.02)
        decoded.append(path)
        return Image.new("RGB", (4, 4))

    monkeypatch.setattr(images, "load", slow)
    stream = embed_images([folder / "1.png"] * 200, FakeRuntime(), batch_size=20, decode_threads=2)
    next(stream)
    stream.close()
    assert 20 <= len(decoded) < 60


def test_a_failing_runtime_is_not_hidden(folder: Path) -> None:
    runtime = FakeRuntime()
    runtime.embed = lambda batch: 1 / 0
    with pytest.raises(ZeroDivisionError):
        list(embed_images([folder / "1.png"], runtime))


def test_batches_must_hold_something(folder: Path) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        embed_images([folder / "1.png"], FakeRuntime(), batch_size=0)


def test_with_the_real_runtime(runtime: OnnxRuntime, tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "gone.png", tmp_path / "b.png"]
    scene().save(paths[0])
    scene(300, 260).save(paths[2])
    found = list(embed_images(paths, runtime, batch_size=2))
    assert found[1].refused.reason == "missing"
    for one, image in ((found[0], scene()), (found[2], scene(300, 260))):
        expected = runtime.embed(runtime.featuriser.preprocess(image)[None])[0]
        np.testing.assert_allclose(one.vector, expected, atol=1e-5)
