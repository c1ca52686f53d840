"""Greedy matching: MatchIt's pairs in 32 settings, the brute-force oracle for every order, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import matching as oracle
from oracles.stored import column, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.nearest_neighbour import match_nearest

SCORE_DIGITS = 10  # scores are rounded to 1e-10 so that the last bits of a fit do not choose the pairs
WIDTH = 1e-8  # the stored caliper has 13 digits, but glm stopped at its default of 1e-8 of the deviance

MODELS = {
    "lalonde": ("id", "treat", None,
                ("age", "educ", "race=hispan", "race=white", "married", "nodegree", "re74", "re75")),
    "rotterdam": ("pid", "hormon", "nodes>0",
                  ("age", "meno", "size=20-50", "size=>50", "grade", "nodes", "pgr", "er")),
}  # fmt: skip


def cohort(name, link):
    """(ids as text, treated, rounded score) of a data set."""
    key, arm, subset, names = MODELS[name]
    data = rows(name, subset, [])
    fit = fit_logistic(outcome=data[arm], covariates=np.column_stack([column(data, n) for n in names]))
    score = fit.probabilities if link == "logit" else fit.linear_predictor
    ids = [str(value) if isinstance(value, str) else f"{value:.0f}" for value in data[key]]
    return ids, data[arm] == 1, np.round(score, SCORE_DIGITS)


SETTINGS = [
    (name, setting)
    for name, key in (("rotterdam", "rotterdam_node_positive"), ("lalonde", "lalonde"))
    for setting in reference("matchit_pairs")[key]["matching"]
]
LABELS = [f"{name} {s['link']} {s['caliper_sd']} {s['order']}" for name, s in SETTINGS]


def score_pairs(score, focal, partner):
    """Pairs told by their scores: patients with equal scores may stand for each other."""
    return sorted(zip(score[focal].tolist(), score[partner].tolist(), strict=True))


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=LABELS)
def test_matchit_163_the_pairs_of_matchit(name, setting):
    ids, treated, score = cohort(name, setting["link"])
    caliper = setting["caliper_sd"] * score.std(ddof=1)
    assert caliper == pytest.approx(setting["caliper_width"], rel=WIDTH)
    found = match_nearest(score=score, focal=treated, caliper=caliper, order=setting["order"])
    row = {patient: i for i, patient in enumerate(ids)}
    focal, partner = ([row[patient] for patient in setting[side]] for side in ("treated", "control"))
    assert found.focal.size == setting["pairs"]
    assert score_pairs(score, found.focal, found.partner) == score_pairs(score, focal, partner)
    assert found.unmatched == treated.sum() - setting["pairs"]


def test_lalonde_propensity_spread():
    _, treated, logit = cohort("lalonde", "linear.logit")
    ten_digits = 1e-9  # as noted
    assert logit.std(ddof=1) == pytest.approx(1.804511971, rel=ten_digits)
    pooled = np.sqrt((logit[treated].var(ddof=1) + logit[~treated].var(ddof=1)) / 2)
    assert pooled == pytest.approx(1.346471391, rel=ten_digits)
    assert 0.2 * cohort("lalonde", "logit")[2].std(ddof=1) == pytest.approx(0.0580626745, rel=ten_digits)


@pytest.mark.parametrize(
    ("link", "spread", "order", "pairs"),
    [
        ("linear.logit", "all", "largest", 117),
        ("linear.logit", "pooled", "largest", 115),
        ("logit", "all", "largest", 113),
        ("linear.logit", "all", "smallest", 109),
    ],
)
def test_matchit_173_lalonde_pairs_by_scale_and_spread(link, spread, order, pairs):
    _, treated, score = cohort("lalonde", link)
    pooled = np.sqrt((score[treated].var(ddof=1) + score[~treated].var(ddof=1)) / 2)
    caliper = 0.2 * (score.std(ddof=1) if spread == "all" else pooled)
    assert match_nearest(score=score, focal=treated, caliper=caliper, order=order).focal.size == pairs


@pytest.mark.parametrize(
    ("order", "partners"),
    [
        ("closest", [None, 3, 4]),
        ("largest", [3, None, 4]),
        ("smallest", [None, 3, 4]),
        ("data", [3, None, 4]),
    ],
)
def test_five_patients_by_hand(order, partners):
    # focal .5 .375 1.0, others .4375 .875, caliper .125: the first two both want .4375 and nobody else is near
    found = match_nearest(score=[0.5, 0.375, 1.0, 0.4375, 0.875], focal=[1, 1, 1, 0, 0], caliper=0.125, order=order,
                          key=[2, 1, 3, 4, 5])  # fmt: skip
    expected = [(i, partner) for i, partner in enumerate(partners) if partner is not None]
    assert list(zip(found.focal.tolist(), found.partner.tolist(), strict=True)) == expected


@pytest.mark.parametrize(("caliper", "pairs"), [(0.25, 1), (np.nextafter(0.25, 0), 0), (0.0, 0)])
@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data"])
def test_the_caliper_is_inclusive(caliper, pairs, order):
    found = match_nearest(score=[0.5, 0.75], focal=[1, 0], caliper=caliper, order=order)
    assert found.focal.size == pairs
    assert found.distance.tolist() == [0.25] * pairs


def test_a_caliper_of_zero_takes_equal_scores_only():
    found = match_nearest(score=[0.5, 0.6, 0.5, 0.7], focal=[1, 1, 0, 0], caliper=0)
    assert (found.focal.tolist(), found.partner.tolist(), found.unmatched) == ([0], [2], 1)


@pytest.mark.parametrize("order", ["closest", "largest", "smallest"])
def test_cohortmethod_120_keys_break_ties_so_that_row_order_does_not(order):
    score = np.array([0.5, 0.5, 0.4, 0.4, 0.4, 0.6, 0.6, 0.1])
    focal = np.array([1, 1, 0, 0, 0, 0, 1, 1])
    key = np.array(["p4", "p2", "p9", "p1", "p5", "p3", "p8", "p7"])
    expected = None
    for seed in range(8):
        shuffled = np.random.default_rng(seed).permutation(8)
        found = match_nearest(score=score[shuffled], focal=focal[shuffled], key=key[shuffled], order=order)
        pairs = {(key[shuffled][i], key[shuffled][j]) for i, j in zip(found.focal, found.partner, strict=True)}
        expected = expected or pairs
        assert pairs == expected


def test_among_equally_near_partners_the_smallest_key_is_taken():
    found = match_nearest(score=[0.5, 0.25, 0.75, 0.25], focal=[1, 0, 0, 0], key=["d", "c", "b", "a"], order="data")
    assert found.partner.tolist() == [3]


def test_closest_first_when_everybody_pairs_off_at_equal_scores():
    found = match_nearest(score=[0.5, 0.5, 0.2, 0.2], focal=[1, 0, 0, 1])
    assert (found.focal.tolist(), found.partner.tolist()) == ([0, 3], [1, 2])


def test_data_order_follows_the_position():
    score, focal = [0.5, 0.6, 0.55, 0.1], [1, 1, 0, 0]
    first = match_nearest(score=score, focal=focal, order="data")
    second = match_nearest(score=score, focal=focal, order="data", position=[2, 1, 3, 4])
    assert (first.partner.tolist(), second.partner.tolist()) == ([2, 3], [3, 2])


def test_random_order_follows_the_generator_and_not_the_rows():
    rng = np.random.default_rng(5)
    score, focal = rng.random(60), rng.random(60) < 0.4
    key = np.arange(60)
    shuffled = rng.permutation(60)

    def pairs(rows_, seed):
        found = match_nearest(score=score[rows_], focal=focal[rows_], key=key[rows_], order="random",
                              generator=np.random.default_rng(seed))  # fmt: skip
        return set(zip(key[rows_][found.focal].tolist(), key[rows_][found.partner].tolist(), strict=True))

    assert pairs(key, 1) == pairs(shuffled, 1)
    assert pairs(key, 1) != pairs(key, 2)


@pytest.mark.parametrize("focal", [[0, 0], [1, 1]])
def test_matchit_151_an_empty_arm_is_not_estimable(focal):
    with pytest.raises(NotEstimableError, match="one arm is empty"):
        match_nearest(score=[0.1, 0.2], focal=focal)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"score": [0.1, np.nan, 0.3]}, "score: found 1 missing"),
        ({"focal": [1, 0]}, "focal: found shape"),
        ({"focal": [1, 2, 0]}, "focal: found codes"),
        ({"caliper": -0.1}, "caliper: found -0.1"),
        ({"caliper": float("nan")}, "caliper: found nan"),
        ({"order": "nearest"}, "order: found 'nearest'"),
        ({"order": "random"}, "generator: order = random needs"),
        ({"key": ["a", "b", "a"]}, "key: found 1 repeated"),
        ({"key": ["a", "b"]}, "key: found shape"),
        ({"order": "data", "position": [1, 2]}, "position: found 2 values"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        match_nearest(**{"score": [0.1, 0.2, 0.3], "focal": [1, 0, 0], **changed})


def test_causalml_153_never_more_partners_than_focal_patients():
    found = match_nearest(score=[0.1, 0.2, 0.3, 0.4, 0.5], focal=[1, 0, 0, 0, 1])
    assert found.focal.size == found.partner.size == 2


def test_when_the_focal_arm_is_larger_some_stay_unmatched():
    found = match_nearest(score=[0.1, 0.2, 0.3], focal=[1, 1, 0])
    assert (found.focal.tolist(), found.unmatched) == ([1], 1)


# eighths are exact in binary, so that equal distances are equal to the bit
drawn_patients = st.lists(st.tuples(st.integers(0, 24), st.booleans()), min_size=2, max_size=40)
calipers = st.one_of(st.none(), st.integers(0, 8).map(lambda eighths: eighths / 8))


def drawn_sample(drawn, seed):
    score = [eighths / 8 for eighths, _ in drawn]
    focal = [looks for _, looks in drawn]
    assume(any(focal) and not all(focal))
    return score, focal, np.random.default_rng(seed).permutation(len(score)).tolist()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(drawn_patients, calipers, st.integers(0, 50), st.sampled_from(["largest", "smallest", "data"]))
def test_one_by_one_equals_brute_force(drawn, caliper, seed, order):
    score, focal, key = drawn_sample(drawn, seed)
    found = match_nearest(score=score, focal=focal, caliper=caliper, order=order, key=key)
    expected = oracle.one_by_one(score, focal, oracle.queue(score, focal, order, key), caliper, key)
    assert list(zip(found.focal.tolist(), found.partner.tolist(), strict=True)) == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(drawn_patients, calipers, st.integers(0, 50))
def test_closest_first_equals_brute_force(drawn, caliper, seed):
    score, focal, key = drawn_sample(drawn, seed)
    found = match_nearest(score=score, focal=focal, caliper=caliper, key=key)
    expected = oracle.closest_first(score, focal, caliper, key)
    pairs = list(zip(found.focal.tolist(), found.partner.tolist(), strict=True))
    assert sorted(abs(score[i] - score[j]) for i, j in pairs) == sorted(abs(score[i] - score[j]) for i, j in expected)
    assert pairs == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(drawn_patients, calipers, st.integers(0, 50))
def test_a_random_order_is_one_by_one_over_its_queue(drawn, caliper, seed):
    score, focal, key = drawn_sample(drawn, seed)
    by_key = np.array(sorted((i for i in range(len(score)) if focal[i]), key=lambda i: key[i]))
    queue = np.random.default_rng(seed).permutation(by_key).tolist()
    found = match_nearest(score=score, focal=focal, caliper=caliper, order="random", key=key,
                          generator=np.random.default_rng(seed))  # fmt: skip
    expected = oracle.one_by_one(score, focal, queue, caliper, key)
    assert list(zip(found.focal.tolist(), found.partner.tolist(), strict=True)) == expected


def test_a_hundred_thousand_patients_pair_in_reasonable_time():
    rng = np.random.default_rng(3)
    found = match_nearest(score=rng.normal(size=100_000), focal=rng.random(100_000) < 0.3, caliper=0.01)
    assert np.unique(found.partner).size == found.partner.size
    assert found.distance.max() <= 0.01


def test_the_rotterdam_file_is_sorted_by_pid():
    pid = read_data("rotterdam")["pid"]
    assert (np.diff(pid) > 0).all()
