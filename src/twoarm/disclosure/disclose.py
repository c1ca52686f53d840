"""Suppression of small cells over the whole ledger, in one step, before anything is written.

Primary: a count from 1 to one below the declared minimum, and every number calculated from it. Secondary: where one
level of a variable, or one arm, is hidden and the total is known, the next smallest is hidden with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from twoarm.protocol.output import Disclosure
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results

COUNTS = frozenset(
    {
        "n",
        "events",
        "excluded",
        "excluded_unknown",
        "remaining",
        "analysed",
        "held",
        "pairs",
        "unmatched",
        "cut_back_to_data_cutoff",
    }
)
NOTE = "suppressed: small cell"

_Cell = tuple[str, ...]


def disclose(disclosure: Disclosure, ledger: Ledger) -> Results:
    """Freeze the ledger, with what may not leave taken out."""
    minimum = disclosure.minimum_cell
    if minimum <= 1:
        return Results.of(ledger.rows, ledger.curves, ledger.patients)
    hidden = {_cell(row) for row in ledger.rows if _is_small(row, minimum)}
    hidden |= _secondary(ledger.rows, hidden)
    rows = [_suppress(row) if _cell(row) in hidden or _depends(row, hidden) else row for row in ledger.rows]
    return Results.of(rows, [_cut(curve, minimum) for curve in ledger.curves], ledger.patients)


def _cell(row: Estimate) -> _Cell:
    """What the numbers of one cell share: a count, its percentage and the estimates within it."""
    statistic = row.statistic if row.statistic in COUNTS - {"n", "events"} else ""
    return (
        row.population,
        row.missing,
        row.adjustment,
        row.analysis,
        row.endpoint,
        row.variable,
        row.variable_level,
        row.arm,
        statistic,
    )


def _is_small(row: Estimate, minimum: int) -> bool:
    return row.statistic in COUNTS and row.value is not None and 0 < row.value < minimum


def _depends(row: Estimate, hidden: set[_Cell]) -> bool:
    """A contrast, or a test, of arms of which one is hidden at this very variable and level."""
    if " vs " not in row.arm:
        return False
    arms = {cell[7] for cell in hidden if cell[:7] == _cell(row)[:7]}
    return bool(arms)


def _secondary(rows: Iterable[Estimate], hidden: set[_Cell]) -> set[_Cell]:
    """Hide a second cell wherever one hidden cell could be told from a total."""
    added: set[_Cell] = set()
    for together in (6, 7):  # levels of a variable add up within an arm; arms add up within a level
        families: dict[_Cell, dict[_Cell, float]] = {}
        for row in rows:
            if row.statistic in COUNTS and row.value is not None:
                cell = _cell(row)
                families.setdefault((*cell[:together], "*", *cell[together + 1 :]), {})[cell] = float(row.value)
        for cells in families.values():
            if sum(cell in hidden or cell in added for cell in cells) == 1 and len(cells) > 1:
                rest = {cell: n for cell, n in cells.items() if cell not in hidden and cell not in added and n > 0}
                parts = {cell: n for cell, n in rest.items() if cell[7] != "all"} or rest
                if parts:
                    added.add(min(parts, key=lambda cell: (parts[cell], cell)))
    return added


def _suppress(row: Estimate) -> Estimate:
    return row if row.value is None else replace(row, value=None, status="suppressed", note=NOTE)


def _cut(curve: Curve, minimum: int) -> Curve:
    """End a survival curve where fewer are at risk than may be shown; hide small bars of a histogram."""
    columns = dict(curve.columns)
    if curve.kind == "survival":
        shown = sum(1 for count in columns["at_risk"] if count is not None and count >= minimum)
        return replace(curve, columns={name: values[:shown] for name, values in columns.items()})
    for name in ("all", "matched"):
        columns[name] = tuple(0.0 if value is not None and 0 < value < minimum else value for value in columns[name])
    return replace(curve, columns=columns)
