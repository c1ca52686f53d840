"""What stands in a report, before it has a layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twoarm.protocol.protocol import Protocol
from twoarm.report.methods_text import methods_text
from twoarm.report.results_text import headline, results_text
from twoarm.report.sentences import Sentence
from twoarm.report.warnings_text import warnings_text
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results
from twoarm.tables.all_tables import all_tables
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope, scopes
from twoarm.tables.table import Table


@dataclass(frozen=True, slots=True)
class ReportSection:
    """One population under one strategy."""

    prefix: str  # of its files; "" for the first
    title: str
    scope: Scope
    headline: Sentence
    warnings: list[Sentence]
    results: list[list[Sentence]]  # paragraphs
    tables: list[Table]


FIRST_PAGE = ("[months_for_days].", "[two_units].")


@dataclass(frozen=True, slots=True)
class DataNote:
    """A finding of the records, in words; its rule stands in brackets at the end."""

    text: str


@dataclass(frozen=True, slots=True)
class StudyReport:
    """The whole report."""

    title: str
    methods: list[tuple[str, list[str]]]
    sections: list[ReportSection]
    data_notes: list[DataNote]
    incomplete: list[Estimate]  # analyses that failed or could not be made
    amendments: tuple[str, ...] = ()  # the lock of the protocol, and every later edit
    notices: tuple[str, ...] = ()  # about the documents themselves, such as a font that is missing

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Findings of the records that put the results themselves in doubt, and stand on the first page, too."""
        return tuple(note.text for note in self.data_notes if note.text.endswith(FIRST_PAGE))


def compose(
    protocol: Protocol, results: Results, data_notes: Sequence[str], amendments: Sequence[str] = ()
) -> StudyReport:
    """Put the report together from the protocol and the ledger."""
    sections = []
    for position, scope in enumerate(scopes(protocol, results)):
        several = len(scope.population.missing) > 1
        strategy = f", {in_sentence(scope.population.missing[scope.missing].label)}" if several else ""
        prefix = "" if position == 0 else f"{scope.population.name}-" + (f"{scope.missing}-" if several else "")
        sections.append(
            ReportSection(
                prefix=prefix,
                title=f"{scope.population.label}{strategy}",
                scope=scope,
                headline=headline(scope),
                warnings=warnings_text(scope),
                results=results_text(scope),
                tables=all_tables(scope),
            )
        )
    return StudyReport(
        title=protocol.title,
        methods=methods_text(protocol),
        sections=sections,
        data_notes=[DataNote(note) for note in [*_endpoint_notes(protocol, results), *data_notes]],
        amendments=tuple(amendments),
        incomplete=[row for row in results.estimates if row.status == "failed" or row.analysis == "adjustment"],
    )


def _endpoint_notes(protocol: Protocol, results: Results) -> list[str]:
    notes = []
    for row in results.estimates:
        if row.analysis == "endpoint" and row.value:
            label = protocol.endpoints[row.endpoint].label
            what = f"held out: {row.variable_level}" if row.statistic == "held" else "cut back to the data cut-off"
            notes.append(f"{label}: {row.value} patients {what}.")
        elif row.analysis == "events" and row.value:
            what = {"response": "Response visits", "safety": "Adverse events"}[row.variable]
            notes.append(f"{what}: {row.value} not counted ({row.variable_level}).")
    return notes
