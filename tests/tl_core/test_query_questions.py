"""One queue for several questions: nobody starves, nothing comes twice, and what does not apply is not asked."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.query import questions
from tl_core.query.questions import Place

NO = math.nan


def ranking(samples: range, n_questions: int = 2, doubt: float = 0.0) -> list[Place]:
    return [Place(sample, (doubt,) * n_questions) for sample in samples]


def test_far_from_the_target_is_more_of_the_queue_but_everybody_has_a_part():
    near, far = questions.shares([0.01, 0.3])
    assert near >= 0.15
    assert far > 0.8
    assert questions.shares([0, 0, 0]) == pytest.approx([1 / 3] * 3)
    assert questions.shares([1.0] + [0] * 9) == pytest.approx([0.1] * 10)  # of ten questions there are no 15 % each
    assert len(questions.shares([])) == 0
    for wrong in ([-1.0], [math.nan]):
        with pytest.raises(ValueError, match="negative"):
            questions.shares(wrong)


def test_the_distance_is_what_the_audit_says_and_labels_stand_in_for_it():
    assert questions.distance(0.9, 500, audited=98, correct=79) == pytest.approx(0.1)
    assert questions.distance(0.9, 500, audited=100, correct=95) == 0
    assert questions.distance(0.9, 50, audited=2, correct=2) > 0.1, "two say little"
    few, many = (questions.distance(0.9, n) for n in (10, 200))
    assert few > many > 0
    assert questions.distance(0.4, 10) == 0


@given(
    distances=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    start=st.integers(0, 1_000_000),
    requests=st.lists(st.integers(1, 12), min_size=10, max_size=20),
)
def test_no_question_starves_however_places_are_cut_into_requests(distances, start, requests):
    parts = questions.shares(distances)
    whole = questions.turns(parts, start, sum(requests))
    cut, at = [], start
    for n in requests:
        cut += questions.turns(parts, at, n).tolist()
        at += n
    assert whole.tolist() == cut
    counted = np.bincount(whole, minlength=len(parts))
    assert (np.abs(counted - parts * len(whole)) <= 5).all()


def test_a_queue_of_two_rankings_has_each_sample_once_in_its_own_order():
    queues = [ranking(range(100)), ranking(range(50, 150))]
    found = questions.merge(queues, [0.5, 0.5], 7, 150)
    assert sorted(turn.sample for turn in found) == list(range(150))
    assert [turn.sample for turn in found if turn.question == 0] == sorted(
        turn.sample for turn in found if turn.question == 0
    )
    assert found == questions.merge(queues, [0.5, 0.5], 7, 150)
    assert questions.merge([], [], 0, 5) == []
    assert questions.merge([[], []], [0.5, 0.5], 0, 5) == []


def test_where_one_ranking_is_used_up_the_others_go_on():
    found = questions.merge([ranking(range(3)), ranking(range(10, 40))], [0.85, 0.15], 0, 20)
    assert len(found) == 20
    assert sum(turn.question == 0 for turn in found) == 3


def test_others_are_asked_where_they_doubt_or_rank_it_themselves_and_never_where_they_do_not_apply():
    places = [
        Place(1, (0.0, 0.95, 0.2)),  # the second is in doubt, the third is sure
        Place(2, (0.0, 0.95, NO)),  # the third does not apply: a question that follows, say
        Place(3, (0.0, NO, NO)),
        Place(4, (0.0, 0.1, 0.1)),  # the third ranks it
    ]
    queues = [places, [], [Place(4, (0.0, 0.1, 0.1))]]
    found = {
        turn.sample: turn.others for turn in questions.merge(queues, [0.7, 0.15, 0.15], 0, 4) if turn.question == 0
    }
    assert {sample: others for sample, others in found.items() if sample != 4} == {1: (1,), 2: (1,), 3: ()}
    assert found.get(4, (2,)) == (2,)
    assert questions.is_doubtful(0.9, 0.5)
    assert not questions.is_doubtful(0.9, 0.15)


def test_of_several_others_the_one_of_most_doubt_comes_first():
    (turn,) = questions.merge([[Place(1, (0.0, 0.97, 0.99))], [], []], [0.4, 0.3, 0.3], 0, 1)
    assert turn.others == (2, 1)


def test_scores_of_any_unit_become_ranks_in_the_pool():
    assert questions.doubt_ranks([5, 1, 9], [1, 2, 3, 4, 5, 6, 7, 8]).tolist() == [0.5625, 0.0625, 1.0]
    assert questions.doubt_ranks([3.0], []).tolist() == [1.0]
    assert questions.doubt_ranks([2.0, 2.0], [2.0] * 4).tolist() == [0.5, 0.5]
