"""Case 65: keys of several tables that differ in case, read as one by declaration."""

from __future__ import annotations

from pathlib import Path

import pytest

from bad_inputs.test_structure import EVENTS, study
from spec_bad_inputs import check, findings, write_sheet
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records

FOLD = 'key_case = "fold"'
LAB = '\n[data.lab]\nfile = "lab.csv"\nkey = "id"\n[data.lab.columns]\nid = "text"\nldh = "integer"\n'
VISITS: list[list[object]] = [["id", "day"], ["p001", "2019-01-01"], [" P002 ", "2019-01-02"], ["x9", "2019-01-02"]]


def visits(tmp_path: Path, options: str, more: str, kind: str = "csv") -> Path:
    made = study(tmp_path, options, more=more.replace("visits.csv", f"visits.{kind}"))
    if kind == "csv":
        (tmp_path / "visits.csv").write_text("\n".join(",".join(map(str, row)) for row in VISITS) + "\n")
    else:
        write_sheet(tmp_path / "visits.xlsx", VISITS)
    return made


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("where", ["first table", "this table"])
def test_case_65_keys_in_other_case_are_read_as_the_first_tables(where: str, kind: str, tmp_path: Path) -> None:
    own = EVENTS.replace('key = "id"\n', f'key = "id"\n{FOLD}\n') if where == "this table" else EVENTS
    made = visits(tmp_path, FOLD if where == "first table" else "", own, kind)
    records = read_records(read_protocol(made), tmp_path)
    assert records.events["visits"].frame[":key"].to_list() == ["P001", "P002"]
    found = {(f.rule, f.outcome, f.rows) for f in records.findings}
    assert found == {
        ("folded_key", "normalised", (2,)),
        ("cleaned", "normalised", (3,)),
        ("unknown_patient", "warned", (4,)),
    }


def test_case_65_without_the_declaration_they_are_listed(tmp_path: Path) -> None:
    made = visits(tmp_path, "", EVENTS)
    assert [(f.rule, f.rows) for f in findings(made) if f.outcome == "warned"] == [("unknown_patient", (2, 4))]


def test_case_65_a_collision_after_folding_is_refused(tmp_path: Path) -> None:
    made = study(tmp_path, FOLD, more=LAB)
    (tmp_path / "lab.csv").write_text("id,ldh\nP001,200\np001,300\nP002,210\n")
    result = check(made)
    assert result.exit_code == 3
    assert "2 rows with a key that occurs more than once (1 patients) (row 2, patient P001; row 3" in result.stderr


def test_case_65_a_collision_in_the_first_table_is_refused(tmp_path: Path) -> None:
    made = study(tmp_path, FOLD)
    text = (tmp_path / "patients.csv").read_text()
    (tmp_path / "patients.csv").write_text(text.replace("P005,", "p004,"))
    result = check(made)
    assert (result.exit_code, "only in case or space" in result.stderr) == (3, True)
