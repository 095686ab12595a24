"""Query strategies: which samples of the pool to label next, in modAL's signature.

``f(classifier, X_pool, n_instances=1, *, random_state=None, **kw) -> (indices, scores)``: positions in ``X_pool``,
soonest first, and their acquisition scores, higher = sooner. Every strategy returns min(n_instances, len(X_pool))
distinct positions, the same ones for the same seed, changes no input and raises ValueError where it meets NaN.
"""

from tl_core.query.base import Strategy, as_pair, get, names, register
from tl_core.query.diversity import kcenter, kmeans_centroid, random_batch
from tl_core.query.uncertainty import (
    entropy,
    entropy_scores,
    least_confidence,
    least_confidence_scores,
    margin,
    margin_scores,
)

for _name, _strategy in (
    ("random", random_batch),
    ("kmeans_centroid", kmeans_centroid),
    ("kcenter", kcenter),
    ("margin", margin),
    ("entropy", entropy),
    ("least_confidence", least_confidence),
):
    register(_name, _strategy)

__all__ = [
    "Strategy",
    "as_pair",
    "entropy",
    "entropy_scores",
    "get",
    "kcenter",
    "kmeans_centroid",
    "least_confidence",
    "least_confidence_scores",
    "margin",
    "margin_scores",
    "names",
    "random_batch",
    "register",
]
