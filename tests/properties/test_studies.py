"""Invariants of whole studies: random small cohorts in files, through protocol, design and analyses to the ledger."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spec_outcomes import write_outcomes
from spec_study import csv_text, write_study
from twoarm.errors import RecordsError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

IDENTITY = (
    "adjustment",
    "analysis",
    "endpoint",
    "arm",
    "variable",
    "variable_level",
    "statistic",
    "method",
    "parameter",
)
FEW = settings(max_examples=6, deadline=None, derandomize=True)  # a study takes a quarter of a second
LEDGER = 1e-9  # the ledger keeps twelve digits, and the sums stand in another order
Row = dict[str, str]

SUBGROUPS = '\n[subgroups]\nvariables = ["sex"]\nminimum_events = 1\n\n[output]\npatient_level = true\n'


@st.composite
def cohorts(draw, missing: bool = True) -> list[Row]:
    """40 to 70 patients with tied times, some ages below 18 or missing, some without a known sex."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    longest = draw(st.sampled_from([40, 400]))
    rows = []
    for i in range(draw(st.integers(40, 70))):
        gap = missing and rng.random() < 0.15
        rows.append(
            {
                "id": f"P{i:03d}",
                "arm": "new" if rng.random() < 0.4 or i == 0 else "old",
                "age": "" if gap and rng.random() < 0.5 else str(rng.randint(15 if missing else 20, 80)),
                "sex": "" if gap and rng.random() < 0.5 else rng.choice("fm"),
                "days": str(rng.randint(1, longest)),
                "died": "1" if rng.random() < 0.7 or i < 2 else "0",
            }
        )
    return rows


