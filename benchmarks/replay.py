# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""Replays labelled samples: an arm (head + strategy) asks for labels, and is judged on what it never asks for."""

import csv
import functools
import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.evaluation import balanced_accuracy, macro_f1
from tl_core.heads import weighing

AUDIT_SHARE = 0.1
WEIGHTS = ((1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (0.0, 1.0))  # as labeller.learning.weighing tries them
LAST, BOTH = "efficientnet-lite0", "efficientnet-lite0,output=both"
TEST_SHARE = 0.3  # of the files or groups: judged on
TAIL = (100, 1)  # samples of the most and the least frequent class of a long tail
FIRST = 20  # labels everyone begins with
BADGE_NUMBERS = 150e6  # gradients that scikit-activeml's BADGE holds at once; beyond, it does not fit


# --- data -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """A pool to label from, `X` (n, D) with classes `y`, and what is judged on."""

    X: NDArray[np.float32]
    y: NDArray[np.intp]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.intp]

    @functools.cached_property
    def everything(self) -> NDArray[np.float32]:
        return np.concatenate([self.X, self.X_test])


def embedded(directory: Path, spec: str = LAST) -> tuple[NDArray[np.float32], list[str]]:
    """Embeddings of all images, (n, D), and their paths below the directory; kept in the system's temporary folder."""
    from benchmarks.featurise import SUFFIXES
    from tl_core import featurisers
    from tl_core.featurisers.onnx_runtime import OnnxRuntime
    from tl_core.pipeline import Picture, embed_images

    files = sorted(file for file in directory.glob("*/*") if file.suffix.lower() in SUFFIXES)
    featuriser = featurisers.get(spec)
    key = json.dumps(
        [featuriser.fingerprint, *(f"{file.parent.name}/{file.name} {file.stat().st_size}" for file in files)]
    )
    cache = Path(tempfile.gettempdir()) / "labeller-benchmarks"
    kept = cache / f"{directory.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not kept.exists():
        cache.mkdir(exist_ok=True)
        found = list(embed_images([Picture(file) for file in files], OnnxRuntime(featuriser, cache / "models")))
        good = [one for one in found if one.vector is not None]
        paths = [f"{files[one.index].parent.name}/{files[one.index].name}" for one in good]
        np.savez(kept, X=np.stack([np.asarray(one.vector) for one in good]), paths=np.array(paths))
    with np.load(kept) as arrays:
        return arrays["X"], arrays["paths"].tolist()


