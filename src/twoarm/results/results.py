"""The ledger: immutable rows that tables, figures and reports quote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from twoarm.results.curve import Curve
from twoarm.results.estimate import FIELDS, Estimate
from twoarm.results.patient_row import PatientRow

_INDEXED = ("population", "missing", "adjustment", "analysis")
"""Fields by which rows are sorted first; only the few that answer are sorted by others, and when they are asked for."""
_Fields = tuple[tuple[str, str], ...]  # names and values


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All estimates and curves of a study, in the order in which they were made."""

    estimates: tuple[Estimate, ...]
    curves: tuple[Curve, ...]
    patients: tuple[PatientRow, ...]  # empty unless the protocol asks for patient-level rows
    _found: dict[tuple[_Fields, tuple[str, ...]], dict[tuple[str, ...], list[Estimate]]] = field(default_factory=dict)

    @classmethod
    def of(cls, estimates: Iterable[Estimate], curves: Iterable[Curve], patients: Iterable[PatientRow] = ()) -> Results:
        """Freeze rows; two rows with one id would make a quotation ambiguous, and are our own bug."""
        rows, series = tuple(estimates), tuple(curves)
        for ids in ([row.id for row in rows], [curve.id for curve in series]):
            repeated = {name for name in ids if ids.count(name) > 1} if len(set(ids)) < len(ids) else set()
            assert not repeated, f"ids are unique in the ledger; repeated: {sorted(repeated)[:3]}"
        return cls(rows, series, tuple(patients))

    def select(self, **wanted: str) -> tuple[Estimate, ...]:
        """Return the rows whose fields equal those given, in order."""
        first = {name: wanted[name] for name in _INDEXED if name in wanted}
        rest = {name: value for name, value in wanted.items() if name not in first}
        few = self._answering(self.estimates, (), first)
        return tuple(self._answering(few, tuple(first.items()), rest))

    def _answering(self, rows: Sequence[Estimate], known: _Fields, wanted: Mapping[str, str]) -> Sequence[Estimate]:
        """Return those of the rows that answer to ``known`` which answer to more; sorted by these fields once."""
        if not wanted:
            return rows
        key = known, tuple(wanted)
        if key not in self._found:
            found: dict[tuple[str, ...], list[Estimate]] = {}
            for row in rows:
                found.setdefault(tuple([getattr(row, name) for name in wanted]), []).append(row)
            self._found[key] = found
        return self._found[key].get(tuple(wanted.values()), ())

    def find(self, **wanted: str) -> Estimate | None:
        """Return the one row with these fields, or None; more than one is ambiguous and an error of ours."""
        rows = self.select(**wanted)
        assert len(rows) <= 1, f"{len(rows)} ledger rows answer to {wanted}"
        return rows[0] if rows else None

    def get(self, **wanted: str) -> Estimate:
        """Return the one row with these fields; it must be there."""
        row = self.find(**wanted)
        assert row is not None, f"no ledger row answers to {wanted}"
        return row

    def curve(self, **wanted: str) -> Curve | None:
        """Return the one curve with these fields, or None."""
        found = [c for c in self.curves if all(getattr(c, name) == value for name, value in wanted.items())]
        assert len(found) <= 1, f"{len(found)} curves answer to {wanted}"
        return found[0] if found else None

    def to_frame(self) -> Any:
        """Return the rows as a Polars frame, one column a field, ``id`` first."""
        import polars as pl

        columns: dict[str, list[Any]] = {"id": [row.id for row in self.estimates]}
        columns |= {name: [getattr(row, name) for row in self.estimates] for name in FIELDS}
        columns["value"] = [None if row.value is None else float(row.value) for row in self.estimates]
        return pl.DataFrame(columns)

    def estimates_json(self) -> str:
        """Return the rows as JSON, one row a line."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        rows = [encode({"id": row.id, **{name: getattr(row, name) for name in FIELDS}}) for row in self.estimates]
        return "[\n" + ",\n".join(rows) + "\n]\n"

    def curves_json(self) -> str:
        """Return the curves as JSON, one curve a line."""
        series = [json.dumps({"id": curve.id, **_curve_fields(curve)}, ensure_ascii=False) for curve in self.curves]
        return "[\n" + ",\n".join(series) + "\n]\n"


def _curve_fields(curve: Curve) -> dict[str, Any]:
    return {each.name: getattr(curve, each.name) for each in fields(curve)}


def read_results(folder: str | Path) -> Results:
    """Read the ledger of an output folder back."""
    place = Path(folder)
    return parse_results((place / "results.json").read_text("utf-8"), (place / "curves.json").read_text("utf-8"))


def parse_results(estimates: str, curves: str) -> Results:
    """Return results from the two JSON texts that they are written as."""
    rows, series = json.loads(estimates), json.loads(curves)
    for row in (*rows, *series):
        row.pop("id")
    found = [Curve(**{**c, "columns": {k: tuple(v) for k, v in c["columns"].items()}}) for c in series]
    return Results.of([Estimate(**row) for row in rows], found)