def run(
    rows: Sequence[Row], replace: dict[str, str] | None = None, more: str = SUBGROUPS, text: str | None = None
) -> Results:
    """Run a study in a folder of its own; a cohort that cannot be compared is passed over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = write_study(folder, list(rows), replace, more)
        if text is not None:
            (folder / "patients.csv").write_text(text, "utf-8")
        protocol = read_protocol(study)
        try:
            return run_study(protocol, read_records(protocol, folder))
        except RecordsError:
            assume(False)
            raise


def value(results: Results, **wanted: str) -> float | None:
    found = results.find(**wanted)
    return None if found is None else found.value


def pairs(results: Results) -> dict[int, list[str]]:
    """Return keys by pair of the matched patients."""
    found: dict[int, list[str]] = {}
    for row in results.patients:
        if row.adjustment == "matched" and row.pair is not None and row.key not in found.get(row.pair, []):
            found.setdefault(row.pair, []).append(row.key)
    return found


@FEW
@given(cohorts(), st.randoms(use_true_random=False))
def test_rows_and_columns_may_come_in_any_order(rows, shuffle):  # 1, 2
    plain = run(rows)
    mixed, names = list(rows), list(rows[0])
    shuffle.shuffle(mixed)
    shuffle.shuffle(names)
    other = run(rows, text=csv_text([{name: row[name] for name in names} for row in mixed]))
    assert other.estimates_json() == plain.estimates_json()
    assert other.curves_json() == plain.curves_json()
    assert pairs(other) == pairs(plain)


@FEW
@given(cohorts(), st.sampled_from([2, 7]))
def test_longer_times_keep_hazard_ratios_and_stretch_medians(rows, factor):  # 3
    plain = run(rows)
    other = run([{**row, "days": str(int(row["days"]) * factor)} for row in rows])
    compared = 0
    for row in plain.estimates:
        if row.analysis in ("hazard_ratio", "subgroups") or row.statistic == "chi_squared":
            again = value(other, **{name: getattr(row, name) for name in IDENTITY})
            assert again == (None if row.value is None else pytest.approx(row.value, rel=LEDGER, abs=LEDGER)), row.id
            compared += 1
        if row.analysis == "survival" and row.statistic in ("median", "median_lower", "median_upper"):
            again = value(other, **{name: getattr(row, name) for name in IDENTITY})
            assert again == (None if row.value is None else pytest.approx(row.value * factor, rel=LEDGER)), row.id
    assert compared > 20


@FEW
@given(cohorts(missing=False))
def test_swapped_arms_invert_the_hazard_ratio_and_keep_the_pairs(rows):  # 4
    swapped = {'value = "new", label = "New"': 'value = "old", label = "Old"',
               'comparator = { value = "old", label = "Old"': 'comparator = { value = "new", label = "New"'}  # fmt: skip
    plain, other = run(rows), run(rows, swapped)
    for adjustment in ("unadjusted", "matched"):
        here = {"analysis": "hazard_ratio", "adjustment": adjustment, "endpoint": "os"}
        for statistic, power in (("hazard_ratio", -1), ("p_value", 1)):
            one = plain.select(**here, statistic=statistic, arm="New vs Old")
            two = other.select(**here, statistic=statistic, arm="Old vs New")
            if one and two and one[0].value is not None and (adjustment == "unadjusted" or kept(plain, other)):
                assert two[0].value == pytest.approx(one[0].value ** power, rel=1e-8)


def kept(one: Results, other: Results) -> bool:
    """Say whether the same patients were paired; equal scores may pair off otherwise when the other arm looks."""
    return sorted(map(sorted, pairs(one).values())) == sorted(map(sorted, pairs(other).values()))


@FEW
@given(cohorts(missing=False), st.sampled_from([(12, 0), (1, 100), (30, 7)]))
def test_another_unit_of_a_covariate_keeps_scores_and_pairs(rows, unit):  # 5
    factor, shift = unit
    criterion = {"age >= 18": f"age >= {18 * factor + shift}"}
    plain = run(rows, more=SUBGROUPS + MULTIVARIABLE)
    moved = [{**row, "age": str(int(row["age"]) * factor + shift)} for row in rows]
    other = run(moved, criterion, more=SUBGROUPS + MULTIVARIABLE)
    assert pairs(other) == pairs(plain)
    here = {"analysis": "hazard_ratio", "adjustment": "mv", "statistic": "hazard_ratio", "variable": "age"}
    one, two = plain.select(**here), other.select(**here)
    assert one
    assert len(one) == len(two)
    assert math.log(two[0].value) * factor == pytest.approx(math.log(one[0].value), rel=1e-7, abs=1e-9)


MULTIVARIABLE = '\n[adjustments.mv]\nkind = "multivariable"\n'


@FEW
@given(cohorts())
def test_a_patient_censored_before_the_first_event_only_counts(rows):  # 6
    early = [row for row in rows if int(row["days"]) > 1]
    assume(len(early) > 30 and any(row["died"] == "1" for row in early))
    more = [*early, {"id": "Q", "arm": "old", "age": "50", "sex": "f", "days": "0", "died": "0"}]
    plain, other = run(early, more=""), run(more, more="")
    here = {"analysis": "hazard_ratio", "adjustment": "unadjusted", "endpoint": "os"}
    for statistic in ("hazard_ratio", "hazard_ratio_lower", "p_value"):
        one, two = (one.select(**here, statistic=statistic, arm="New vs Old")[0].value for one in (plain, other))
        assert two == (None if one is None else pytest.approx(one, rel=LEDGER))
    counts = [one.get(**here, statistic="n", arm="all").value for one in (plain, other)]
    assert counts[1] == counts[0] + 1


@FEW
@given(cohorts(missing=False), st.booleans())
def test_pairs_are_one_to_one_and_agree_exactly_where_asked(rows, exact):  # 15
    matching = {'kind = "matching"': 'kind = "matching"\nexact = ["sex"]'} if exact else None
    results = run(rows, matching)
    arm, sex = ({row["id"]: row[name] for row in rows} for name in ("arm", "sex"))
    score = {row.key: row.propensity for row in results.patients if row.propensity is not None}
    width = value(results, analysis="lost", adjustment="matched", statistic="caliper_width")
    seen: list[str] = []
    for members in pairs(results).values():
        assert sorted(arm[key] for key in members) == ["new", "old"]
        assert not exact or len({sex[key] for key in members}) == 1
        if width is not None and all(key in score for key in members):
            logits = [math.log(score[key] / (1 - score[key])) for key in members]
            assert abs(logits[0] - logits[1]) <= width + 1e-9  # scores are kept at ten decimals
        seen += members
    assert len(seen) == len(set(seen))


@FEW
@given(cohorts(missing=False))
def test_with_nothing_missing_imputation_is_the_complete_case(rows):  # 17
    more = '\n[missing.mi]\nkind = "multiple_imputation"\nimputations = 3\niterations = 1\n\n[missing.complete_case]\n'
    results = run(rows, {"format_version = 1": "format_version = 1\nseed = 1"}, more)
    compared = 0
    for row in results.select(missing="complete_case", statistic="log_hazard_ratio"):
        wanted = {name: getattr(row, name) for name in IDENTITY if name != "method"}
        for statistic in ("log_hazard_ratio", "log_hazard_ratio_se"):
            one = results.select(**{**wanted, "statistic": statistic}, missing="complete_case")[0]
            two = list(results.select(**{**wanted, "statistic": statistic}, missing="mi"))
            assert [pooled.value for pooled in two] == [
                None if one.value is None else pytest.approx(one.value, rel=LEDGER)
            ]
            compared += 1
    assert compared


@FEW
@given(cohorts())
def test_levels_add_up_to_arms_and_arms_to_everybody(rows):  # 18
    results = run(rows)
    for adjustment in ("unadjusted", "matched"):
        table = {"analysis": "baseline", "adjustment": adjustment, "statistic": "n"}
        if not results.select(**table):
            continue
        total = {arm: results.get(**table, arm=arm, variable="").value for arm in ("all", "New", "Old")}
        assert total["New"] + total["Old"] == total["all"]
        for arm in total:
            levels = [row.value for row in results.select(**table, arm=arm, variable="sex")]
            assert sum(levels) == total[arm]


@FEW
@given(cohorts())
def test_attrition_counts_everybody_once_and_equals_a_recount(rows):  # 19
    results = run(rows)
    steps = results.select(analysis="attrition", statistic="excluded", arm="all")
    start, end = (results.select(analysis="attrition", statistic=name, arm="all") for name in ("remaining", "analysed"))
    assert start[0].value == len(rows)
    assert start[0].value - sum(step.value for step in steps) == end[0].value
    adults = [row for row in rows if row["age"] and int(row["age"]) >= 18]
    with_sex = [row for row in adults if row["sex"]]
    found = {step.variable: step.value for step in steps}
    assert found["criterion_1"] == len(rows) - len(adults)
    assert found.get("missing_sex", 0) == len(adults) - len(with_sex)
    assert end[0].value == len(with_sex)
    assert {row.key for row in results.patients if not row.left_out and row.adjustment == "unadjusted"} == {
        row["id"] for row in with_sex
    }


@FEW
@given(cohorts())
def test_subgroups_add_up_to_the_sample(rows):  # 22
    results = run(rows)
    for adjustment in ("unadjusted", "matched"):
        table = {"adjustment": adjustment, "statistic": "n"}
        for arm in ("New", "Old"):
            levels = [row.value for row in results.select(analysis="subgroups", **table, arm=arm, variable="sex")]
            total = value(results, analysis="baseline", **table, arm=arm, variable="")
            assert not levels or sum(levels) == total


@FEW
@given(cohorts())
def test_a_hazard_ratio_lies_in_its_interval_which_excludes_1_when_p_is_small(rows):  # 24
    results = run(rows, more=SUBGROUPS + MULTIVARIABLE)
    compared = 0
    for row in results.select(statistic="hazard_ratio"):
        wanted = {name: getattr(row, name) for name in ("missing", *IDENTITY)}
        lower, upper, p = (
            value(results, **{**wanted, "statistic": name})
            for name in ("hazard_ratio_lower", "hazard_ratio_upper", "p_value")
        )
        if row.value is None or lower is None or upper is None or p is None:
            continue
        assert lower <= row.value <= upper
        assert (lower > 1 or upper < 1) == (p < 0.05), row.id
        compared += 1
    assert compared >= 2


WORDS = ("CR", "PR", "SD", "PD", "NE")


@st.composite
def outcomes(draw) -> dict[str, str]:
    """Twelve patients in two arms with visits, progression, death and adverse events by chance."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    day = lambda n: f"2020-{1 + n // 28:02d}-{1 + n % 28:02d}"  # noqa: E731
    people, visits, events = (
        ["id,arm,start,progression,death,contact"],
        ["id,day,response"],
        ["id,term,serious,grade,onset"],
    )
    for i in range(1, 13):
        last = rng.randint(30, 300)
        dead = rng.random() < 0.4
        progressed = rng.random() < 0.5
        progression = day(rng.randint(1, last)) if progressed else ""
        people.append(f"{i},{'ab'[i % 2]},2020-01-01,{progression},{day(last) if dead else ''},{day(last)}")
        visits += [f"{i},{day(rng.randint(1, last))},{rng.choice(WORDS)}" for _ in range(rng.randint(0, 4))]
        events += [f"{i},Rash,no,{rng.randint(1, 5)},{day(rng.randint(1, last))}" for _ in range(rng.randint(0, 3))]
    return {"patients.csv": "\n".join(people) + "\n", "visits.csv": "\n".join(visits) + "\n",
            "adverse.csv": "\n".join(events) + "\n"}  # fmt: skip


OUTCOMES = """
[endpoints.pfs]
label = "Progression-free survival"
events = ["progression", "death"]
censoring = ["contact"]

[output]
patient_level = true
"""

SAFETY = """[safety]
rows = [
    { label = "Any grade" },
    { label = "Grade 3 or more", minimum_grade = 3 },
    { label = "Grade 5", minimum_grade = 5 },
]
"""


def run_outcomes(files: dict[str, str]) -> Results:
    with tempfile.TemporaryDirectory() as name:
        study = write_outcomes(Path(name), {"[safety]\n": SAFETY, "[response]": OUTCOMES + "\n[response]",
                                            'label = "Overall survival"': 'label = "Overall survival"\nprimary = true'}, files)  # fmt: skip
        protocol = read_protocol(study)
        return run_study(protocol, read_records(protocol, Path(name)))


@FEW
@given(outcomes())
def test_responses_and_adverse_events_nest_and_add_up(files):  # 20
    results = run_outcomes(files)
    for arm in ("A", "B"):
        here = {"analysis": "response", "adjustment": "unadjusted", "arm": arm}
        counts = [row.value for row in results.select(**here, statistic="n") if row.variable_level in WORDS]
        assert sum(counts) == 6
        rates = {row.variable: row.value for row in results.select(**here, statistic="n") if not row.variable_level}
        objective, control = (
            next(count for name, count in rates.items() if part in name) for part in ("objective", "control")
        )
        assert objective <= control <= 6
        grades = [
            row.value for row in results.select(analysis="safety", statistic="n", arm=arm, adjustment="unadjusted")
        ]
        total, any_grade, severe, fatal = grades
        assert fatal <= severe <= any_grade <= total


@FEW
@given(outcomes())
def test_progression_free_survival_ends_first(files):  # 21
    results = run_outcomes(files)
    times = {
        (row.key, row.endpoint): (row.time, row.event) for row in results.patients if row.adjustment == "unadjusted"
    }
    keys = {key for key, endpoint in times if endpoint == "pfs"}
    assert keys
    for key in keys:
        (pfs, ended), (os, died) = times[key, "pfs"], times[key, "os"]
        if pfs is not None and os is not None:
            assert pfs <= os
            assert ended or not died
