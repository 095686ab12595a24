"""Query strategies: which samples of the pool to label next, in modAL's signature.

``f(classifier, X_pool, n_instances=1, *, random_state=None, allowed=None, ...) -> (indices, scores)``: positions in
``X_pool``, soonest first, and their acquisition scores, higher = sooner. ``X_pool`` is an array (n, d) or
`tl_core.store.vectors.Vectors` and never copied whole; ``allowed`` bool (n,) says which rows may be picked, None = all.
Every strategy returns min(n_instances, allowed) distinct positions, the same ones for the same seed, changes no input
and raises ValueError where it meets NaN in an allowed row. Equal scores: drawn from the seed.

Besides these a strategy takes the keywords it names, of which all mean the same to every strategy; any other is a
TypeError. A caller that has more than a strategy needs gives it what is `wanted`:

=============  =======================================================================================================
``units``      `compact` of the pool around the head's centre; a scoring pass then takes half the time or less
``norms``      float32 (n,), `geometry.lengths` of the pool around the head's centre; spares a third of a scoring pass
``mean``       float32 (d,), the pool's mean, `geometry.mean_row`; spares a pass
``nearest``    float32 (n,), squared distances to the nearest labelled, kept up by `bring_nearer`; for kcenter
``X_labelled`` (m, d), the labelled embeddings; without them a modAL learner's own are taken
``isolated``   share of the pool that kcenter leaves for last
``index``      a `neighbourhood.Index` of the pool, for seals and similar_to: they need not compare with all of it
``positive``   a class, for positive_first; ``examples`` (m, d), embeddings, for similar_to
=============  =======================================================================================================
"""

from tl_core.query.base import Strategy, as_pair, get, names, register, wanted
from tl_core.query.batches import badge, cluster_margin, uherding
from tl_core.query.covering import COLD_START, auto, spread_centroids
from tl_core.query.diversity import kmeans_centroid, random_batch, typiclust
from tl_core.query.hunting import positive_first, similar_to
from tl_core.query.kcentre import bring_nearer, kcenter
from tl_core.query.neighbourhood import seals
from tl_core.query.scoring import Measure, scan, top
from tl_core.query.uncertainty import (
    entropy,
    entropy_scores,
    least_confidence,
    least_confidence_scores,
    margin,
    margin_scores,
    power_margin,
)
from tl_core.query.units import Units, compact
from tl_core.query.voting import Bootstrapped, bootstrapped, committee

for _name, _strategy in (
    ("auto", auto),
    ("random", random_batch),
    ("kmeans_centroid", kmeans_centroid),
    ("kcenter", kcenter),
    ("typiclust", typiclust),
    ("margin", margin),
    ("entropy", entropy),
    ("least_confidence", least_confidence),
    ("power_margin", power_margin),
    ("cluster_margin", cluster_margin),
    ("badge", badge),
    ("uherding", uherding),
    ("positive_first", positive_first),
    ("similar_to", similar_to),
    ("seals", seals(margin)),
    ("committee", committee),
):
    register(_name, _strategy)

__all__ = [
    "COLD_START",
    "Bootstrapped",
    "Measure",
    "Strategy",
    "Units",
    "as_pair",
    "auto",
    "badge",
    "bootstrapped",
    "bring_nearer",
    "cluster_margin",
    "committee",
    "compact",
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
    "positive_first",
    "power_margin",
    "random_batch",
    "register",
    "scan",
    "seals",
    "similar_to",
    "spread_centroids",
    "top",
    "typiclust",
    "uherding",
    "wanted",
]
