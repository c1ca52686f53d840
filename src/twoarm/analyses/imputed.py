"""The rows of one adjusted cohort in each of m imputations, and how a pooled row is written in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np

from twoarm.protocol.protocol import Protocol
from twoarm.results.estimate import FIELDS, Estimate
from twoarm.results.ledger import Ledger

RUBIN, D2 = "Rubin's rules", "pooled by D2"


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """The rows of each imputation, found by id; ids that are done with; cells that nothing missing has touched."""

    protocol: Protocol
    rows: Sequence[Mapping[str, Estimate]]
    unchanged: frozenset[tuple[str, ...]]
    done: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, protocol: Protocol, scratches: Sequence[Ledger]) -> Imputed:
        """Index the ledgers of the imputations."""
        rows = [{row.id: row for row in scratch.rows} for scratch in scratches]
        first = {cell: tuple(found) for cell, found in _cells(rows[0]).items()}
        others = [_cells(imputation) for imputation in rows[1:]]
        same = (cell for cell, found in first.items() if all(tuple(other.get(cell, ())) == found for other in others))
        return cls(protocol, rows, frozenset(same))

    def in_order(self) -> Iterator[Estimate]:
        """Yield one row of each id that is not done with yet, in the order of the first imputation that has it."""
        first: dict[str, Estimate] = {}
        for imputation in self.rows:
            for name, row in imputation.items():
                if name not in first or first[name].value is None:
                    first[name] = row
        return (row for name, row in first.items() if name not in self.done)

    def found(self, template: Estimate) -> list[Estimate | None]:
        """Return a row in every imputation."""
        name = template.id
        return [rows.get(name) for rows in self.rows]

    def peek(self, template: Estimate, **changes: str) -> list[float] | None:
        """Return a row's value in every imputation, None unless all have one."""
        wanted = replace(template, **changes).id  # type: ignore[arg-type]
        found = [rows.get(wanted) for rows in self.rows]
        numbers = [float(row.value) for row in found if row is not None and row.value is not None]
        return numbers if len(numbers) == len(self.rows) else None

    def take(self, template: Estimate, **changes: str) -> list[float] | None:
        """Return a row's values as ``peek`` does, and mark the row as done."""
        self.done.add(replace(template, **changes).id)  # type: ignore[arg-type]
        return self.peek(template, **changes)

    def touched(self, template: Estimate) -> bool:
        """Whether any number of the row's cell depends on what was missing."""
        return cell_of(template) not in self.unchanged

    def without(self, template: Estimate) -> str:
        """Say in how many imputations a row has no value; the reason itself if all share it; empty if in none."""
        found = self.found(template)
        reasons = {row.note if row is not None and row.value is None else "" for row in found}
        if len(reasons) == 1 and reasons != {""}:
            return reasons.pop()
        lacking = sum(row is None or row.value is None for row in found)
        return f"not estimable in {lacking} of {len(self.rows)} imputations" if lacking else ""


cell_of: Callable[[Estimate], tuple[str, ...]] = attrgetter(
    *(name for name in FIELDS if name not in ("statistic", "method", "unit", "value", "note", "status"))
)
"""Return what the numbers of one cell share: an estimate with its limits and test, a count with its percentage."""


def _cells(rows: Mapping[str, Estimate]) -> dict[tuple[str, ...], list[Estimate]]:
    cells: dict[tuple[str, ...], list[Estimate]] = {}
    for row in rows.values():
        cells.setdefault(cell_of(row), []).append(row)
    return cells


def write_pooled(ledger: Ledger, template: Estimate, value: float | None, **changes: object) -> None:
    """Write a row in the place of a template's."""
    here = replace(ledger, context=replace(template, value=None, note="", status="ok", statistic=""))
    statistic = changes.pop("statistic", template.statistic)
    here.add(str(statistic), value, **changes)


def or_infinite(value: float) -> str:
    """Return the note of a number that may be infinite."""
    return "" if np.isfinite(value) else "infinite"
