"""What hostile or careless input must not do: each case was once a wrong number, a loss or a crash."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from spec_study import csv_text, patients, write_study
from twoarm.cli import main
from twoarm.results.results import read_results

Rows = list[dict[str, str]]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run(folder: Path, rows: Rows | None = None, replace: dict[str, str] | None = None, more: str = "") -> Result:
    return invoke("run", write_study(folder, rows, replace, more), "--out", folder / "out", "--replace", "--quiet")


@pytest.mark.parametrize("manifest", ['{"name": "pwa"}', "[]", "not json", '{"twoarm": "0.1.0", "outputs": {}}'])
def test_a_foreign_folder_with_a_manifest_is_not_replaced(manifest: str, tmp_path: Path) -> None:
    mine = tmp_path / "out"
    mine.mkdir()
    (mine / "manifest.json").write_text(manifest)
    (mine / "thesis.docx").write_text("ten years")
    assert run(tmp_path).exit_code == 2
    assert (mine / "thesis.docx").exists()


def test_a_file_added_to_an_output_is_not_lost(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    result = run(tmp_path)
    assert (result.exit_code, "notes.txt" in result.stderr) == (2, True)


def test_a_path_through_the_folder_itself_is_the_folder(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert invoke("run", study, "--out", tmp_path / "out").exit_code == 0
    again = invoke("run", study, "--out", tmp_path / "out" / ".." / "out", "--replace")
    assert again.exit_code == 0
    assert (tmp_path / "out" / "report.html").exists()


def test_what_a_killed_run_left_is_cleared_and_an_old_output_comes_back(tmp_path: Path) -> None:
    dead = 2**22 - 3  # beyond the largest process number that Linux gives by default
    (tmp_path / f".out.partial-{dead}").mkdir()
    assert run(tmp_path).exit_code == 0
    os.replace(tmp_path / "out", tmp_path / f".out.old-{dead}")
    assert invoke("run", tmp_path / "study.toml", "--out", tmp_path / "out").exit_code == 2  # it is there again
    assert (tmp_path / "out" / "report.html").exists()
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(
    ("replace", "more", "message"),
    [
        ({'sex = "text"': 'sex = { type = "category", map = { "M" = "m", "m" = "f" } }'}, "", "differ only in case"),
        (
            {
                'died = { type = "boolean", true = ["1"], false = ["0"] }': 'died = { type = "boolean", true = ["１"], false = ["1"] }'
            },
            "",
            "stands for both true and false",
        ),
        (
            {'levels = ["f", "m"], labels = ["Female", "Male"]': 'levels = ["f", "ｆ"]'},
            "",
            "differ only in width or space",
        ),
        ({'levels = ["f", "m"], labels = ["Female", "Male"]': "levels = [0, true]"}, "", "levels of another type"),
        ({'label = "New"': 'label = "N\\u0000w"'}, "", "without control or invisible characters"),
        ({'label = "New"': 'label = " "'}, "", "not blank"),
        ({'kind = "matching"': 'kind = "matching"\ncaliper = { width = inf }'}, "", "finite"),
        ({'kind = "matching"': 'kind = "matching"\ncovariates = ["age", "age"]'}, "", "every name once"),
        (
            {'label = "Everybody"': 'label = "Everybody"\ncovariates = ["sex"]'},
            '\n[adjustments.mv]\nkind = "multivariable"\ncovariates = ["age"]\n',
            "is not among them, but adjustments.mv uses it",
        ),
        ({"[adjustments.matched]": "[adjustments.unadjusted]"}, "", "under the name unadjusted"),
        ({'label = "Everybody"': 'label = "Everybody"\nmissing = []'}, "", "at least 1"),
        (
            {'title = "A small study"': 'title = "A small study"\ndata_cutoff = 2020-01-01'},
            "",
            "which data_cutoff cannot cut back",
        ),
        ({"age >= 18": "age >= " + "9" * 400}, "", "a number above"),
        ({"age >= 18": "-" * 200 + "age >= 18"}, "", "nested more than 30 deep"),
        ({'id = "text"': 'id = "text"\nin = "text"'}, "", "a word of expressions"),
        ({}, "\n[output]\npatient_level = true\n[disclosure]\nminimum_cell = 5\n", "cannot go with suppression"),
        ({}, "\nx = " + "[" * 3000 + "]" * 3000 + "\n", "nest"),
    ],
)
def test_a_protocol_that_cannot_be_meant_is_refused(
    replace: dict[str, str], more: str, message: str, tmp_path: Path
) -> None:
    result = run(tmp_path, replace=replace, more=more)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("replace", "code"),
    [
        ({"age >= 18": "age in (40, 47, 54.5) or age >= 18"}, 0),
        ({"[populations.study]": '[derived]\nbig = "age * 900000000000000"\n[populations.study]'}, 0),
        ({'label = "Everybody"': 'label = "Everybody"\nadjustments = ["unadjusted"]'}, 0),
        ({'age = { kind = "continuous", unit = "years" }': 'age = { kind = "continuous", per = 1e300 }'}, 0),
    ],
)
def test_odd_protocols_run(replace: dict[str, str], code: int, tmp_path: Path) -> None:
    more = '\n[adjustments.mv]\nkind = "multivariable"\n'
    assert run(tmp_path, replace=replace, more=more).exit_code == code


def test_a_stray_cell_in_the_last_corner_of_a_sheet_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "arm", "age", "sex", "days", "died"])
    sheet["XFD1048576"] = "x"
    book.save(tmp_path / "patients.xlsx")
    result = run(tmp_path, replace={"patients.csv": "patients.xlsx"})
    assert (result.exit_code, "delete stray cells" in result.stderr) == (3, True)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "patients.xlsx", "w") as book:
        book.writestr("hello.txt", "SECRET")
    result = run(tmp_path, replace={"patients.csv": "patients.xlsx"})
    assert result.exit_code == 3
    assert "SECRET" not in result.output


def test_a_covariate_that_is_missing_for_all_is_named(tmp_path: Path) -> None:
    rows = [{**row, "sex": ""} for row in patients()]
    result = run(tmp_path, rows)
    assert result.exit_code == 3
    assert "Sex is missing for 60 patients" in result.stderr


def test_a_covariate_like_the_arm_is_warned_of_by_name(tmp_path: Path) -> None:
    rows = [{**row, "sex": "m" if row["arm"] == "new" else "f"} for row in patients()]
    result = run(tmp_path, rows, more='\n[adjustments.mv]\nkind = "multivariable"\n')
    assert result.exit_code == 4  # the primary matching is not possible
    assert "Sex, Male vs Female was dropped from the model (collinear" in (tmp_path / "out" / "report.html").read_text()


def test_a_held_cell_of_a_joined_table_changes_nothing_for_those_without_a_row(tmp_path: Path) -> None:
    lab = '[data.lab]\nfile = "lab.csv"\nkey = "id"\non_invalid = "hold"\n[data.lab.columns]\nid = "text"\nldh = "integer"\n[populations.study]'
    rule = '\n[[populations.study.criteria]]\nlabel = "Measured"\nexclude = "ldh is missing"\nif_missing = "keep"\n[covariates]'
    study = write_study(tmp_path, replace={"[populations.study]": lab, "[covariates]": rule})
    (tmp_path / "lab.csv").write_text("id,ldh\n" + "".join(f"P{i:03d},{'x' if i == 2 else i}\n" for i in range(30)))
    result = invoke("check", study)
    assert "Measured: 30 left out, 30 remain" in result.stdout


def test_no_small_count_leaves_in_any_file(tmp_path: Path) -> None:
    rows = [
        {**row, "sex": "m" if i < 4 else "f", "died": "1" if i % 3 or i < 9 else "0"}
        for i, row in enumerate(patients())
    ]
    rows[7]["age"] = ""
    result = run(tmp_path, rows, more='\n[subgroups]\nvariables = ["sex"]\n[disclosure]\nminimum_cell = 10\n')
    assert result.exit_code in (0, 4)
    results = read_results(tmp_path / "out")
    for row in results.estimates:
        assert row.status == "ok" or not any(letter.isdigit() for letter in row.note), row
    steps = [row for row in results.select(analysis="attrition") if row.statistic == "remaining"]
    assert {row.status for row in steps} == {"suppressed"}
    assert not results.select(analysis="warning", statistic="few_events", status="ok")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "P007" not in page


def test_columns_of_curves_hold_no_small_bars(tmp_path: Path) -> None:
    assert run(tmp_path, more="\n[disclosure]\nminimum_cell = 10\n").exit_code in (0, 4)
    for curve in json.loads((tmp_path / "out" / "curves.json").read_text()):
        for name in ("at_risk", "all", "matched"):
            assert all(not value or value >= 10 for value in curve["columns"].get(name, []))


def test_figures_of_names_with_underscores_do_not_collide(tmp_path: Path) -> None:
    more = '\n[endpoints.os_x]\nlabel = "Again"\ntime = "days"\nevent = "died"\n[adjustments.x_matched]\nkind = "matching"\nlabel = "Second"\n'
    assert (
        run(
            tmp_path, replace={'label = "Overall survival"': 'label = "Overall survival"\nprimary = true'}, more=more
        ).exit_code
        == 0
    )
    names = {path.name for path in (tmp_path / "out" / "figures").glob("survival-*.svg")}
    assert {"survival-os-x_matched.svg", "survival-os_x-matched.svg"} <= names


@pytest.mark.parametrize("label", ["$\\\\frac$ cost", "_hidden", "Cost $100 to $200", "观察组"])
def test_labels_that_a_drawing_library_would_read_as_markup(label: str, tmp_path: Path) -> None:
    assert run(tmp_path, replace={'label = "New"': f'label = "{label}"'}).exit_code == 0
    assert "did not complete" not in (tmp_path / "out" / "report.html").read_text()


def test_init_makes_names_that_differ(tmp_path: Path) -> None:
    long = "a" * 70
    (tmp_path / "d.csv").write_text(
        f"id,{long}1,{long}2,in,status\n" + "".join(f"{i},1,2,3,{'Y' if i % 2 else 'N'}\n" for i in range(30))
    )
    assert invoke("init", tmp_path / "d.csv").exit_code == 0
    text = (tmp_path / "study.toml").read_text()
    assert 'status = "boolean"' in text
    found = invoke("check", tmp_path / "study.toml")
    assert (found.exit_code, "CHOOSE" in found.stderr) == (2, True)


def test_a_terminal_is_not_obeyed(tmp_path: Path) -> None:
    rows = patients()
    rows[4]["id"] = "P\x1b[31m"
    rows[4]["age"] = "x"
    study = write_study(tmp_path)
    (tmp_path / "patients.csv").write_text(csv_text(rows))
    assert "\x1b" not in invoke("check", study).output


@pytest.mark.parametrize("days", ["0", "100"])
def test_times_that_are_all_tied_are_not_estimable(days: str, tmp_path: Path) -> None:
    assert run(tmp_path, [{**row, "days": days} for row in patients()]).exit_code == 4
    row = read_results(tmp_path / "out").select(
        analysis="hazard_ratio", adjustment="matched", statistic="hazard_ratio"
    )[0]
    assert row.note.startswith("all times are tied")


ES_SCLC = Path(__file__).parents[1] / "examples" / "es-sclc"
TIANJIN, INNER, NINGXIA = "centre_tianjin.csv", "centre_innermongolia.csv", "centre_ningxia.xlsx"


@pytest.fixture
def hospitals(tmp_path: Path) -> Path:
    """Return a copy of the study of three hospitals."""
    for path in ES_SCLC.iterdir():
        if path.suffix in (".toml", ".csv", ".xlsx"):
            shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (TIANJIN, "TJ-002,Tianjin,female", "TJ-001,Tianjin,female", f"{TIANJIN}  patient_id  2 rows with a key that occurs more than once (1 patients) (row 2, patient TJ-001; row 3, patient TJ-001)"),
        (INNER, "NM-001,内蒙古", "TJ-001,内蒙古", f"{INNER}  患者编号  1 rows with a key that occurs more than once"),
        (INNER, "身高(cm)", "身長(cm)", f"{INNER}  no column 身高(cm); expected it in the header (did you mean 身長(cm)?)"),
        (INNER, "NM-003,内蒙古,男", "NM-003,内蒙古,男性", f"{INNER}  性别  1 cells outside the declared code map (row 4, patient NM-003)"),
        (INNER, "2022/1/29", "2022-01-29", f"{INNER}  一线治疗开始日期  1 cells that are not a date YYYY/MM/DD (row 2, patient NM-001)"),
        (TIANJIN, "178,83.5", "1.78,83.5", f"{TIANJIN}  height_cm  1 cells that are not whole numbers (row 2, patient TJ-001)"),
        ("responses.csv", "2023-02-08,SD", "2023-02-08,SDD", "responses.csv  overall_response  1 cells outside the declared code map (row 2, patient NM-001)"),
    ],
)  # fmt: skip
def test_a_hospitals_file_is_refused_without_a_trace(
    file: str, old: str, new: str, message: str, hospitals: Path
) -> None:
    text = (hospitals / file).read_text("utf-8")
    assert old in text
    (hospitals / file).write_text(text.replace(old, new, 1), "utf-8")
    result = invoke("run", hospitals / "study.toml", "--out", hospitals / "out", "--quiet")
    assert result.exit_code == 3, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    assert not (hospitals / "out").exists()
    for cell in ("男性", "2022-01-29", "1780", "SDD", "1.78"):
        assert cell not in result.output


def test_a_unit_slip_of_a_whole_hospital_is_refused(hospitals: Path) -> None:
    book = openpyxl.load_workbook(hospitals / NINGXIA)
    sheet = book["ES-SCLC"]
    column = [cell.value for cell in sheet[1]].index("Height_m") + 1
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, column).value = 170
    book.save(hospitals / NINGXIA)
    result = invoke("check", hospitals / "study.toml")
    assert result.exit_code == 3
    assert (
        f"{NINGXIA} (ES-SCLC)  Height_m  75 cells outside the declared range from 120 to 220, which are most of the column (row 2"
        in result.stderr
    )
    assert "and 55 more" in result.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (TIANJIN, "178,83.5", "1780,83.5", "height_cm: 1 cells outside the declared range from 120 to 220 (row 2, patient TJ-001)"),
        ("adverse_events.csv", "hepatic,3,no", "hepatic,7,no", "grade: 1 cells outside the declared range from 1 to 5 (row 2, patient NM-001)"),
    ],
)  # fmt: skip
def test_a_slip_outside_the_range_is_held_and_told(
    file: str, old: str, new: str, message: str, hospitals: Path
) -> None:
    text = (hospitals / file).read_text("utf-8")
    assert old in text
    (hospitals / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    result = invoke("check", hospitals / "study.toml")
    assert result.exit_code == 0
    assert f"{file}, {message}; held" in result.stdout
    assert new.split(",")[0] not in result.stdout


def test_a_third_arm_is_refused_by_every_hospitals_rows(hospitals: Path) -> None:
    study = hospitals / "study.toml"
    text = study.read_text("utf-8").replace('"secondline_ici is not missing"', '"secondline_chemo"')
    text = text.replace('value = true, label = "ICIs cont', 'value = "topotecan", label = "ICIs cont', 1)
    text = text.replace('value = false, label = "ICIs disc', 'value = "irinotecan", label = "ICIs disc', 1)
    study.write_text(text.replace('include = "continued"', 'include = "continued is not missing"'), "utf-8")
    result = invoke("check", study)
    assert result.exit_code == 3
    assert [line.split()[0] for line in result.stderr.splitlines() if "third value" in line] == [
        TIANJIN,
        NINGXIA,
        INNER,
    ]
    assert "docetaxel" not in result.output


@pytest.mark.parametrize("denominator", ["all", "evaluable"])
def test_a_study_without_any_visit_or_adverse_event_runs(denominator: str, hospitals: Path) -> None:
    for name in ("responses.csv", "adverse_events.csv"):
        path = hospitals / name
        path.write_text(path.read_text("utf-8").split("\n")[0], "utf-8")
    study = hospitals / "study.toml"
    text = study.read_text("utf-8").replace('confirmation = "both"', f'denominator = "{denominator}"')
    study.write_text(text, "utf-8")
    result = invoke("run", study, "--out", hospitals / "out", "--quiet")
    assert result.exit_code == 0, result.output
    results = read_results(hospitals / "out")
    assert not results.select(status="failed")
    rates = results.select(analysis="response", statistic="percent", variable="objective_response")
    assert {row.value for row in rates} == {0.0 if denominator == "all" else None}


def test_hostile_terms_are_shown_as_text(hospitals: Path) -> None:
    with (hospitals / "adverse_events.csv").open("a", encoding="utf-8") as file:
        for term in ("<script>alert(1)</script>", "=cmd|calc", "{{7*7}} \\\\input{x} $y$", "x" * 3000, "a\u202eb"):
            file.write(f'NM-001,"{term}",skin,2,yes,2023-03-01\n')
    result = invoke("run", hospitals / "study.toml", "--out", hospitals / "out", "--quiet")
    assert result.exit_code == 0, result.output
    assert "<script>alert" not in (hospitals / "out" / "report.html").read_text("utf-8")
    assert "'=cmd|calc" in (hospitals / "out" / "tables" / "adverse_event_terms.csv").read_text("utf-8")


def test_no_small_count_of_outcomes_leaves(hospitals: Path) -> None:
    with (hospitals / "study.toml").open("a", encoding="utf-8") as file:
        file.write("\n[disclosure]\nminimum_cell = 15\n")
    result = invoke("run", hospitals / "study.toml", "--out", hospitals / "out", "--quiet")
    assert result.exit_code == 0, result.output
    results = read_results(hospitals / "out")
    counts = ("n", "events", "pairs", "unmatched", "not_counted", "held")
    for row in results.estimates:
        base = row.statistic.removesuffix("_minimum").removesuffix("_maximum")
        assert base not in counts or not row.value or row.value >= 15, row.id
    for row in results.select(analysis="dialects", status="ok"):
        shown = {
            name: getattr(row, name) for name in ("population", "missing", "adjustment", "endpoint", "arm", "variable")
        }
        own = results.select(**shown, analysis=row.variable_level, statistic=row.statistic, variable_level="")
        assert "suppressed" not in {one.status for one in own}, row.id
