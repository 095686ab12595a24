# ruff: noqa: N806 - matrices are X and P here, as in scikit-learn
"""tl_core.query.planning: what a batch is made of."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tl_core import heads, query
from tl_core.heads.multilabel import MultiLabelHead
from tl_core.query import planning
from tl_core.query.planning import Pick, Situation, plan

GROUPS = 4
MODAL = "modAL.uncertainty.margin_sampling"


def blobs(n: int, spread: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = np.arange(n) % GROUPS
    return (3 * np.eye(8)[y] + rng.normal(scale=spread, size=(n, 8))).astype(np.float32), y


def situation(n: int = 400, labelled: int = 40, **more: Any) -> tuple[Any, Situation, np.ndarray]:
    """A fitted head, what is known, and the truth; the first samples are the labelled ones."""
    X, y = blobs(n)
    mean = X.mean(axis=0)
    head = heads.get("logistic", pool_mean=mean).fit(X[:labelled], y[:labelled]) if labelled else None
    allowed = np.arange(n) >= labelled
    start = tuple(
        zip(*(each.tolist() for each in query.spread_centroids(X, 12, np.random.default_rng(0))), strict=True)
    )
    return head, Situation(X, allowed, X[:labelled], mean, y[:labelled], start=start, **more), y


def positions(picks: list[Pick]) -> list[int]:
    return [pick.position for pick in picks]


@pytest.mark.parametrize("strategy", ["auto", "margin", "random", "kcenter", "committee", MODAL])
@pytest.mark.parametrize("labelled", [0, 10, 40])
def test_a_batch_is_distinct_allowed_full_and_the_same_for_a_seed(strategy: str, labelled: int) -> None:
    head, known, _ = situation(labelled=labelled, starred=[1])
    for n in (0, 1, 50, 1000):
        picks = plan(head, known, n, strategy=strategy, random_state=3)
        assert len(picks) == len(set(positions(picks))) == min(n, 400 - labelled)
        assert known.allowed[positions(picks)].all()
        assert all(0 < pick.propensity <= 1 for pick in picks)
        assert picks == plan(head, known, n, strategy=strategy, random_state=3)
    assert known.allowed.sum() == 400 - labelled


def test_first_come_the_middles_of_clusters_in_their_order_and_no_audits() -> None:
    _, known, y = situation(labelled=0)
    picks = plan(None, known, 30, audit_share=0.5, random_state=0)
    assert positions(picks)[:12] == [position for position, _ in known.start]
    assert {pick.strategy for pick in picks[:12]} == {planning.COLD_START}
    assert {pick.strategy for pick in picks[12:]} == {planning.RANDOM}
    assert set(y[positions(picks)[:GROUPS]]) == set(range(GROUPS))  # each of the first is from a group of its own


def test_audits_are_uniform_and_carry_the_chance_they_were_drawn_with() -> None:
    head, known, _ = situation()
    drawn = np.zeros(400)
    for seed in range(300):
        picks = plan(head, known, 40, strategy="random", audit_share=0.25, random_state=seed)
        audits = [pick for pick in picks if pick.strategy == planning.AUDIT]
        assert {pick.propensity for pick in audits} <= {len(audits) / 360}
        drawn[positions(audits)] += 1
    assert drawn[:40].sum() == 0
    # 300 batches of 10 on average: 8.3 draws a sample, a standard deviation of 2.9.
    assert abs(drawn.sum() - 3000) < 6 * 300**0.5 * 7.5**0.5
    assert drawn[40:].max() < 8.4 + 7 * 2.9
    assert (drawn[40:] > 0).mean() > 0.99


def test_audits_come_most_often_at_first_and_never_less_than_asked_for() -> None:
    shares = [planning.audit_share(0.1, audited) for audited in (0, 60, 100, 150, 10_000)]
    assert shares == pytest.approx([0.25, 0.25, 0.15, 0.1, 0.1])
    assert (planning.audit_share(0.0, 0), planning.audit_share(0.3, 0), planning.audit_share(0.6, 0)) == (0, 0.5, 0.6)


def test_a_starred_class_is_hunted_with_its_likeliest_and_its_least_clear() -> None:
    head, known, y = situation(starred=[2])
    picks = plan(head, known, 80, audit_share=0.0, random_state=0)
    hunts = [pick for pick in picks if pick.strategy == planning.RARE]
    assert 8 <= len(hunts) <= 35 and {pick.hunted for pick in hunts} == {2}
    P = head.predict_proba(known.X_pool)[:, 2]
    allowed = np.flatnonzero(known.allowed)
    assert hunts[0].position == allowed[P[allowed].argmax()]
    assert hunts[1].position == allowed[np.abs(P[allowed] - 0.5).argmin()]
    assert (y[positions(hunts[::2])] == 2).all()


def test_a_starred_class_without_a_label_cannot_be_hunted_yet() -> None:
    head, known, _ = situation(starred=["never seen"])
    assert planning.RARE not in {pick.strategy for pick in plan(head, known, 80, random_state=0)}


def test_near_duplicates_come_last() -> None:
    head, known, _ = situation()
    X = known.X_pool.copy()
    X[200:400] = X[100]  # half the pool is one picture
    picks = plan(head, replace(known, X_pool=X), 100, strategy="random", audit_share=0.0, random_state=0)
    copies = [place for place, pick in enumerate(picks) if pick.position >= 200 or pick.position == 100]
    # One may come at its turn; all others of the 150 asked of the strategy come after the distinct ones.
    assert len(copies) > 20 and copies[1] > 50


def test_a_sequence_gives_one_frame_before_others_give_two() -> None:
    sequences = np.arange(400) // 10
    head, known, _ = situation(sequences=sequences)
    picks = plan(head, known, 36, strategy="margin", audit_share=0.0, random_state=0)
    once = len(set(sequences[positions(picks)]))
    assert set(sequences[positions(picks[:once])].tolist()) == set(sequences[positions(picks)].tolist())
    best, _ = query.margin(head, known.X_pool, 36, allowed=known.allowed, random_state=0)
    assert once > len(set(sequences[best].tolist()))


def test_no_deployment_has_more_than_a_quarter_while_others_are_left() -> None:
    deployments = np.where(np.arange(400) % 2 == 0, 0, np.arange(400) % 9)
    head, known, _ = situation(deployments=deployments)
    picks = plan(head, known, 40, strategy="random", audit_share=0.0, random_state=0)
    assert (deployments[positions(picks)] == 0).sum() <= 11


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_deployments_change_nothing_while_each_has_its_share(count: int) -> None:
    head, known, _ = situation()
    shared = replace(known, deployments=np.arange(400) % count)
    alone, together = (
        plan(head, each, 60, strategy="margin", audit_share=0.0, random_state=0) for each in (known, shared)
    )
    if count == 1:
        assert positions(together) == positions(alone)
    shares = np.bincount(shared.deployments[positions(together)], minlength=count)
    assert shares.max() - shares.min() <= count


def test_near_duplicates_come_last_in_a_crowded_deployment_too() -> None:
    X, _ = blobs(200)
    X[100:110] = X[100]  # one picture ten times
    known = Situation(X, np.ones(200, bool), X[:0], X.mean(axis=0), deployments=np.zeros(200, np.int64))
    order = planning.spread_out(np.arange(90, 120), known)
    twins = [order.index(place) for place in range(10, 20)]
    assert sorted(twins)[1:] == list(range(21, 30))


def test_what_is_accepted_is_left_to_audits() -> None:
    head, known, _ = situation()
    accepted = np.arange(400) >= 100
    picks = plan(head, replace(known, accepted=accepted), 100, audit_share=0.3, random_state=0)
    others = [pick for pick in picks if pick.strategy != planning.AUDIT]
    assert others and not accepted[positions(others)].any()
    assert accepted[[pick.position for pick in picks if pick.strategy == planning.AUDIT]].any()


def test_with_several_classes_a_sample_the_least_clear_answer_counts() -> None:
    X, y = blobs(300)
    Y = np.stack([y == 0, y < 2], axis=1)
    head = MultiLabelHead(pool_mean=X.mean(axis=0)).fit(X[:40], Y[:40])
    known = Situation(X, np.arange(300) >= 40, X[:40], X.mean(axis=0))
    picks = plan(head, known, 10, strategy="margin", audit_share=0.0, random_state=0)
    clear = np.abs(head.predict_proba(X) - 0.5).min(axis=1)
    assert clear[picks[0].position] == clear[40:].min()
