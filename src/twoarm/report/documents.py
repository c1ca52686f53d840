"""Word and PDF beside the page; one that cannot be made is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
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

Files = dict[str, bytes]


class Documents:
    """Word and PDF on their way: tables need no figure, PDF no pixels, and PDF is set on another thread.

    typst works without Python's lock.
    """

    def __init__(
        self,
        report: StudyReport,
        provenance: Provenance,
        folder: Path,
        fonts: Fonts,
        wanted: Sequence[DocumentFormat],
    ) -> None:
        self._report, self._provenance, self._folder, self._fonts = report, provenance, folder, fonts
        self._wanted = wanted
        self._failed: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(1)
        self._begun: tuple[Paper, Future[Files]] | None = None

    def __enter__(self) -> Documents:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def write_tables(self) -> None:
        """Write every table as .docx."""

        def tables() -> Files:
            return {
                f"tables/{section.prefix}{table.name}.docx": table_docx(table)
                for section in self._report.sections
                for table in section.tables
            }

        self._write({"tables as .docx": tables} if "docx" in self._wanted else {})

    def begin(self) -> None:
        """Begin with the PDF once all of its figures are there, as if nothing were to fail any more."""
        if "pdf" in self._wanted:
            self._set(self._paper(()))

    def finish(self, failed_figures: Sequence[str]) -> list[str]:
        """Write report.docx and report.pdf; return which documents could not be made, in words.

        Those that can be made name those that cannot, and are made once more for it.
        """
        makers = {"report.docx": self._docx} if "docx" in self._wanted else {}
        makers |= {"report.pdf": self._pdf} if "pdf" in self._wanted else {}
        failed = -1
        while failed < len(self._failed):
            failed = len(self._failed)
            paper = self._paper(failed_figures)
            made: dict[str, Callable[[], Files]] = {
                name: partial(make, paper) for name, make in makers.items() if name not in self._failed
            }
            if "report.pdf" in made:
                made["report.pdf"] = self._set(paper).result
            self._write(made)
        return list(self._failed.values())

    def _write(self, makers: Mapping[str, Callable[[], Files]]) -> None:
        """Write documents; keep why some could not be made, without a message that may quote labels."""
        for name, make in makers.items():
            try:
                files = make()
            except (OSError, KeyboardInterrupt):
                raise
            except BaseException as error:  # a panic of the typesetter is no Exception
                self._failed[name] = f"{name} could not be made ({type(error).__name__})"
                continue
            for path, content in files.items():  # what cannot be written fails the whole report, not the document
                (self._folder / path).write_bytes(content)

    def _set(self, paper: Paper) -> Future[Files]:
        """Return the PDF that is being set already, if it is of this paper."""
        if self._begun is None or self._begun[0] != paper:
            self._begun = paper, self._thread.submit(self._pdf, paper)
        return self._begun[1]

    def _paper(self, failed_figures: Sequence[str]) -> Paper:
        figures = drawn_figures(self._report, self._folder / "figures")
        return paper_of(self._report, self._provenance, figures, failed_figures, tuple(self._failed.values()))

    def _pdf(self, paper: Paper) -> Files:
        return {"report.pdf": report_pdf(paper, self._pictures(paper, "svg"), self._fonts)}

    def _docx(self, paper: Paper) -> Files:
        return {"report.docx": report_docx(paper, self._pictures(paper, "png"))}

    def _pictures(self, paper: Paper, kind: str) -> dict[str, bytes]:
        stems = [block.stem for block in paper.blocks if isinstance(block, NumberedFigure)]
        return {stem: (self._folder / "figures" / f"{stem}.{kind}").read_bytes() for stem in stems}


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
