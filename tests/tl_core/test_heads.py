# ruff: noqa: N803, N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.heads: agrees with scikit-learn, refits from where it was, survives its files."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from tl_core import query
from tl_core.heads import files as head_files
from tl_core.heads.files import HeadCorrupt, LinearHead, unit_rows
from tl_core.heads.learner import make_learner
from tl_core.heads.logistic import LogisticHead

HEADS = {"logistic": LogisticHead}


def blobs(n: int, c: int, d: int = 40, seed: int = 0, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Clusters that overlap a little, off centre as embeddings are. Every class occurs."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % c)
    X = rng.normal(size=(c, d))[y] + spread * rng.normal(size=(n, d)) + 3
    return X.astype(np.float32), y


@pytest.mark.parametrize("make", HEADS.values(), ids=HEADS)
class TestContract:
    """Every head."""

    @pytest.mark.parametrize("classes", [1, 2, 3, 9])
    @pytest.mark.parametrize("keys", [int, str])
    def test_probabilities(self, make: type, classes: int, keys: type) -> None:
        X, y = blobs(60, classes)
        names = np.array([keys(10 + label) for label in y])
        head = make().fit(X, names)
        P = head.predict_proba(X)
        assert P.shape == (60, classes) and head.classes_.tolist() == sorted(set(names))
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
        assert P.min() >= 0
        assert (head.predict(X) == head.classes_[P.argmax(axis=1)]).all()
        assert head.score(X, names) > 0.9
        if classes == 1:
            assert (P == 1).all()

    def test_is_a_scikit_learn_classifier(self, make: type) -> None:
        X, y = blobs(90, 3)
        head = make(pool_mean=X.mean(axis=0))
        copy = clone(head)
        assert copy is not head and set(copy.get_params()) == set(head.get_params())
        np.testing.assert_array_equal(copy.pool_mean, X.mean(axis=0))
        assert cross_val_score(head, X, y, cv=3).mean() > 0.7
        assert not hasattr(head, "coef_")
        assert repr(head)

    def test_inputs_stay_as_they_were(self, make: type) -> None:
        X, y = blobs(30, 3)
        before, mean = X.copy(), X.mean(axis=0)
        make(pool_mean=mean).fit(X, y, sample_weight=np.ones(30)).predict_proba(X)
        np.testing.assert_array_equal(X, before)
        np.testing.assert_array_equal(mean, before.mean(axis=0))

    def test_refuses_nonsense(self, make: type) -> None:
        X, y = blobs(12, 3)
        with pytest.raises(NotFittedError):
            make().predict_proba(X)
        for wrong in (
            (X * np.nan, y),
            (X[:5], y),
            (X[0], y[:1]),
            (X[:0], y[:0]),
            (X, y, np.zeros(12)),
            (X, y, -np.ones(12)),
            (X, y, np.ones(3)),
        ):
            with pytest.raises(ValueError, match=r"\w"):
                make().fit(*wrong)
        with pytest.raises(ValueError, match="pool_mean"):
            make(pool_mean=np.zeros(3)).fit(X, y)
        with pytest.raises(ValueError, match="embeddings of shape"):
            make().fit(X, y).predict_proba(X[:, :-1])

    @given(
        X=hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(4)), elements=st.floats(-1e3, 1e3, width=32)),
        data=st.data(),
    )
    @settings(max_examples=60, deadline=None)
    def test_any_finite_labels_give_probabilities(self, make: type, X: np.ndarray, data: st.DataObject) -> None:
        y = data.draw(hnp.arrays(np.int64, len(X), elements=st.integers(0, 4)))
        P = make().fit(X, y).predict_proba(X)
        assert np.isfinite(P).all()
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)

    def test_files_round_trip(self, make: type, tmp_path: Path) -> None:
        X, y = blobs(50, 4)
        for names in (y * 1000, np.array(["fox", "lynx", "Hase", "große Eule"])[y]):
            head = make(pool_mean=X.mean(axis=0)).fit(X, names)
            head_files.save(head, tmp_path / "head", {"round": 3, "fingerprint": "ab"})
            read = head_files.load(tmp_path / "head")
            np.testing.assert_allclose(read.predict_proba(X), head.predict_proba(X), atol=1e-6)
            np.testing.assert_array_equal(read.predict(X), head.predict(X))
            assert read.classes.tolist() == head.classes_.tolist() and read.meta == {"round": 3, "fingerprint": "ab"}
            assert read.classes.dtype.kind == head.classes_.dtype.kind


