"""verify, reproduce and diff, as they are typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_study import PROTOCOL, csv_text, patients
from twoarm.cli import main
from twoarm.commands.exit_codes import DIFFERS, OK, PROTOCOL_INVALID
from twoarm.report.verification import changes

LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run(folder: Path, out: str, protocol: str = PROTOCOL + LIGHT) -> Path:
    (folder / "study.toml").write_text(protocol, encoding="utf-8")
    assert call("run", folder / "study.toml", "--out", folder / out, "--quiet").exit_code == OK
    return folder / out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "patients.csv").write_text(csv_text(patients()), encoding="utf-8")
    run(folder, "first")
    return folder


def test_an_output_is_as_it_was_written(made: Path) -> None:
    result = call("verify", made / "first")
    assert (result.exit_code, "all as written" in result.output) == (OK, True)


def test_a_change_a_loss_and_an_addition_are_named(made: Path) -> None:
    shutil.copytree(made / "first", made / "touched")
    (made / "touched" / "results.json").write_text("[]\n")
    (made / "touched" / "tables" / "baseline.csv").unlink()
    (made / "touched" / "notes.txt").write_text("mine")
    result = call("verify", made / "touched")
    assert result.exit_code == DIFFERS
    assert "results.json: changed since it was written" in result.output
    assert "tables/baseline.csv: missing" in result.output
    assert "notes.txt: not among the outputs" in result.output


def test_a_folder_that_is_no_output(tmp_path: Path) -> None:
    for command in (["verify", tmp_path], ["diff", tmp_path, tmp_path], ["reproduce", tmp_path, "--data", tmp_path]):
        result = call(*command)
        assert (result.exit_code, "output folder" in result.output) == (PROTOCOL_INVALID, True)


def test_a_run_is_made_again_byte_for_byte(made: Path) -> None:
    result = call("reproduce", made / "first", "--data", made, "--quiet")
    assert (result.exit_code, "the same, byte for byte" in result.output) == (OK, True)
    assert [path.name for path in made.iterdir() if path.name.startswith(".")] == []


def test_a_changed_patient_is_told_from_a_changed_protocol(made: Path, tmp_path: Path) -> None:
    rows = patients()
    rows[1]["days"] = "500"
    (tmp_path / "patients.csv").write_text(csv_text(rows), encoding="utf-8")
    other = run(tmp_path, "other")
    result = call("diff", made / "first", other)
    assert result.exit_code == DIFFERS
    assert "data: patients.csv changed (60 rows, now 60)" in result.output
    assert "protocol:" not in result.output
    ledger = "study/complete_case/unadjusted/hazard_ratio/os/New_vs_Old/-/-/hazard_ratio"
    assert any(
        line.startswith(ledger) and " -> " in line
        for line in call("diff", made / "first", other, "--all").output.splitlines()
    )
    again = call("reproduce", made / "first", "--data", tmp_path, "--quiet")
    assert again.exit_code == DIFFERS
    assert "results.json: differs" in again.output


def test_a_changed_option_is_named_with_both_values(made: Path) -> None:
    other = run(made, "breslow", PROTOCOL + '\n[analyses.hazard_ratio]\nties = "breslow"\n' + LIGHT)
    result = call("diff", made / "first", other)
    assert 'protocol: analyses.hazard_ratio.ties was null, is "breslow"' in result.output
    assert "data:" not in result.output


def test_the_same_run_does_not_differ(made: Path) -> None:
    result = call("diff", made / "first", made / "first")
    assert (result.exit_code, result.output) == (OK, "0 numbers differ.\n")


def test_changes_name_every_place() -> None:
    before, after = {"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"b": 2, "c": [1, 2]}, "e": None}
    assert list(changes(before, after)) == ["a.b was 1, is 2", "d taken out: 1", "e added: null"]
