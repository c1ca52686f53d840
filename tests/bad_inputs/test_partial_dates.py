"""Case 9: dates that a declared rule completed are flagged, counted, and left out once more for comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_bad_inputs import Case, Rows, dated_patients, run, write_case, write_csv
from twoarm.results.results import Results, read_results

PARTIAL = {'prog = "date"': 'prog = { type = "date", partial = "middle" }'}


def months(n: int) -> object:
    """Give n progressions a month in place of a day."""

    def change(rows: Rows) -> Rows:
        dated = [i for i, row in enumerate(rows) if row["prog"]][:n]
        return [{**row, "prog": row["prog"][:7]} if i in dated else row for i, row in enumerate(rows)]

    return change


def study(tmp_path: Path, n: int, more: str = "", replace: dict[str, str] | None = None) -> Results:
    made = write_case(Case(9, "", "", change=months(n), replace={**PARTIAL, **(replace or {})}, more=more), tmp_path)  # type: ignore[arg-type]
    assert run(made).exit_code == 0
    return read_results(tmp_path / "out")


def value(
    found: Results, analysis: str, statistic: str, adjustment: str = "unadjusted", endpoint: str = "pfs"
) -> float:
    wanted = {"analysis": analysis, "statistic": statistic, "adjustment": adjustment, "endpoint": endpoint}
    row = found.select(**wanted, variable="")[0]
    assert row.value is not None
    return float(row.value)


def test_case_09_an_imputed_day_has_a_sensitivity_run(tmp_path: Path) -> None:
    found = study(tmp_path, 3)
    assert value(found, "partial_dates", "held") == 3
    assert value(found, "partial_dates", "n") == value(found, "hazard_ratio", "n") - 3
    assert value(found, "partial_dates", "events") == value(found, "hazard_ratio", "events") - 3
    assert not found.select(analysis="partial_dates", endpoint="os")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Sensitivity to completed dates" in page
    assert "estimated again with these dates held" in page
    assert (tmp_path / "out" / "tables" / "partial_dates.csv").exists()


def test_case_09_the_sensitivity_run_is_the_study_with_these_dates_held(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    completed = study(tmp_path / "a", 3)
    made = write_case(Case(9, "", "", change=months(3)), tmp_path / "b")  # type: ignore[arg-type]
    assert run(made).exit_code == 0
    held = read_results(tmp_path / "b" / "out")
    for statistic in ("n", "events", "hazard_ratio", "hazard_ratio_lower", "p_value"):
        for adjustment in ("unadjusted", "matched"):
            assert value(completed, "partial_dates", statistic, adjustment) == value(
                held, "hazard_ratio", statistic, adjustment
            )


def test_case_09_no_run_where_no_date_was_completed(tmp_path: Path) -> None:
    assert not study(tmp_path, 0).select(analysis="partial_dates")


def test_case_09_a_derived_date_is_completed_with_what_it_is_made_of(tmp_path: Path) -> None:
    derived = {
        "[timeline]": '[derived]\nfirst = "coalesce(prog, death)"\n[timeline]',
        'events = ["prog", "death"]': 'events = ["first"]',
    }
    assert value(study(tmp_path, 3, replace=derived), "partial_dates", "held") == 3


def test_case_09_a_completed_date_of_a_second_table_counts(tmp_path: Path) -> None:
    second = '\n[data.registry]\nfile = "registry.csv"\nkey = "id"\n[data.registry.columns]\nid = "text"\nprog = { type = "date", partial = "last" }\n'
    made = write_case(Case(9, "", "", replace={"[timeline]": second + "[timeline]"}), tmp_path)
    rows = dated_patients()
    alone = [row for row in rows if not row["prog"] and row["died"] == "0"][:2]
    write_csv(tmp_path / "registry.csv", [{"id": row["id"], "prog": row["last"][:4]} for row in alone])
    made.write_text(made.read_text().replace('last_contact = "last"\n', ""))
    assert run(made).exit_code == 0
    assert value(read_results(tmp_path / "out"), "partial_dates", "held") == 2


def test_case_09_the_sensitivity_run_is_pooled_over_imputations(tmp_path: Path) -> None:
    more = '\n[missing.mi]\nkind = "multiple_imputation"\nlabel = "Imputed"\nimputations = 2\niterations = 2\n'
    title = 'title = "A small study with dates"'

    def change(rows: Rows) -> Rows:
        return [{**row, "age": "" if i % 9 == 4 else row["age"]} for i, row in enumerate(months(3)(rows))]  # type: ignore[operator]

    replace = {**PARTIAL, title: f"{title}\nseed = 1", 'age = "age"\n': ""}
    made = write_case(Case(9, "", "", change=change, replace=replace, more=more), tmp_path)
    assert run(made).exit_code == 0
    rows = read_results(tmp_path / "out").select(missing="mi", analysis="partial_dates", adjustment="matched")
    assert any(row.statistic == "hazard_ratio" and "Rubin" in row.method and row.value for row in rows)


@pytest.mark.parametrize("minimum", [5, 10])
def test_case_09_suppression_does_not_tell_how_few_dates_were_completed(minimum: int, tmp_path: Path) -> None:
    found = study(tmp_path, 3, f"\n[disclosure]\nminimum_cell = {minimum}\n")
    rows = found.select(analysis="partial_dates", endpoint="pfs")
    assert rows
    assert {row.status for row in rows if row.statistic in ("n", "events", "held")} == {"suppressed"}
