"""Commands as a new user types them: messages, exit codes, no traceback, no half-made folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.results.results import read_results

EXAMPLE = Path(__file__).parents[1] / "examples" / "rotterdam"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def changed(**cells: str) -> list[dict[str, str]]:
    rows = patients()
    rows[4].update(cells)
    return rows


def test_run_writes_everything_and_says_where(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = invoke("run", write_study(tmp_path, more="\n[output]\n"), "--out", out)
    assert (result.exit_code, result.stdout) == (0, f"Report: {out / 'report.html'}\n")
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"report.html", "results.json", "curves.json", "manifest.json", "tables/baseline.csv"} <= names
    assert {
        f"figures/{stem}.{kind}" for stem in ("flow", "love", "survival-os-matched") for kind in ("svg", "pdf", "png")
    } <= names
    assert "patients.csv" not in names
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


@pytest.mark.parametrize(
    ("rows", "replace", "code", "message"),
    [
        (
            None,
            {"age >= 18": "agee >= 18"},
            2,
            "study.toml:27:12  populations.study.criteria.0.include  found column 'agee'",
        ),
        (None, {'kind = "matching"': 'kind = "matching"\norder = "closet"'}, 2, "(did you mean closest?)"),
        (changed(days="SECRET"), {}, 3, "patients.csv  days  1 cells that are not whole numbers (row 6, patient P004)"),
        (changed(id="P005"), {}, 3, "2 rows with a key that occurs more than once (1 patients)"),
        ([{**row, "arm": "old"} for row in patients()], {}, 3, "no patients left in arm New"),
    ],
    ids=["unknown column", "misspelt option", "unreadable cell", "duplicated patient", "empty arm"],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_input_is_refused_with_place_and_remedy(
    command: str, rows: list[dict[str, str]] | None, replace: dict[str, str], code: int, message: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = invoke(command, write_study(tmp_path, rows, replace), *(["--out", out] if command == "run" else []))
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert "SECRET" not in result.output
    assert not out.exists()


def test_a_protocol_problem_shows_its_line_with_a_caret(tmp_path: Path) -> None:
    result = invoke("check", write_study(tmp_path, replace={"age >= 18": "agee >= 18"}))
    assert '    include = "agee >= 18"\n               ^\n' in result.stderr


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{**row, "died": "0"} for row in patients()], "no events in New and Old"),
        ([{**row, "died": "0" if row["arm"] == "new" else "1"} for row in patients()], "no events in New"),
        ([{**row, "age": "70" if row["arm"] == "new" else "30"} for row in patients()], "separation"),
    ],
)
def test_a_primary_analysis_that_is_not_estimable_is_published_with_its_reason(
    rows: list[dict[str, str]], reason: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = invoke("run", write_study(tmp_path, rows), "--out", out)
    assert result.exit_code == 4
    row = read_results(out).select(analysis="hazard_ratio", adjustment="matched", statistic="hazard_ratio")[0]
    assert (row.status, row.value) == ("not_estimable", None)
    assert reason in row.note
    assert reason in (out / "report.html").read_text()


def test_an_existing_folder_is_kept_unless_it_is_replaced(tmp_path: Path) -> None:
    study, out = write_study(tmp_path), tmp_path / "out"
    assert invoke("run", study, "--out", out).exit_code == 0
    before = (out / "manifest.json").read_bytes()
    again = invoke("run", study, "--out", out)
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    bad = write_study(tmp_path, changed(days="x"))
    assert invoke("run", bad, "--out", out, "--replace").exit_code == 3
    assert (out / "manifest.json").read_bytes() == before
    write_study(tmp_path)
    assert invoke("run", study, "--out", out, "--replace").exit_code == 0


def test_a_folder_that_is_no_output_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.docx").write_text("ten years of work")
    result = invoke("run", write_study(tmp_path), "--out", out, "--replace")
    assert (result.exit_code, "no earlier output" in result.stderr or "no manifest" in result.stderr) == (2, True)
    assert (out / "thesis.docx").read_text() == "ten years of work"


def test_an_internal_error_shows_places_and_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.study

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("SECRET patient value")

    monkeypatch.setattr(twoarm.study, "run_study", fails)
    result = invoke("run", write_study(tmp_path), "--out", tmp_path / "out")
    assert result.exit_code == 5
    assert "internal error: RuntimeError at test_cli.py" in result.stderr
    assert "SECRET" not in result.output
    assert not (tmp_path / "out").exists()


def test_check_describes_the_design_without_outcomes(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    first = invoke("check", study)
    garbage = [{**row, "days": str(i), "died": "0"} for i, row in enumerate(patients())]
    write_study(tmp_path, garbage)
    assert first.exit_code == 0
    assert "Complete case: 60 to analyse (New 20, Old 40)" in first.stdout
    assert "pairs" in first.stdout
    assert invoke("check", study).stdout == first.stdout


def test_init_writes_a_protocol_that_check_takes_by_the_hand(tmp_path: Path) -> None:
    (tmp_path / "rotterdam.csv").write_bytes((EXAMPLE / "rotterdam.csv").read_bytes())
    made = invoke("init", tmp_path / "rotterdam.csv")
    assert made.exit_code == 0
    text = (tmp_path / "study.toml").read_text()
    assert tomllib.loads(text)["data"]["patients"]["key"] == "pid"
    assert '# size = { kind = "categorical", levels = ["20-50", "<=20", ">50"] }' in text
    checked = invoke("check", tmp_path / "study.toml")
    assert checked.exit_code == 2
    assert "CHOOSE" in checked.stderr
    assert invoke("init", tmp_path / "rotterdam.csv").exit_code == 2  # it does not overwrite


def test_init_lists_no_rare_level(tmp_path: Path) -> None:
    rows = [{**row, "sex": "RARE" if i < 3 else row["sex"]} for i, row in enumerate(patients())]
    write_study(tmp_path, rows)
    (tmp_path / "study.toml").unlink()
    assert invoke("init", tmp_path / "patients.csv").exit_code == 0
    assert "RARE" not in (tmp_path / "study.toml").read_text()


def test_schema_is_json() -> None:
    assert json.loads(invoke("schema").stdout)["properties"]["endpoints"]


def test_version_starts_without_heavy_imports() -> None:
    code = "import sys, twoarm.cli; print([m for m in ('polars', 'numpy', 'scipy', 'pydantic', 'matplotlib') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "[]"


def test_a_command_ends_with_its_exit_code_and_all_that_it_said(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from twoarm.cli import program; program()"]
    told = subprocess.run([*program, "schema"], capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert json.loads(told.stdout)["title"] == "Protocol"
    wrong = subprocess.run(
        [*program, "run", str(tmp_path / "none.toml"), "--out", "x"], capture_output=True, check=False
    )
    assert wrong.returncode == 2
    assert b"does not exist" in wrong.stderr
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*program, "--version"], stdout=full, stderr=subprocess.PIPE, check=False)
        assert done.returncode != 0
