"""tl_core.pipeline: every picture gets its answer, in order, whatever the files are."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tl_core.pictures import encoded, scene
from tl_core import images, pipeline
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.pipeline import Picture, embed_images


class FakeFeaturiser:
    image_size = decode_side = 4

    def preprocess(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(image).resize((4, 4)))


class FakeRuntime:
    """Embeds an image as its top left pixel, and remembers the sizes of its batches."""

    featuriser = FakeFeaturiser()
    threads = 2

    def __init__(self, batch_size: int = 1, in_flight: int = 2) -> None:
        self.batch_size, self.in_flight = batch_size, in_flight
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


def pictures(folder: Path, *names: str) -> list[Picture]:
    return [Picture(folder / f"{name}.png") for name in names]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from([*map(str, range(40)), "broken", "text", "gone", "nul\0"]), max_size=50),
    batch_size=st.integers(1, 12),
    in_flight=st.integers(1, 4),
)
def test_every_picture_is_answered_in_order(names: list[str], batch_size: int, in_flight: int, folder: Path) -> None:
    runtime = FakeRuntime(batch_size, in_flight)
    found = list(embed_images(pictures(folder, *names), runtime))
    assert [one.index for one in found] == list(range(len(names)))
    reasons = {"broken": "truncated", "text": "not-an-image", "gone": "missing", "nul\0": "unreadable"}
    for one, name in zip(found, names, strict=True):
        if name.isdigit():
            assert one.refused is None and list(one.vector) == [int(name), 0, 0]
        else:
            assert one.vector is None and one.refused.reason == reasons[name]
    assert max(runtime.batches, default=0) <= batch_size and 0 not in runtime.batches


def test_a_box_is_embedded_instead_of_the_whole(tmp_path: Path) -> None:
    picture = Image.new("RGB", (80, 80), (0, 0, 0))
    picture.paste((200, 100, 50), (40, 40, 80, 80))
    picture.save(tmp_path / "a.png")
    whole, part = embed_images(
        [Picture(tmp_path / "a.png"), Picture(tmp_path / "a.png", (0.6, 0.6, 0.4, 0.4))], FakeRuntime()
    )
    assert list(whole.vector) == [0, 0, 0] and list(part.vector) == [200, 100, 50]


def test_images_come_from_an_object_store_too(folder: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/pool/7.png", (folder / "7.png").read_bytes())
    found = list(embed_images([Picture("memory://pool/7.png"), Picture("memory://pool/8.png")], FakeRuntime()))
    assert list(found[0].vector) == [7, 0, 0] and found[1].refused.reason == "missing"


def test_a_store_that_does_not_answer_is_no_fault_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> bytes:
        raise ConnectionError("connection refused")

    monkeypatch.setattr(fsspec.filesystem("memory").__class__, "cat_file", down)
    with pytest.raises(ConnectionError):
        list(embed_images([Picture("memory://pool/7.png")], FakeRuntime()))


def test_reading_and_decoding_run_ahead_but_not_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, decoded = [], []
    monkeypatch.setattr(pipeline.images, "read", lambda path, real=images.read: read.append(path) or real(path))
    monkeypatch.setattr(
        pipeline.images, "load", lambda source, real=images.load, **how: decoded.append(source) or real(source, **how)
    )
    runtime = FakeRuntime(batch_size=5)
    stream = embed_images(pictures(folder, "1") * 500, runtime)
    next(stream)
    time.sleep(0.3)
    ahead = len(read)
    # What waits to be decoded, and the batches that wait to be computed.
    assert 5 < ahead <= 8 * runtime.threads + 5 * 4 * runtime.in_flight + 5
    assert len(decoded) <= ahead
    stream.close()
    assert len(read) == ahead
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("read", "decode", "embed"))]
    assert left == []


def test_a_caller_that_stops_does_not_wait_for_the_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def slow(source: object, **_: object) -> np.ndarray:
        time.sleep(0.02)
        decoded.append(source)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(pipeline.images, "load", slow)
    stream = embed_images(pictures(folder, "1") * 500, FakeRuntime(batch_size=20))
    next(stream)
    before = len(decoded)
    stream.close()
    assert len(decoded) <= before + 2


def test_a_failing_runtime_is_not_hidden(folder: Path) -> None:
    runtime = FakeRuntime()
    runtime.embed = lambda batch: 1 / 0
    with pytest.raises(ZeroDivisionError):
        list(embed_images(pictures(folder, "1"), runtime))


def test_no_pictures_no_answers() -> None:
    assert list(embed_images([], FakeRuntime())) == []


def test_large_files_are_not_read_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    monkeypatch.setattr(pipeline, "READ_AHEAD_BYTES", 10)
    monkeypatch.setattr(
        pipeline.images, "load", lambda source, real=images.load, **how: sources.append(source) or real(source, **how)
    )
    (found,) = embed_images(pictures(folder, "9"), FakeRuntime())
    assert list(found.vector) == [9, 0, 0] and sources == [folder / "9.png"]


def test_with_the_real_runtime(runtime: OnnxRuntime, tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "gone.png", tmp_path / "b.png"]
    scene().save(paths[0])
    scene(300, 260).save(paths[2])
    found = list(embed_images([Picture(path) for path in paths], runtime))
    assert found[1].refused.reason == "missing"
    for one, image in ((found[0], scene()), (found[2], scene(300, 260))):
        expected = runtime.embed(runtime.featuriser.preprocess(np.asarray(image))[None])[0]
        np.testing.assert_allclose(one.vector, expected, atol=1e-5)


def test_memory_stays_flat(cache_dir: Path, runtime: OnnxRuntime, tmp_path: Path) -> None:
    """Six times as many large pictures take no more memory at the peak: nothing piles up between the stages."""
    (tmp_path / "large.jpg").write_bytes(encoded(scene(3000, 2200), "JPEG"))
    code = """if True:
        import pathlib, sys
        from tl_core import featurisers
        from tl_core.featurisers.onnx_runtime import OnnxRuntime
        from tl_core.pipeline import Picture, embed_images
        runtime = OnnxRuntime(featurisers.get(), pathlib.Path(sys.argv[1]))
        for count in (60, 360):
            for _ in embed_images([Picture(pathlib.Path(sys.argv[2]))] * count, runtime):
                pass
            # Not getrusage: what that says of a child begins with the size its parent had.
            status = pathlib.Path("/proc/self/status").read_text()
            print(int(status.split("VmHWM:")[1].split()[0]) // 1024)"""
    command = [sys.executable, "-c", code, str(cache_dir), str(tmp_path / "large.jpg")]
    few, many = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert many < few + 60 and many < 1500
