"""Word and PDF beside the page; one that cannot be made is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def write_documents(
    report: StudyReport,
    provenance: Provenance,
    folder: Path,
    failed_figures: Sequence[str],
    fonts: Fonts,
    wanted: Sequence[DocumentFormat],
) -> list[str]:
    """Write report.docx, report.pdf and every table as .docx; return what could not be made, in words.

    Those that can be made name those that cannot, and are made once more for it.
    """
    figures = drawn_figures(report, folder / "figures")
    stems = [figure.stem for drawn in figures.values() for figure in drawn]

    def pictures(kind: str) -> dict[str, bytes]:
        return {stem: (folder / "figures" / f"{stem}.{kind}").read_bytes() for stem in stems}

    def pdf(paper: Paper) -> None:
        (folder / "report.pdf").write_bytes(report_pdf(paper, pictures("svg"), fonts))

    def docx(paper: Paper) -> None:
        (folder / "report.docx").write_bytes(report_docx(paper, pictures("png")))

    def tables(_: Paper) -> None:
        for section in report.sections:
            for table in section.tables:
                (folder / "tables" / f"{section.prefix}{table.name}.docx").write_bytes(table_docx(table))

    writers = {"report.docx": docx, "tables as .docx": tables} if "docx" in wanted else {}
    writers |= {"report.pdf": pdf} if "pdf" in wanted else {}
    failed: dict[str, str] = {}
    while True:
        found = _made(writers, paper_of(report, provenance, figures, failed_figures, tuple(failed.values())))
        if not found:
            return list(failed.values())
        failed |= found
        writers = {name: write for name, write in writers.items() if name not in failed and write is not tables}


def _made(writers: Mapping[str, Callable[[Paper], None]], paper: Paper) -> dict[str, str]:
    """Write documents; return why some could not be made. PDF is set on another thread, without Python's lock."""
    with ThreadPoolExecutor(1) as other:
        away = {name: other.submit(_problem, name, write, paper) for name, write in writers.items() if ".pdf" in name}
        here = {name: _problem(name, write, paper) for name, write in writers.items() if name not in away}
        here |= {name: future.result() for name, future in away.items()}
    return {name: text for name, text in here.items() if text}


def _problem(name: str, write: Callable[[Paper], None], paper: Paper) -> str:
    """Write a document; return why it could not be made, without a message that may quote labels."""
    try:
        write(paper)
    except (OSError, KeyboardInterrupt):
        raise  # nothing can be written: the whole report fails
    except BaseException as error:  # a panic of the typesetter is no Exception
        return f"{name} could not be made ({type(error).__name__})"
    return ""


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
