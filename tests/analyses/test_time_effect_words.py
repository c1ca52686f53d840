"""Survival differences, pieces and landmarks from the protocol to the ledger: what R gives on veteran; what cannot be had."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from oracles.stored import read_data, reference
from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.survival_difference import survival_difference
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes
from twoarm.tables.table import to_csv

STORED = 1e-9  # twelve digits in the ledger, R's last Newton step
Z = normal_quantile(0.95)
CONTRAST = "New vs Old"
UNADJUSTED = reference("time_effect")["cases"][0]
TIMES = """
[adjustments.weighted]
kind = "weighting"
[analyses.survival]
landmarks = [30, 90, 200]
[analyses.piecewise]
cuts = [30, 100, 180]
minimum_events = 1
[analyses.landmark]
times = [30, 90, 200]
[output]
patient_level = true
"""


def veteran_study(folder: Path) -> Path:
    data = read_data("veteran")
    rows = [
        {
            "id": f"V{i:03d}",
            "arm": "new" if data["trt"][i] == 2 else "old",
            "age": f"{data['age'][i]:.0f}",
            "sex": "f" if data["prior"][i] else "m",
            "days": f"{data['time'][i]:.0f}",
            "died": f"{data['status'][i]:.0f}",
        }
        for i in range(data["time"].size)
    ]
    return write_study(folder, rows, {'time_unit = "months"': 'time_unit = "days"'}, TIMES)


@pytest.fixture(scope="module")
def veteran(tmp_path_factory: pytest.TempPathFactory) -> Results:
    study = veteran_study(tmp_path_factory.mktemp("veteran"))
    protocol = read_protocol(study)
    return run_study(protocol, read_records(protocol, study.parent))


def run(folder: Path, rows: list[dict[str, str]] | None = None, more: str = "") -> Results:
    protocol = read_protocol(write_study(folder, rows, more=more))
    return run_study(protocol, read_records(protocol, folder))


def values(results: Results, *statistics: str, **wanted: str) -> list[float | int | None]:
    return [results.get(**wanted, statistic=statistic).value for statistic in statistics]


@pytest.mark.parametrize("answer", UNADJUSTED["gaps"], ids=lambda answer: str(answer["at"]))
def test_the_difference_at_a_landmark_equals_r(veteran: Results, answer: dict) -> None:
    here = {"adjustment": "unadjusted", "analysis": "survival_difference", "parameter": f"{answer['at']} days"}
    gap, error = 100 * answer["difference"], 100 * answer["difference_se"]
    found = values(veteran, *(f"survival_difference{end}" for end in ("", "_lower", "_upper", "_se")), **here)
    assert found == pytest.approx([gap, gap - Z * error, gap + Z * error, error], rel=STORED)
    assert values(veteran, "p_value", **here) == pytest.approx([two_sided_normal(gap / error)], rel=1e-8)
    assert veteran.get(**here, statistic="survival_difference").unit == "percentage points"


def test_pieces_equal_r(veteran: Results) -> None:
    answer = UNADJUSTED["pieces"][0]
    here = {"adjustment": "unadjusted", "analysis": "piecewise"}
    names = ["0 to 30 days", "30 to 100 days", "100 to 180 days", "after 180 days"]
    for k, name in enumerate(names):
        beta, error = answer["log_hazard_ratio"][k], answer["std_error"][k]
        found = values(veteran, "hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", parameter=name, **here)
        assert found == pytest.approx(np.exp([beta, beta - Z * error, beta + Z * error]).tolist(), rel=1e-7)
        for arm, label in enumerate(("New", "Old")):
            counts = values(veteran, "at_risk", "events", parameter=name, arm=label, **here)
            assert counts == [answer["at_risk"][arm][k], answer["events"][arm][k]]
    test = values(veteran, "chi_squared", "degrees_of_freedom", "p_value", parameter="", arm=CONTRAST, **here)
    assert test == pytest.approx([answer["chi_squared"], 3, answer["p_value"]], rel=1e-7)


@pytest.mark.parametrize("answer", UNADJUSTED["landmarks"], ids=lambda answer: str(answer["at"]))
def test_landmarks_equal_r(veteran: Results, answer: dict) -> None:
    here = {"adjustment": "unadjusted", "analysis": "landmark", "parameter": f"{answer['at']} days"}
    counts = {s: sum(row.value or 0 for row in veteran.select(**here, statistic=s)) for s in ("at_risk", "events")}
    assert counts == {"at_risk": answer["n"], "events": answer["events"]}
    lost = sum(row.value or 0 for s in ("lost_events", "lost_censored") for row in veteran.select(**here, statistic=s))
    assert lost + answer["n"] == 137
    found = values(veteran, "log_hazard_ratio", "log_hazard_ratio_se", **here)
    assert found == pytest.approx([answer["coefficient"], answer["std_error"]], rel=1e-7)
    assert values(veteran, "chi_squared", **here) == pytest.approx([answer["log_rank"]], rel=STORED)


@pytest.mark.parametrize(("adjustment", "method"), [("matched", "variance clustered by pair"), ("weighted", "robust")])
def test_designed_samples_are_clustered_and_weighted(veteran: Results, adjustment: str, method: str) -> None:
    """The kernels are checked against R on given pairs and weights; here they must get the sample's own."""
    rows = [row for row in veteran.patients if row.adjustment == adjustment]
    columns = {
        "time": [float(row.time or 0) for row in rows],
        "event": [int(row.event or 0) for row in rows],
        "treated": [row.arm == "New" for row in rows],
    }
    more = {"cluster": [row.pair for row in rows]} if adjustment == "matched" else {}
    more = more or {"weight": [row.weight for row in rows]}
    here = {"adjustment": adjustment, "analysis": "restricted_mean"}
    mean = compare_restricted_means(**columns, **more)
    found = values(veteran, "restricted_mean_difference_lower", "restricted_mean_ratio_upper", "p_value", **here)
    assert found == pytest.approx([mean.difference_lower, mean.ratio_upper, mean.difference_p_value], rel=1e-9)
    assert method in veteran.get(**here, statistic="p_value").method
    gap = survival_difference(**columns, **more, at=90)
    here = {"adjustment": adjustment, "analysis": "survival_difference", "parameter": "90 days"}
    assert values(veteran, "survival_difference_se", **here) == pytest.approx(
        [100 * gap.difference_std_error], rel=1e-9
    )
    pieces = piecewise_hazard_ratio(**columns, **more, cuts=[30, 100, 180])
    here = {"adjustment": adjustment, "analysis": "piecewise", "parameter": "100 to 180 days"}
    expected = [pieces.pieces[2].log_hazard_ratio, pieces.pieces[2].std_error]
    assert values(veteran, "log_hazard_ratio", "log_hazard_ratio_se", **here) == pytest.approx(expected, rel=1e-9)


