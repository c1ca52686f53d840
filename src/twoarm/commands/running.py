"""A study from its file, or from a manifest, to an output folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twoarm.commands.exit_codes import INTERNAL, NOT_ESTIMABLE, OK, tell

OF_ORDER = frozenset({"visits_unsorted"})  # findings of the order of rows, which changes nothing

if TYPE_CHECKING:
    from twoarm.commands.progress import Progress
    from twoarm.protocol.protocol import Protocol
    from twoarm.records.records import Records
    from twoarm.report.figure_helper import FigureHelper
    from twoarm.results.ledger import Ledger


def run_and_publish(
    protocol: Protocol,
    records: Records,
    out: Path,
    *,
    replace: bool,
    say: Progress,
    helper: FigureHelper,
    amendments: Sequence[str] = (),
    folder: Path | None = None,
    secret: bytes | None = None,
) -> int:
    """Run a study and write its output folder; return the exit code.

    ``amendments``: what a lock says, in words. ``folder``: where the records lie, which must not change meanwhile.
    ``secret``: under which patient keys are hashed, where the protocol says so.
    """
    from twoarm.commands.freed_memory import keep_freed_memory
    from twoarm.study import primary_status, provenance_of, run_study

    keep_freed_memory(max((one.rows or 0 for one in records.inputs), default=0))

    def draw_ahead(ledger: Ledger, between: bool) -> None:
        if protocol.disclosure.minimum_cell <= 1:  # else the whole ledger decides what may be seen
            helper.draw_ahead(protocol, ledger.rows, ledger.curves, between=between)

    results = run_study(protocol, records, progress=say, step=say.step, so_far=draw_ahead)
    status = primary_status(protocol, results)
    if status == "failed":
        tell("internal error: the primary analysis failed; nothing was written", err=True)
        return INTERNAL
    if folder is not None:
        from twoarm.records.records import refuse_changed

        refuse_changed(protocol, records, folder)
    say("writing tables, figures and report")
    from twoarm.records.findings import cell_steps
    from twoarm.report.publish import write_report

    counts = protocol.disclosure.minimum_cell <= 1
    notes = published_notes(records, counts=counts)
    provenance = provenance_of(protocol, records)
    write_report(
        protocol,
        results,
        provenance,
        out,
        data_notes=notes,
        amendments=amendments,
        replace=replace,
        helper=helper,
        warn=_warning,
        secret=secret,
        cells=cell_steps(records.findings, counts=counts),
    )
    if status == "not_estimable":
        tell("The primary analysis is not estimable; the report says why.", err=True)
        return NOT_ESTIMABLE
    return OK


def data_notes(records: Records) -> list[str]:
    """Findings that did not stop the study, in words, by row and patient key; for those who hold the data."""
    return [finding.note() for finding in records.findings]


def published_notes(records: Records, *, counts: bool = True) -> list[str]:
    """The same for a report: no rows and no keys, with counts where these may be told.

    A report is the same whatever the order of the rows, so that it does not say which order they had either.
    """
    told = (finding for finding in records.findings if finding.rule not in OF_ORDER)
    return list(dict.fromkeys(finding.note(counts=counts, rows=False) for finding in told))


def _warning(text: str) -> None:
    tell(f"warning: {text}", err=True)
