# ruff: noqa: N803, N806 - matrices are X, Z and P here, as in scikit-learn
"""tl_core.loop: modAL's loop around our heads."""

import subprocess
import sys

import numpy as np
import pytest

from tests.tl_core.blobs import blobs
from tl_core import heads, query
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.multilabel import MultiLabelHead
from tl_core.loop import make_committee, make_learner

# What some strategies cannot do without; "committee" is for committees.
NEEDED = {"positive_first": {"positive": 1}, "similar_to": {"examples": blobs(2, 1)[0]}}
STRATEGIES = [name for name in query.names() if name != "committee"]


def test_learners_import_no_torch_and_leave_it_to_whoever_wants_it() -> None:
    asked = "import sys, tl_core.loop; print('torch' in sys.modules); import torch; print(torch.ones(2).sum().item())"
    told = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["False", "2.0"]


class TestLearner:
    """modAL's loop around our heads."""

    @pytest.mark.parametrize("k", [1, 2, 20, 500])
    @pytest.mark.parametrize("name", [*STRATEGIES, "modAL.uncertainty.margin_sampling", "indices only"])
    def test_queries_of_any_size(self, name: str, k: int) -> None:
        X, y = blobs(90, 3)
        calls = []

        def indices_only(classifier: object, X: np.ndarray, n_instances: int = 1) -> np.ndarray:
            calls.append(n_instances)
            return np.arange(n_instances)

        strategy = indices_only if name == "indices only" else query.get(name)
        learner = make_learner(LogisticHead(), X[:40], y[:40], strategy)
        indices, instances, scores = learner.query(X[40:], n_instances=k, return_metrics=True, **NEEDED.get(name, {}))
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

    def test_teaches_several_classes_a_sample(self) -> None:
        X, y = blobs(90, 3)
        Y = np.stack([y == 0, y > 0, y == 2], axis=1)
        learner = make_learner(MultiLabelHead(), X[:40], Y[:40], query.get("kcenter"))
        learner.query(X[40:], n_instances=4)
        learner.teach(X[40:80], Y[40:80])
        assert learner.y_training.shape == (80, 3) and (learner.predict(X) == Y).mean() > 0.9

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

    def test_strategies_get_what_is_passed(self) -> None:
        X, y = blobs(30, 2)
        given = {}

        def strategy(classifier: object, X: np.ndarray, n_instances: int = 1, **kw: object) -> np.ndarray:
            given.update(kw)
            return np.arange(n_instances)

        examples = X[:2]
        make_learner(LogisticHead(), X, y, strategy).query(X, n_instances=3, examples=examples)
        assert given["examples"] is examples and list(given) == ["examples"]

    def test_strategies_of_others_are_handed_what_they_name(self) -> None:
        def strategy(classifier: object, X: np.ndarray, n_instances: int = 1, *, mean: object = None) -> np.ndarray:
            assert mean == "a mean"
            return np.arange(n_instances)

        ours = query.as_pair(strategy)
        assert query.wanted(ours, {"mean": "a mean", "norms": None}) == {"mean": "a mean"}
        assert len(ours(None, np.ones((5, 2)), 3, mean="a mean", random_state=1)[0]) == 3
        with pytest.raises(TypeError, match="norms"):
            ours(None, np.ones((5, 2)), 3, norms=None)


class TestCommittee:
    """modAL's committee around our heads."""

    def test_queries_and_teaches(self) -> None:
        X, y = blobs(120, 3)
        members = [heads.get(name, pool_mean=X.mean(axis=0)) for name in ("logistic", "centroid", "knn")]
        committee = make_committee(
            members, X[y < 2][:20], y[y < 2][:20], query.get("modAL.disagreement.vote_entropy_sampling")
        )
        indices, instances = committee.query(X, n_instances=7)
        assert len(set(indices.tolist())) == 7
        np.testing.assert_array_equal(instances, X[indices])
        committee.teach(X[:60], y[:60])
        assert committee.classes_.tolist() == [0, 1, 2] and committee.predict_proba(X).shape == (120, 3)
        mean = np.mean([head.predict_proba(X) for head in members], axis=0)
        np.testing.assert_allclose(committee.predict_proba(X), mean, atol=1e-6)
        assert committee.score(X[60:], y[60:]) > 0.8

    def test_keys_may_be_words(self) -> None:
        X, y = blobs(60, 3)
        words = np.array(["fox", "lynx", "owl"])[y]
        committee = make_committee([LogisticHead(), heads.get("svm")], X[:40], words[:40], query.get("margin"))
        committee.query(X[40:], n_instances=5)
        assert set(committee.predict(X)) <= {"fox", "lynx", "owl"}

    def test_needs_different_objects(self) -> None:
        X, y = blobs(20, 2)
        head = LogisticHead()
        for wrong in ([], [head, head]):
            with pytest.raises(ValueError, match="at least one head"):
                make_committee(wrong, X, y, query.get("random"))
