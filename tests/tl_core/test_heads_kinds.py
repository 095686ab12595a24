# ruff: noqa: N806 - matrices are X, Y, Z and P here, as in scikit-learn
"""tl_core.heads: what is particular to the heads other than the logistic one."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from tests.tl_core.blobs import blobs
from tl_core import heads
from tl_core.geometry import unit_rows
from tl_core.heads import plain
from tl_core.heads.multilabel import MultiLabelHead, indicator
from tl_core.heads.plain import all_right, present
from tl_core.heads.transductive import PoolGraph


def test_centroid_is_simpleshots() -> None:
    X, y = blobs(200, 6)
    mean = X.mean(axis=0)
    Z = unit_rows(X, mean)
    head = heads.get("centroid", pool_mean=mean, temperature=1.0).fit(X, y)
    centroids = NearestCentroid().fit(Z, y).centroids_
    directions = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    np.testing.assert_allclose(head.logits(X), 10 * Z @ directions.T, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_svm_agrees_with_liblinear(classes: int, weighted: bool) -> None:
    X, y = blobs(300, classes)
    weight = np.random.default_rng(1).uniform(0.1, 3, 300) if weighted else None
    Z = unit_rows(X, X.mean(axis=0)).astype(np.float64)
    # Its intercept is penalised, the less the larger this scaling.
    reference = LinearSVC(C=2.0, tol=1e-9, max_iter=100000, intercept_scaling=100, dual=False)
    expected = reference.fit(Z, y, sample_weight=weight).decision_function(Z)
    head = heads.get("svm", C=2.0, temperature=1.0, tol=1e-7, max_iter=3000).fit(X, y, sample_weight=weight)
    found = head.logits(X)[:, 1] if classes == 2 else head.logits(X)
    np.testing.assert_allclose(found, expected, atol=5e-3)


class TestKnn:
    def test_the_nearer_count_more(self) -> None:
        X = np.array([[1, 0], [0.95, 0.3], [0, 1], [0.3, 0.95]], np.float32)
        head = heads.get("knn", k=4, pool_mean=np.zeros(2), temperature=1.0).fit(X, ["a", "b", "c", "c"])
        P = head.predict_proba([[1, 0.02]])[0]
        assert P[0] > P[1] > P[2] > 0

    def test_only_k_vote(self) -> None:
        X, y = blobs(90, 3)
        alone = heads.get("knn", k=1, temperature=1.0).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(alone.max(axis=1), 0.99 + 0.01 / 3, atol=1e-5)
        many = heads.get("knn", k=1000, temperature=1.0).fit(X, y)
        assert many.predict_proba(X).shape == (90, 3)
        with pytest.raises(ValueError, match="k must be"):
            heads.get("knn", k=0).fit(X, y)

    def test_blocks_of_labels_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        X, y = blobs(300, 4)
        head = heads.get("knn").fit(X, y)
        whole = head.predict_proba(X)
        monkeypatch.setattr(plain, "_LABELLED_BLOCK", 7)
        np.testing.assert_allclose(head.predict_proba(X), whole, atol=1e-5)


class TestForeign:
    def test_sees_centred_unit_vectors(self) -> None:
        X, y = blobs(200, 3)
        Z = unit_rows(X, X.mean(axis=0))
        head = heads.get("sklearn.linear_model.LogisticRegression", C=3.0, pool_mean=X.mean(axis=0), temperature=1.0)
        expected = LogisticRegression(C=3.0).fit(Z, y).predict_proba(Z)
        np.testing.assert_allclose(head.fit(X, y).predict_proba(X), expected, atol=1e-4)

    @pytest.mark.parametrize(
        ("path", "linear"),
        [
            ("sklearn.linear_model.LogisticRegression", True),
            ("sklearn.linear_model.SGDClassifier", True),
            ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", True),
            ("sklearn.svm.LinearSVC", True),
            ("sklearn.ensemble.RandomForestClassifier", False),
            ("sklearn.naive_bayes.GaussianNB", False),
        ],
    )
    @pytest.mark.parametrize("classes", [2, 3])
    def test_which_are_linear(self, path: str, linear: bool, classes: int) -> None:
        X, y = blobs(90, classes, d=8)
        head = heads.get(path).fit(X, np.array(["fox", "lynx", "owl"])[y])
        assert hasattr(head, "linear") == linear
        assert head.score(X, np.array(["fox", "lynx", "owl"])[y]) > 0.8
        np.testing.assert_allclose(head.predict_proba(X).sum(axis=1), 1, atol=1e-5)

    def test_weights_a_pair_of_classes_are_no_linear_head(self) -> None:
        X, y = blobs(90, 3)  # three classes have three pairs
        head = heads.get("sklearn.svm.SVC", kernel="linear").fit(X, y)
        assert not hasattr(head, "linear") and head.predict_proba(X).shape == (90, 3)
        pairs = heads.get("sklearn.svm.SVC", decision_function_shape="ovo")
        with pytest.raises(ValueError, match="one-against-the-rest"):
            pairs.fit(*blobs(90, 4)).predict_proba(X)


class TestMultiLabel:
    """A sample may be of several classes, or of none."""

    def truth(self, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
        X, _ = blobs(n, 1, d=20, spread=1)
        return X, X[:, :3] > [3.0, 3.5, 4.0]

    def test_agrees_with_one_logistic_regression_a_class(self) -> None:
        X, Y = self.truth()
        head = MultiLabelHead(C=5.0, tol=1e-7, max_iter=2000).fit(X, Y)
        P = head.predict_proba(X)
        Z = unit_rows(X, X.mean(axis=0)).astype(np.float64)
        for column in range(3):
            expected = LogisticRegression(C=5.0, tol=1e-8, max_iter=5000).fit(Z, Y[:, column]).predict_proba(Z)[:, 1]
            np.testing.assert_allclose(P[:, column], expected, atol=2e-3)
        assert P.dtype == np.float32 and (head.predict(X) == Y).mean() > 0.9
        np.testing.assert_array_equal(head.predict(X), P > 0.5)

    def test_sets_and_indicators_are_the_same(self) -> None:
        X, Y = self.truth(60)
        names = np.array(["bird", "boar", "deer"])
        sets = [set(names[row].tolist()) for row in Y]
        by_sets, by_indicator = MultiLabelHead().fit(X, sets), MultiLabelHead(classes=names).fit(X, Y)
        assert by_sets.classes_.tolist() == by_indicator.classes_.tolist() == names.tolist()
        np.testing.assert_array_equal(by_sets.predict_proba(X), by_indicator.predict_proba(X))

    def test_a_class_nobody_is_of_is_unlikely_and_one_all_are_of_is_likely(self) -> None:
        X, Y = self.truth(60)
        P = MultiLabelHead(classes=[1, 2, 3]).fit(X, [{3} | ({1} if row[0] else set()) for row in Y]).predict_proba(X)
        assert np.isfinite(P).all() and P[:, 1].max() < 0.1 and P[:, 2].min() > 0.9

    def test_refits_from_where_it_was(self) -> None:
        X, Y = self.truth()
        head = MultiLabelHead(pool_mean=X.mean(axis=0)).fit(X[:395], Y[:395])
        cold = MultiLabelHead(pool_mean=X.mean(axis=0)).fit(X, Y)
        assert head.fit(X, Y).n_iter_ < cold.n_iter_
        np.testing.assert_allclose(head.predict_proba(X), cold.predict_proba(X), atol=0.02)

    def test_a_pool_makes_few_labels_go_further(self) -> None:
        """Attributes of elongated groups: who is near whom tells more than which side of a plane one is on."""
        gains = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            group = rng.integers(6, size=900)
            middles, along = 3 * rng.normal(size=(6, 32)), rng.normal(size=(6, 32))
            X = middles[group] + rng.uniform(-3, 3, (900, 1)) * along[group] + 0.5 * rng.normal(size=(900, 32))
            X, mean = X.astype(np.float32), X.mean(axis=0).astype(np.float32)
            Y = np.stack([group == 0, group < 2, group % 2 == 0, group > 2], axis=1)
            pool = PoolGraph(X, mean, np.random.default_rng(0))
            plain, with_pool = (
                (MultiLabelHead(pool=each, pool_mean=mean).fit(X[:20], Y[:20]).predict(X) == Y).all(axis=1).mean()
                for each in (None, pool)
            )
            gains.append(with_pool - plain)
        assert np.mean(gains) > 0.03 and min(gains) > -0.03

    def test_with_a_pool_a_label_of_no_weight_is_as_if_it_were_not_there(self) -> None:
        X, Y = self.truth(200)
        pool = PoolGraph(X, X.mean(axis=0), np.random.default_rng(0))
        head = MultiLabelHead(pool=pool, pool_mean=X.mean(axis=0))
        weighed = clone(head).fit(X[:60], Y[:60], np.r_[np.ones(40), np.zeros(20)]).predict_proba(X)
        np.testing.assert_array_equal(weighed, clone(head).fit(X[:40], Y[:40]).predict_proba(X))

    def test_the_temperature_changes_how_sure_it_is_and_nothing_else(self) -> None:
        X, Y = self.truth(60)
        sure, unsure = (MultiLabelHead(temperature=t).fit(X, Y) for t in (1.0, 4.0))
        np.testing.assert_allclose(unsure.logits(X), sure.logits(X) / 4, atol=1e-5)
        np.testing.assert_array_equal(unsure.predict(X), sure.predict(X))
        with pytest.raises(ValueError, match="temperature"):
            MultiLabelHead(temperature=0).fit(X, Y)

    def test_an_answer_names_a_class(self) -> None:
        P = np.array([[0.9, 0.6, 0.1], [0.1, 0.4, 0.2], [0.5, 0.0, 1.0]], np.float32)
        assert present(P).tolist() == [[True, True, False], [False, True, False], [True, False, True]]
        np.testing.assert_allclose(all_right(P), [0.9 * 0.6 * 0.9, 0.9 * 0.4 * 0.8, 0.5], rtol=1e-6)

    def test_refuses_nonsense(self) -> None:
        X, Y = self.truth(12)
        with pytest.raises(NotFittedError):
            MultiLabelHead().predict_proba(X)
        for wrong in (Y[:5], Y.astype(int) * 2, [set()] * 12, [{1}] * 11):
            with pytest.raises(ValueError, match=r"\w"):
                MultiLabelHead().fit(X, wrong)
        with pytest.raises(ValueError, match="no class"):
            MultiLabelHead(classes=[1, 2]).fit(X, [{7}] * 12)

    def test_indicator_of_none(self) -> None:
        Y, classes = indicator([set(), {4}], [4, 5])
        assert Y.tolist() == [[False, False], [True, False]] and classes.tolist() == [4, 5]
