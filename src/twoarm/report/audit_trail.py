"""What was done to the records, step by step: one line each, tied to the line before it by its hash.

Who ran a study and when is not said, so that the same run gives the same bytes; when a design was locked or amended
stands in the lock, and hashes of the files that were read in the manifest. Counts are those of the ledger: what is
suppressed there is null here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from twoarm.results.estimate import Estimate
from twoarm.results.provenance import CellStep, Provenance
from twoarm.results.results import Results

FILE = "audit.jsonl"

Entry = dict[str, Any]


def audit_trail(
    results: Results, provenance: Provenance, cells: Iterable[CellStep] = (), amendments: Sequence[str] = ()
) -> str:
    """Return the trail of a run as lines of JSON, each with its own hash and that of the one before it."""
    steps = [_entry("protocol", "amendment", note=text) for text in amendments]
    steps += [_entry("records", "read", one.file, after=one.rows) for one in provenance.inputs]
    steps += [
        _entry("cells", one.rule, f"{one.where}, {one.column}", after=one.cells, note=one.outcome) for one in cells
    ]
    steps += [*_cohort(results), *_outcomes(results)]
    always = {"tool": f"twoarm {dict(provenance.versions)['twoarm']}", "protocol_sha256": provenance.protocol_sha256}
    return chained({**always, **step} for step in steps)


def chained(entries: Iterable[Entry]) -> str:
    """Return entries as numbered lines of which each carries the hash of the line before it, and its own."""
    lines, previous = [], ""
    for number, entry in enumerate(entries):
        told = {"number": number, **entry, "previous": previous}
        previous = _digest(told)
        lines.append(json.dumps({**told, "sha256": previous}, ensure_ascii=False) + "\n")
    return "".join(lines)


def broken_links(text: str) -> Iterator[str]:
    """Yield where a trail is not what was written: a line that was edited, taken out, put in or moved.

    Lines that were taken off the end are told by the hash of the whole file in the manifest.

    >>> trail = chained([{"step": "records"}, {"step": "cohort"}])
    >>> list(broken_links(trail)), list(broken_links(trail.splitlines()[1]))
    ([], ['entry 0 is not what it was when it was written'])
    """
    previous = ""
    for number, line in enumerate(text.splitlines()):
        try:
            entry = json.loads(line)
            own = entry.pop("sha256")
            right = entry["number"] == number and entry["previous"] == previous and own == _digest(entry)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            right, own = False, ""
        if not right:
            yield f"entry {number} is not what it was when it was written"
            return
        previous = own


def _digest(entry: Entry) -> str:
    return hashlib.sha256(json.dumps(entry, ensure_ascii=False, sort_keys=True).encode("utf-8")).hexdigest()


def _entry(step: str, rule: str, where: str = "", *, note: str = "", before: Any = None, after: Any = None) -> Entry:
    return {
        "step": step,
        "rule": rule,
        "where": where,
        "n_before": before,
        "n_after": after,
        "note": note,
    }


def _cohort(results: Results) -> Iterator[Entry]:
    """Every step of eligibility, and then of each strategy for missing values, with how many it left."""
    rows = [row for row in results.select(analysis="attrition", arm="all") if row.statistic == "remaining"]
    left: dict[tuple[str, str], float | None] = {}
    for row in rows:
        where, start = (row.population, row.missing), left.get((row.population, ""))
        yield _entry(
            "cohort", row.variable, "/".join(filter(None, where)), before=left.get(where, start), after=row.value
        ) | {"note": row.variable_level}
        left[where] = row.value


def _outcomes(results: Results) -> Iterator[Entry]:
    for row in results.estimates:
        if row.analysis in ("endpoint", "events") and row.status != "suppressed" and row.value:
            where = f"{row.population}/{row.endpoint or row.variable}"
            yield _entry("outcomes", row.statistic, where, after=row.value, note=row.variable_level)
        elif _is_undone(row):
            where = "/".join(filter(None, (row.population, row.missing, row.adjustment, row.endpoint)))
            yield _entry("analyses", row.status, where, note=row.note)


def _is_undone(row: Estimate) -> bool:
    return row.status == "failed" or row.analysis == "adjustment"
