# ruff: noqa: N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.heads.files: a head comes back from its files as it went in, or not at all."""

import errno
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as arrays_to_bytes

from tests.tl_core.blobs import blobs
from tl_core import heads
from tl_core.heads import files as head_files
from tl_core.heads.files import HeadCorrupt, HeadNotStorable
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.multilabel import MultiLabelHead


@pytest.mark.parametrize("name", [*heads.names(), "sklearn.svm.LinearSVC", "multi-label"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    X, y = blobs(80, 4)
    for names in (y * 1000, np.array(["fox", "lynx", "Hase", "große Eule"])[y]):
        if name == "multi-label":
            head = MultiLabelHead().fit(X, [{each, names[0]} for each in names.tolist()])
        else:
            head = heads.get(name, pool_mean=X.mean(axis=0)).fit(X, names)
        head_files.save(head, tmp_path / "head", {"round": 3, "fingerprint": "ab"})
        read = head_files.load(tmp_path / "head")
        np.testing.assert_allclose(read.predict_proba(X), head.predict_proba(X), atol=1e-6)
        np.testing.assert_array_equal(read.predict(X), head.predict(X))
        assert read.classes.tolist() == head.classes_.tolist() and read.meta == {"round": 3, "fingerprint": "ab"}
        assert read.classes.dtype.kind == head.classes_.dtype.kind
        head_files.save(read, tmp_path / "copy", read.meta)  # what was read can be written
        np.testing.assert_array_equal(head_files.load(tmp_path / "copy").predict_proba(X), read.predict_proba(X))


def test_temperature_and_adjustment_are_stored_with_the_weights(tmp_path: Path) -> None:
    X, y = blobs(90, 3)
    head = LogisticHead(temperature=0.5, logit_adjustment=1.0).fit(X[y < 2], y[y < 2])
    head_files.save(head.fit(X[10:], y[10:]), tmp_path, {})
    np.testing.assert_allclose(head_files.load(tmp_path).predict_proba(X), head.predict_proba(X), atol=1e-6)


def test_heads_of_the_first_format_are_read(tmp_path: Path) -> None:
    X, y = blobs(40, 3)
    head = LogisticHead().fit(X, y)
    content = arrays_to_bytes({"coef": head.coef_, "intercept": head.intercept_, "center": head.center_})
    record = {"format": 1, "sha256": hashlib.sha256(content).hexdigest(), "classes": [0, 1, 2], "meta": {"round": 1}}
    (tmp_path / head_files.ARRAYS_FILE).write_bytes(content)
    (tmp_path / head_files.META_FILE).write_text(json.dumps(record))
    read = head_files.load(tmp_path)
    assert read.meta == {"round": 1}
    np.testing.assert_allclose(read.predict_proba(X), head.predict_proba(X), atol=1e-6)


def test_what_could_only_be_pickled_is_refused(tmp_path: Path) -> None:
    X, y = blobs(60, 3)
    forest = heads.get("sklearn.ensemble.RandomForestClassifier", n_estimators=5).fit(X, y)
    with pytest.raises(HeadNotStorable, match="head_not_storable"):
        head_files.save(forest, tmp_path / "head", {})
    assert not (tmp_path / "head").exists()


def saved(directory: Path, seed: int = 0) -> LogisticHead:
    head = LogisticHead().fit(*blobs(30, 3, seed=seed))
    head_files.save(head, directory, {"seed": seed})
    return head


@pytest.mark.parametrize("kind", ["logistic", "knn"])
@pytest.mark.parametrize("name", [head_files.ARRAYS_FILE, head_files.META_FILE])
def test_damaged_files_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    head_files.save(heads.get(kind).fit(*blobs(30, 3)), tmp_path, {})
    content = (tmp_path / name).read_bytes()
    for damaged in (content[:-9], b"", b"{}", content[:40] + b"\0" + content[41:]):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(HeadCorrupt, match="head in"):
            head_files.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError):
        head_files.load(tmp_path)


def test_halves_of_two_heads_are_not_mixed(tmp_path: Path) -> None:
    saved(tmp_path / "a", seed=0)
    saved(tmp_path / "b", seed=1)
    (tmp_path / "a" / head_files.ARRAYS_FILE).replace(tmp_path / "b" / head_files.ARRAYS_FILE)
    with pytest.raises(HeadCorrupt, match="do not match"):
        head_files.load(tmp_path / "b")


def test_a_format_from_the_future_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    record = json.loads((tmp_path / head_files.META_FILE).read_text())
    (tmp_path / head_files.META_FILE).write_text(json.dumps(record | {"format": 99}))
    with pytest.raises(HeadCorrupt, match="format 99"):
        head_files.load(tmp_path)


def test_a_full_disk_leaves_no_half_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        saved(tmp_path / "head")
    assert list((tmp_path / "head").iterdir()) == []


def test_meta_must_be_json(tmp_path: Path) -> None:
    head = LogisticHead().fit(*blobs(30, 3))
    for meta in ({"when": object()}, {"score": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            head_files.save(head, tmp_path / "head", meta)
    assert not (tmp_path / "head").exists()


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    record = json.loads((tmp_path / head_files.META_FILE).read_text())
    for wrong in ({"classes": [1, 2]}, {"kind": "forest"}, {"kind": "nearest"}):
        (tmp_path / head_files.META_FILE).write_text(json.dumps(record | wrong))
        with pytest.raises(HeadCorrupt, match="head in"):
            head_files.load(tmp_path)
