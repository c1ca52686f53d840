"""Log-rank family: published tests, R on six data sets, the two-way tables oracle, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import log_rank as oracle
from oracles.samples import AML, FREIREICH, IS_CONTROL, IS_NOT_MAINTAINED
from oracles.stored import floats, happened, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.log_rank import log_rank

TEN_DIGITS = 5e-10  # the known answers were noted with ten significant digits
STORED = 1e-11  # R's numbers are stored with 15 digits; sums of a thousand terms and one solve
SLOW = 1e-9  # the oracle solves by a pseudo-inverse


def test_freireich():
    test = log_rank(**FREIREICH, arm=IS_CONTROL)
    assert test.observed.tolist() == [9, 21]
    assert test.expected == pytest.approx([19.25050095, 10.74949905], rel=TEN_DIGITS)
    assert test.variance[0, 0] == pytest.approx(6.256960574, rel=TEN_DIGITS)
    assert test.statistic == pytest.approx(16.79294099, rel=TEN_DIGITS)
    assert test.p_value == pytest.approx(4.168809109e-05, rel=TEN_DIGITS)
    assert test.n.tolist() == [21, 21]


def test_freireich_peto_peto_is_rho_one():
    assert log_rank(**FREIREICH, arm=IS_CONTROL, rho=1).statistic == pytest.approx(14.45715082, rel=TEN_DIGITS)


def test_aml():
    test = log_rank(**AML, arm=IS_NOT_MAINTAINED)
    assert test.statistic == pytest.approx(3.396388699, rel=TEN_DIGITS)
    assert test.observed.tolist() == [7, 11]
    assert test.expected == pytest.approx([10.68933599, 7.310664008], rel=TEN_DIGITS)
    assert test.variance[0, 0] == pytest.approx(4.007550746, rel=TEN_DIGITS)


def test_lung_by_sex_plain_and_stratified():
    data = rows("lung", None, [])
    columns = {"time": data["time"], "event": data["status"] == 2, "arm": data["sex"]}
    plain = log_rank(**columns)
    assert plain.statistic == pytest.approx(10.32674195, rel=TEN_DIGITS)
    assert plain.expected == pytest.approx([91.58173903, 73.41826097], rel=TEN_DIGITS)
    known = ~np.isnan(data["ph.ecog"])
    chosen = {key: values[known] for key, values in columns.items()}
    stratified = log_rank(**chosen, strata=data["ph.ecog"][known])
    assert stratified.statistic == pytest.approx(10.79505963, rel=TEN_DIGITS)


@pytest.mark.parametrize(("strata", "expected"), [(None, 1.062739861), ("resid.ds", 1.279643451)])
def test_ovarian(strata, expected):
    data = read_data("ovarian")
    test = log_rank(time=data["futime"], event=data["fustat"], arm=data["rx"], strata=data[strata] if strata else None)
    assert test.statistic == pytest.approx(expected, rel=TEN_DIGITS)


def test_all_events_in_one_arm():
    test = log_rank(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], arm=[1, 1, 1, 0, 0, 0])
    assert test.statistic == pytest.approx(5.051660517, rel=TEN_DIGITS)


def test_no_ties_equal_to_the_score_test_of_cox():
    columns = {"time": [1, 3, 4, 7, 9, 10, 12, 15], "event": [1, 1, 0, 1, 1, 0, 1, 1]}
    x = [1, 0, 1, 0, 1, 1, 0, 0]
    assert log_rank(**columns, arm=x).statistic == pytest.approx(0.02983837547, rel=TEN_DIGITS)
    assert fit_cox(**columns, covariates=x).score_statistic == pytest.approx(0.02983837547, rel=TEN_DIGITS)


def test_a_third_arm_censored_before_the_first_event_changes_nothing():
    two = log_rank(**AML, arm=IS_NOT_MAINTAINED)
    three = log_rank(
        time=[*AML["time"], 1, 2, 3, 4],
        event=[*AML["event"], 0, 0, 0, 0],
        arm=[*IS_NOT_MAINTAINED, 2, 2, 2, 2],
    )
    assert three.statistic == pytest.approx(two.statistic, rel=STORED)
    assert three.degrees_of_freedom == two.degrees_of_freedom == 1
    assert three.p_value == pytest.approx(two.p_value, rel=STORED)
    assert three.n.tolist() == [11, 12, 4]


@pytest.mark.parametrize("third", [0, 1, 2])
def test_the_place_of_the_early_censored_arm_does_not_matter(third):
    arm = np.array([*IS_NOT_MAINTAINED, 2, 2])
    label = (arm + 1 + third) % 3
    test = log_rank(time=[*AML["time"], 1, 2], event=[*AML["event"], 0, 0], arm=label)
    assert test.statistic == pytest.approx(3.396388699, rel=TEN_DIGITS)
    assert test.degrees_of_freedom == 1


def test_strata_that_share_no_arm_give_a_test_each_and_one_sum():
    time, event = [1, 2, 3, 4, 2, 3, 5, 6], [1, 1, 1, 0, 1, 1, 1, 0]
    arm, strata = ["a", "a", "b", "b", "c", "d", "c", "d"], [0] * 4 + [1] * 4
    single = [log_rank(time=time[s], event=event[s], arm=arm[s]) for s in (slice(0, 4), slice(4, 8))]
    both = log_rank(time=time, event=event, arm=arm, strata=strata)
    assert both.degrees_of_freedom == 2
    assert both.statistic == pytest.approx(single[0].statistic + single[1].statistic, rel=SLOW)


def test_survminer_374_each_member_of_the_family_is_its_own_test():
    statistics = [log_rank(**FREIREICH, arm=IS_CONTROL, rho=r, gamma=g).statistic for r, g in
                  [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)]]  # fmt: skip
    assert len({round(s, 6) for s in statistics}) == 5


@pytest.mark.parametrize(("rho", "gamma"), [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0)])
def test_lifelines_1681_an_event_at_time_zero_is_no_crash(rho, gamma):
    columns = {"time": [0, 0, 3, 5, 7, 7], "event": [1, 0, 1, 1, 1, 0], "arm": [0, 1, 1, 0, 1, 0]}
    expected = oracle.log_rank(columns["time"], columns["event"], columns["arm"], rho=rho, gamma=gamma)
    assert log_rank(**columns, rho=rho, gamma=gamma).statistic == pytest.approx(expected[3], rel=SLOW)


def test_lifelines_1641_times_passed_as_events_are_refused():
    with pytest.raises(ArgumentError, match="event: found codes outside 0 and 1"):
        log_rank(time=FREIREICH["time"], event=FREIREICH["time"], arm=IS_CONTROL)


def test_lifelines_1654_strata_are_used():
    data = read_data("veteran")
    columns = {"time": data["time"], "event": data["status"], "arm": data["trt"]}
    assert log_rank(**columns).statistic != log_rank(**columns, strata=data["celltype"]).statistic


@pytest.mark.parametrize("labels", [("Control", "control"), ("是", "否"), (2, 1)])
def test_lifelines_458_arm_labels_may_be_anything(labels):
    arm = [labels[code] for code in IS_CONTROL]
    test = log_rank(**FREIREICH, arm=arm)
    assert test.statistic == pytest.approx(16.79294099, rel=TEN_DIGITS)
    by_label = dict(zip(test.arms.tolist(), test.observed.tolist(), strict=True))
    assert by_label == {labels[0]: 9, labels[1]: 21}


CASES = reference("log_rank")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees(case):
    data = rows(case["data"], case["subset"], [case["time"], case["event"], case["arm"], case["strata"]])
    test = log_rank(
        time=data[case["time"]],
        event=happened(case["data"], data, case["event"]),
        arm=data[case["arm"]],
        strata=data[case["strata"]] if case["strata"] else None,
        rho=case["rho"],
    )
    assert test.degrees_of_freedom == case["degrees_of_freedom"]
    for field in ("n", "observed", "expected"):
        np.testing.assert_allclose(getattr(test, field), floats(case[field]), rtol=STORED)
    largest = np.abs(case["variance"]).max()
    np.testing.assert_allclose(test.variance, case["variance"], rtol=STORED, atol=STORED * largest)
    small_differences = 1e-9  # chi-squared squares O - E, which loses digits where it is small against O
    assert test.statistic == pytest.approx(case["statistic"], rel=small_differences)
    assert test.p_value == pytest.approx(case["p_value"], rel=1e-8)  # a tail multiplies that error by chi-squared


@pytest.mark.parametrize("case", reference("log_rank")["truncated"], ids=["plain", "stratified"])
def test_r_agrees_under_left_truncation(case):
    data = {key: values[: case["rows"]] for key, values in read_data("ties_heavy").items()}
    test = log_rank(
        time=data["time"],
        event=data["event"],
        arm=data["arm"],
        entry=data["entry"],
        strata=data["site"] if case["strata"] else None,
    )
    assert test.statistic == pytest.approx(case["statistic"], rel=SLOW)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"time": [1, 2], "event": [1, 1], "arm": [0, 0]}, "one arm only"),
        ({"time": [1, 2], "event": [0, 0], "arm": [0, 1]}, "no events"),
        ({"time": [1, 2, 3], "event": [0, 1, 1], "arm": [0, 1, 1]}, "never two arms at risk at an event"),
        (
            {"time": [1, 2, 3, 4], "event": [1, 1, 1, 1], "arm": [0, 0, 1, 1], "strata": [0, 0, 1, 1]},
            "never two arms at risk at an event",
        ),
        ({"time": [2, 2], "event": [1, 1], "arm": [0, 1]}, "never two arms at risk at an event"),
    ],
    ids=["one arm", "no events", "arms one after the other", "a stratum an arm", "all die at once"],
)
def test_not_estimable(arguments, reason):
    with pytest.raises(NotEstimableError, match=reason):
        log_rank(**arguments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": [1, -2, 3]}, "time: found 1 negative"),
        ({"event": [1, 1]}, "event: found shape"),
        ({"arm": [0, 1]}, "arm: found shape"),
        ({"arm": [0, np.nan, 1]}, "arm: found 1 missing"),
        ({"strata": [1, None, 1]}, "strata: found missing"),
        ({"entry": [0, 0, 3]}, "entry: found 1 patients"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        log_rank(**{"time": [1, 2, 3], "event": [1, 0, 1], "arm": [0, 1, 0], **changed})


patients = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6), st.booleans(), st.sampled_from("abc"), st.integers(0, 2)),
    min_size=4,
    max_size=35,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(patients, st.booleans(), st.sampled_from([(0, 0), (1, 0), (0, 1), (0.5, 1), (1, 1)]))
def test_equals_the_two_way_tables(drawn, plain, family):
    entry, follow_up, event, arm, stratum = (list(values) for values in zip(*drawn, strict=True))
    time = follow_up if plain else [a + b for a, b in zip(entry, follow_up, strict=True)]
    strata, start = (None, None) if plain else (stratum, entry)
    observed, expected, variance, statistic = oracle.log_rank(time, event, arm, strata, start, *family)
    assume(np.trace(variance) > 1e-9)
    test = log_rank(time=time, event=event, arm=arm, strata=strata, entry=start, rho=family[0], gamma=family[1])
    np.testing.assert_allclose(test.observed, observed, rtol=SLOW, atol=SLOW)
    np.testing.assert_allclose(test.expected, expected, rtol=SLOW, atol=SLOW)
    np.testing.assert_allclose(test.variance, variance, rtol=SLOW, atol=SLOW)
    assert test.degrees_of_freedom == np.linalg.matrix_rank(variance, tol=1e-9)
    assert test.statistic == pytest.approx(statistic, rel=1e-7, abs=SLOW)  # two inverses of a near-singular variance