def reference(X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, C: float) -> np.ndarray:
    Z = unit_rows(X, X.mean(axis=0)).astype(np.float64)
    model = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(Z, y, sample_weight=weight)
    return model.predict_proba(Z)


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("C", [0.5, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scikit_learn(classes: int, C: float, weighted: bool) -> None:
    X, y = blobs(300, classes)
    weight = np.random.default_rng(1).uniform(0, 3, 300) if weighted else None
    found = LogisticHead(C=C, tol=1e-6, max_iter=2000).fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(found, reference(X, y, weight, C), atol=2e-3)


def test_the_default_tolerance_is_close_enough() -> None:
    X, y = blobs(300, 12)
    assert np.abs(LogisticHead().fit(X, y).predict_proba(X) - reference(X, y, None, 30.0)).max() < 0.02


def test_a_weight_of_two_is_a_sample_twice() -> None:
    X, y = blobs(40, 3)
    mean = X.mean(axis=0)
    weight = np.where(np.arange(40) < 10, 2.0, 1.0)
    twice = LogisticHead(pool_mean=mean, tol=1e-7).fit(np.concatenate([X, X[:10]]), np.concatenate([y, y[:10]]))
    once = LogisticHead(pool_mean=mean, tol=1e-7).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(once.predict_proba(X), twice.predict_proba(X), atol=1e-3)


def test_the_centre_is_the_pools_where_it_is_given() -> None:
    X, y = blobs(300, 3)
    center = X.mean(axis=0) + 1
    head = LogisticHead(pool_mean=center, tol=1e-7, max_iter=2000).fit(X[:60], y[:60])
    np.testing.assert_array_equal(head.center_, center)
    Z = unit_rows(X, center).astype(np.float64)
    expected = LogisticRegression(C=30, tol=1e-8, max_iter=5000).fit(Z[:60], y[:60]).predict_proba(Z)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=2e-3)


def test_refitting_starts_where_it_was() -> None:
    X, y = blobs(400, 8, seed=4)
    head = LogisticHead(pool_mean=X.mean(axis=0)).fit(X[:390], y[:390])
    cold = clone(head).fit(X, y)
    stored = LinearHead(head.classes_, head.coef_, head.intercept_, head.center_)
    resumed = LogisticHead(pool_mean=X.mean(axis=0), start=stored).fit(X, y)
    head.fit(X, y)
    assert head.n_iter_ == resumed.n_iter_ < 0.7 * cold.n_iter_
    np.testing.assert_allclose(head.predict_proba(X), cold.predict_proba(X), atol=0.02)


def test_a_class_may_appear_and_another_go() -> None:
    X, y = blobs(300, 5)
    y = y * 10
    mean = X.mean(axis=0)
    head = LogisticHead(pool_mean=mean, tol=1e-6).fit(X[y < 40], y[y < 40])
    new = np.concatenate([np.flatnonzero((y > 0) & (y < 40)), np.flatnonzero(y == 40)[:2]])
    head.fit(X[new], y[new])
    assert head.classes_.tolist() == [10, 20, 30, 40] and head.coef_.shape == (4, 40)
    cold = LogisticHead(pool_mean=mean, tol=1e-6).fit(X[new], y[new])
    np.testing.assert_allclose(head.predict_proba(X), cold.predict_proba(X), atol=5e-3)
    assert (head.predict(X[new][-2:]) == 40).all()


def test_other_kinds_of_classes_or_embeddings_start_afresh() -> None:
    X, y = blobs(60, 3)
    head = LogisticHead().fit(X, y)
    assert set(head.fit(X, np.array(["a", "b", "c"])[y]).classes_) == {"a", "b", "c"}
    assert head.fit(X[:, :20], np.array(["a", "b", "c"])[y]).coef_.shape == (3, 20)


def test_decision_function_is_scikit_learns() -> None:
    X, y = blobs(60, 2)
    head = LogisticHead().fit(X, y)
    assert head.decision_function(X).shape == (60,) and head.logits(X).shape == (60, 2)
    assert ((head.decision_function(X) > 0) == (head.predict(X) == 1)).all()
    assert LogisticHead().fit(*blobs(60, 3)).decision_function(X).shape == (60, 3)


def test_a_head_scores_a_long_pool_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(500, 3)
    head = LogisticHead().fit(X, y)
    whole = head.predict_proba(X)
    monkeypatch.setattr(head_files, "_CHUNK", 7)
    np.testing.assert_allclose(head.predict_proba(X), whole, atol=1e-6)
    assert head.predict_proba(X[:0]).shape == (0, 3)


def saved(directory: Path, seed: int = 0) -> LogisticHead:
    head = LogisticHead().fit(*blobs(30, 3, seed=seed))
    head_files.save(head, directory, {"seed": seed})
    return head


@pytest.mark.parametrize("name", [head_files.ARRAYS_FILE, head_files.META_FILE])
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    saved(tmp_path)
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


class TestLearner:
    """modAL's loop around our heads."""

    @pytest.mark.parametrize("k", [1, 2, 20, 500])
    @pytest.mark.parametrize("name", [*query.names(), "modAL.uncertainty.margin_sampling", "indices only"])
    def test_queries_of_any_size(self, name: str, k: int) -> None:
        X, y = blobs(90, 3)
        calls = []

        def indices_only(classifier: object, X: np.ndarray, n_instances: int = 1) -> np.ndarray:
            calls.append(n_instances)
            return np.arange(n_instances)

        strategy = indices_only if name == "indices only" else query.get(name)
        learner = make_learner(LogisticHead(), X[:40], y[:40], strategy)
        indices, instances, scores = learner.query(X[40:], n_instances=k, return_metrics=True)
        assert indices.shape == scores.shape == (min(k, 50),) and len(set(indices.tolist())) == len(indices)
        np.testing.assert_array_equal(instances, X[40:][indices])
        assert calls in ([], [min(k, 50)])  # never twice

    def test_teaches(self) -> None:
        X, y = blobs(90, 3)
        learner = make_learner(LogisticHead(), X[y < 2][:10], y[y < 2][:10], query.get("margin"))
        assert learner.predict_proba(X).shape == (90, 2)
        learner.teach(X[30:], y[30:])
        assert learner.predict_proba(X).shape == (90, 3) and len(learner.X_training) == 70
        learner.fit(X, y)
        assert len(learner.X_training) == 90

    def test_begins_without_labels(self) -> None:
        X, y = blobs(60, 3)
        learner = make_learner(LogisticHead(), None, None, query.get("kmeans_centroid"))
        indices, _ = learner.query(X, n_instances=6, random_state=0)
        learner.teach(X[indices], y[indices])
        assert learner.predict_proba(X).shape == (60, len(set(y[indices])))

    def test_scikit_learn_itself_is_not_changed(self) -> None:
        import sklearn.utils

        with pytest.raises(TypeError, match="force_all_finite"):
            sklearn.utils.check_X_y([[1.0]], [1], force_all_finite=True)
