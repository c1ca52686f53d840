"""Small cells: gone from the ledger, from what is calculated from them, and not to be told from totals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from spec_study import patients, write_study
from twoarm.disclosure.disclose import COUNTS, disclose, disclose_inputs
from twoarm.protocol.output import Disclosure
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.provenance import InputFile
from twoarm.results.results import Results
from twoarm.study import run_study

MINIMUM = 10


def run(folder: Path, minimum: int) -> Results:
    rows = [{**row, "sex": "m" if i < 6 else "f"} for i, row in enumerate(patients())]
    more = f'\n[disclosure]\nminimum_cell = {minimum}\n[subgroups]\nvariables = ["sex"]\nminimum_events = 1\n'
    protocol = read_protocol(write_study(folder, rows, more=more))
    return run_study(protocol, read_records(protocol, folder))


def test_nothing_is_suppressed_by_default(tmp_path: Path) -> None:
    assert not [row for row in run(tmp_path, 0).estimates if row.status == "suppressed"]


def test_no_small_count_is_left(tmp_path: Path) -> None:
    results = run(tmp_path, MINIMUM)
    left = [row.id for row in results.estimates if row.statistic in COUNTS and row.value and 0 < row.value < MINIMUM]
    assert left == []
    assert [row for row in results.estimates if row.status == "suppressed"]


def test_curves_end_before_few_are_at_risk(tmp_path: Path) -> None:
    curves = run(tmp_path, MINIMUM).curves
    for curve in [curve for curve in curves if curve.kind != "schoenfeld_smooth"]:  # it counts nobody
        counts = (
            curve.columns["at_risk"] if curve.kind == "survival" else (*curve.columns["all"], *curve.columns["matched"])
        )
        assert not [count for count in counts if count and count < MINIMUM]


def ledger(**counts: dict[str, int]) -> Ledger:
    made = Ledger(Estimate(analysis="baseline", population="study", missing="cc", adjustment="unadjusted"))
    for arm, levels in counts.items():
        for level, n in levels.items():
            made.add("n", n, arm=arm, variable="stage", variable_level=level)
            made.add("percent", 100.0 * n / sum(levels.values()), arm=arm, variable="stage", variable_level=level)
    return made


def hidden(results: Results) -> set[tuple[str, str]]:
    return {(row.arm, row.variable_level) for row in results.estimates if row.status == "suppressed"}


def test_a_hidden_level_takes_a_second_with_it() -> None:
    results = disclose(
        Disclosure(minimum_cell=5), ledger(A={"I": 3, "II": 20, "III": 30}, B={"I": 40, "II": 50, "III": 60})
    )
    assert {("A", "I"), ("A", "II")} <= hidden(results)
    assert ("A", "III") not in hidden(results)


def test_a_zero_is_shown() -> None:
    results = disclose(Disclosure(minimum_cell=5), ledger(A={"I": 0, "II": 20}, B={"I": 40, "II": 50}))
    assert hidden(results) == set()


@pytest.mark.parametrize("statistic", ["percent", "n"])
def test_what_is_calculated_from_a_hidden_count_goes_with_it(statistic: str) -> None:
    results = disclose(Disclosure(minimum_cell=5), ledger(A={"I": 3, "II": 20}, B={"I": 40, "II": 50}))
    row = results.get(arm="A", variable_level="I", statistic=statistic)
    assert (row.value, row.status) == (None, "suppressed")


def test_a_suppressed_value_is_nowhere_in_the_json(tmp_path: Path) -> None:
    for row in json.loads(run(tmp_path, MINIMUM).estimates_json()):
        assert (row["value"] is None) == (row["status"] != "ok")


def rows(analysis: str, *, minimum: int = 10, **arms: dict[str, int]) -> dict[tuple[str, str], int | float | None]:
    """Write counts as ``variable/level`` -> n (the arm's own n under ""), suppress; return what is left by place."""
    made = Ledger(Estimate(analysis=analysis, population="study", missing="cc", adjustment="unadjusted"))
    for arm, counts in arms.items():
        for place, n in counts.items():
            variable, _, level = place.partition("/")
            made.add("n", n, arm=arm, variable=variable, variable_level=level, parameter="rule")
    results = disclose(Disclosure(minimum_cell=minimum), made)
    return {(row.arm, f"{row.variable}/{row.variable_level}".rstrip("/")): row.value for row in results.estimates}


def response(cr: int, pr: int, sd: int, pd: int, ne: int) -> dict[str, int]:
    words = zip(("CR", "PR", "SD", "PD", "NE"), (cr, pr, sd, pd, ne), strict=True)
    rates = {"objective_response": cr + pr, "disease_control": cr + pr + sd}
    return {"": cr + pr + sd + pd + ne, **{f"best_response/{word}": n for word, n in words}, **rates}


WORDS = ("CR", "PR", "SD", "PD", "NE")
SUMS = {"": WORDS, "objective_response": ("CR", "PR"), "disease_control": ("CR", "PR", "SD")}


def possible(
    left: dict[tuple[str, str], int | float | None], arms: tuple[str, ...], sought: tuple[str, str], value: int
) -> bool:
    """Whether whole numbers exist that agree with everything shown, zeros included, and give this count this value."""
    parts = [arm for arm in arms if arm != "all"]
    at = {(arm, word): j for j, (arm, word) in enumerate((arm, word) for arm in parts for word in WORDS)}
    rows, ends = [], []

    def add(cells: list[tuple[str, str]], total: float) -> None:
        line = np.zeros(len(at))
        for cell in cells:
            line[at[cell]] = 1
        rows.append(line)
        ends.append(total)

    for arm in arms:
        of = parts if arm == "all" else [arm]
        for rate, words in SUMS.items():
            if left[(arm, rate)] is not None:
                add([(part, word) for part in of for word in words], float(left[(arm, rate)] or 0))
        for word in WORDS:
            shown = left[(arm, f"best_response/{word}")]
            if shown is not None:
                add([(part, word) for part in of], float(shown))
    add([sought], value)
    least = np.array([0 if left[(arm, f"best_response/{word}")] == 0 else 1 for arm, word in at])
    found = milp(
        c=np.zeros(len(at)),
        constraints=LinearConstraint(np.array(rows), ends, ends),
        integrality=np.ones(len(at)),
        bounds=Bounds(least, np.inf),
    )
    return bool(found.success)


EXAMPLES = [
    (20, 20, 20, 20, 20),
    (3, 40, 50, 60, 12),
    (3, 12, 50, 60, 40),
    (20, 20, 3, 60, 12),
    (20, 12, 3, 60, 40),
    (3, 3, 3, 60, 40),
    (40, 30, 20, 3, 2),
    (0, 0, 0, 60, 40),
]


@pytest.mark.parametrize("counts", EXAMPLES)
@pytest.mark.parametrize("with_arms", [False, True])
def test_no_response_can_be_told_from_what_is_left(counts: tuple[int, int, int, int, int], with_arms: bool) -> None:
    other = (30, 40, 50, 60, 20)
    arms = {"A": response(*counts)}
    if with_arms:
        arms |= {"B": response(*other), "all": response(*(a + b for a, b in zip(counts, other, strict=True)))}
    left = rows("response", **arms)
    for arm, numbers in arms.items():
        for word in WORDS:
            n = numbers[f"best_response/{word}"]
            if arm != "all" and 0 < n < MINIMUM:
                assert left[(arm, f"best_response/{word}")] is None
                values = [v for v in range(1, MINIMUM + 1) if possible(left, tuple(arms), (arm, word), v)]
                assert len(values) >= MINIMUM - 1, (arm, word, values)
    if min(n for n in counts if n) >= MINIMUM:
        assert None not in left.values()


def test_patients_without_an_event_are_not_told_either() -> None:
    left = rows(
        "safety",
        A={"": 60, "adverse_event/Any": 57, "term/Rash": 30},
        B={"": 60, "adverse_event/Any": 40, "term/Rash": 30},
        all={"": 120, "adverse_event/Any": 97, "term/Rash": 60},
    )
    hidden = [arm for arm in ("A", "B", "all") if left[(arm, "adverse_event/Any")] is None]
    assert "A" in hidden
    assert len(hidden) > 1
    assert (left[("A", "term/Rash")], left[("B", "term/Rash")]) == (30, 30)


@pytest.mark.parametrize("statistic", ["n", "pairs", "events", "unmatched"])
def test_a_range_over_imputations_goes_with_its_mean(statistic: str) -> None:
    made = Ledger(Estimate(analysis="lost", population="study", missing="mi", adjustment="matched", arm="A"))
    for name, value in ((statistic, 10.4), (f"{statistic}_minimum", 8), (f"{statistic}_maximum", 13)):
        made.add(name, value)
    results = disclose(Disclosure(minimum_cell=10), made)
    assert {row.status for row in results.estimates} == {"suppressed"}


def test_another_packages_number_goes_with_the_studys_own() -> None:
    made = Ledger(Estimate(analysis="", population="study", missing="cc", adjustment="unadjusted"))
    survival = made.within(analysis="survival", endpoint="os")
    dialects = made.within(analysis="dialects", endpoint="os", variable_level="survival", parameter="r")
    for arm, events in (("A", 3), ("B", 40)):
        survival.add("events", events, arm=arm)
        for ledger_ in (survival, dialects):
            ledger_.add("median", 12.5, arm=arm)
    baseline = made.within(analysis="baseline", variable="sex")
    for arm in "AB":
        for level, n in (("f", 3), ("m", 40)):
            baseline.add("n", n, arm=arm, variable_level=level)
    baseline.add("p_value", 0.5, arm="A vs B")
    here = dialects.within(variable_level="baseline", variable="sex", arm="A vs B", endpoint="")
    here.add("p_value", 0.5)
    results = disclose(Disclosure(minimum_cell=10), made)
    for row in results.select(analysis="dialects"):
        same = {"endpoint": row.endpoint, "arm": row.arm, "variable": row.variable, "statistic": row.statistic}
        assert row.status == results.get(analysis=row.variable_level, **same).status, row
    assert results.get(analysis="dialects", arm="A", statistic="median").status == "suppressed"


def test_a_model_of_few_patients_is_not_told() -> None:
    made = Ledger(Estimate(analysis="prognostic", population="study", missing="cc", endpoint="os", arm="A"))
    made.add("n", 30)
    made.add("events", 4)
    made.within(variable="age").add("hazard_ratio", 1.5)
    made.within(variable="sex", variable_level="m vs f").add("hazard_ratio", 1.5)
    results = disclose(Disclosure(minimum_cell=10), made)
    assert {row.status for row in results.estimates} == {"suppressed"}


def test_rows_of_a_small_hospitals_file_are_not_told() -> None:
    files = [InputFile(source, file, "", 1, n, (), ()) for source, file, n in (("p", "a", 90), ("p", "b", 4), ("v", "c", 90))]  # fmt: skip
    assert [one.rows for one in disclose_inputs(Disclosure(minimum_cell=5), files)] == [None, None, 90]
    assert [one.rows for one in disclose_inputs(Disclosure(minimum_cell=4), files)] == [90, 4, 90]
