# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""The registry of query strategies and what they share."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import importing
from tl_core.geometry import Rows, rows_of

Pool = Rows
Picks = tuple[NDArray[np.intp], NDArray[np.float64]]
Strategy = Callable[..., Any]
Seed = int | np.random.Generator | None

_OF_ALL = frozenset({"random_state", "allowed"})

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
        ``"modAL.uncertainty.margin_sampling"``, in a package that is allowed: see `tl_core.importing`.

    Returns
    -------
    callable
        Returns ``(indices, scores)``; see `as_pair`.

    Raises
    ------
    KeyError
        No such strategy, nothing allowed at that path, or no function that can be called as one.
    """
    if name in _registry:
        return _registry[name]
    if "." not in name:
        raise KeyError(f"no query strategy {name!r}; there are: {', '.join(_registry)}")
    strategy = importing.load(name)
    try:
        inspect.signature(strategy).bind(None, None, n_instances=1)
    except (TypeError, ValueError) as error:
        raise KeyError(f"{name!r} does not take a classifier, a pool and n_instances") from error
    if inspect.isclass(strategy):
        raise KeyError(f"{name!r} is not a function")
    return as_pair(strategy)


def as_pair(strategy: Strategy) -> Strategy:
    """Make a strategy of modAL's kind keep our contract: pairs, any pool, any batch, ``allowed``, ``random_state``.

    modAL allows strategies that return indices only, but its learner then runs them twice and takes two indices for
    indices and scores. Its own refuse a batch larger than the pool and know neither ``random_state`` nor ``allowed``.

    Parameters
    ----------
    strategy : callable
        ``f(classifier, X_pool, n_instances=1, ...)``, returning indices or ``(indices, scores)``. Ours pass through.

    Returns
    -------
    callable
        Where the strategy gives no scores, they count down to 1. Scores it does give are passed on as they are, so
        from modAL's own margin sampling lower is sooner. It is handed a plain array of the rows that may be picked: a
        copy of them, unless the pool is an array and all may. Keywords it does not take are a TypeError.
    """
    if hasattr(strategy, "takes"):
        return strategy
    named, takes_any = _keywords(strategy)

    @functools.wraps(strategy)
    def paired(
        classifier: Any,
        X_pool: Pool,
        n_instances: int = 1,
        *,
        random_state: Seed = None,
        allowed: NDArray[np.bool_] | None = None,
        **kw: Any,
    ) -> Picks:
        if not takes_any:
            _refuse_unknown(paired, kw)
        positions = None if allowed is None else np.flatnonzero(_checked_mask(allowed, len(X_pool)))
        X = X_pool if positions is None and isinstance(X_pool, np.ndarray) else X_pool[:]
        X = X if positions is None else X_pool[positions]
        n_instances = min(n_instances, len(X))
        if n_instances <= 0:
            return no_picks()
        seed = {"random_state": random_state} if "random_state" in named else {}
        indices, scores = _pair(strategy(classifier, X, n_instances=n_instances, **seed, **kw), n_instances)
        return (indices if positions is None else positions[indices]), scores

    paired.takes = named | _OF_ALL  # type: ignore[attr-defined]
    return paired


def wanted(strategy: Strategy, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some keywords that a strategy takes by name: whoever has more than it needs asks with these.

    Parameters
    ----------
    strategy : callable
        As `get` returns it.
    known : mapping
        Keywords of `tl_core.query`'s table.

    Returns
    -------
    dict
        What a strategy would only hand on, as modAL's do to ``predict_proba``, is not in it.
    """
    takes = strategy.takes if hasattr(strategy, "takes") else _keywords(strategy)[0]
    return {name: value for name, value in known.items() if name in takes}


