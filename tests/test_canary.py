"""Patients with values that cannot be mistaken: whatever happens, they are in no file and no message but their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_bad_inputs import PROTOCOL, Rows, dated_patients, write_csv
from spec_commands import Watched
from spec_unpacked import unpacked
from twoarm.analyses import run as analyses_run
from twoarm.cli import main

MORE = """
[subgroups]
variables = ["sex"]

[adjustments.multivariable]
kind = "multivariable"

[output]
figures = ["svg", "png"]
"""
REPLACE = {
    'key = "id"': 'key = "id"\non_invalid = "hold"',
    'note = "text"': 'note = "text"\nlab = "number"',
    'age = { kind = "continuous", unit = "years" }': 'age = { kind = "cut", breaks = [55], labels = ["<55", "55+"] }',
}
DATES, DAY = ("birth", "start", "prog", "death", "last"), re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def canaries() -> tuple[Rows, dict[str, list[str]]]:
    """Return patients, and what must be seen nowhere: by column, and the keys apart from the rest."""
    rows = dated_patients()
    for i, row in enumerate(rows):
        row["id"] = f"KANARIENVOGEL{i:03d}"
        row["note"] = f"Zeisig zwitschert {i:03d} 张三丰{i:03d}"
        row["lab"] = f"73195.{i:03d}2468"
        row["name"] = f"Nachtigall{i:03d}"
        row["phone"] = f"+4915550{i:05d}"
    rows[3]["birth"] = "Stieglitz 31/02"  # held: no date
    rows[4]["lab"] = "Dompfaff 12,5"
    rows[5]["age"] = "Rotkehlchen"
    rows[6]["died"] = "Blaumeise"
    columns = {
        "free": ["Zeisig", "张三丰", "73195.", "Nachtigall", "+4915550"]
    }  # what all values of a column begin with
    columns["held"] = ["Stieglitz", "Dompfaff", "Rotkehlchen", "Blaumeise"]
    columns["dates"] = [row[name] for row in rows for name in DATES if DAY.fullmatch(row[name])]
    columns["key"] = ["KANARIENVOGEL"]
    return rows, columns


def write(folder: Path, more: str = MORE) -> tuple[Path, dict[str, list[str]]]:
    """Write the study into a folder that has a telling name itself."""
    home = folder / "Feldlerche"
    home.mkdir()
    rows, columns = canaries()
    write_csv(home / "patients.csv", rows)
    text = PROTOCOL + more
    for old, new in REPLACE.items():
        assert old in text
        text = text.replace(old, new)
    (home / "study.toml").write_text(text, "utf-8")
    return home / "study.toml", columns


def seen(texts: Iterable[tuple[str, str]], values: Iterable[str]) -> list[tuple[str, str]]:
    wanted = list(values)
    days, others = {value for value in wanted if DAY.fullmatch(value)}, [v for v in wanted if not DAY.fullmatch(v)]
    return [
        (name, value)
        for name, text in texts
        for value in (*(one for one in others if one in text), *sorted(days & set(DAY.findall(text))))
    ]


def everything(columns: dict[str, list[str]], *, but: tuple[str, ...] = ()) -> list[str]:
    return [value for name, values in columns.items() if name not in but for value in values]


def test_no_command_tells_a_patients_value(tmp_path: Path) -> None:
    study, columns = write(tmp_path)
    watched = Watched(tmp_path, study)
    codes = watched.every_command()
    assert codes == {**dict.fromkeys(codes, 0), "queries": 1}, watched.said
    home = study.parent
    (home / "patients.csv").unlink()
    assert (
        seen(unpacked(home / "out"), [*everything(columns), "Feldlerche", str(home), os.environ.get("HOME", str(home))])
        == []
    )
    inside = [(name, text) for name, text in unpacked(home) if not name.startswith("queries/")]
    assert seen(inside, everything(columns)) == []
    said = [("said", text) for text in watched.said]
    assert seen(said, everything(columns, but=("key",))) == []  # rows are named by the keys of their patients
    asked = list(unpacked(home / "queries"))
    assert seen(asked, everything(columns, but=("key",))) == []
    assert seen(asked, ["KANARIENVOGEL003"])
    assert list(watched.temporary.rglob("*")) == []


def test_patient_rows_stand_in_their_own_file_alone(tmp_path: Path) -> None:
    study, columns = write(tmp_path, MORE + "patient_level = true\n")
    out = study.parent / "out"
    assert CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--quiet"]).exit_code == 0
    rows = (out / "patients.csv").read_text("utf-8")
    assert seen([("patients.csv", rows)], everything(columns, but=("key",))) == []
    assert seen([("patients.csv", rows)], columns["key"])
    assert (out / "patients.csv").stat().st_mode & 0o777 == 0o600
    (out / "patients.csv").unlink()
    assert seen(unpacked(out), everything(columns)) == []


ROOMS = [
    "twoarm.records.checked_records.join_tables",
    "twoarm.records.checked_records.add_derived",
    "twoarm.study.with_endpoints",
    "twoarm.records.typed_table.type_long_column",
    "twoarm.study.build_cohort",
    "twoarm.study.endpoints_of",
    "twoarm.study.complete",
    "twoarm.study.adjust",
    "twoarm.study.disclose",
    "twoarm.study.write_attrition",
    "twoarm.report.publish.compose",
    "twoarm.report.publish.find_fonts",
    "twoarm.report.publish.Documents",
    "twoarm.report.publish.render_html",
    "twoarm.report.publish._manifest",
    "twoarm.report.publish.standalone_table",
    "twoarm.report.documents.report_pdf",
    "twoarm.report.documents.report_docx",
    "twoarm.figures.drawing.draw",
    "twoarm.records.records.refuse_changed",
]

FIRST = {"twoarm.records.typed_table.type_long_column", "twoarm.study.build_cohort", "twoarm.report.publish.compose"}


class CarelessError(Exception):
    """An error whose message quotes a patient, as those of libraries do."""


def careless(*_: object, **__: object) -> None:
    raise CarelessError("could not convert 'Zeisig zwitschert 007' of KANARIENVOGEL007 (Nachtigall007, 73195.0072468)")


def invoked(study: Path, folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["run", str(study), "--out", str(study.parent / "out")])
    return result.exit_code, f"{result.output}{result.stderr}"


@pytest.mark.parametrize(
    "room", [room if room in FIRST else pytest.param(room, marks=pytest.mark.slow) for room in ROOMS]
)
def test_an_error_in_any_room_tells_no_value(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.figures.drawing
    import twoarm.report.publish
    import twoarm.study  # noqa: F401  # rooms are imported when they are needed

    documents = '["docx", "pdf"]' if "documents" in room else "[]"
    study, columns = write(tmp_path, MORE.replace('"svg", "png"]', f'"svg"]\ndocuments = {documents}'))
    monkeypatch.setattr(room, careless)
    code, said = invoked(study, tmp_path)
    (study.parent / "patients.csv").unlink()
    assert code in (0, 5)
    assert code == 5 or "draw" in room or "documents.report" in room
    assert ("internal error: CarelessError at" in said) == (code == 5)
    assert seen([("said", said)], everything(columns)) == []
    assert seen(unpacked(study.parent), everything(columns)) == []


@pytest.mark.parametrize("analysis", sorted(analyses_run.ANALYSES))
def test_an_error_in_any_analysis_tells_no_value(
    analysis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from twoarm.protocol.read import read_protocol
    from twoarm.records.records import read_records
    from twoarm.study import run_study

    study, columns = write(tmp_path)
    changed = {**analyses_run.ANALYSES, analysis: careless}
    monkeypatch.setattr(analyses_run, "ANALYSES", changed)
    protocol = read_protocol(study)
    results = run_study(protocol, read_records(protocol, study.parent))
    failed = {row.analysis for row in results.select(status="failed")}
    assert failed == ({analysis} if analysis in protocol.plan()[0].analyses else set())
    said = [("ledger", results.estimates_json()), ("curves", results.curves_json()), ("log", caplog.text)]
    assert seen(said, everything(columns)) == []


def test_a_run_that_is_killed_leaves_no_value(tmp_path: Path) -> None:
    study, columns = write(tmp_path)
    home, temporary = study.parent, tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(home / "out")]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    said = b""
    for line in process.stderr:
        said += line
        if b"writing" in line:
            break
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    said += process.communicate()[1]
    (home / "patients.csv").unlink()
    found = [*unpacked(home), *unpacked(temporary), ("said", said.decode("utf-8", "replace"))]
    assert seen(found, everything(columns)) == []
    left = [path for path in home.iterdir() if path.name.startswith(".out")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in left)


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    """The search itself: in an archive, a PDF, a picture, and behind the escapes of a page."""
    import zipfile
    import zlib

    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("word/document.xml", "<t>Nachtigall001</t>")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7\nstream\n" + zlib.compress(b"(Nachtigall002) Tj") + b"\nendstream")
    (tmp_path / "c.html").write_text("N&#97;chtigall003", "utf-8")
    (tmp_path / "d.json").write_text(json.dumps("张三丰004"), "ascii")
    text = b"tEXtComment\0Nachtigall005"
    (tmp_path / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n" + (len(text) - 4).to_bytes(4, "big") + text + b"\0" * 4)
    values = ["Nachtigall001", "Nachtigall002", "Nachtigall003", "张三丰004", "Nachtigall005"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda _: None)
        assert {value for _, value in seen(unpacked(tmp_path), values)} == set(values)
