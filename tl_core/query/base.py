# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""The registry of query strategies and what they share."""

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picks = tuple[NDArray[np.intp], NDArray[np.float64]]
Strategy = Callable[..., Any]
Seed = int | np.random.Generator | None

_registry: dict[str, Strategy] = {}


def register(name: str, strategy: Strategy) -> None:
    """Add a strategy under a name that is new and has no dot; else ValueError."""
    if name in _registry or "." in name:
        raise ValueError(f"{name!r} is registered already or has a dot")
    _registry[name] = strategy


def names() -> tuple[str, ...]:
    """Return the registered names, in order of registration."""
    return tuple(_registry)


def get(name: str) -> Strategy:
    """Return a strategy.

    Parameters
    ----------
    name : str
        One of `names`, or the dotted path of any function with modAL's signature, such as
        ``"modAL.uncertainty.margin_sampling"``. A dotted path runs that module: take it from administrators only.

    Returns
    -------
    callable
        Returns ``(indices, scores)``; see `as_pair`.

    Raises
    ------
    KeyError
        No such strategy, or nothing callable at that path.
    """
    if name in _registry:
        return _registry[name]
    module, _, function = name.rpartition(".")
    try:
        strategy = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise KeyError(f"no query strategy {name!r} ({error}); there are: {', '.join(_registry)}") from error
    if not callable(strategy):
        raise KeyError(f"{name!r} is not a function")
    return as_pair(strategy)


def as_pair(strategy: Strategy) -> Strategy:
    """Make a strategy of modAL's kind return ``(indices, scores)`` and take any pool size and ``random_state``.

    modAL allows strategies that return indices only, but its learner then runs them twice and takes two indices for
    indices and scores. Its own refuse a batch larger than the pool and do not know ``random_state``.

    Parameters
    ----------
    strategy : callable
        ``f(classifier, X_pool, n_instances=1, **kw)``, returning indices or ``(indices, scores)``. Ours pass through.

    Returns
    -------
    callable
        Where the strategy gives no scores, they count down to 1. Scores it does give are passed on as they are, so
        from modAL's own margin sampling lower is sooner.
    """
    if getattr(strategy, "returns_pair", False):
        return strategy
    try:
        takes_seed = "random_state" in inspect.signature(strategy).parameters
    except (TypeError, ValueError):  # some callables written in C have no signature
        takes_seed = False

    @functools.wraps(strategy)
    def paired(
        classifier: Any, X_pool: NDArray[Any], n_instances: int = 1, *, random_state: Seed = None, **kw: Any
    ) -> Picks:
        n_instances = min(n_instances, len(X_pool))
        if n_instances <= 0:
            return no_picks()
        if takes_seed:
            kw["random_state"] = random_state
        result = strategy(classifier, X_pool, n_instances=n_instances, **kw)
        # A tuple of two numbers for a batch of two is two indices.
        has_scores = isinstance(result, tuple) and len(result) == 2 and (np.ndim(result[0]) == 1 or n_instances == 1)
        indices, scores = result if has_scores else (result, None)
        indices = np.atleast_1d(np.asarray(indices, dtype=np.intp))
        if scores is None:
            return indices, np.arange(len(indices), 0, -1, dtype=np.float64)
        return indices, np.atleast_1d(np.asarray(scores, dtype=np.float64))

    paired.returns_pair = True  # type: ignore[attr-defined]
    return paired


def contracted(strategy: Callable[..., Picks]) -> Callable[..., Picks]:
    """Wrap one of our strategies: checks the pool, cuts the batch to it, and hands over a Generator.

    Parameters
    ----------
    strategy : callable
        ``f(classifier, X_pool, n_instances, rng, **kw) -> (indices, scores)``, called with 1 <= n_instances <= n.

    Returns
    -------
    callable
        With modAL's signature. Raises ValueError where the pool is not (n, d) or n_instances is negative.
    """

    @functools.wraps(strategy)
    def wrapped(
        classifier: Any, X_pool: NDArray[Any], n_instances: int = 1, *, random_state: Seed = None, **kw: Any
    ) -> Picks:
        X_pool = np.asarray(X_pool)
        if X_pool.ndim != 2:
            raise ValueError(f"expected a pool of shape (n, d), got {X_pool.shape}")
        if n_instances < 0:
            raise ValueError("n_instances must not be negative")
        if n_instances == 0 or len(X_pool) == 0:
            return no_picks()
        rng = np.random.default_rng(random_state)
        return strategy(classifier, X_pool, min(n_instances, len(X_pool)), rng, **kw)

    wrapped.returns_pair = True  # type: ignore[attr-defined]
    return wrapped


def no_picks() -> Picks:
    """Return no indices and no scores."""
    return np.empty(0, np.intp), np.empty(0, np.float64)


def highest(scores: NDArray[np.float64], k: int, rng: np.random.Generator) -> Picks:
    """Return the ``k`` highest of ``scores`` (n,), best first; which of equal ones come is drawn from ``rng``."""
    shuffled = rng.permutation(len(scores))
    # Only what can be among the first k is sorted: 1M scores take a tenth of a second.
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = shuffled[scores[shuffled] > threshold]
    equal = shuffled[scores[shuffled] == threshold][: k - len(above)]
    best = above[np.argsort(-scores[above], kind="stable")]
    indices = np.concatenate([best, equal])
    return indices, scores[indices]


def refuse_nan(array: NDArray[Any], what: str) -> None:
    """Raise ValueError where ``array`` (n, m) holds NaN or infinity. Sums a chunk at a time: no mask, one read."""
    for start in range(0, len(array), 65536):
        with np.errstate(over="ignore", invalid="ignore"):
            total = array[start : start + 65536].sum(dtype=np.float64)
        if not np.isfinite(total):
            raise ValueError(f"{what} are not finite")