def _keywords(strategy: Strategy) -> tuple[frozenset[str], bool]:
    """Return the keywords a function names besides modAL's three arguments, and whether it takes any other as well."""
    try:
        parameters = list(inspect.signature(strategy).parameters.values())
    except (TypeError, ValueError):  # some callables written in C have no signature
        return frozenset(), True
    by_name = [each.name for each in parameters[2:] if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    return frozenset(by_name) - {"n_instances"}, any(each.kind is each.VAR_KEYWORD for each in parameters)


def _refuse_unknown(strategy: Strategy, given: Mapping[str, Any]) -> None:
    """Raise TypeError where a keyword is none that a strategy takes: a misspelt one must not be passed over."""
    unknown = sorted(given.keys() - strategy.takes)  # type: ignore[attr-defined]
    if unknown:
        takes = ", ".join(sorted(strategy.takes))  # type: ignore[attr-defined]
        raise TypeError(f"{strategy.__name__} takes no keyword {', '.join(unknown)}; it takes {takes}")


def _pair(result: Any, n_instances: int) -> Picks:
    """Tell indices from indices and scores: a tuple of two numbers for a batch of two is two indices."""
    has_scores = isinstance(result, tuple) and len(result) == 2 and (np.ndim(result[0]) == 1 or n_instances == 1)
    indices, scores = result if has_scores else (result, None)
    indices = np.atleast_1d(np.asarray(indices, dtype=np.intp))
    if scores is None:
        return indices, np.arange(len(indices), 0, -1, dtype=np.float64)
    return indices, np.atleast_1d(np.asarray(scores, dtype=np.float64))


def contracted(strategy: Callable[..., Picks], passed_on: frozenset[str] = frozenset()) -> Callable[..., Picks]:
    """Wrap one of our strategies: checks the pool, cuts the batch to what may be picked, and hands over a Generator.

    Parameters
    ----------
    strategy : callable
        ``f(classifier, X_pool, n_instances, rng, *, allowed, ...) -> (indices, scores)``, called with
        1 <= n_instances <= allowed.sum(); ``allowed`` is always a mask. The keywords it names are those it takes.
    passed_on : frozenset of str
        Further keywords, which it hands on.

    Returns
    -------
    callable
        With modAL's signature and those keywords. Raises ValueError where the pool is not (n, d), ``allowed`` not a
        mask of it or n_instances negative, TypeError where it does not take a keyword.
    """

    @functools.wraps(strategy)
    def wrapped(
        classifier: Any,
        X_pool: Pool,
        n_instances: int = 1,
        *,
        random_state: Seed = None,
        allowed: NDArray[np.bool_] | None = None,
        **kw: Any,
    ) -> Picks:
        _refuse_unknown(wrapped, kw)
        X_pool = rows_of(X_pool)
        if X_pool.ndim != 2:
            raise ValueError(f"expected a pool of shape (n, d), got {X_pool.shape}")
        if n_instances < 0:
            raise ValueError("n_instances must not be negative")
        mask = np.ones(len(X_pool), np.bool_) if allowed is None else _checked_mask(allowed, len(X_pool))
        k = min(n_instances, int(np.count_nonzero(mask)))
        if k == 0:
            return no_picks()
        return strategy(classifier, X_pool, k, np.random.default_rng(random_state), allowed=mask, **kw)

    named = _keywords(strategy)[0] - {"rng"}
    wrapped.takes = named | _OF_ALL | passed_on  # type: ignore[attr-defined]
    return wrapped


def _checked_mask(allowed: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    allowed = np.asarray(allowed)
    if allowed.dtype != np.bool_ or allowed.shape != (n,):
        raise ValueError(f"allowed must be bool of shape ({n},), got {allowed.dtype} of shape {allowed.shape}")
    return allowed


def no_picks() -> Picks:
    """Return no indices and no scores."""
    return np.empty(0, np.intp), np.empty(0, np.float64)


def highest(scores: NDArray[np.floating[Any]], k: int, rng: np.random.Generator) -> Picks:
    """Return the ``k`` highest of ``scores`` (n,), best first; which of equal ones come is drawn from ``rng``."""
    # Only what can be among the first k is sorted or shuffled: 1M scores take a hundredth of a second.
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = rng.permutation(np.flatnonzero(scores > threshold))
    best = above[np.argsort(-scores[above], kind="stable")]
    equal = rng.permutation(np.flatnonzero(scores == threshold))[: k - len(best)]
    indices = np.concatenate([best, equal])
    return indices, scores[indices].astype(np.float64)
