"""Code by dotted path: from allowed packages, defined there, of the right kind; nothing else is even imported."""

import sys
import types

import pytest

from tl_core import heads, importing, query


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module of an allowed package that has imported a few things for its own use."""
    import os
    import subprocess

    module = types.ModuleType("sklearn.planted")
    module.os, module.system, module.Popen = os, os.system, subprocess.Popen  # type: ignore[attr-defined]
    exec(
        "def strategy(classifier, X_pool, n_instances=1): return range(n_instances)\n"
        "def helper(only_one): return only_one\n"
        "class Thing:\n    def __call__(self, classifier, X_pool, n_instances=1): return range(n_instances)\n"
        "thing, number = Thing(), 7",
        module.__dict__,
    )
    monkeypatch.setitem(sys.modules, "sklearn.planted", module)
    return module


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "builtins.eval",
        "labeller.accounts.admitting.ensure_administrator",
        "sklearnx.Evil",
        "tests.tl_core.test_importing.planted",
        "sklearn",
        "system",
        "",
        ".system",
        "..",
    ],
)
def test_what_lies_in_no_allowed_package_is_refused(path: str) -> None:
    with pytest.raises(KeyError, match="not in a package that is allowed here: modAL, sklearn, tl_core"):
        importing.load(path)


@pytest.mark.parametrize(
    "path",
    [
        "sklearn.planted.os",
        "sklearn.planted.system",
        "sklearn.planted.Popen",
        "sklearn.planted.os.system",
        "sklearn.planted.thing",
        "sklearn.planted.number",
        "sklearn.planted.__doc__",
        "sklearn.planted.__loader__",
        "sklearn.planted.strategy.__globals__",
        "sklearn.planted.nothing",
        "sklearn.no_such_module.Thing",
        "tl_core.store.files.os",
        "tl_core.store.files.os.replace",
        "sklearn.base.np",
        "sklearn.svm.LinearSVC.fit",
    ],
)
def test_what_an_allowed_module_only_imported_or_holds_is_refused(planted: types.ModuleType, path: str) -> None:
    with pytest.raises(KeyError):
        importing.load(path)
    with pytest.raises(KeyError):
        query.get(path)
    with pytest.raises(KeyError):
        heads.get(path)


def test_a_module_that_is_not_allowed_is_not_imported() -> None:
    sys.modules.pop("antigravity", None)
    with pytest.raises(KeyError):
        importing.load("antigravity.fly")
    assert "antigravity" not in sys.modules


def test_functions_and_classes_of_allowed_packages_are_found(planted: types.ModuleType) -> None:
    from sklearn.svm import LinearSVC

    assert importing.load("sklearn.svm.LinearSVC") is LinearSVC
    assert importing.load("sklearn.planted.strategy") is planted.strategy
    indices, _ = query.get("sklearn.planted.strategy")(None, __import__("numpy").zeros((5, 2)), n_instances=2)
    assert indices.tolist() == [0, 1]


@pytest.mark.parametrize("path", ["sklearn.planted.helper", "sklearn.planted.Thing", "sklearn.svm.LinearSVC"])
def test_what_cannot_be_called_as_one_is_no_strategy(planted: types.ModuleType, path: str) -> None:
    with pytest.raises(KeyError, match=r"does not take|is not a function"):
        query.get(path)


@pytest.mark.parametrize(
    "path",
    ["sklearn.utils.Bunch", "sklearn.utils.shuffle", "sklearn.cluster.KMeans", "sklearn.planted.strategy"],
)
def test_what_is_no_classifier_is_no_head(planted: types.ModuleType, path: str) -> None:
    with pytest.raises(ValueError, match="is not a classifier"):
        heads.get(path)


def test_the_operator_allows_further_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_allowed", set(importing.ALLOWED))
    importing.allow(" ourlab.strategies. ", "")
    assert importing.allowed() == ("modAL", "ourlab.strategies", "sklearn", "tl_core")
    assert importing.is_allowed("ourlab.strategies.wise")
    assert not importing.is_allowed("ourlab.secrets.wise") and not importing.is_allowed("ourlab.strategies2.wise")
