# ruff: noqa: N803, N806 - matrices are X and V here
"""Ask where the members of a committee disagree."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.query.base import Picks, Pool, contracted, highest

_BLOCK = 16384


class Bootstrapped:
    """A committee of one kind of head, each fitted on its own draw of the labels: see `bootstrapped`.

    Attributes
    ----------
    estimators_ : list of classifier
        The members.
    classes_ : ndarray, shape (c,)
        All classes any member knows, sorted.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        self.estimators_ = list(members)
        self.classes_ = np.unique(np.concatenate([member.classes_ for member in members]))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the members' mean probabilities of embeddings ``X`` (n, d): (n, c)."""
        total = np.zeros((len(X), len(self.classes_)))  # type: ignore[arg-type]
        for member in self.estimators_:
            total[:, np.searchsorted(self.classes_, member.classes_)] += member.predict_proba(X)
        return total / len(self.estimators_)


def bootstrapped(
    head: Any, X: NDArray[Any], y: NDArray[Any], size: int = 5, *, random_state: int | np.random.Generator | None = None
) -> Bootstrapped:
    """Fit a committee, for the strategy ``committee``. A strategy only asks: whoever asks fits first.

    Parameters
    ----------
    head : classifier
        Scikit-learn compatible; cloned for each member, not fitted itself.
    X : ndarray, shape (m, d)
        Labelled embeddings.
    y : ndarray, shape (m,)
        Their classes.
    size : int
        Members, at least 2.
    random_state : int, numpy.random.Generator or None
        Draws the labels.

    Returns
    -------
    Bootstrapped
        Each member was fitted on m labels drawn with replacement within their class, so that it knows every class.

    Raises
    ------
    ValueError
        Fewer than two members, or from fitting.

    References
    ----------
    Abe, Mamitsuka: Query learning strategies using boosting and bagging, 1998.
    """
    from sklearn.base import clone

    if size < 2:
        raise ValueError("a committee has at least two members")
    rng = np.random.default_rng(random_state)
    by_class = [np.flatnonzero(y == each) for each in np.unique(y)]
    draws = [np.concatenate([rng.choice(rows, len(rows)) for rows in by_class]) for _ in range(size)]
    return Bootstrapped([clone(head).fit(X[rows], y[rows]) for rows in draws])


@contracted
def committee(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
) -> Picks:
    """Pick where a committee's votes are most divided. Equal scores, of which there are many: drawn from the seed.

    ``classifier`` is one of `bootstrapped`, a modAL ``Committee`` or a scikit-learn ensemble with ``estimators_``; any
    other is a ValueError. Scores are the entropy of the votes, in nats: 0 to the logarithm of the members.

    References
    ----------
    Dagan, Engelson: Committee-based sampling for training probabilistic classifiers, 1995.
    """
    members = getattr(classifier, "learner_list", None) or getattr(classifier, "estimators_", None)
    if members is None:
        raise ValueError("this strategy needs a committee: fit one with tl_core.query.bootstrapped")
    positions = np.flatnonzero(allowed)
    scores = np.concatenate(
        [
            _vote_entropy(list(np.ravel(members)), X_pool[positions[start : start + _BLOCK]])
            for start in range(0, len(positions), _BLOCK)
        ]
    )
    best, best_scores = highest(scores, n_instances, rng)
    return positions[best], best_scores


def _vote_entropy(members: list[Any], X: NDArray[Any]) -> NDArray[np.float64]:
    if not np.isfinite(X).all():
        raise ValueError("embeddings are not finite")
    V = np.stack([np.asarray(member.predict(X)) for member in members], axis=1)
    entropy = np.zeros(len(X))
    for voter in range(len(members)):
        # Every voter adds the share of one vote: a class with s of m votes appears s times.
        entropy -= np.log((V[:, voter : voter + 1] == V).mean(axis=1)) / len(members)
    return entropy
