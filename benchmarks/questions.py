# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Two questions about the same pictures: one queue against two separate ones, by the answers it takes to reach targets.

    python -m benchmarks.questions DIR [--seeds 5] [--targets .83 .95] [--budget 1200] [--json FILE]

DIR is elpv_solar, unpacked: solar cells, asked whether they are defective (a probability of a half or more) and of what
type they are. Embeddings are EfficientNet-Lite0's, last layer and levels, in 256 principal components; heads are plain
logistic regression. For each seed 30 % are judged on, the rest is the pool. A question has reached its target once its
head has been right on that share of what it is judged on at three looks in a row; a look comes after every 20 answers.
Audit samples (10 %) are answers like all others.

one queue     `tl_core.query.questions`, as the program does it: whose turn it is by how far each question is from its
              target by its own audit, others asked along where they doubt
in turn       two separate queues, worked in turn, 20 answers each, until both have reached their targets
until done    two separate queues, each left at the very look at which it reached its target: nobody can know that, so
              it is the least that separate queues can cost

Last line: JSON {"answers": {arm: [by seed]}, "pictures": {…}, "ratio": …, "interval": […], "ratio_until_done": …}.
"""

import argparse
import csv
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.query import planning, questions
from tl_core.query.covering import COLD_START, spread_centroids
from tl_core.query.questions import Place
from tl_core.query.uncertainty import margin_scores

LOOK = 20  # answers between two looks, and between two refits
IN_A_ROW = 3
ROUND = 60  # samples a ranking
AUDIT_SHARE = 0.1
COMPONENTS = 256


def loaded(directory: Path) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Embeddings (n, D), last layer and levels beside each other, and the answers to both questions (n, 2)."""
    from benchmarks.replay import embedded
    from tl_core import featurisers
    from tl_core.spaces import mixing

    X, paths = embedded(directory, "efficientnet-lite0,output=both")
    last = featurisers.get("efficientnet-lite0").dimension
    parts = [("last", X[:, :last], False), ("levels", X[:, last:], True)]
    scales = mixing.fit(parts, np.random.default_rng(0)).scales
    with (directory / "labels.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    y = [[float(rows[path]["defect_probability"]) >= 0.5, rows[path]["cell"] == "mono"] for path in paths]
    return _reduced(X * np.concatenate(scales)), np.array(y, np.intp)


def _reduced(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions in which unit vectors vary most: a fifth of the time, and heads are right as often."""
    Z = X - X.mean(axis=0)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    Z -= Z.mean(axis=0)
    directions = np.linalg.eigh(Z.T @ Z)[1][:, ::-1][:, :COMPONENTS]
    return np.ascontiguousarray(Z @ directions, np.float32)


@dataclass
class Learnt:
    """One question in one replay."""

    X: NDArray[np.float32]
    y: NDArray[np.intp]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.intp]
    target: float
    rng: np.random.Generator
    start: list[tuple[int, float]]
    mean: NDArray[np.float32]
    head: Any
    labelled: list[int] = field(default_factory=list)
    audited: int = 0
    correct: int = 0
    looks: deque[bool] = field(default_factory=lambda: deque(maxlen=IN_A_ROW))
    ranking: list[planning.Pick] = field(default_factory=list)
    is_fitted: bool = False
    is_done: bool = False

    def refit(self) -> None:
        """Fit on what is labelled, look how good that is, and rank what is left."""
        rows = np.array(self.labelled, np.intp)
        self.is_fitted = len(set(self.y[rows].tolist())) > 1
        if self.is_fitted:
            self.head.fit(self.X[rows], self.y[rows])
            self.looks.append(bool((self.head.predict(self.X_test) == self.y_test).mean() >= self.target))
            self.is_done = self.is_done or (len(self.looks) == IN_A_ROW and all(self.looks))
        allowed = np.ones(len(self.y), bool)
        allowed[rows] = False
        given = planning.Situation(
            self.X, allowed, self.X[rows], self.mean, y_labelled=self.y[rows] if self.is_fitted else None,
            start=self.start,
        )  # fmt: skip
        head = self.head if self.is_fitted else None
        self.ranking = planning.plan(head, given, ROUND, audit_share=AUDIT_SHARE, random_state=self.rng)

    def answer(self, position: int, *, is_audit: bool) -> None:
        if is_audit and self.is_fitted:
            self.audited += 1
            self.correct += int(self.head.predict(self.X[[position]])[0] == self.y[position])
        self.labelled.append(position)

    def doubts(self, positions: NDArray[np.intp]) -> NDArray[np.float64]:
        """Of these samples of the pool, as the program foresees them; those labelled are not to be asked."""
        if not self.is_fitted:
            found = np.ones(len(positions))
        else:
            drawn = np.sort(np.random.default_rng(0).choice(len(self.y), min(1000, len(self.y)), replace=False))
            reference = margin_scores(self.head.predict_proba(self.X[drawn]))
            found = questions.doubt_ranks(margin_scores(self.head.predict_proba(self.X[positions])), reference)
        found[np.isin(positions, self.labelled)] = np.nan
        return found

    @property
    def distance(self) -> float:
        return questions.distance(self.target, len(self.labelled), self.audited, self.correct)


def begin(X: Any, y: Any, targets: list[float], seed: int) -> list[Learnt]:
    """Both questions before anything is answered, on the same pool."""
    from tl_core import heads

    rng = np.random.default_rng([seed, 11])
    order = rng.permutation(len(X))
    test, pool = order[: round(0.3 * len(X))], order[round(0.3 * len(X)) :]
    mean = X.mean(axis=0)
    return [
        Learnt(
            X[pool], y[pool, at], X[test], y[test, at], target, np.random.default_rng([seed, at]),
            [(int(p), float(s)) for p, s in zip(
                *spread_centroids(X[pool], COLD_START, np.random.default_rng([seed, at])), strict=True)],
            mean, heads.get("logistic", C=30.0, pool_mean=mean, temperature=1.0),
        )
        for at, target in enumerate(targets)
    ]  # fmt: skip


def separate(learnt: Learnt, budget: int) -> int:
    """Answers of one queue alone until it has reached its target."""
    while not learnt.is_done and len(learnt.labelled) < budget:
        learnt.refit()
        if not learnt.is_done:
            for pick in learnt.ranking[:LOOK]:
                learnt.answer(pick.position, is_audit=pick.strategy == planning.AUDIT)
    return len(learnt.labelled)


def joined(both: list[Learnt], budget: int) -> tuple[int, int]:
    """Answers, and pictures looked at, of one queue until both have reached their targets."""
    answers = pictures = 0
    while not all(each.is_done for each in both) and answers < budget:
        for each in both:
            each.refit()
        if all(each.is_done for each in both):
            break
        parts = questions.shares([each.distance for each in both])
        queues = []
        for each in both:
            positions = np.array([pick.position for pick in each.ranking], np.intp)
            doubts = [other.doubts(positions) if other is not each else np.zeros(len(positions)) for other in both]
            queues.append([Place(int(p), tuple(row)) for p, row in zip(positions, np.stack(doubts, 1), strict=True)])
        audits = [{p.position for p in each.ranking if p.strategy == planning.AUDIT} for each in both]
        for turn in questions.merge(queues, parts, answers, ROUND):
            for at in (turn.question, *turn.others):
                both[at].answer(turn.sample, is_audit=turn.sample in audits[at])
                answers += 1
            pictures += 1
            if answers % LOOK < len(both) and answers >= LOOK:
                break
    return answers, pictures


def play(X: Any, y: Any, targets: list[float], seed: int, budget: int) -> dict[str, tuple[int, int]]:
    """(answers, pictures) of each arm."""
    with threads.single():
        alone = [separate(each, budget) for each in begin(X, y, targets, seed)]
        one = joined(begin(X, y, targets, seed), 2 * budget)
    return {"one queue": one, "in turn": (2 * max(alone), 2 * max(alone)), "until done": (sum(alone), sum(alone))}


def interval(ratios: NDArray[np.float64]) -> tuple[float, float]:
    """95 % of the geometric mean (t, on logarithms)."""
    from scipy.stats import t

    logs = np.log(ratios)
    half = t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs)) if len(logs) > 1 else np.inf
    return float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--targets", type=float, nargs=2, default=[0.83, 0.95])
    parser.add_argument("--budget", type=int, default=1200, help="answers to one question at most")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    X, y = loaded(options.directory)
    played = []
    for seed in range(options.seeds):
        played.append(play(X, y, options.targets, seed, options.budget))
        print(seed, played[-1], flush=True)
    answers = {arm: [each[arm][0] for each in played] for arm in played[0]}
    one, turn, done = (np.array(answers[arm], float) for arm in ("one queue", "in turn", "until done"))
    figures = {
        "targets": options.targets,
        "answers": answers,
        "pictures": {arm: [each[arm][1] for each in played] for arm in played[0]},
        "ratio": round(float(np.exp(np.log(one / turn).mean())), 3),
        "interval": [round(each, 3) for each in interval(one / turn)],
        "ratio_until_done": round(float(np.exp(np.log(one / done).mean())), 3),
        "interval_until_done": [round(each, 3) for each in interval(one / done)],
    }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
