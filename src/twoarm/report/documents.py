"""Word and PDF beside the page; one that cannot be made is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import MappingProxyType

from twoarm.figures.all_figures import all_figures
from twoarm.figures.fonts import Fonts
from twoarm.protocol.choices import DocumentFormat
from twoarm.report.docx import report_docx, table_docx
from twoarm.report.paper import (
    Bullets,
    FigureFile,
    Heading,
    NumberedFigure,
    NumberedTable,
    Panel,
    Paper,
    Paragraph,
    paper_of,
)
from twoarm.report.pdf import report_pdf
from twoarm.report.study_report import StudyReport
from twoarm.results.provenance import Provenance

Files = dict[str, bytes]


def write_table_documents(report: StudyReport, folder: Path, wanted: Sequence[DocumentFormat]) -> dict[str, str]:
    """Write every table as .docx, which needs no figure; return why they could not be made, by what they are."""

    def tables() -> Files:
        return {
            f"{section.prefix}{table.name}.docx": table_docx(table)
            for section in report.sections
            for table in section.tables
        }

    files, failed = _made({"tables as .docx": tables} if "docx" in wanted else {})
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return failed


def write_documents(
    report: StudyReport,
    provenance: Provenance,
    folder: Path,
    failed_figures: Sequence[str],
    fonts: Fonts,
    wanted: Sequence[DocumentFormat],
    failed_tables: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Write report.docx and report.pdf; return which documents could not be made, tables among them, in words.

    Those that can be made name those that cannot, and are made once more for it.
    """
    figures = drawn_figures(report, folder / "figures")
    stems = [figure.stem for drawn in figures.values() for figure in drawn]

    def pictures(kind: str) -> dict[str, bytes]:
        return {stem: (folder / "figures" / f"{stem}.{kind}").read_bytes() for stem in stems}

    def pdf(paper: Paper) -> Files:
        return {"report.pdf": report_pdf(paper, pictures("svg"), fonts)}

    def docx(paper: Paper) -> Files:
        return {"report.docx": report_docx(paper, pictures("png"))}

    makers = {"report.docx": docx} if "docx" in wanted else {}
    makers |= {"report.pdf": pdf} if "pdf" in wanted else {}
    failed = dict(failed_tables)
    while True:
        paper = paper_of(report, provenance, figures, failed_figures, tuple(failed.values()))
        made, found = _made({name: partial(make, paper) for name, make in makers.items()})
        for name, content in made.items():  # what cannot be written fails the whole report, not the document
            (folder / name).write_bytes(content)
        if not found:
            return list(failed.values())
        failed |= found
        makers = {name: make for name, make in makers.items() if name not in failed}


def _made(makers: Mapping[str, Callable[[], Files]]) -> tuple[Files, dict[str, str]]:
    """Make documents; return their files, and why some could not be made, without a message that may quote labels.

    PDF is set on another thread: typst works without Python's lock.
    """
    files: Files = {}
    failed = {}
    with ThreadPoolExecutor(1) as other:
        away = {name: other.submit(make).result for name, make in makers.items() if name == "report.pdf"}
        here = {name: make for name, make in makers.items() if name not in away}
        for name, result in (here | away).items():
            try:
                files |= result()
            except (OSError, KeyboardInterrupt):
                raise
            except BaseException as error:  # a panic of the typesetter is no Exception
                failed[name] = f"{name} could not be made ({type(error).__name__})"
    return files, failed


def drawn_figures(report: StudyReport, folder: Path) -> dict[str, list[FigureFile]]:
    """Return the figures that are there, by the prefix of their section, in the order of the report."""
    return {
        section.prefix: [
            FigureFile(f"{section.prefix}{figure.name}", figure.title)
            for figure in all_figures(section.scope)
            if (folder / f"{section.prefix}{figure.name}.svg").is_file()
        ]
        for section in report.sections
    }


def texts_of(report: StudyReport, provenance: Provenance) -> Iterator[str]:
    """Return every text that figures and documents show."""
    figures = {
        section.prefix: [FigureFile(figure.name, figure.title) for figure in all_figures(section.scope)]
        for section in report.sections
    }
    yield from _texts(paper_of(report, provenance, figures))


def _texts(paper: Paper) -> Iterator[str]:
    yield paper.title
    for block in paper.blocks:
        if isinstance(block, Heading | Paragraph):
            yield block.text
        elif isinstance(block, Panel | Bullets):
            yield from block.items
        elif isinstance(block, NumberedFigure):
            yield block.title
        elif isinstance(block, NumberedTable):
            table = block.table
            yield from (table.title, *table.columns, *table.footnotes, *(title for title, _ in table.groups))
            yield from (cell.text for row in table.rows for cell in row.cells)
