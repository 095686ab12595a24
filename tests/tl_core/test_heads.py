# ruff: noqa: N803, N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.heads: the registry, and what every head does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from tests.tl_core.blobs import blobs
from tl_core import heads
from tl_core.geometry import softmax
from tl_core.heads.base import Classifier
from tl_core.heads.plain import LinearHead
from tl_core.store.vectors import Vectors

NEIGHBOURS = "sklearn.neighbors.KNeighborsClassifier"
FOREIGN = ("sklearn.linear_model.RidgeClassifier", "sklearn.svm.SVC", NEIGHBOURS)


class NeverWhole(Vectors):
    """A pool that is too large to copy."""

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise AssertionError("a pool was copied whole")

    def _between(self, start: int, stop: int) -> np.ndarray:
        assert stop - start < len(self), "a pool was copied whole"
        return super()._between(start, stop)


def make(name: str, **parameters: Any) -> Classifier:
    if name == NEIGHBOURS:
        parameters["n_neighbors"] = 1
    return heads.get(name, **parameters)


@pytest.mark.parametrize("name", [*heads.names(), *FOREIGN])
class TestContract:
    """Every head."""

    @pytest.mark.parametrize("classes", [1, 2, 3, 9])
    @pytest.mark.parametrize("keys", [int, str])
    def test_probabilities(self, name: str, classes: int, keys: type) -> None:
        X, y = blobs(60, classes)
        names = np.array([keys(10 + label) for label in y])
        head = make(name).fit(X, names)
        P = head.predict_proba(X)
        assert P.shape == (60, classes) and P.dtype == np.float32 and head.classes_.tolist() == sorted(set(names))
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
        assert P.min() >= 0
        assert (head.predict(X) == head.classes_[P.argmax(axis=1)]).all()
        assert head.score(X, names) > 0.9
        assert head.logits(X).shape == (60, classes)
        np.testing.assert_allclose(softmax(head.logits(X)), P, atol=1e-6)
        if classes == 1:
            assert (P == 1).all()

    def test_is_a_scikit_learn_classifier(self, name: str) -> None:
        X, y = blobs(90, 3)
        head = make(name, pool_mean=X.mean(axis=0))
        copy = clone(head)
        assert copy is not head and set(copy.get_params()) == set(head.get_params())
        np.testing.assert_array_equal(copy.pool_mean, X.mean(axis=0))
        assert cross_val_score(head, X, y, cv=3).mean() > 0.6
        assert not hasattr(head, "classes_")
        assert repr(head)

    def test_inputs_stay_as_they_were(self, name: str) -> None:
        X, y = blobs(60, 3)
        before, labels, mean, weight = X.copy(), y.copy(), X.mean(axis=0), np.ones(60)
        make(name, pool_mean=mean).fit(X, y, sample_weight=weight).predict_proba(X)
        np.testing.assert_array_equal(X, before)
        np.testing.assert_array_equal(y, labels)
        np.testing.assert_array_equal(mean, before.mean(axis=0))
        np.testing.assert_array_equal(weight, 1)

    def test_the_same_labels_give_the_same_head(self, name: str) -> None:
        X, y = blobs(90, 3)
        first, second = (make(name).fit(X, y).predict_proba(X) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_a_class_may_appear_and_another_go(self, name: str) -> None:
        X, y = blobs(200, 5)
        y = y * 10
        head = make(name, pool_mean=X.mean(axis=0)).fit(X[y < 40], y[y < 40])
        new = np.concatenate([np.flatnonzero((y > 0) & (y < 40)), np.flatnonzero(y == 40)[:3]])
        P = head.fit(X[new], y[new]).predict_proba(X)
        assert head.classes_.tolist() == [10, 20, 30, 40] and P.shape == (200, 4)
        cold = make(name, pool_mean=X.mean(axis=0)).fit(X[new], y[new])
        np.testing.assert_allclose(P, cold.predict_proba(X), atol=0.03)
        alone = head.fit(X[y == 20], y[y == 20]).predict_proba(X)
        assert head.classes_.tolist() == [20] and (alone == 1).all()

    def test_one_label_or_none_that_agree(self, name: str) -> None:
        X, _ = blobs(20, 2)
        assert (make(name).fit(X[:1], ["fox"]).predict(X) == "fox").all()
        same = np.repeat(X[:1], 6, axis=0)
        P = make(name, pool_mean=X.mean(axis=0)).fit(same, [0, 1, 0, 1, 0, 1]).predict_proba(same)
        assert np.isfinite(P).all()
        if name != NEIGHBOURS:  # its one neighbour is sure of itself
            np.testing.assert_allclose(P, 0.5, atol=0.05)

    def test_a_weight_of_zero_is_as_if_it_were_not_there(self, name: str) -> None:
        X, y = blobs(60, 3)
        mean = X.mean(axis=0)
        weighted = make(name, pool_mean=mean).fit(X, y, sample_weight=(y > 0).astype(float))
        without = make(name, pool_mean=mean).fit(X[y > 0], y[y > 0])
        assert weighted.classes_.tolist() == [1, 2]
        np.testing.assert_allclose(weighted.predict_proba(X), without.predict_proba(X), atol=1e-5)

    def test_weights_count(self, name: str) -> None:
        X, y = blobs(60, 2, d=6, spread=3)
        mean, weight = X.mean(axis=0), np.where(y == 1, 5.0, 1.0)
        if name == NEIGHBOURS:
            with pytest.raises(ValueError, match="no sample weights"):
                make(name).fit(X, y, sample_weight=weight)
            return
        even, uneven = make(name, pool_mean=mean).fit(X, y), make(name, pool_mean=mean)
        uneven.fit(X, y, sample_weight=weight)
        if name == "centroid":  # the directions of the means do not change when a whole class counts more
            weight = np.where(X[:, 0] > mean[0], 5.0, 1.0)
            assert np.abs(uneven.fit(X, y, sample_weight=weight).coef_ - even.coef_).max() > 0.1
        else:
            assert uneven.predict_proba(X)[:, 1].mean() > even.predict_proba(X)[:, 1].mean() + 0.02

    def test_refuses_nonsense(self, name: str) -> None:
        X, y = blobs(12, 3)
        with pytest.raises(NotFittedError):
            make(name).predict_proba(X)
        for wrong in (
            (X * np.nan, y),
            (X[:5], y),
            (X[0], y[:1]),
            (X[:0], y[:0]),
            (X, np.stack([y, y], axis=1)),
            (X, y, np.zeros(12)),
            (X, y, -np.ones(12)),
            (X, y, np.ones(3)),
        ):
            with pytest.raises(ValueError, match=r"\w"):
                make(name).fit(*wrong)
        with pytest.raises(ValueError, match="pool_mean"):
            make(name, pool_mean=np.zeros(3)).fit(X, y)
        with pytest.raises(ValueError, match="temperature"):
            make(name, temperature=0.0).fit(X, y)
        head = make(name).fit(X, y)
        with pytest.raises(ValueError, match="embeddings of shape"):
            head.predict_proba(X[:, :-1])
        for value in (np.nan, np.inf):
            broken = X.copy()
            broken[3, 2] = value
            with pytest.raises(ValueError, match="not finite"):
                head.predict_proba(broken)

    @given(
        X=hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(4)), elements=st.floats(-1e3, 1e3, width=32)),
        data=st.data(),
    )
    @settings(max_examples=25, deadline=None)
    def test_any_finite_labels_give_probabilities(self, name: str, X: np.ndarray, data: st.DataObject) -> None:
        y = data.draw(hnp.arrays(np.int64, len(X), elements=st.integers(0, 4)))
        P = make(name).fit(X, y).predict_proba(X)
        assert np.isfinite(P).all()
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)

    def test_a_pool_is_scored_where_it_lies(self, name: str) -> None:
        X, y = blobs(3000, 3)
        parts = [X[:1200], X[1200:2900].astype(np.float16), X[2900:]]
        pool = NeverWhole(parts, [None, None, np.arange(50)], 40)
        head = make(name).fit(X[:60], y[:60])
        expected = head.predict_proba(np.concatenate([part.astype(np.float32) for part in parts])[:2950])
        np.testing.assert_allclose(head.predict_proba(pool), expected, atol=1e-5)
        assert head.predict(pool).shape == (2950,)
        assert head.predict_proba(Vectors([], [], 40)).shape == head.predict_proba(X[:0]).shape == (0, 3)

    def test_the_linear_form_is_the_head(self, name: str) -> None:
        X, y = blobs(90, 3)
        head = make(name, temperature=2.0).fit(X, y)
        if name in ("knn", "sklearn.svm.SVC", NEIGHBOURS):
            assert not hasattr(head, "linear")
            return
        linear = head.linear()
        assert isinstance(linear, LinearHead) and linear.coef.dtype == linear.intercept.dtype == np.float32
        np.testing.assert_allclose(linear.predict_proba(X), head.predict_proba(X), atol=1e-6)


