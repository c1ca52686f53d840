"""lock: the design before outcomes are read, and numbered amendments after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_study import PROTOCOL, csv_text, patients
from twoarm.cli import main
from twoarm.commands.exit_codes import OK, PROTOCOL_INVALID

LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "patients.csv").write_text(csv_text(patients()), encoding="utf-8")
    (tmp_path / "study.toml").write_text(PROTOCOL + LIGHT, encoding="utf-8")
    return tmp_path / "study.toml"


def entries(study: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in study.with_suffix(".lock.jsonl").read_text("utf-8").splitlines()]


def edit(study: Path, old: str, new: str) -> None:
    text = study.read_text("utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")


def test_the_design_is_the_same_when_outcomes_are_garbage(study: Path) -> None:
    assert call("lock", study).exit_code == OK
    first = entries(study)[0]["design"]
    study.with_suffix(".lock.jsonl").unlink()
    garbage = [{**row, "days": "约三个月", "died": f"?{i}"} for i, row in enumerate(patients())]
    (study.parent / "patients.csv").write_text(csv_text(garbage), encoding="utf-8")
    assert call("lock", study).exit_code == OK
    assert entries(study)[0]["design"] == first
    assert set(first) == {"study/complete_case/unadjusted", "study/complete_case/matched"}  # type: ignore[call-overload]


def test_another_covariate_is_another_design(study: Path) -> None:
    call("lock", study)
    first = entries(study)[0]["design"]
    study.with_suffix(".lock.jsonl").unlink()
    rows = patients()
    rows[5]["age"] = "71"
    (study.parent / "patients.csv").write_text(csv_text(rows), encoding="utf-8")
    call("lock", study)
    assert entries(study)[0]["design"] != first


def test_edits_after_the_lock_need_a_reason_and_stand_in_the_report(study: Path) -> None:
    call("lock", study)
    assert call("lock", study).exit_code == PROTOCOL_INVALID
    edit(study, 'kind = "matching"', 'kind = "matching"\norder = "largest"')
    refused = call("lock", study)
    assert refused.exit_code == PROTOCOL_INVALID
    assert 'adjustments.matched.order was "closest", is "largest"' in refused.output
    assert call("lock", study, "--amend", "as the statistician asked").exit_code == OK
    edit(study, 'order = "largest"', 'order = "smallest"')
    assert call("run", study, "--out", study.parent / "report", "--quiet").exit_code == OK
    page = (study.parent / "report" / "report.html").read_text("utf-8")
    assert "The design was locked on" in page
    assert "as the statistician asked" in page
    assert "Amendment 2, not recorded in the lock" in page
    assert json.loads((study.parent / "report" / "manifest.json").read_text("utf-8"))["amendments"][2].startswith(
        "Amendment 2"
    )


def test_a_lock_that_was_edited_is_found(study: Path) -> None:
    call("lock", study)
    edit(study, 'kind = "matching"', 'kind = "matching"\norder = "largest"')
    call("lock", study, "--amend", "why not")
    path = study.with_suffix(".lock.jsonl")
    path.write_text(path.read_text("utf-8").replace('"closest"', '"random"', 1), encoding="utf-8")
    result = call("run", study, "--out", study.parent / "report", "--quiet")
    assert (result.exit_code, "is not what it was" in result.output) == (PROTOCOL_INVALID, True)
    assert not (study.parent / "report").exists()
