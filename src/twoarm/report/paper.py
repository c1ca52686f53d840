"""The report as a paper: one list of blocks, which Word and PDF lay out alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from twoarm.report.sentences import Sentence
from twoarm.report.study_report import ReportSection, StudyReport
from twoarm.report.table_layout import TableLayout, layout_of
from twoarm.results.provenance import Provenance
from twoarm.tables.table import Row, Table, plain

_NO_CHARACTER = re.compile("[^\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CAUTION = (
    "This is an observational comparison: treatment was not assigned at random, and only measured covariates were "
    "adjusted for."
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first or second level."""

    text: str
    level: Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What a reader must not miss: a title and paragraphs, set off from the text."""

    kind: Literal["key", "warning"]
    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberedTable:
    """A table and its number; no number where it is no result."""

    number: int | None
    table: Table
    layout: TableLayout

    @property
    def lead(self) -> str:
        """The number as it stands in the caption."""
        return f"Table {self.number}." if self.number else ""


@dataclass(frozen=True, slots=True)
class NumberedFigure:
    """A figure, its number, and the stem of its files."""

    number: int
    title: str
    described: str  # for those who do not see it
    stem: str

    @property
    def lead(self) -> str:
        """The number as it stands in the caption."""
        return f"Figure {self.number}."


Block = Heading | Paragraph | Panel | Bullets | NumberedTable | NumberedFigure


@dataclass(frozen=True, slots=True)
class FigureFile:
    """A figure that was drawn."""

    stem: str
    title: str


@dataclass(frozen=True, slots=True)
class Paper:
    """Title, line below it, and all blocks."""

    title: str
    byline: str
    blocks: tuple[Block, ...]


def paper_of(
    report: StudyReport,
    provenance: Provenance,
    figures: Mapping[str, Sequence[FigureFile]],
    failed_figures: Sequence[str] = (),
    failed_documents: Sequence[str] = (),
) -> Paper:
    """Return the paper; figures by the prefix of their section."""
    version = dict(provenance.versions)["twoarm"]
    blocks = [*_summary(report, failed_figures, failed_documents), *_methods(report)]
    tables = figure_count = 0
    for section in report.sections:
        drawn = figures.get(section.prefix, ())
        blocks += _results(section, drawn, tables, figure_count)
        tables, figure_count = tables + len(section.tables), figure_count + len(drawn)
    blocks += _data(report, provenance)
    return Paper(report.title, f"Two-arm, observational, time-to-event study · twoarm {version}", tuple(blocks))


def printable(text: str) -> str:
    """Return a text without tabs and control characters, which neither Word nor PDF can show.

    >>> printable("a\\tb\\x01\\r\\nc")
    'a b?\\nc'
    """
    return _NO_CHARACTER.sub("?", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def joined(sentences: Sequence[Sentence]) -> str:
    """Return sentences as one text."""
    return " ".join(sentence.text for sentence in sentences)


def _summary(report: StudyReport, failed_figures: Sequence[str], failed_documents: Sequence[str]) -> Iterator[Block]:
    several = len(report.sections) > 1
    if report.notices:
        yield Panel("warning", "About this document", tuple(report.notices))
    broken = [f"{row.id}: {row.status.replace('_', ' ')} ({row.note})" for row in report.incomplete]
    broken += [*(f"figure {name}: failed" for name in failed_figures), *failed_documents]
    if broken:  # before all else, so that it stands on the first page
        yield Panel("warning", "Analyses that did not complete", tuple(broken))
    for number, section in enumerate(report.sections):
        title = section.title if several else "Primary analysis" if number == 0 else ""
        yield Panel("key", title, (section.headline.text,))
        if section.warnings:
            lead = f"Read this first: {section.title}" if several else "Read this first"
            yield Panel("warning", lead, tuple(warning.text for warning in section.warnings))
    if report.doubtful:
        yield Panel("warning", "Read this first: the records", report.doubtful)
    if report.amendments:
        yield Panel("warning", "Lock and amendments of the protocol", report.amendments)
    yield Paragraph(CAUTION)


def _methods(report: StudyReport) -> Iterator[Block]:
    yield Heading("Methods", 1)
    for heading, paragraphs in report.methods:
        yield Heading(heading, 2)
        for text in paragraphs:
            yield Paragraph(text)


def _results(section: ReportSection, drawn: Sequence[FigureFile], tables: int, figures: int) -> Iterator[Block]:
    yield Heading(f"Results: {section.title}", 1)
    for paragraph in section.results:
        yield Paragraph(joined(paragraph))
    yield Heading("Tables", 2)
    for number, table in enumerate(section.tables, tables + 1):
        yield NumberedTable(number, table, layout_of(table))
    if drawn:
        yield Heading("Figures", 2)
    for number, figure in enumerate(drawn, figures + 1):
        described = f"{figure.title}. {section.title}; its numbers stand in the tables of this report."
        yield NumberedFigure(number, figure.title, described, figure.stem)


def _rows(rows: int | None, count: Callable[[float], str]) -> str:
    """The number of rows, unless it may not be told."""
    return "" if rows is None else f"{count(rows)} rows, "


def _data(report: StudyReport, provenance: Provenance) -> Iterator[Block]:
    yield Heading("Data and provenance", 1)
    if report.data_notes:
        yield Heading("Findings in the records", 2)
        yield Paragraph("Rows and patients are named by twoarm check, for those who hold the records.")
        yield Bullets(tuple(note.text for note in report.data_notes))
    count = report.sections[0].scope.numbers.count
    pairs = [(file.file, f"{_rows(file.rows, count)}{len(file.columns)} columns used") for file in provenance.inputs]
    pairs.append(("Protocol", f"SHA-256 {provenance.protocol_sha256}"))
    pairs.append(("Seed", "none needed" if provenance.seed is None else str(provenance.seed)))
    pairs += provenance.versions
    rows = tuple(Row(plain(what, which)) for what, which in pairs)
    table = Table("inputs", "Inputs and software", ("What", "Which"), rows)
    layout = layout_of(table)
    yield NumberedTable(
        None, table, TableLayout(False, 8.5, (110.0, sum(layout.widths) - 110.0), ("left", "left"), True)
    )
    yield Paragraph(
        "Every number is quoted from results.json; the hashes of all inputs and outputs stand in manifest.json. Both "
        "are beside this document."
    )


def pages(blocks: Sequence[Block]) -> list[tuple[bool, list[Block]]]:
    """Return blocks in runs of (turned, blocks); headings go with the table that they stand above."""
    runs: list[tuple[bool, list[Block]]] = []
    headings: list[Block] = []
    for block in blocks:
        if isinstance(block, Heading):
            headings.append(block)
            continue
        turned = isinstance(block, NumberedTable) and block.layout.turned
        if not runs or runs[-1][0] != turned:
            runs.append((turned, []))
        runs[-1][1].extend([*headings, block])
        headings = []
    return runs
