"""Word and PDF as a reader opens them: everything there, nothing executed, the same bytes twice."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx
import pytest
from click.testing import CliRunner, Result
from docx.oxml.ns import qn

from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.figures import fonts as fonts_module
from twoarm.figures.fonts import Fonts
from twoarm.report import documents
from twoarm.report.docx import report_docx, table_docx
from twoarm.report.paper import Heading, NumberedFigure, NumberedTable, Panel, Paper, Paragraph
from twoarm.report.pdf import report_pdf
from twoarm.report.table_layout import TURNED_WIDTH, header_text, layout_of
from twoarm.tables.table import Row, Table, plain

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    '#read("/etc/passwd")',
    "$x^2$ [a] @b *c* \\ `d`",
]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="50pt" viewBox="0 0 100 50"><path d="M0 0h9v9z"/></svg>'


def table(rows: int = 3, columns: int = 4, *labels: str) -> Table:
    body = [Row(plain("Block"), kind="heading")]
    body += [Row(plain(f"Row {i}", *["1.23 (0.45–6.78)"] * (columns - 1)), indent=True) for i in range(rows)]
    body += [Row(plain(label, *["1"] * (columns - 1))) for label in labels]
    head = ("Characteristic", *(f"Arm {i} (n = {i})" for i in range(1, columns)))
    return Table("t", "A title", head, tuple(body), ("ᵃ A note.",), (("", 1), ("Both arms", columns - 1)))


def paper(*labels: str) -> Paper:
    made = table(3, 4, *labels)
    return Paper(
        "A title",
        "below",
        (
            Panel("key", "Primary", ("It is so.",)),
            Heading("Results", 1),
            *(Paragraph(label) for label in labels),
            NumberedTable(1, made, layout_of(made)),
            NumberedFigure(1, labels[0] if labels else "A figure", "What it shows", "one"),
        ),
    )


def opened(content: bytes) -> docx.document.Document:
    return docx.Document(io.BytesIO(content))


def texts(cells: list[docx.table._Cell]) -> list[str]:
    """Texts of a row; a merged cell is listed once for each column that it spans."""
    return [cell.text.replace("\u00a0", " ") for cell in cells]


def test_a_word_table_says_what_the_table_says() -> None:
    made = table()
    (found,) = opened(table_docx(made)).tables
    rows = [texts(list(row.cells)) for row in found.rows]
    assert rows[0] == ["", *["Both arms"] * 3]
    assert rows[1] == list(made.columns)
    assert rows[2] == ["Block"] * 4
    assert rows[3:] == [[cell.text for cell in row.cells] for row in made.rows[1:]]
    assert [p.text for p in opened(table_docx(made)).paragraphs if p.text] == ["A title", "ᵃ A note."]


def test_a_word_table_has_real_structure() -> None:
    (found,) = opened(table_docx(table())).tables
    heads = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in found.rows]
    assert heads == [True, True, *[False] * 4]
    assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in found.rows)
    assert found.rows[0].cells[1]._tc is found.rows[0].cells[3]._tc
    assert found._tbl.findall(f".//{qn('w:insideV')}") == []
    assert found.rows[3].cells[0].paragraphs[0].paragraph_format.left_indent is not None


def test_a_wide_table_lies_on_its_side_and_fits() -> None:
    made = table(3, 9)
    assert layout_of(made).turned
    assert not layout_of(table()).turned
    section = opened(table_docx(made)).sections[0]
    assert section.page_width > section.page_height
    assert sum(layout_of(table(40, 30, "x" * 200)).widths) <= TURNED_WIDTH + 2


def test_brackets_of_a_header_stay_together() -> None:
    assert header_text("Median, years (95% CI)") == "Median, years (95%\u00a0CI)"


def test_the_word_report_has_captions_pictures_and_alternative_text() -> None:
    found = opened(report_docx(paper(), {"one": PNG}))
    captions = [p.text for p in found.paragraphs if p.style.name == "Caption"]
    assert captions == ["Table 1. A title", "Figure 1. A figure"]
    (picture,) = found.inline_shapes
    assert picture._inline.docPr.get("descr") == "What it shows"
    assert found.core_properties.author == "twoarm"
    assert found.core_properties.created is None
    assert [p.text for p in found.paragraphs if p.style.name == "Heading 1"] == ["Results"]


def test_what_was_not_drawn_is_left_out() -> None:
    assert len(opened(report_docx(paper(), {})).inline_shapes) == 0
    assert report_pdf(paper(), {}, Fonts()).startswith(b"%PDF")


@pytest.mark.parametrize("label", [*HOSTILE, "a\x01b\x0bc", "x" * 200, "观察组" * 60])
def test_hostile_labels_are_text_in_word(label: str) -> None:
    content = report_docx(paper(label), {"one": PNG})
    shown = re.sub("[\x01\x0b]", "?", label)
    assert any(p.text == shown for p in opened(content).paragraphs)
    assert texts(list(opened(content).tables[0].rows[-1].cells))[0] == shown


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


@pytest.mark.parametrize("label", [*HOSTILE, "a\x01b\x0bc", "x" * 200])
def test_hostile_labels_are_text_in_pdf(label: str, tmp_path: Path) -> None:
    pdf = report_pdf(paper(label), {"one": SVG}, Fonts())
    assert pages_of(pdf) == 1
    if shutil.which("pdftotext"):
        (tmp_path / "a.pdf").write_bytes(pdf)
        shown = subprocess.run(["pdftotext", "-raw", tmp_path / "a.pdf", "-"], capture_output=True, check=True).stdout
        said = re.sub(r"\s|\u200b|-\n", "", shown.decode())
        assert said.count(re.sub(r"\s", "", re.sub("[\x01\x0b]", "?", label))) >= 2
        assert "root:" not in said


def test_wide_tables_turn_their_page_in_pdf() -> None:
    made = table(3, 9)
    wide = Paper("t", "b", (Paragraph("before"), NumberedTable(1, made, layout_of(made)), Paragraph("after")))
    assert pages_of(report_pdf(wide, {}, Fonts())) == 3


def test_documents_have_the_same_bytes_twice() -> None:
    assert report_docx(paper("a"), {"one": PNG}) == report_docx(paper("a"), {"one": PNG})
    assert report_pdf(paper("a"), {"one": SVG}, Fonts()) == report_pdf(paper("a"), {"one": SVG}, Fonts())
    with zipfile.ZipFile(io.BytesIO(table_docx(table()))) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def run(study: Path, out: Path) -> Result:
    return CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--quiet"])


def test_a_run_writes_every_document_and_lists_it(tmp_path: Path) -> None:
    rows = [{**row, "sex": HOSTILE[3].replace('"', '""') if row["sex"] == "m" else "f"} for row in patients()]
    rows = [{**row, "sex": f'"{row["sex"]}"'} for row in rows]
    label = json.dumps(HOSTILE[0] + HOSTILE[1])
    study = write_study(tmp_path, rows, {'levels = ["f", "m"], labels = ["Female", "Male"]': f'levels = ["f", {json.dumps(HOSTILE[3])}]',
                                         'label = "New"': f"label = {label}"}, "\n[output]\n")  # fmt: skip
    assert run(study, tmp_path / "out").exit_code == 0
    out = tmp_path / "out"
    outputs = json.loads((out / "manifest.json").read_text())["outputs"]
    assert {"report.docx", "report.pdf", "tables/baseline.docx", "figures/love.tiff"} <= set(outputs)
    report = docx.Document(str(out / "report.docx"))
    assert len(report.tables) == len(list((out / "tables").glob("*.docx"))) + 1  # inputs and software
    assert len(report.inline_shapes) == len(list((out / "figures").glob("*.png")))
    assert "could not be made" not in (out / "report.html").read_text()


def test_documents_can_be_left_out(tmp_path: Path) -> None:
    study = write_study(tmp_path, more='\n[output]\ndocuments = []\nfigures = ["pdf"]\n')
    assert run(study, tmp_path / "out").exit_code == 0
    assert {path.suffix for path in (tmp_path / "out").rglob("*.*")} == {".html", ".json", ".jsonl", ".csv", ".pdf"}
    assert not (tmp_path / "out" / "report.pdf").exists()


def test_pictures_for_word_are_not_left_behind(tmp_path: Path) -> None:
    study = write_study(tmp_path, more='\n[output]\ndocuments = ["docx"]\nfigures = ["pdf"]\n')
    assert run(study, tmp_path / "out").exit_code == 0
    assert {path.suffix for path in (tmp_path / "out" / "figures").iterdir()} == {".pdf"}
    assert len(docx.Document(str(tmp_path / "out" / "report.docx")).inline_shapes) > 3


def test_a_document_that_fails_is_named_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bytes:
        raise RuntimeError("SECRET")

    monkeypatch.setattr(documents, "report_pdf", fails)
    result = run(write_study(tmp_path, more="\n[output]\n"), tmp_path / "out")
    assert result.exit_code == 0
    text = "report.pdf could not be made (RuntimeError)"
    assert text in result.stderr
    assert text in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "report.docx").exists()
    assert "SECRET" not in result.output


@pytest.mark.parametrize("has", [True, False])
def test_chinese_labels_with_and_without_a_font(has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts_module, "installed_fonts", lambda: [] if not has else iter_fonts())
    if has and not list(iter_fonts()):
        pytest.skip("no Chinese font on this machine")
    result = run(write_study(tmp_path, None, {'label = "New"': 'label = "观察组"'}, "\n[output]\n"), tmp_path / "out")
    assert result.exit_code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    word = docx.Document(str(tmp_path / "out" / "report.docx"))
    first = "\n".join(p.text for p in word.paragraphs[:6])
    assert "观察组" in page
    assert ("No installed font" in result.stderr, "No installed font" in page, "No installed font" in first) == (
        not has, not has, not has)  # fmt: skip
    assert has or "fonts-noto-cjk" in result.stderr
    assert "did not complete" not in page


def iter_fonts() -> list[fonts_module.FontFile]:
    return [font for font in REAL_FONTS() if "CJK SC" in font.family]


REAL_FONTS = fonts_module.installed_fonts
