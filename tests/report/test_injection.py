"""Labels and cells that a program would obey: text in every kind of file that is written."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from click.testing import CliRunner

from spec_study import PROTOCOL, csv_text, patients, write_study
from twoarm.cli import main
from twoarm.errors import ProtocolError
from twoarm.protocol.read import parse_protocol

HOSTILE = {
    "title": "</title><script>alert(1)</script> #let x = 1 #read(\"/etc/passwd\")",
    "Everybody": "]]> <!-- &amp; {{7*7}} {% raw %} ${7*7}",
    "Adults": "\\input{/etc/passwd} \\write18{id} $x^2$ #eval(\"1+1\") #include \"x\"",
    "New": "=cmd|' /C calc'!A0",
    "Old": "@SUM(1+1)*cmd|x",
    "Female": "-2+3+cmd|' /C calc'!A0",
    "Male": "\"><img src=x onerror=alert(1)>",
    "Overall survival": "javascript:alert(1) ' onmouseover='alert(1)",
}  # fmt: skip
FORBIDDEN = [
    "a\u0000b",
    "a\u0008b",
    "a\u001bb",
    "a\u202eb",
    "a\u200bb",
    "a\ufeffb",
    "a\ud800b",
    "L" * 300,
    "a\ue000b",
    "\n",
]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    text = PROTOCOL + '\n[subgroups]\nvariables = ["sex"]\n[output]\nfigures = ["svg"]\n'
    for old, new in HOSTILE.items():
        old = f'"{"A small study" if old == "title" else old}"'
        assert old in text
        text = text.replace(old, json.dumps(new))
    write_study(folder)
    (folder / "study.toml").write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["run", str(folder / "study.toml"), "--out", str(folder / "out"), "--quiet"])
    assert result.exit_code == 0, result.output
    return folder / "out"


def test_no_page_has_a_script_or_a_handler_of_a_label(out: Path) -> None:
    for path in out.rglob("*.html"):
        page = path.read_text("utf-8")
        assert page.count("<script") == (1 if path.name == "report.html" else 0), path
        assert "<img src=x" not in page
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page)), path
    assert "{{7*7}}" in (out / "report.html").read_text("utf-8")


def test_pictures_are_pictures(out: Path) -> None:
    pictures = list(out.rglob("*.svg"))
    assert len(pictures) > 3
    for path in pictures:
        for element in ElementTree.parse(path).iter():
            assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "image", "iframe"), path
            assert not [name for name in element.attrib if name.startswith("on")], path
            assert all(v.startswith(("#", "data:")) for n, v in element.attrib.items() if n.endswith("href")), path


def test_word_files_are_well_formed_and_refer_to_nothing_outside(out: Path) -> None:
    said = ""
    for path in out.rglob("*.docx"):
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as package:
            for name in package.namelist():
                if name.endswith((".xml", ".rels")):
                    root = ElementTree.fromstring(package.read(name))
                    said += "".join(root.itertext())
                    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
                    assert not tags & {"fldSimple", "object", "hyperlink", "altChunk"}, (path, name)
                    assert b'TargetMode="External"' not in package.read(name)
    for label in HOSTILE.values():
        assert label in said


def test_csv_cells_start_no_formula(out: Path) -> None:
    for path in out.rglob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text("utf-8"), newline="")):
            assert not [cell for cell in row if re.match(r"\s*([=@+]|-[^0-9.–—]|-\d+\+)", cell)], path


def test_pdf_shows_labels_and_obeys_none(out: Path) -> None:
    content = (out / "report.pdf").read_bytes()
    assert not re.search(rb"/(JavaScript|JS|Launch|EmbeddedFile|OpenAction|URI)\b", content)
    if shutil.which("pdftotext"):
        said = subprocess.run(
            ["pdftotext", "-raw", out / "report.pdf", "-"], capture_output=True, check=True
        ).stdout.decode()
        assert "root:" not in said
        assert "#let" in said


@pytest.mark.parametrize("label", FORBIDDEN, ids=range(len(FORBIDDEN)))
@pytest.mark.parametrize("place", ["A small study", "New", "Female", "Overall survival", "Adults", "Everybody"])
def test_a_label_that_cannot_be_shown_is_refused(label: str, place: str) -> None:
    written = json.dumps(label) if "\ud800" not in label else '"a\\ud800b"'
    with pytest.raises(ProtocolError):
        parse_protocol(PROTOCOL.replace(f'"{place}"', written))


def test_query_workbooks_hold_texts_alone(tmp_path: Path) -> None:
    keys = ["=1+1", "@x", "+1", "-1+2", "<b>", "{{7*7}}", "a\u202eb", "x" * 300]
    rows = [
        {**row, "id": keys[i] if i < len(keys) else row["id"], "age": "?" if i < len(keys) else row["age"]}
        for i, row in enumerate(patients())
    ]
    study = write_study(tmp_path, rows)
    (tmp_path / "patients.csv").write_text(csv_text(rows), "utf-8")
    result = CliRunner().invoke(main, ["queries", str(study), "--out", str(tmp_path / "asked")])
    assert result.exit_code == 1, result.output
    book = openpyxl.load_workbook(next((tmp_path / "asked").glob("*.xlsx")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert {key for key in keys if "\u202e" not in key} <= {str(cell.value) for cell in cells}
