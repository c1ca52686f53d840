"""Optimal matching: every matching tried on few patients, the assignment problem on many, invariants, refusals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from oracles import matching as oracle
from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import optimal_matching
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.optimal_matching import match_optimal

MANY = settings(max_examples=300, deadline=None, derandomize=True)
few_patients = st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 1)), min_size=2, max_size=9)
more_patients = st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 2)), min_size=2, max_size=40)
calipers = st.one_of(st.none(), st.integers(0, 6))
ratios = st.integers(1, 4)


def sample(drawn, with_labels):
    """Scores in whole eighths, which are exact in binary."""
    focal = [looks for _, looks, _ in drawn]
    assume(any(focal) and not all(focal))
    return [eighths for eighths, _, _ in drawn], focal, [label if with_labels else 0 for _, _, label in drawn]


def pairs(found):
    return list(zip(found.focal.tolist(), found.partner.tolist(), strict=True))


def reached(found):
    """(pairs, focal rows with a partner, total distance in eighths)"""
    return found.focal.size, len(set(found.focal.tolist())), round(8 * found.distance.sum(), 9)


@MANY
@given(few_patients, calipers, ratios, st.booleans())
def test_no_matching_of_all_is_better(drawn, caliper, ratio, with_labels):
    eighths, focal, labels = sample(drawn, with_labels)
    width = None if caliper is None else caliper / 8
    found = match_optimal(score=np.array(eighths) / 8, focal=focal, caliper=width, ratio=ratio, exact=labels)
    assert reached(found) == oracle.optimal(eighths, focal, ratio, caliper, labels)


def assignment(score, focal, ratio, caliper):
    """(pairs, focal rows with a partner, total distance) by the assignment problem; a row a wish, its own way out."""
    looking, others = np.repeat(np.flatnonzero(focal), ratio), np.flatnonzero(~focal)
    distance = np.abs(score[looking][:, None] - score[others][None, :])
    first = np.arange(looking.size) % ratio == 0
    reward = 1 + len(score) * (np.ptp(score) + 1)
    cost = np.where(distance <= caliper, distance - reward * np.where(first, 2, 1)[:, None], reward)
    cost = np.hstack([cost, np.where(np.eye(looking.size, dtype=bool), 0.0, 4 * reward)])
    rows, columns = linear_sum_assignment(cost)
    made = columns < others.size
    return int(made.sum()), len(set(looking[rows[made]].tolist())), float(distance[rows[made], columns[made]].sum())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(more_patients, st.integers(0, 30), ratios)
def test_the_assignment_problem_has_the_same_solution(drawn, caliper, ratio):
    eighths, focal, _ = sample(drawn, with_labels=False)
    found = match_optimal(score=np.array(eighths) / 8, focal=focal, caliper=caliper / 8, ratio=ratio)
    assert reached(found) == assignment(np.array(eighths), np.array(focal), ratio, caliper)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ratio", [1, 3])
def test_the_assignment_problem_of_hundreds(seed, ratio):
    rng = np.random.default_rng(seed)
    score, focal = np.rint(rng.normal(0, 1e6, 500)), rng.random(500) < 0.3
    found = match_optimal(score=score / 1e6, focal=focal, caliper=0.02, ratio=ratio)
    n, covered, total = assignment(score, focal, ratio, 0.02 * 1e6)
    assert (found.focal.size, len(set(found.focal.tolist()))) == (n, covered)
    assert round(found.distance.sum() * 1e6) == total


@pytest.mark.parametrize("case", reference("optimal_matching")["cases"], ids=lambda case: case["label"])
def test_equals_r(case):
    found = match_optimal(score=case["score"], focal=case["focal"], ratio=case["ratio"])
    assert found.focal.size == case["pairs"]
    # 1e-9: distances at ten decimals, some hundreds of them added
    assert found.distance.sum() == pytest.approx(case["total"], abs=case["pairs"] * 1e-10, rel=1e-12)


@MANY
@given(more_patients, calipers, st.integers(0, 50), ratios, st.booleans())
def test_invariants(drawn, caliper, seed, ratio, with_labels):
    eighths, focal, labels = sample(drawn, with_labels)
    score, width = np.array(eighths) / 8, None if caliper is None else caliper / 8
    key = np.random.default_rng(seed).permutation(score.size)
    found = match_optimal(score=score, focal=focal, caliper=width, key=key, ratio=ratio, exact=labels)
    assert all(focal[i] and not focal[j] and labels[i] == labels[j] for i, j in pairs(found))
    assert len(set(found.partner.tolist())) == found.partner.size
    assert max(Counter(found.focal.tolist()).values(), default=0) <= ratio
    assert width is None or (found.distance <= width).all()
    assert found.distance.tolist() == [abs(score[i] - score[j]) for i, j in pairs(found)]
    greedy = match_nearest(score=score, focal=focal, caliper=width, key=key, ratio=ratio, exact=labels)
    (n, covered, total), (fewer, less, longer) = reached(found), reached(greedy)
    assert n >= fewer
    assert covered >= less
    assert total <= longer or n > fewer or covered > less


@MANY
@given(more_patients, calipers, st.integers(0, 50), ratios)
def test_row_order_does_not_move_a_pair(drawn, caliper, seed, ratio):
    eighths, focal, labels = sample(drawn, with_labels=True)
    score, key = np.array(eighths) / 8, np.arange(len(eighths))
    sets = []
    for rows in (key, np.random.default_rng(seed).permutation(key)):
        found = match_optimal(score=score[rows], focal=np.array(focal)[rows], key=key[rows], ratio=ratio,
                              caliper=None if caliper is None else caliper / 8, exact=np.array(labels)[rows])  # fmt: skip
        sets.append({(int(rows[i]), int(rows[j])) for i, j in pairs(found)})
    assert sets[0] == sets[1]


def test_greedy_takes_the_near_pair_and_loses_the_other():
    scores, focal = [0.4, 0.5, 0.45, 0.3], [1, 1, 0, 0]
    assert match_nearest(score=scores, focal=focal, caliper=0.06).focal.size == 1
    assert pairs(match_optimal(score=scores, focal=focal, caliper=0.1)) == [(0, 3), (1, 2)]


def test_a_pair_goes_before_any_distance():
    # a chain of five in which each must shift by the whole caliper so that the last one finds somebody
    score = [0, 1, 2, 3, 4, 1, 2, 3, 4, 5]
    found = match_optimal(score=score, focal=[1] * 5 + [0] * 5, caliper=1)
    assert (found.focal.size, found.distance.sum()) == (5, 5.0)


def test_everybody_has_a_first_partner_before_anybody_a_second():
    found = match_optimal(score=[0.0, 1.0, 0.0, 0.0], focal=[1, 1, 0, 0], ratio=2)
    assert pairs(found) == [(0, 2), (1, 3)]


def test_equal_scores_are_told_by_key():
    found = match_optimal(score=[0.5] * 5, focal=[1, 1, 0, 0, 0], key=["e", "a", "d", "b", "c"])
    assert {frozenset(pair) for pair in pairs(found)} == {frozenset((0, 4)), frozenset((1, 3))}


def test_a_caliper_includes_its_width():
    for width in (0.1, 0.3, 0.7, 1e-10):
        found = match_optimal(score=[1.0, round(1.0 + width, 10)], focal=[1, 0], caliper=width)
        assert found.focal.size == 1
        assert match_optimal(score=[1.0, round(1 + width + 1e-10, 10)], focal=[1, 0], caliper=width).focal.size == 0


@pytest.mark.parametrize(
    ("score", "focal", "options", "expected"),
    [
        ([0.1, 0.2, 0.3], [1, 0, 0], {"ratio": 20}, [(0, 1), (0, 2)]),  # more wishes than patients
        ([0.1, 0.9], [1, 0], {"caliper": 0.2}, []),  # nobody in the caliper
        ([0.1, 0.2, 0.15, 0.3], [0, 0, 1, 0], {}, [(2, 0)]),  # one focal patient, a tie: the smaller score
        ([0.5, 0.5, 0.5], [1, 1, 0], {"caliper": 0.0}, [(0, 2)]),
        ([0.1, 0.1, 0.1], [1, 0, 1], {"exact": ["a", "a", "b"]}, [(0, 1)]),  # a stratum of one arm
        ([0.1, 0.1], [1, 0], {"exact": ["a", "b"]}, []),
    ],
)
def test_at_the_edge(score, focal, options, expected):
    found = match_optimal(score=score, focal=focal, **options)
    assert pairs(found) == expected
    assert found.unmatched == sum(focal) - len({i for i, _ in expected})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ratio": 0}, "ratio: found 0"),
        ({"ratio": 1.5}, "ratio: found 1.5"),
        ({"caliper": -1.0}, "caliper: found -1"),
        ({"caliper": float("nan")}, "caliper: found nan"),
        ({"exact": ["a", "b"]}, "exact: found shape"),
        ({"key": ["a", "a", "b"]}, "key: found 1 repeated"),
        ({"score": [0.1, 0.2, float("nan")]}, "score: found 1 missing"),
        ({"score": [0.1, 0.2, 1e7]}, "score: found values 1e"),
        ({"focal": [1, 0, 2]}, "focal: found codes"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        match_optimal(**{"score": [0.1, 0.2, 0.3], "focal": [1, 0, 0], **changed})


@pytest.mark.parametrize("focal", [[1, 1, 1], [0, 0, 0]])
def test_one_arm_is_refused(focal):
    with pytest.raises(NotEstimableError, match="one arm is empty"):
        match_optimal(score=[0.1, 0.2, 0.3], focal=focal)


def test_too_much_work_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(optimal_matching, "MOST_COMPARISONS", 11)
    with pytest.raises(NotEstimableError, match=r"12 comparisons, more than 11: a narrower caliper"):
        match_optimal(score=[0.1] * 7, focal=[1] * 3 + [0] * 4)
