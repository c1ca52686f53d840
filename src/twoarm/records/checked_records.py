"""Typed tables -> one frame of patients and frames of their events, with what contradicts itself held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twoarm.errors import RecordsError
from twoarm.protocol.protocol import Protocol
from twoarm.records.derived_variables import add_derived
from twoarm.records.endpoint_findings import endpoint_findings
from twoarm.records.event_findings import event_findings
from twoarm.records.findings import Finding, refused
from twoarm.records.joined_tables import join_tables, strangers
from twoarm.records.level_matching import match_levels
from twoarm.records.rules import Teller
from twoarm.records.timeline import check_timeline
from twoarm.records.typed_table import KEY, TypedTable


@dataclass(frozen=True, slots=True, eq=False)
class CheckedRecords:
    """One row a patient, rows of events of known patients, and what was found; dates are day numbers."""

    patients: Any
    events: Mapping[str, Any]
    findings: list[Finding]


def check_records(
    protocol: Protocol,
    tables: Mapping[str, TypedTable],
    frames: Mapping[str, Any],
    teller: Teller,
    columns: frozenset[str] | None = None,
    *,
    refuse: bool = True,
) -> CheckedRecords:
    """Join the tables, match levels, check the timeline, add derived variables; look at endpoints and events.

    Args:
        protocol: what is declared.
        tables: typed, by name, in the protocol's order.
        frames: their rows, dates as day numbers, in memory or with an engine.
        teller: says which rows.
        columns: these columns of the patients were read, and nothing that became of them.
        refuse: whether records that must be refused are.

    Raises:
        RecordsError: what contradicts itself must be refused.
    """
    own = [tables[name] for name in protocol.data]
    frame, findings = join_tables(protocol, own, frames, teller)
    frame, matched = match_levels(protocol, frame, own, teller)
    frame, contradicted = check_timeline(protocol, frame, own, teller, complete=columns is None)
    findings += [*matched, *contradicted]
    problems = refused(findings)
    if columns is None:
        findings += teller.implausible(protocol)
    if problems and refuse:
        raise RecordsError(problems)
    frame = add_derived(protocol, frame, columns)
    spine, events = own[0], {}
    for name in protocol.events:
        if name in tables:
            findings += strangers(spine, frame, tables[name], frames[name], protocol.events[name].key, teller)
            events[name] = frames[name].join(frame.select(KEY), on=KEY, how="semi")
    rows = {name: (tables[name], frames[name]) for name in events}
    findings += event_findings(protocol, frame, rows, teller)
    if columns is None:
        findings += endpoint_findings(protocol, frame, own, teller)
    return CheckedRecords(frame, events, findings)
