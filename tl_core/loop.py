# ruff: noqa: N803 - matrices are X, Z, P and W here, as in scikit-learn
"""modAL's `ActiveLearner` and `Committee` around our heads. The one place that knows modAL's quirks.

Imports modAL: workers only.
"""

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_X_y

from tl_core.query import Strategy, as_pair


@contextmanager
def _without_torch() -> Iterator[None]:
    """Let imports do without torch. modAL takes it where it finds it, only to join tensors; learners here hold arrays.

    That took a worker's first fit 1.6 s and 185 MB.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


with _without_torch():
    import modAL.models.learners as modal_learners
    from modAL.models import ActiveLearner, Committee


def _check_x_y(*args: Any, force_all_finite: bool = True, **kwargs: Any) -> Any:
    """Translate the argument that scikit-learn renamed in 1.6 and removed in 1.8."""
    return check_X_y(*args, ensure_all_finite=force_all_finite, **kwargs)


if "force_all_finite" not in inspect.signature(check_X_y).parameters:
    modal_learners.check_X_y = _check_x_y  # modAL's own name for it only; scikit-learn stays as it is


def make_learner(
    head: ClassifierMixin, X: NDArray[Any] | None, y: ArrayLike | None, query_strategy: Strategy
) -> ActiveLearner:
    """Wrap a head and a query strategy into modAL's loop.

    Parameters
    ----------
    head : classifier
        Scikit-learn compatible; fitted on ``X`` and ``y`` here, in place.
    X : ndarray, shape (n, d), or None
        Embeddings labelled so far. None or ``n = 0`` leaves the head unfitted, for strategies that need none.
    y : array-like, shape (n,), or None
        Their classes.
    query_strategy : callable
        ``f(classifier, X_pool, n_instances=1, ...)``; from `tl_core.query`, modAL's, or a user's.

    Returns
    -------
    modAL.models.ActiveLearner
        ``learner.query(X_pool, n_instances=k)`` returns ``(indices, X_pool[indices])`` with ``indices`` an integer
        array of length min(k, pool) for every k; ``return_metrics=True`` adds the acquisition scores.
        ``learner.teach(X, y)`` refits.

    Raises
    ------
    ValueError
        From fitting.
    """
    strategy = as_pair(query_strategy)
    if X is None or len(X) == 0:
        return ActiveLearner(head, strategy)
    return ActiveLearner(head, strategy, X_training=X, y_training=y)


def make_committee(
    heads: Sequence[ClassifierMixin], X: NDArray[Any] | None, y: ArrayLike | None, query_strategy: Strategy
) -> Committee:
    """Wrap several heads and a query strategy into modAL's loop with a committee.

    Parameters
    ----------
    heads : sequence of classifiers
        Scikit-learn compatible, at least one, no object twice; each is fitted on all of ``X`` and ``y``, in place. They
        disagree where they differ in kind or parameters.
    X : ndarray, shape (n, d), or None
        Embeddings labelled so far. None or ``n = 0`` leaves the heads unfitted, for strategies that need none.
    y : array-like, shape (n,), or None
        Their classes. modAL's own disagreement strategies take ids (int) only.
    query_strategy : callable
        ``f(committee, X_pool, n_instances=1, ...)``; from `tl_core.query`, `modAL.disagreement`, or a user's.

    Returns
    -------
    modAL.models.Committee
        ``committee.query(X_pool, n_instances=k)`` and ``committee.teach(X, y)`` as for `make_learner`;
        ``predict_proba`` is the mean of the heads'.

    Raises
    ------
    ValueError
        No head, or one twice; else from fitting.
    """
    if not heads or len({id(head) for head in heads}) < len(heads):
        raise ValueError("a committee needs at least one head, and each must be an object of its own")
    return Committee([make_learner(head, X, y, query_strategy) for head in heads], as_pair(query_strategy))
