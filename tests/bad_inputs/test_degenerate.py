"""Cases 19, 23, 26, 28, 35, 38 to 40, 42 to 46 and 85 to 94: what data cannot answer is said, never guessed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from spec_bad_inputs import AT, ROW, Case, Rows, check, dated_patients, findings, run, write_case
from spec_study import patients, write_study
from twoarm.results.results import Results, read_results

DIED = 'died = { type = "boolean", true = ["1"], false = ["0"] }'


def results(tmp_path: Path, rows: Rows, code: int, replace: dict[str, str] | None = None, more: str = "") -> Results:
    found = run(write_study(tmp_path, rows, replace or {}, more))
    assert found.exit_code == code, found.output
    return read_results(tmp_path / "out")


def ratio(found: Results, adjustment: str = "unadjusted") -> tuple[str, str]:
    row = found.select(analysis="hazard_ratio", adjustment=adjustment, statistic="hazard_ratio")[0]
    return row.status, row.note


def every(change: Callable[[int, dict[str, str]], dict[str, str]], n: int = 60) -> Rows:
    return [{**row, **change(i, row)} for i, row in enumerate(patients(n))]


MV = '\n[adjustments.mv]\nkind = "multivariable"\n'


def dated(tmp_path: Path, **cells: str) -> Path:
    return write_case(Case(0, "", "", cells=cells), tmp_path)


def queried(study: Path) -> list[tuple[str, str, tuple[int, ...]]]:
    """What is held, by rule, column and row, as the query log has it."""
    return [(f.rule, f.column, f.rows) for f in findings(study) if f.outcome == "held"]


def test_case_19_progression_before_index_is_held(tmp_path: Path) -> None:
    study = dated(tmp_path, prog="2017-05-05")
    assert queried(study) == [("event_before_start", "prog", (ROW,))]
    assert run(study).exit_code == 0
    assert "event before start" in (tmp_path / "out" / "report.html").read_text()
    held = read_results(tmp_path / "out").select(analysis="endpoint", endpoint="pfs", statistic="held")
    assert [(row.variable_level, row.value) for row in held] == [("event before start", 1)]


def test_case_23_time_0_is_kept(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"days": "0"} if i == AT else {}), 0)
    assert found.select(analysis="hazard_ratio", adjustment="unadjusted", statistic="n")[0].value == 60


def test_case_24_negative_time_is_held_and_counted(tmp_path: Path) -> None:
    results(tmp_path, every(lambda i, row: {"days": "-3"} if i == AT else {}), 0)
    assert queried(tmp_path / "study.toml") == [("negative_time", "days", (ROW,))]
    assert "negative time" in (tmp_path / "out" / "report.html").read_text()


def test_case_26_events_after_the_cutoff_are_cut_back_and_told(tmp_path: Path) -> None:
    title = 'title = "A small study with dates"'
    study = write_case(Case(26, "", "", replace={title: f"{title}\ndata_cutoff = 2019-12-31"}), tmp_path)
    assert run(study).exit_code in (0, 4)
    assert "cut back" in (tmp_path / "out" / "report.html").read_text()
    back = read_results(tmp_path / "out").select(analysis="endpoint", statistic="cut_back_to_data_cutoff")
    assert all((row.value or 0) > 0 for row in back)


def test_case_28_many_follow_ups_of_0_days(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"days": "0"} if i in (0, 3, 6) else {}), 0)
    row = found.select(analysis="warning", statistic="zero_follow_up")[0]
    assert (row.arm, row.value) == ("New", pytest.approx(15.0))
    assert "follow-up of 0 days" in (tmp_path / "out" / "report.html").read_text()


def test_case_34_events_in_almost_everybody_need_stated_codes(tmp_path: Path) -> None:
    rows = every(lambda i, row: {"died": "1"})
    refused = check(write_study(tmp_path, rows, {DIED: 'died = "boolean"'}))
    assert (refused.exit_code, "are the codes reversed" in refused.output) == (3, True)
    assert check(write_study(tmp_path, rows)).exit_code == 0


def test_case_34_dates_of_death_on_rows_that_say_no(tmp_path: Path) -> None:
    codes = {'died = "boolean"': 'died = { type = "boolean", true = ["0"], false = ["1"] }'}
    result = check(write_case(Case(34, "", "", replace=codes), tmp_path))
    assert (result.exit_code, "which are most" in result.output) == (3, True), result.output
    assert "are the codes reversed?" in result.output


def test_case_35_a_missing_event_is_held(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"died": ""} if i == AT else {}), 0)
    assert queried(tmp_path / "study.toml") == [("event_missing", "died", (ROW,))]
    assert found.select(analysis="hazard_ratio", adjustment="unadjusted", statistic="n")[0].value == 59
    assert "event missing" in (tmp_path / "out" / "report.html").read_text()


def test_case_38_a_missing_arm_has_its_own_line(tmp_path: Path) -> None:
    result = check(write_study(tmp_path, every(lambda i, row: {"arm": ""} if i == AT else {})))
    assert "Arm not recorded: 1 left out, 59 remain" in result.stdout


def test_case_39_an_empty_arm_is_refused_with_its_attrition(tmp_path: Path) -> None:
    result = check(write_study(tmp_path, every(lambda i, row: {"age": "12"} if row["arm"] == "new" else {})))
    assert result.exit_code == 3
    assert "Patients in the records: 20 and 40 remain; Adults: 0 and 40 remain" in result.stderr


def test_case_40_a_handful_is_described_and_not_compared(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"arm": "new" if i < 4 else "old"}), 4)
    assert ratio(found) == ("not_estimable", "five patients or fewer in New: described, not compared")
    tests = found.select(analysis="survival", adjustment="unadjusted", statistic="p_value")
    assert {row.status for row in tests} == {"not_estimable"}
    assert found.select(analysis="survival", adjustment="unadjusted", statistic="median", arm="New")[0].status == "ok"


def test_case_42_a_level_in_one_arm_only(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"sex": "m" if row["arm"] == "new" and i % 2 else "f"}), 4)
    assert ratio(found, "matched")[0] == "not_estimable"
    assert ratio(found)[0] == "ok"
    assert "separation" in (tmp_path / "out" / "report.html").read_text()


def test_case_42_a_difference_without_any_spread_is_infinite(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"sex": "m" if row["arm"] == "new" else "f"}), 4)
    smd = found.select(analysis="balance", adjustment="unadjusted", statistic="smd", variable="sex", variable_level="")
    assert [(row.value, row.status) for row in smd] == [(None, "not_estimable")]
    assert "∞" in (tmp_path / "out" / "report.html").read_text()


def test_case_43_a_constant_column_is_dropped_and_told(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"sex": "m"}), 0, more=MV)
    smd = found.select(analysis="balance", adjustment="unadjusted", statistic="smd", variable="sex", variable_level="")
    assert [row.value for row in smd] == [0]
    tests = found.select(analysis="baseline", adjustment="unadjusted", statistic="p_value", variable="sex")
    assert {row.status for row in tests} == {"not_estimable"}
    assert "was dropped from the model (constant" in (tmp_path / "out" / "report.html").read_text()


def test_case_44_a_column_without_any_value_is_refused_by_name(tmp_path: Path) -> None:
    result = run(write_study(tmp_path, every(lambda i, row: {"sex": ""})))
    assert (result.exit_code, "Sex is missing for 60 patients" in result.stderr) == (3, True)


def test_case_45_height_in_two_units_is_dropped_once(tmp_path: Path) -> None:
    rows = [{**row, "cm": str(150 + i % 17), "m": f"{1.5 + (i % 17) / 100:.2f}"} for i, row in enumerate(patients())]
    two = 'cm = { kind = "continuous", label = "Height" }\nm = { kind = "continuous", label = "Height again" }\nsex = { kind'
    results(
        tmp_path,
        rows,
        0,
        {DIED: DIED + '\ncm = "number"\nm = "number"', "sex = { kind": two},
        MV,
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Height again was dropped from the model (collinear with Height)" in page


def test_case_46_a_covariate_like_the_arm(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"sex": "m" if row["arm"] == "new" else "f"}), 4)
    assert "separation" in ratio(found, "matched")[1]
    assert "sex" in ratio(found, "matched")[1]


def test_case_85_no_events_at_all(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"died": "0"}), 4)
    assert ratio(found) == ("not_estimable", "no events in New and Old")
    assert {curve.kind for curve in found.curves} >= {"survival"}
    for statistic in ("median", "p_value"):
        rows = found.select(analysis="survival", adjustment="unadjusted", statistic=statistic)
        assert {row.status for row in rows} == {"not_estimable"}


def test_case_86_no_events_in_one_arm_keeps_the_log_rank_test(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"died": "0"} if row["arm"] == "new" else {}), 4)
    assert ratio(found) == ("not_estimable", "no events in New")
    test = found.select(analysis="survival", adjustment="unadjusted", statistic="p_value")[0]
    assert test.status == "ok"
    means = found.select(analysis="restricted_mean", adjustment="unadjusted", statistic="restricted_mean_difference")
    assert [row.status for row in means] == ["ok"]


def test_case_87_no_censoring(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"died": "1"}), 0)
    follow_up = found.select(analysis="follow_up", adjustment="unadjusted", statistic="median")
    assert {row.status for row in follow_up} == {"not_estimable"}
    assert ratio(found)[0] == "ok"
    medians = found.select(analysis="survival", adjustment="unadjusted", statistic="median")
    assert {row.status for row in medians} == {"ok"}
    assert "not estimable" in (tmp_path / "out" / "report.html").read_text().lower()


def test_case_88_all_events_on_one_day_are_warned_of(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"days": "100" if row["died"] == "1" else "200"}), 0)
    assert ratio(found)[0] == "ok"
    assert found.select(analysis="warning", statistic="one_event_day", endpoint="os")
    tested = found.select(analysis="proportional_hazards", adjustment="unadjusted")
    assert tested
    assert {(row.status, row.note) for row in tested} == {("not_estimable", "one event time only")}
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("all events fall on one day") < page.index("<table")


def test_case_88_the_warning_can_be_acknowledged(tmp_path: Path) -> None:
    rows = every(lambda i, row: {"days": "100" if row["died"] == "1" else "200"})
    results(tmp_path, rows, 0, more='\n[acknowledge]\none_event_day = "A trial of one day."\n')
    assert "Acknowledged in the protocol: A trial of one day." in (tmp_path / "out" / "report.html").read_text()


def test_case_89_all_events_of_one_arm_before_any_of_the_other(tmp_path: Path) -> None:
    def split(i: int, row: dict[str, str]) -> dict[str, str]:
        return {"days": str(10 + i if row["arm"] == "new" else 900 + i), "died": "1"}

    assert ratio(results(tmp_path, every(split), 4))[0] == "not_estimable"


def test_case_90_no_pair_within_the_caliper(tmp_path: Path) -> None:
    rows = every(lambda i, row: {"age": "70" if row["arm"] == "new" else "69"} if i % 7 else {})
    found = results(
        tmp_path,
        rows,
        4,
        {
            'kind = "matching"': 'kind = "matching"\ncaliper = { width = 1e-12, unit = "absolute" }\ncovariates = ["age"]'
        },
    )
    assert ratio(found, "matched")[0] == "not_estimable"
    assert ratio(found)[0] == "ok"


def test_case_90_scores_that_are_all_equal(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"age": "50", "sex": "m"}), 0)
    assert ratio(found)[0] == "ok"
    assert found.select(analysis="lost", statistic="pairs")[0].value == 20


def test_case_90_scores_of_0_and_1(tmp_path: Path) -> None:
    found = results(tmp_path, every(lambda i, row: {"age": "80" if row["arm"] == "new" else str(30 + i % 9)}), 4)
    assert ratio(found, "matched")[0] == "not_estimable"
    assert "separation" in ratio(found, "matched")[1]
    assert ratio(found)[0] == "ok"


def test_case_91_subgroups_that_cannot_be_estimated(tmp_path: Path) -> None:
    rows = every(lambda i, row: {"sex": "f" if i < 6 else "m"})
    found = results(tmp_path, rows, 0, more='\n[subgroups]\nvariables = ["sex"]\n')
    few = [
        row for row in found.select(analysis="subgroups", statistic="hazard_ratio") if row.variable_level == "Female"
    ]
    assert few
    assert {row.status for row in few} == {"not_estimable"}


@pytest.mark.parametrize(
    ("sex", "reason"),
    [
        (lambda i, row: "m", "0 events"),
        (lambda i, row: "f" if row["arm"] == "new" and i % 2 else "m", "arm"),
    ],
    ids=["no-rows", "one-arm"],
)
def test_case_91_a_level_of_nobody_or_of_one_arm(
    sex: Callable[[int, dict[str, str]], str], reason: str, tmp_path: Path
) -> None:
    more = '\n[subgroups]\nvariables = ["sex"]\nadjustments = ["unadjusted"]\n'
    found = results(tmp_path, every(lambda i, row: {"sex": sex(i, row)}), 0 if reason == "0 events" else 4, more=more)
    rows = found.select(
        analysis="subgroups", adjustment="unadjusted", statistic="hazard_ratio", variable_level="Female"
    )
    assert [row.status for row in rows] == ["not_estimable"]
    assert reason in rows[0].note
    tests = found.select(analysis="subgroups", adjustment="unadjusted", statistic="p_value", variable="sex")
    interaction = [row for row in tests if not row.variable_level]
    assert [row.status for row in interaction] == ["not_estimable"]
    assert interaction[0].note


def test_case_94_everyone_censored_before_the_landmark(tmp_path: Path) -> None:
    rows = every(lambda i, row: {"days": str(10 + i), "died": "1" if i % 7 == 0 else "0"})
    found = results(tmp_path, rows, 0, more="\n[analyses.survival]\nlandmarks = [24]\n")
    at = found.select(analysis="survival", adjustment="unadjusted", statistic="survival")
    assert {row.status for row in at} == {"not_estimable"}


VISITS = """
[events.visits]
file = "visits.csv"
key = "id"
[events.visits.columns]
id = "text"
day = "date"
response = { type = "category", map = { "CR" = "CR", "PR" = "PR", "SD" = "SD", "PD" = "PD", "NE" = "NE" } }
[response]
table = "visits"
date = "day"
response = "response"
denominator = "evaluable"
"""


def test_case_92_nobody_evaluable(tmp_path: Path) -> None:
    study = write_case(Case(92, "", "", more=VISITS), tmp_path)
    (tmp_path / "visits.csv").write_text("id,day,response\nP001,2019-06-01,NE\n")
    assert run(study).exit_code in (0, 4)
    rates = read_results(tmp_path / "out").select(analysis="response")
    overall = [row for row in rates if row.variable == "objective_response" and row.statistic == "percent"]
    assert overall
    assert {row.status for row in overall} == {"not_estimable"}


def test_case_30_scans_out_of_order_are_sorted_and_those_that_differ_told(tmp_path: Path) -> None:
    study = write_case(Case(30, "", "", more=VISITS), tmp_path)
    day = datetime.date.fromisoformat(dated_patients()[1]["start"]) + datetime.timedelta(days=9)
    (tmp_path / "visits.csv").write_text(
        f"id,day,response\nP001,{day + datetime.timedelta(days=40)},PD\nP001,{day},PR\nP001,{day},SD\n"
    )
    found = {(f.rule, f.outcome, f.rows) for f in findings(study)}
    assert {("visits_differ", "warned", (3, 4)), ("visits_unsorted", "warned", (3,))} <= found


ADVERSE = """
[events.ae]
file = "ae.csv"
key = "id"
[events.ae.columns]
id = "text"
term = "text"
grade = "integer"
onset = "date"
[safety]
table = "ae"
term = "term"
grade = "grade"
onset = "onset"
ctcae_version = "5.0"
rows = [{ label = "Any" }]
"""


def test_case_25_a_treatment_that_ends_before_it_begins_is_held(tmp_path: Path) -> None:
    end = {'note = "text"': 'note = "date"', 'age = "age"': 'age = "age"\ntreatment_end = "note"'}

    def change(rows: Rows) -> Rows:
        return [{**row, "note": "2017-01-01" if i == AT else row["start"]} for i, row in enumerate(rows)]

    study = write_case(Case(25, "", "", replace=end, change=change), tmp_path)
    assert queried(study) == [("end_before_start", "note", (ROW,))]


def test_case_92_an_adverse_event_of_an_untreated_patient_is_listed_and_not_counted(tmp_path: Path) -> None:
    study = write_case(Case(92, "", "", cells={"start": ""}, more=ADVERSE), tmp_path)
    (tmp_path / "ae.csv").write_text("id,term,grade,onset\nP004,rash,2,2019-01-01\nP001,rash,2,2018-02-01\n")
    assert ("untreated", "warned", (2,)) in [(f.rule, f.outcome, f.rows) for f in findings(study)]
    assert run(study).exit_code in (0, 4)
    counted = read_results(tmp_path / "out").select(analysis="safety", adjustment="unadjusted", statistic="n")
    assert sum(row.value or 0 for row in counted if row.variable_level == "Any" and row.arm != "all") <= 1


def test_case_25_an_adverse_event_before_the_first_dose_is_kept_and_flagged(tmp_path: Path) -> None:
    study = write_case(Case(25, "", "", more=ADVERSE), tmp_path)
    (tmp_path / "ae.csv").write_text("id,term,grade,onset\nP001,rash,2,2001-01-01\n")
    assert [(f.rule, f.outcome, f.rows) for f in findings(study)] == [("event_before_start", "warned", (2,))]
