# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""Heads and strategies of the peers, on texts: TF-IDF and a margin, small-text's strategies, Label Sleuth's policy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.replay import Choose, Split

POSITIVES, CHANGES = 20, 20  # Label Sleuth's first_model_positive_threshold and changed_element_threshold


class TfidfHead:
    """Logistic regression of scikit-learn on sparse vectors, computed in the space of the labelled ones.

    Its optimum lies in their span, so their Gram matrix gives the same classifier in hundreds of columns instead of
    tens of thousands.
    """

    def __init__(self, C: float = 30.0) -> None:
        self.C = C

    def fit(self, X: Any, y: NDArray[np.intp]) -> "TfidfHead":
        from sklearn.linear_model import LogisticRegression

        gram = (X @ X.T).toarray().astype(np.float64)
        values, vectors = np.linalg.eigh(gram)
        kept = values > 1e-6 * values.max()
        self._basis = vectors[:, kept] / np.sqrt(values[kept])
        self._X, self.classes_ = X, np.unique(y)
        self._model = (
            LogisticRegression(C=self.C, max_iter=300).fit(self._in_span(X), y) if len(self.classes_) > 1 else None
        )
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        return self._model.predict_proba(self._in_span(X)) if self._model else np.ones((X.shape[0], 1))

    def predict(self, X: Any) -> NDArray[np.intp]:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _in_span(self, X: Any) -> NDArray[np.float64]:
        return np.asarray((X @ self._X.T).toarray() @ self._basis)


def by_margin(data: Split) -> Choose:
    """The smallest difference of the two best classes: what most people do."""

    def choose(head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        P = np.sort(head.predict_proba(data.X[rest]), axis=1)
        if P.shape[1] < 2:
            return rng.choice(rest, k, replace=False)
        return np.asarray(rest[np.argsort(P[:, -1] - P[:, -2], kind="stable")[:k]])

    return choose


class _SmallTextClassifier:
    """What small-text's strategies ask of a classifier."""

    def __init__(self, head: Any, X: Any, num_classes: int) -> None:
        self.head, self.X, self.num_classes = head, X, num_classes

    def predict_proba(self, dataset: Any) -> NDArray[np.float32]:
        return np.asarray(self.head.predict_proba(dataset))

    def embed(self, dataset: Any, return_proba: bool = False, pbar: Any = None) -> Any:
        return (dataset, self.predict_proba(dataset)) if return_proba else dataset


def by_small_text(name: str, data: Split) -> Choose:
    """A strategy of small-text, on the same vectors and the same head; it draws by NumPy's global seed."""
    from small_text import query_strategies

    strategy = {
        "small-text BreakingTies": query_strategies.BreakingTies,
        "small-text ContrastiveActiveLearning": query_strategies.ContrastiveActiveLearning,
        "small-text EmbeddingKMeans": query_strategies.EmbeddingKMeans,
    }[name]()
    centred = data.X - data.X.mean(axis=0)
    Z = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    def choose(head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        np.random.seed(int(rng.integers(1 << 31)))  # noqa: NPY002 - there is no other way to seed it
        classifier = _SmallTextClassifier(head, data.X, len(head.classes_))
        more: dict[str, Any] = {}
        rows = data.X
        if not name.endswith("BreakingTies"):
            at = np.concatenate([rest, labelled])
            more = {"pbar": None}
            classifier.embed = lambda dataset, return_proba=False, pbar=None: (Z[at], head.predict_proba(data.X[at]))  # type: ignore[method-assign]
        return np.asarray(strategy.query(classifier, rows, rest, labelled, data.y[labelled], n=k, **more))

    return choose


class Sleuth:
    """Label Sleuth's policy, from its documentation, for several classes at once.

    A class has a model of its own once it has 20 positive labels, an ensemble of two linear SVMs (on counted words, on
    embeddings); a new one after 20 changes. The texts next to a model's boundary are asked for (HARD_MINING), the
    classes with a model in turns. Before there is one, people search; here texts are drawn at random. Every label says
    of all classes whether they hold.
    """

    def __init__(self, data: Split, counted: Any) -> None:
        self.data, self.counted = data, counted
        self.scores: dict[int, NDArray[np.float64]] = {}
        self.trained: dict[int, int] = {}
        self.turn = 0

    def choose(self, head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        self._train(labelled)
        if not self.scores:
            return rng.choice(rest, k, replace=False)
        classes, free, chosen = sorted(self.scores), set(rest.tolist()), []
        orders = {one: iter(rest[np.argsort(np.abs(self.scores[one][rest]), kind="stable")]) for one in classes}
        while len(chosen) < k:
            one = classes[self.turn % len(classes)]
            self.turn += 1
            position = next(int(at) for at in orders[one] if int(at) in free)
            free.discard(position)
            chosen.append(position)
        return np.array(chosen)

    def _train(self, labelled: NDArray[np.intp]) -> None:
        from sklearn.svm import LinearSVC

        y = self.data.y[labelled]
        for one in np.flatnonzero(np.bincount(y) >= POSITIVES).tolist():
            if len(labelled) - self.trained.get(one, -CHANGES) < CHANGES or (y == one).all():
                continue
            self.trained[one] = len(labelled)
            both = [LinearSVC().fit(X[labelled], y == one).decision_function(X) for X in (self.counted, self.data.X)]
            self.scores[one] = np.mean(both, axis=0)
