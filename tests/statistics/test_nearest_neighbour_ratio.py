"""Several partners, partners used again and exact labels: brute force, invariants, by hand, refusals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from oracles import matching as oracle
from twoarm.errors import ArgumentError
from twoarm.statistics.nearest_neighbour import match_nearest

# eighths are exact in binary, so that equal distances are equal to the bit
drawn_patients = st.lists(st.tuples(st.integers(0, 24), st.booleans(), st.integers(0, 2)), min_size=2, max_size=30)
calipers = st.one_of(st.none(), st.integers(0, 8).map(lambda eighths: eighths / 8))
ratios = st.integers(1, 4)
orders = st.sampled_from(["closest", "largest", "smallest", "data"])
MANY = settings(max_examples=200, deadline=None, derandomize=True)


def drawn_sample(drawn, seed, with_labels=True):
    score = [eighths / 8 for eighths, _, _ in drawn]
    focal = [looks for _, looks, _ in drawn]
    labels = [label if with_labels else 0 for _, _, label in drawn]
    assume(any(focal) and not all(focal))
    return score, focal, labels, np.random.default_rng(seed).permutation(len(score)).tolist()


def pairs(found):
    return list(zip(found.focal.tolist(), found.partner.tolist(), strict=True))


@MANY
@given(drawn_patients, calipers, st.integers(0, 50), ratios, orders, st.booleans())
def test_rounds_equal_brute_force(drawn, caliper, seed, ratio, order, with_labels):
    score, focal, labels, key = drawn_sample(drawn, seed, with_labels)
    found = match_nearest(score=score, focal=focal, caliper=caliper, order=order, key=key, ratio=ratio, exact=labels)
    assert pairs(found) == oracle.rounds(score, focal, order, ratio, caliper, key, labels)


@MANY
@given(drawn_patients, calipers, st.integers(0, 50), ratios, orders, st.booleans())
def test_replacement_equals_brute_force(drawn, caliper, seed, ratio, order, with_labels):
    score, focal, labels, key = drawn_sample(drawn, seed, with_labels)
    found = match_nearest(score=score, focal=focal, caliper=caliper, order=order, key=key, ratio=ratio, exact=labels,
                          replace=True)  # fmt: skip
    assert pairs(found) == oracle.with_replacement(score, focal, ratio, caliper, key, labels)


@MANY
@given(drawn_patients, calipers, st.integers(0, 50), ratios, orders, st.booleans())
def test_invariants(drawn, caliper, seed, ratio, order, replace):
    score, focal, labels, key = drawn_sample(drawn, seed)
    found = match_nearest(score=score, focal=focal, caliper=caliper, order=order, key=key, ratio=ratio, exact=labels,
                          replace=replace)  # fmt: skip
    assert all(focal[i] and not focal[j] and labels[i] == labels[j] for i, j in pairs(found))
    assert len(set(pairs(found))) == len(pairs(found))
    assert max(Counter(found.focal.tolist()).values(), default=0) <= ratio
    assert replace or len(set(found.partner.tolist())) == found.partner.size
    assert caliper is None or (found.distance <= caliper).all()
    assert found.distance.tolist() == [abs(score[i] - score[j]) for i, j in pairs(found)]
    assert found.unmatched == sum(focal) - len(set(found.focal.tolist()))


@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data"])
def test_everybody_gets_a_first_partner_before_anybody_gets_a_second(order):
    # both want the others near .5; three others are free for two times two wishes
    found = match_nearest(score=[0.5, 0.6, 0.5, 0.55, 0.9], focal=[1, 1, 0, 0, 0], order=order, ratio=2)
    assert Counter(found.focal.tolist()).most_common()[-1][1] == 1
    assert found.focal.size == 3


@pytest.mark.parametrize("order", ["closest", "data"])
def test_a_ratio_that_cannot_be_filled_gives_what_there_is(order):
    found = match_nearest(score=[0.1, 0.2, 0.3], focal=[1, 0, 0], order=order, ratio=5)
    assert pairs(found) == [(0, 1), (0, 2)]


def test_a_partner_serves_several_with_replacement():
    found = match_nearest(score=[0.1, 0.2, 0.3, 0.25], focal=[1, 1, 1, 0], replace=True)
    assert (found.partner.tolist(), found.unmatched) == ([3, 3, 3], 0)


@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data"])
def test_with_replacement_the_order_does_not_matter(order):
    rng = np.random.default_rng(2)
    score, focal = rng.random(80), rng.random(80) < 0.4
    found = match_nearest(score=score, focal=focal, order=order, replace=True, ratio=3)
    assert pairs(found) == pairs(match_nearest(score=score, focal=focal, replace=True, ratio=3))


@pytest.mark.parametrize("replace", [False, True])
def test_labels_without_both_arms_stay_unmatched(replace):
    found = match_nearest(score=[0.1, 0.2, 0.1, 0.2], focal=[1, 1, 0, 0], exact=["a", "b", "b", "c"], replace=replace)
    assert (pairs(found), found.unmatched) == ([(1, 2)], 1)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("order", ["closest", "data"])
def test_no_label_in_common_gives_no_pairs(order, replace):
    found = match_nearest(score=[0.1, 0.1], focal=[1, 0], exact=["a", "b"], order=order, replace=replace)
    assert (found.focal.size, found.distance.size, found.unmatched) == (0, 0, 1)


NEAR = 3e-12  # far below half of the tenth decimal


@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data"])
@pytest.mark.parametrize("replace", [False, True])
def test_distances_equal_at_ten_decimals_are_told_by_key(order, replace):
    for scores in ([0.5, 0.4 + NEAR, 0.6], [0.5, 0.6 - NEAR, 0.4]):
        found = match_nearest(score=scores, focal=[1, 0, 0], key=[0, 2, 1], order=order, replace=replace)
        assert found.partner.tolist() == [2]


@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data"])
@pytest.mark.parametrize("replace", [False, True])
def test_scores_equal_at_ten_decimals_on_one_side_are_told_by_key(order, replace):
    for scores in ([0.5, 0.4 + NEAR, 0.4], [0.5, 0.6 - NEAR, 0.6]):
        found = match_nearest(score=scores, focal=[1, 0, 0], key=[0, 2, 1], order=order, replace=replace)
        assert found.partner.tolist() == [2]


@MANY
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-2, 2), st.booleans()), min_size=2, max_size=20),
    st.integers(0, 50),
    ratios,
)
@example([(4, 0, True), (3, 1, False), (3, 0, False)], 1, 1)
def test_replacement_compares_at_ten_decimals(drawn, seed, ratio):
    score = [eighths / 8 + nudge * NEAR for eighths, nudge, _ in drawn]
    focal = [looks for _, _, looks in drawn]
    assume(any(focal) and not all(focal))
    key = np.random.default_rng(seed).permutation(len(score)).tolist()
    found = match_nearest(score=score, focal=focal, key=key, ratio=ratio, replace=True)
    assert pairs(found) == oracle.with_replacement(score, focal, ratio, None, key, [0] * len(score))


@MANY
@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=2, max_size=20),
    st.integers(0, 50),
    ratios,
    orders,
    st.booleans(),
)
def test_scores_rounded_to_ten_decimals_as_a_study_gives_them(drawn, seed, ratio, order, replace):
    # tenths are not exact in binary, so that distances equal at ten decimals differ in their last bits
    score = [round(0.1 * tenths, 10) for tenths, _ in drawn]
    focal = [looks for _, looks in drawn]
    assume(any(focal) and not all(focal))
    key, one = np.random.default_rng(seed).permutation(len(score)).tolist(), [0] * len(score)
    found = match_nearest(score=score, focal=focal, order=order, key=key, ratio=ratio, replace=replace, caliper=0.3)
    if replace:
        assert pairs(found) == oracle.with_replacement(score, focal, ratio, 0.3, key, one)
    else:  # the oracle compares as they are; whole tenths are exact
        whole = [float(tenths) for tenths, _ in drawn]
        assert pairs(found) == oracle.rounds(whole, focal, order, ratio, 3.0, key, one)


def test_row_order_does_not_move_a_pair():
    rng = np.random.default_rng(4)
    score, focal = rng.integers(0, 20, 60) / 8, rng.random(60) < 0.35
    key, label = np.arange(60), rng.integers(0, 2, 60)
    shuffled = rng.permutation(60)
    for replace in (False, True):
        sets = []
        for rows in (key, shuffled):
            found = match_nearest(score=score[rows], focal=focal[rows], key=key[rows], exact=label[rows], ratio=2,
                                  replace=replace)  # fmt: skip
            sets.append({(int(key[rows][i]), int(key[rows][j])) for i, j in pairs(found)})
        assert sets[0] == sets[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ratio": 0}, "ratio: found 0"),
        ({"ratio": 1.5}, "ratio: found 1.5"),
        ({"exact": ["a", "b"]}, "exact: found shape"),
        ({"exact": ["a", None, "b"]}, "exact: found missing"),
        ({"order": "nearest", "replace": True}, "order: found 'nearest'"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        match_nearest(**{"score": [0.1, 0.2, 0.3], "focal": [1, 0, 0], **changed})
