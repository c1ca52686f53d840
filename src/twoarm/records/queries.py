"""Questions to the hospitals: one a row and rule that is broken, told apart from those that were answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from twoarm.errors import Problem
from twoarm.records.findings import Finding, shown_key, split_place
from twoarm.records.typed_column import PARTIAL

State = Literal["new", "open", "resolved"]


@dataclass(frozen=True, slots=True)
class Query:
    """A place in a hospital's file that breaks a rule; no cell's value."""

    id: str
    file: str
    key: str  # patient
    row: int | None
    column: str
    what: str
    remedy: str
    outcome: str  # refused, held or warned
    state: State = "new"
    answer: str = ""  # what the hospital wrote in an earlier workbook
    sheet: str = ""
    centre: str = ""  # whom to ask, where the protocol's files do not tell
    rule: str = ""


def queries_of(
    findings: Iterable[Finding], problems: Iterable[Problem], centres: Mapping[str, str] | None = None
) -> Iterator[Query]:
    """Yield a query for each row of each finding, and for each file that cannot be read; ``centres`` by patient key."""
    known = centres or {}
    for problem in problems:
        name = _name(problem.where, "", problem.key, problem.found)
        file, sheet = split_place(problem.where)
        told = (problem.key, problem.found, problem.expected, "refused")
        yield Query(name, file, "", None, *told, sheet=sheet, rule=problem.rule)
    for finding in findings:
        if finding.outcome == "normalised" and finding.rule != PARTIAL:
            continue  # what was converted by declaration is no question; a completed date could be better known
        file, sheet = split_place(finding.where)
        for position, row in enumerate(finding.rows):
            key = shown_key(finding.keys[position]) if finding.keys else ""
            # a row moves when the hospital sorts its file; a patient does not
            name = _name(finding.file, key or str(row), finding.column, finding.rule)
            told = (finding.column, finding.what, finding.remedy, finding.outcome)
            yield Query(name, file, key, row, *told, sheet=sheet, centre=known.get(key, ""), rule=finding.rule)


def compared(now: Iterable[Query], before: Iterable[Query]) -> list[Query]:
    """Return the queries of now, new or open since before, and those of before that are not found any more."""
    known = {query.id: query for query in before}
    current: dict[str, Query] = {}
    for query in now:
        old = known.get(query.id)
        asked = replace(query, state="open", answer=old.answer) if old and old.state != "resolved" else query
        current.setdefault(query.id, asked)
    gone = [replace(query, state="resolved") for query in known.values() if query.id not in current]
    return [*current.values(), *gone]


def as_json(queries: Iterable[Query]) -> list[dict[str, Any]]:
    """Return queries as they are kept between runs."""
    return [asdict(query) for query in queries]


def from_json(rows: Iterable[Mapping[str, Any]]) -> list[Query]:
    """Return the queries of an earlier run."""
    return [Query(**row) for row in rows]


def _name(*parts: str) -> str:
    return "Q-" + hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:8]
