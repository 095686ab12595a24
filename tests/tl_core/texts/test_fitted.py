"""Fitted arrays: the same numbers back, one file for the same content, and damage told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.store.storage import Directory
from tl_core.texts import fitted

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": fitted.packed(["one", "deux", "三"])}


@pytest.fixture
def storage(tmp_path):
    return Directory(tmp_path)


def test_what_is_saved_is_loaded(storage):
    spec = fitted.save("svd", ARRAYS, storage)
    read = fitted.load(spec, storage)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_the_same_content_is_one_file(storage):
    assert fitted.spec_of("svd", ARRAYS) == fitted.save("svd", ARRAYS, storage)
    specs = {fitted.save("svd", ARRAYS, storage), fitted.save("svd", dict(reversed(ARRAYS.items())), storage)}
    assert len(specs) == 1 and len(storage.names()) == 1
    other = {**ARRAYS, "b": ARRAYS["b"] + 1}
    assert fitted.save("svd", other, storage) not in specs
    assert fitted.save("svd", {**ARRAYS, "b": ARRAYS["b"].reshape(3, 2)}, storage) not in specs
    assert fitted.save("idf", ARRAYS, storage).partition("/")[2] not in {spec.partition("/")[2] for spec in specs}


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-3], lambda content: content[:-1] + b"\x7f", lambda _: b""]
)
def test_damage_is_told(storage, tmp_path, damage):
    spec = fitted.save("svd", ARRAYS, storage)
    file = tmp_path / fitted.file_name(spec)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(fitted.FittedCorrupt, match=file.name):
        fitted.load(spec, storage)


def test_what_is_not_there_is_told(storage):
    with pytest.raises(FeaturiserUnavailable, match="Fit it again"):
        fitted.load("svd/0123456789abcdef", storage)


@pytest.mark.parametrize("spec", ["svd", "svd/", "svd/01", "svd/0123456789ABCDEF", "../x/0123456789abcdef", "a/b/c"])
def test_what_is_no_spec_is_refused(storage, spec):
    with pytest.raises(ValueError, match="KIND/DIGEST"):
        fitted.load(spec, storage)


def test_nobody_has_said_where(monkeypatch):
    monkeypatch.setattr(fitted, "_storage", None)
    with pytest.raises(FeaturiserUnavailable, match="where"):
        fitted.configured()


def test_where_is_asked_each_time(monkeypatch, tmp_path):
    monkeypatch.setattr(fitted, "_storage", None)
    places = iter([Directory(tmp_path / "a"), Directory(tmp_path / "b")])
    fitted.configure(lambda: next(places))
    assert (fitted.configured(), fitted.configured()) == (Directory(tmp_path / "a"), Directory(tmp_path / "b"))


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=()))))
def test_strings_come_back(words):
    assert fitted.unpacked(fitted.packed(words)) == words