def test_without_cuts_follow_up_is_cut_at_the_median_event_time_of_all(tmp_path: Path) -> None:
    found = run(tmp_path)
    days = [30 + (i * 37) % 400 for i in range(60) if i % 4]
    cut = float(np.median(days))
    rows = found.select(adjustment="unadjusted", analysis="piecewise", statistic="hazard_ratio")
    name = f"{cut / 30.4375:.4g} months, the median event time"
    assert [row.parameter for row in rows] == [f"0 to {name}", f"after {name}"]
    matched = found.select(adjustment="matched", analysis="piecewise", statistic="hazard_ratio")
    assert {row.parameter for row in matched} == {row.parameter for row in rows}


def test_what_cannot_be_had_says_why(tmp_path: Path) -> None:
    more = (
        "[analyses.piecewise]\ncuts = [0.5, 6, 14.5]\nminimum_events = 1\n"
        "[analyses.landmark]\ntimes = [6, 60]\n[analyses.survival]\nlandmarks = [0.5, 60]\n"
    )
    # nobody of the new arm is followed beyond 150 days
    rows = [{**row, "days": str(min(int(row["days"]), 150))} if row["arm"] == "new" else row for row in patients()]
    found = run(tmp_path, rows, more)
    assert not [row for row in found.estimates if row.status == "failed"]

    def note(analysis: str, statistic: str, parameter: str) -> str:
        here = {"adjustment": "unadjusted", "analysis": analysis, "statistic": statistic, "parameter": parameter}
        row = found.get(**here)
        assert (row.status, row.value) == ("not_estimable", None)
        return row.note

    assert note("piecewise", "hazard_ratio", "0 to 0.5 months") == "no events"
    assert note("piecewise", "hazard_ratio", "6 to 14.5 months") == "one arm only is followed into the interval"
    assert note("piecewise", "p_value", "") == "fewer than two intervals are estimated"
    assert note("landmark", "hazard_ratio", "6 months") == "one arm only is followed beyond the landmark"
    assert note("landmark", "hazard_ratio", "60 months") == "nobody is followed beyond the landmark"
    assert note("survival_difference", "survival_difference", "0.5 months").startswith("no spread of survival")
    assert "last follow-up" in note("survival_difference", "survival_difference", "60 months")


def test_all_events_on_one_day_make_no_number(tmp_path: Path) -> None:
    rows = [{**row, "days": "100", "died": "1"} for row in patients()]
    found = run(tmp_path, rows, "[analyses.survival]\nlandmarks = [2, 4]\n[analyses.landmark]\ntimes = [2]\n")
    assert not [row for row in found.estimates if row.status == "failed"]
    for word in ("piecewise", "landmark", "survival_difference"):
        rows_of = found.select(adjustment="unadjusted", analysis=word, arm=CONTRAST)
        assert rows_of
        assert all(row.value is None for row in rows_of if row.statistic != "degrees_of_freedom"), word