def split(directory: Path, seed: int, spec: str = LAST, thinned: bool = False) -> Split:
    """What is asked for and what is judged on; ``thinned`` = the pool as a long tail, see `long_tail`."""
    X, paths = embedded(directory, spec)
    kept = np.ones(len(paths), bool)
    if (directory / "longtail.csv").exists():
        with (directory / "longtail.csv").open(newline="") as file:
            listed = {row["file"] for row in csv.DictReader(file)}
        kept = np.array([path in listed for path in paths])
    X, paths = X[kept], [path for path, here in zip(paths, kept, strict=True) if here]
    y = np.unique([path.split("/")[0] for path in paths], return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    if (directory / "groups.csv").exists():
        with (directory / "groups.csv").open(newline="") as file:
            group = {row["file"]: row["group"] for row in csv.DictReader(file)}
        test = _tested([group[path] for path in paths], rng)
    else:
        test = of_each_class(y, rng)
    if test.all() or not test.any():
        raise SystemExit(f"{directory} is not split: {test.sum()} of {len(test)} files would be judged on")
    data = pooled(X, y, test)
    if not thinned:
        return data
    rows = long_tail(data.y, np.random.default_rng([seed, 11]))
    return replace(data, X=data.X[rows], y=data.y[rows])


def long_tail(y: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Which are kept of a pool: 100 of one class down to a single one of another, in equal ratios, drawn at random."""
    classes = rng.permutation(y.max() + 1)
    sizes = np.geomspace(*TAIL, len(classes)).round().astype(int)
    members = (rng.permutation(np.flatnonzero(y == one)) for one in classes)
    return np.sort(np.concatenate([each[:size] for each, size in zip(members, sizes, strict=True)]))


def of_each_class(y: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which are judged on: so many of each class, drawn at random."""
    test = np.zeros(len(y), bool)
    for one in range(y.max() + 1):
        members = rng.permutation(np.flatnonzero(y == one))
        test[members[: max(1, round(TEST_SHARE * len(members)))]] = True
    return test


def pooled(X: NDArray[np.float32], y: NDArray[np.intp], test: NDArray[np.bool_]) -> Split:
    """The pool and what is judged on; classes that the pool lacks are judged on nowhere."""
    known, codes = np.unique(y[~test], return_inverse=True)
    judged = test & np.isin(y, known)
    return Split(X[~test], codes, X[judged], np.searchsorted(known, y[judged]))


def _tested(groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which files are judged on: those of the group called test, or of so many whole groups drawn at random."""
    names = sorted(set(groups))
    chosen = {"test"} if "test" in names else set(rng.permutation(names)[: round(TEST_SHARE * len(names))].tolist())
    return np.array([each in chosen for each in groups], bool)


# --- heads and strategies -------------------------------------------------------------------------


def make_head(name: str, data: Split) -> Any:
    from tl_core import heads
    from tl_core.heads.transductive import PoolGraph

    mean = data.everything.mean(axis=0)
    if name == "plain":
        return heads.get("logistic", C=30.0, pool_mean=data.X.mean(axis=0))
    return heads.get(pool=PoolGraph(data.everything, mean, np.random.default_rng(0)), pool_mean=mean)


class Looking:
    """What the default head sees: looked at anew when the labels have doubled, as the program's full refits do."""

    def __init__(
        self,
        whole: Split,
        parts: Sequence[tuple[str, NDArray[np.float32], bool]],
        seed: int,
        weights: Sequence[tuple[float, ...]] = WEIGHTS,
    ) -> None:
        from tl_core.spaces import mixing

        self.whole, self.weights = whole, weights
        self.even = mixing.fit(parts, np.random.default_rng(0))
        self.mean = whole.everything.mean(axis=0)
        self.due, self.chosen, self.seed = weighing.ENOUGH_LABELS, 0, seed

    @classmethod
    def at_levels(cls, directory: Path, seed: int, spec: str = BOTH, thinned: bool = False) -> "Looking":
        """What it sees of photographs: the last layer, and levels beside it."""
        from tl_core import featurisers

        whole = split(directory, seed, spec, thinned)
        stop = featurisers.make(spec).blocks[0].stop
        return cls(
            whole, [("last", whole.everything[:, :stop], False), ("levels", whole.everything[:, stop:], True)], seed
        )

    def data(self) -> Split:
        """The pool as it is seen now."""
        scale = self._scale(self.chosen)
        return replace(self.whole, X=self._seen(self.whole.X, scale), X_test=self._seen(self.whole.X_test, scale))

    def changes(self, labelled: NDArray[np.intp]) -> bool:
        """Look, where it is due; whether something else is seen from now on."""
        if len(labelled) < self.due:
            return False
        self.due *= 2
        scales = [self._scale(at) for at in range(len(self.weights))]
        weighed = weighing.weigh(
            [self._seen(self.whole.X[labelled], scale) for scale in scales],
            self.whole.y[labelled],
            [self._seen(self.mean[None], scale)[0] for scale in scales],
            None,
            np.random.default_rng(self.seed),
        )
        before, self.chosen = self.chosen, weighed.chosen
        return self.chosen != before

    def _scale(self, at: int) -> NDArray[np.float32]:
        pairs = zip(self.even.scales, self.weights[at], strict=True)
        return np.concatenate([scale * np.float32(weight) for scale, weight in pairs])

    def _seen(self, X: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(X[:, scale > 0] * scale[scale > 0])


Choose = Callable[[Any, NDArray[np.intp], NDArray[np.intp], int, np.random.Generator], NDArray[np.intp]]


def ours(name: str, data: Split, seed: int) -> Choose:
    """The program's own planning; audit samples are part of the default, for they are part of its price."""
    from tl_core.query import planning
    from tl_core.query.covering import COLD_START, spread_centroids

    mean = data.X.mean(axis=0)
    first = spread_centroids(data.X, COLD_START, np.random.default_rng(seed))
    start = list(zip(first[0].tolist(), first[1].tolist(), strict=True))

    def choose(head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        allowed = np.zeros(len(data.y), bool)
        allowed[rest] = True
        situation = planning.Situation(data.X, allowed, data.X[labelled], mean, start=start)
        share = planning.audit_share(AUDIT_SHARE, _audited(len(labelled))) if name == "auto" else 0.0
        picks = planning.plan(head, situation, k, strategy=name, audit_share=share, random_state=rng)
        return np.array([pick.position for pick in picks])

    return choose


def _audited(labels: int) -> int:
    """About how many of the first labels are audit samples."""
    from tl_core.query import planning

    audited = 0.0
    for _ in range(FIRST, labels):
        audited += planning.audit_share(AUDIT_SHARE, int(audited))
    return int(audited)


def by_modal(name: str, data: Split) -> Choose:
    from modAL.batch import uncertainty_batch_sampling
    from modAL.uncertainty import margin_sampling

    from tl_core.loop import make_learner

    strategy = {"modAL margin": margin_sampling, "modAL ranked batch": uncertainty_batch_sampling}[name]

    def choose(head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        learner = make_learner(head, None, None, strategy)
        learner.X_training, learner.y_training = data.X[labelled], data.y[labelled]
        chosen: NDArray[np.intp] = rest[learner.query(data.X[rest], n_instances=k)[0]]
        return chosen

    return choose


def by_activeml(name: str, data: Split, seed: int) -> Choose:
    from skactiveml import pool
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.utils import MISSING_LABEL
    from sklearn.linear_model import LogisticRegression

    classes = np.arange(data.y.max() + 1)
    strategy = {
        "scikit-activeml BADGE": lambda: pool.Badge(random_state=seed),
        "scikit-activeml TypiClust": lambda: pool.TypiClust(random_state=seed),
        "scikit-activeml MaxHerding": lambda: pool.MaxHerding(random_state=seed),
    }[name]()
    centred = data.X - data.X.mean(axis=0)
    Z = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    def choose(head: Any, labelled: Any, rest: Any, k: int, rng: np.random.Generator) -> NDArray[np.intp]:
        y = np.full(len(data.y), MISSING_LABEL)
        y[labelled] = data.y[labelled]
        more: dict[str, Any] = {}
        if name.endswith("BADGE"):
            regression = LogisticRegression(C=30, max_iter=300)
            more = {"clf": SklearnClassifier(regression, classes=classes), "fit_clf": True}
        return np.asarray(strategy.query(Z, y, candidates=rest, batch_size=k, **more))

    return choose


def at_random(head: Any, labelled: Any, rest: NDArray[np.intp], k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return rng.choice(rest, k, replace=False)


def make_strategy(name: str, data: Split, seed: int) -> Choose:
    if name == "random":
        return at_random
    if name.startswith("modAL"):
        return by_modal(name, data)
    if name.startswith("scikit-activeml"):
        return by_activeml(name, data, seed)
    return ours(name, data, seed)


# --- replay ---------------------------------------------------------------------------------------


@dataclass
class Played:
    """What one arm did with one seed.

    `asked` are the classes in the order in which they were asked for, and `sizes` how many the pool has of each.
    Random labelling goes on beyond its budget; what others did not ask for then counts as found last of all.
    """

    labels: list[int] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    balanced: list[float] = field(default_factory=list)
    rare_recall: float = 0.0
    asked: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    sizes: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    def labels_to(self, k: int) -> NDArray[np.intp]:
        """Labels to the k-th example of each class; of a class that has fewer, as of one that was not found."""
        places = (np.flatnonzero(self.asked == one) for one in range(len(self.sizes)))
        return np.array([each[k - 1] + 1 if len(each) >= k else self.sizes.sum() for each in places])

    def labels_to_all(self) -> int:
        """Labels until every class of the pool has one."""
        return int(self.labels_to(1).max())

    def labels_to_rare(self, k: int) -> float:
        """Labels to the k-th example of a class, mean over the rarest quartile of the classes that have so many."""
        enough = np.flatnonzero(self.sizes >= k)
        return float(self.labels_to(k)[rarest(self.sizes, enough)].mean())

    def classes_at(self, n: int) -> int:
        """How many classes are found by ``n`` labels."""
        return len(np.unique(self.asked[:n]))


def rarest(sizes: NDArray[np.intp], classes: NDArray[np.intp]) -> NDArray[np.intp]:
    """The quarter of some classes, at least one, of which the pool has fewest."""
    return classes[np.argsort(sizes[classes], kind="stable")[: max(1, len(classes) // 4)]]


def fits(arm: str, directory: Path) -> bool:
    """Whether a peer can do this set at all."""
    if "BADGE" not in arm:
        return True
    data = split(directory, 0)
    return bool(data.X.size * (data.y.max() + 1) <= BADGE_NUMBERS)


def is_slow(arm: str) -> bool:
    """Whether a peer takes seconds for a batch."""
    return "ranked" in arm or "scikit-activeml" in arm


def must_hold(data: Split, budget: int) -> None:
    """Refuse a budget that the pool has too few samples for."""
    if budget > len(data.y):
        raise SystemExit(f"{budget} labels are asked for, and the pool has {len(data.y)}: DIR:N sets another budget")


def play(directory: Path, arm: str, seed: int, budget: int, batch: int, thinned: bool = False) -> Played:
    """Replay one arm. Everyone but ours starts with the same 20 random labels."""
    head_name, _, strategy_name = arm.partition("+")
    source: Split | Looking
    if head_name == "default":
        source = Looking.at_levels(directory, seed, thinned=thinned)
    else:
        source = split(directory, seed, thinned=thinned)
    return replayed(head_name, strategy_name, source, seed, budget, batch)


def replayed(
    head_name: str,
    strategy_name: str,
    source: Split | Looking,
    seed: int,
    budget: int,
    batch: int,
    make_head: Callable[[str, Split], Any] = make_head,
    make_strategy: Callable[[str, Split, int], Choose] = make_strategy,
) -> Played:
    """Replay a head and a strategy on a pool, or on what is seen of it as labels come."""
    warnings.simplefilter("ignore")
    looking = source if isinstance(source, Looking) else None
    data = source.data() if isinstance(source, Looking) else source
    must_hold(data, budget)
    rng = np.random.default_rng([seed, 7])
    head = make_head(head_name, data)
    with threads.single():
        choose = make_strategy(strategy_name, data, seed)
        starts_itself = strategy_name == "auto"
        labelled = np.empty(0, np.intp) if starts_itself else rng.choice(len(data.y), FIRST, replace=False)
        result = Played()
        while True:
            if looking and looking.changes(labelled):
                data = looking.data()
                head, choose = make_head(head_name, data), make_strategy(strategy_name, data, seed)
            if len(labelled):
                head.fit(data.X[labelled], data.y[labelled])
                judge(head, data, len(labelled), result)
            if len(labelled) >= budget:
                break
            rest = np.setdiff1d(np.arange(len(data.y)), labelled)
            chosen = choose(head if len(labelled) else None, labelled, rest, min(batch, budget - len(labelled)), rng)
            labelled = np.concatenate([labelled, chosen])
    if strategy_name == "random":
        labelled = np.concatenate([labelled, rng.permutation(np.setdiff1d(np.arange(len(data.y)), labelled))])
    result.rare_recall = rare_recall(head, data)
    result.asked, result.sizes = data.y[labelled], np.bincount(data.y)
    return result


def judge(head: Any, data: Split, n: int, result: Played) -> None:
    predicted = head.predict(data.X_test)
    result.labels.append(n)
    result.macro_f1.append(macro_f1(data.y_test, predicted))
    result.balanced.append(balanced_accuracy(data.y_test, predicted))


def rare_recall(head: Any, data: Split) -> float:
    """Mean recall of the quarter of classes with the fewest samples in the pool."""
    sizes = np.bincount(data.y)
    predicted = head.predict(data.X_test)
    return float(
        np.mean([(predicted[data.y_test == one] == one).mean() for one in rarest(sizes, np.arange(len(sizes)))])
    )


def sklearn_difference(directory: Path, budget: int) -> float:
    """How far scikit-learn's own regression is from ours in macro-F1, on the baseline's last labels of one seed."""
    from sklearn.linear_model import LogisticRegression

    data = split(directory, 0)
    rows = np.random.default_rng(0).choice(len(data.y), budget, replace=False)
    mean = data.X.mean(axis=0)
    Z, Z_test = ((A - mean) / np.linalg.norm(A - mean, axis=1, keepdims=True) for A in (data.X, data.X_test))
    with threads.single():
        theirs = LogisticRegression(C=30, max_iter=2000).fit(Z[rows], data.y[rows]).predict(Z_test)
        mine = make_head("plain", data).fit(data.X[rows], data.y[rows]).predict(data.X_test)
    return macro_f1(data.y_test, theirs) - macro_f1(data.y_test, mine)
