"""Whole studies on a few patients: each a place where a number, a warning or a note was, or could be, wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.rank_tests import wilcoxon
from twoarm.study import run_study

Rows = list[dict[str, str]]


def run(folder: Path, rows: Rows | None = None, replace: dict[str, str] | None = None, more: str = "") -> Results:
    study = write_study(folder, rows, replace, more)
    protocol = read_protocol(study)
    return run_study(protocol, read_records(protocol, folder))


def warnings_of(results: Results) -> set[tuple[str, str]]:
    return {(row.statistic, row.variable) for row in results.select(analysis="warning")}


@pytest.mark.parametrize(
    ("n1", "n0", "shift", "expected"),
    [
        (49, 49, 100.0, 7.85e-29),  # R 4.2.2: wilcox.test, all treated above all others
        (5, 5, 100.0, 2 / 252),  # 1 of choose(10, 5) arrangements, twice
        (5, 5, -100.0, 2 / 252),
    ],
)
def test_the_exact_wilcoxon_p_is_right_in_both_tails(n1: int, n0: int, shift: float, expected: float) -> None:
    values = np.concatenate([np.arange(n1) + shift + 0.5, np.arange(n0)])
    result = wilcoxon(values=values, treated=np.arange(n1 + n0) < n1)
    assert result.method == "exact"
    assert result.p_value == pytest.approx(expected, rel=2e-3)  # R's value was read with three digits


def test_a_landmark_counts_no_event_after_it(tmp_path: Path) -> None:
    """6 months are 182.625 days: deaths on day 183 come later. R: summary(survfit, times = 6 * 30.4375)."""
    rows = [{**row, "days": "183" if i % 2 else "400", "died": "1"} for i, row in enumerate(patients())]
    results = run(tmp_path, rows, more="\n[analyses.survival]\nlandmarks = [6, 7]\n")
    here = {"analysis": "survival", "adjustment": "unadjusted", "arm": "Old", "statistic": "survival"}
    assert results.get(**here, parameter="6 months").value == 1.0
    assert results.get(**here, parameter="7 months").value == 0.5


def test_a_duration_in_months_lies_at_its_own_landmark(tmp_path: Path) -> None:
    rows = [{**row, "days": "6" if i % 2 else "12", "died": "1"} for i, row in enumerate(patients())]
    results = run(
        tmp_path, rows, {'time = "days"': 'time = "days"\nunit = "months"'}, "\n[analyses.survival]\nlandmarks = [6]\n"
    )
    row = results.get(
        analysis="survival", adjustment="unadjusted", arm="Old", statistic="survival", parameter="6 months"
    )
    assert row.value == 0.5


def test_equal_distances_go_by_key_and_a_caliper_includes_its_width() -> None:
    score, focal = [0.3, 0.1, 0.5, 0.7], [True, False, False, False]  # .3 - .1 and .5 - .3 differ in the last bit
    for key, partner in ((["t", "a", "b", "c"], 1), (["t", "b", "a", "c"], 2)):
        for order in ("closest", "largest"):
            matches = match_nearest(score=score, focal=focal, key=key, order=order, caliper=0.2)
            assert matches.partner.tolist() == [partner]


def test_a_single_patient_has_no_standard_deviation_and_no_false_balance(tmp_path: Path) -> None:
    rows = [{**row, "arm": "new" if i == 20 else "old"} for i, row in enumerate(patients())]
    results = run(tmp_path, rows, {'kind = "matching"': 'kind = "matching"\ncovariates = ["age"]'})
    largest = results.get(analysis="balance", adjustment="matched", statistic="largest_absolute_smd")
    assert (largest.value, largest.note) == (None, "no standard deviation: one patient in an arm")


def test_a_difference_without_spread_is_the_worst_imbalance(tmp_path: Path) -> None:
    rows = [{**row, "age": "60" if row["arm"] == "new" else "50"} for row in patients()]
    matching = {'kind = "matching"': 'kind = "matching"\ncovariates = ["sex"]'}
    assert ("imbalance", "age") in warnings_of(run(tmp_path, rows, matching))


def test_a_second_variance_is_no_second_term(tmp_path: Path) -> None:
    rows = [{**row, "died": "1" if i < 18 else "0"} for i, row in enumerate(patients())]
    plain = run(tmp_path, rows)
    naive = run(tmp_path, rows, {'kind = "matching"': 'kind = "matching"\nnaive_variance = true'})
    events = plain.get(analysis="hazard_ratio", adjustment="matched", arm="all", statistic="events").value
    assert events is not None
    assert (("few_events", "") in warnings_of(naive)) == (events < 10)
    assert warnings_of(plain) == warnings_of(naive)


def test_the_unadjusted_comparison_may_have_any_name(tmp_path: Path) -> None:
    rows = [{**row, "days": str(int(row["days"]) + (900 if row["arm"] == "old" else 0)), "died": str(i % 3 // 2)}
            for i, row in enumerate(patients())]  # fmt: skip
    results = run(tmp_path, rows, more='\n[adjustments.crude]\nkind = "unadjusted"\nlabel = "Crude"\n')
    assert ("follow_up_differs", "") in warnings_of(results)


def test_a_reference_may_be_written_as_text(tmp_path: Path) -> None:
    sex = 'sex = { kind = "categorical", levels = ["f", "m"], labels = ["Female", "Male"] }'
    results = run(
        tmp_path, replace={sex: 'died = { kind = "categorical", levels = [false, true], reference = "true" }'}
    )
    assert results.select(analysis="baseline", variable="died")


def test_labels_that_look_alike_keep_ids_apart(tmp_path: Path) -> None:
    rows = [{**row, "sex": "a b" if row["sex"] == "m" else "a_b"} for row in patients()]
    results = run(tmp_path, rows, {'levels = ["f", "m"], labels = ["Female", "Male"]': 'levels = ["a b", "a_b"]'})
    assert len({row.id for row in results.estimates}) == len(results.estimates)


def test_a_pooled_sd_of_one_patient_is_not_estimable(tmp_path: Path) -> None:
    rows = [{**row, "arm": "new" if i == 20 else "old"} for i, row in enumerate(patients())]
    results = run(
        tmp_path, rows, {'kind = "matching"': 'kind = "matching"\ncovariates = ["age"]\ncaliper = { sd = "pooled" }'}
    )
    row = results.get(analysis="adjustment", adjustment="matched", statistic="adjusted_cohort")
    assert "pooled SD is not defined" in row.note


@pytest.mark.parametrize(
    ("replace", "more", "message"),
    [
        ({}, "\n[analyses.survival]\nlandmarks = [-5]\n", "greater than 0"),
        ({}, "\n[analyses.survival]\nlandmarks = [10, 10.0]\n", "landmarks must rise"),
        (
            {},
            '\n[adjustments.mv]\nkind = "multivariable"\nlabel = "Matched"\n',
            'label "Matched" is used before; expected a label of its own',
        ),
        ({'label = "New"': 'label = "All"'}, "", "an arm cannot be labelled all"),
    ],
)
def test_what_could_not_be_told_apart_is_refused(
    replace: dict[str, str], more: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ProtocolError, match=message):
        run(tmp_path, replace=replace, more=more)


def test_two_matchings_without_labels_are_told_apart_by_name(tmp_path: Path) -> None:
    study = write_study(tmp_path, more='\n[adjustments.tight_one]\nkind = "matching"\ncaliper = { width = 0.05 }\n')
    made = read_protocol(study).adjustments
    assert [adjustment.label for adjustment in made.values()] == ["Matched (matched)", "Matched (tight one)"]


def test_limits_that_cannot_be_had_say_why(tmp_path: Path) -> None:
    rows = [{**row, "days": "100", "died": "1"} for row in patients()]
    results = run(tmp_path, rows, more="\n[analyses.survival]\nlandmarks = [3.3]\n")
    here = {"analysis": "survival", "adjustment": "unadjusted", "arm": "Old"}
    assert results.get(**here, statistic="median").value == 100
    assert results.get(**here, statistic="median_lower").note == "the curve does not carry the interval's limit"
    at = results.get(**here, statistic="survival_lower", parameter="3.3 months")
    assert at.note == "the interval has no limits where survival is 0 or 1"


def test_a_normal_interval_stops_at_zero(tmp_path: Path) -> None:
    rows = [
        {**row, "days": str(10 * (1 + i % 7)), "died": "1" if i % 7 in (0, 6) else "0"}
        for i, row in enumerate(patients())
    ]
    results = run(tmp_path, rows, more='\n[analyses.survival]\nquantile_interval = "normal"\n')
    lowers = [
        row.value for row in results.select(analysis="survival", statistic="median_lower") if row.value is not None
    ]
    assert all(value >= 0 for value in lowers)


def test_a_median_at_which_survival_is_zero_has_no_normal_interval(tmp_path: Path) -> None:
    rows = [{**row, "days": "100", "died": "1"} for row in patients()]
    results = run(tmp_path, rows, more='\n[analyses.survival]\nquantile_interval = "normal"\n')
    found = results.select(analysis="survival", adjustment="unadjusted", statistic="median_lower")
    assert [row.value for row in found] == [None] * 3  # all, and each arm


def test_nobody_censored_is_said_so(tmp_path: Path) -> None:
    results = run(tmp_path, [{**row, "died": "1"} for row in patients()])
    row = results.get(analysis="follow_up", adjustment="unadjusted", statistic="p_value")
    assert row.note == "nobody was censored"


def test_broken_pairs_are_counted_and_warned_of(tmp_path: Path) -> None:
    rows = patients()
    rows[0]["died"] = rows[3]["died"] = ""
    results = run(tmp_path, rows)
    warning = results.get(analysis="warning", adjustment="matched", statistic="broken_pairs")
    assert warning.value == 2
    held = results.get(analysis="endpoint", statistic="held")
    assert (held.value, held.variable_level) == (2, "event missing")


def test_swapping_the_arms_inverts_the_hazard_ratio(tmp_path: Path) -> None:
    swapped = {'value = "new", label = "New"': 'value = "old", label = "Old"',
               'comparator = { value = "old", label = "Old"': 'comparator = { value = "new", label = "New"'}  # fmt: skip
    forward, back = run(tmp_path), run(tmp_path, replace=swapped)
    here = {"analysis": "hazard_ratio", "statistic": "hazard_ratio"}
    for adjustment in ("unadjusted",):
        one = forward.get(**here, adjustment=adjustment, arm="New vs Old").value
        other = back.get(**here, adjustment=adjustment, arm="Old vs New").value
        assert one is not None
        assert other is not None
        assert one * other == pytest.approx(1, rel=1e-10)  # the ledger keeps twelve digits


def test_a_sub_cohort_has_arms_and_criteria_of_its_own(tmp_path: Path) -> None:
    more = """
[populations.women]
label = "Women under the new treatment"
criteria = [{ label = "Women", include = "sex == 'f'" }]
arms = { column = "older", treated = { value = true, label = "Older" }, comparator = { value = false, label = "Younger" } }
covariates = ["age"]
adjustments = []
analyses = ["baseline", "survival", "hazard_ratio"]
"""
    results = run(
        tmp_path, replace={"[populations.study]": '[derived]\nolder = "age >= 55"\n[populations.study]'}, more=more
    )
    rows = [row for row in patients() if row["sex"] == "f"]
    n = results.get(population="women", analysis="baseline", arm="Older", statistic="n", variable="")
    assert n.value == sum(int(row["age"]) >= 55 for row in rows)
    assert {row.adjustment for row in results.select(population="women", analysis="hazard_ratio")} == {"unadjusted"}
    assert not results.select(population="women", analysis="balance")