def test_few_events_and_five_patients_are_described(tmp_path: Path) -> None:
    found = run(tmp_path, more="[analyses.piecewise]\ncuts = [3]\nminimum_events = 30\n")
    row = found.get(adjustment="unadjusted", analysis="piecewise", statistic="hazard_ratio", parameter="0 to 3 months")
    assert row.note == "fewer than 30 events"
    tiny = [{**row, "arm": "new" if i < 5 else "old"} for i, row in enumerate(patients())]
    found = run(tmp_path, tiny, "[analyses.survival]\nlandmarks = [6]\n")
    for word in ("piecewise", "survival_difference"):
        row = found.select(adjustment="unadjusted", analysis=word, arm=CONTRAST)[0]
        assert row.note == "five patients or fewer in New: described, not compared"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[analyses.piecewise]\ncuts = [6, 3]\n", "cuts must rise"),
        ("[analyses.piecewise]\ncuts = [0]\n", "greater than 0"),
        ("[analyses.landmark]\ntimes = [3, 3]\n", "times must rise"),
        ("[analyses.landmark]\ntime = [3]\n", "times"),
    ],
)
def test_bad_times_are_refused(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        read_protocol(write_study(tmp_path, more=more))


@pytest.mark.parametrize(
    ("word", "said"), [("landmark", r"analyses\.landmark\.times"), ("survival_difference", r"survival\.landmarks")]
)
def test_a_word_without_its_times_is_refused(tmp_path: Path, word: str, said: str) -> None:
    change = {'label = "Everybody"': f'label = "Everybody"\nanalyses = ["hazard_ratio", "{word}"]'}
    with pytest.raises(ProtocolError, match=said):
        read_protocol(write_study(tmp_path, replace=change))


def test_cuts_that_fall_on_one_day_are_not_estimable(tmp_path: Path) -> None:
    change = {'time = "days"': 'time = "days"\nunit = "weeks"'}
    study = write_study(tmp_path, replace=change, more="[analyses.piecewise]\ncuts = [0.001, 0.002]\n")
    protocol = read_protocol(study)
    found = run_study(protocol, read_records(protocol, tmp_path))
    row = found.select(adjustment="unadjusted", analysis="piecewise", statistic="hazard_ratio")[0]
    assert row.note == "the cuts fall on one day, or on time zero"


def test_imputed_effects_are_pooled_by_rubins_rules(tmp_path: Path) -> None:
    rows = [{**row, "age": "" if i % 9 == 1 else row["age"]} for i, row in enumerate(patients(150))]
    criterion = '[[populations.study.criteria]]\nlabel = "Adults"\ninclude = "age >= 18"\n'
    more = (
        '[missing.imputed]\nkind = "multiple_imputation"\nimputations = 3\niterations = 2\n'
        "[analyses.survival]\nlandmarks = [6]\n[analyses.landmark]\ntimes = [3]\n[analyses.piecewise]\ncuts = [6]\n"
    )
    study = write_study(tmp_path, rows, {criterion: "", 'time_unit = "months"': 'time_unit = "months"\nseed = 1'}, more)
    protocol = read_protocol(study)
    found = run_study(protocol, read_records(protocol, tmp_path))
    here = {"missing": "imputed", "adjustment": "matched", "arm": CONTRAST}
    assert not [row for row in found.estimates if row.status == "failed"]
    for word, statistic in (
        ("survival_difference", "survival_difference"),
        ("piecewise", "hazard_ratio"),
        ("landmark", "hazard_ratio"),
    ):
        pooled = found.select(**here, analysis=word, statistic=statistic)
        assert pooled
        for row in pooled:
            assert (row.status, row.method.endswith("Rubin's rules")) == ("ok", True)
            same = {**here, "analysis": word, "parameter": row.parameter, "method": row.method}
            lower, upper = values(found, f"{statistic}_lower", f"{statistic}_upper", **same)
            assert lower < row.value < upper
    assert found.select(**here, analysis="piecewise", statistic="p_value", parameter="")[0].method.endswith("D2")


def test_tables_say_what_the_ledger_says(tmp_path: Path) -> None:
    study = veteran_study(tmp_path)
    protocol = read_protocol(study)
    found = run_study(protocol, read_records(protocol, tmp_path))
    tables = {table.name: table for table in all_tables(scopes(protocol, found)[0])}
    assert {"survival_difference", "piecewise", "landmark"} <= tables.keys()
    lines = list(csv.reader(to_csv(tables["piecewise"]).splitlines()))
    assert lines[1][:3] == ["Interval", "New, events / at risk", "Old, events / at risk"]
    answer = UNADJUSTED["pieces"][0]
    assert lines[3][1:3] == [f"{answer['events'][a][0]} / {answer['at_risk'][a][0]}" for a in (0, 1)]
    assert [row.cells[0].text for row in tables["landmark"].rows[:4]] == [
        "Overall survival, Unadjusted",
        "30 days",
        "90 days",
        "200 days",
    ]