class TestRegistry:
    def test_names_are_classes(self) -> None:
        assert heads.names()[:5] == ("transductive", "logistic", "centroid", "svm", "knn")
        assert heads.get("logistic", C=3.0).C == 3.0 and heads.get("knn", k=3).k == 3
        assert type(heads.get()) is type(heads.get(heads.DEFAULT))

    def test_a_path_gets_its_own_parameters(self) -> None:
        head = heads.get("sklearn.ensemble.RandomForestClassifier", n_estimators=7, temperature=2.0)
        X, y = blobs(30, 2)
        head.fit(X, y)
        assert len(head.estimator_.estimators_) == 7 and head.temperature_ == 2.0
        assert head.estimator_.random_state == 0

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("logistics", KeyError),
            ("", KeyError),
            ("sklearn.svm.Missing", KeyError),
            ("nowhere.at.All", KeyError),
            ("sklearn.linear_model.Ridge", ValueError),
            ("os.path.join", KeyError),
            ("sklearn.base.clone", ValueError),
        ],
    )
    def test_what_is_no_head_is_refused(self, name: str, error: type[Exception]) -> None:
        with pytest.raises(error, match=r"\w"):
            heads.get(name)
        with pytest.raises(TypeError):
            heads.get("sklearn.svm.LinearSVC", colour="red")

    def test_names_are_taken_once(self) -> None:
        for name in ("logistic", "with.dot"):
            with pytest.raises(ValueError, match="registered already or has a dot"):
                heads.register(name, "tl_core.heads.logistic", "LogisticHead")
