"""What the second process is told: lines of JSON with what the ledger has grown by; nothing in them could run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_helper import Part
from twoarm.results.curve import MOST_EVENTS, Curve
from twoarm.results.estimate import FIELDS, Estimate
from twoarm.results.results import Results

Ledger = tuple[Sequence[Estimate], Sequence[Curve]]
_ROW = attrgetter(*FIELDS)
_CURVE = attrgetter(*(each.name for each in fields(Curve)))


@dataclass(frozen=True, slots=True)
class Task:
    """A ledger so far, and what is finished of it; where figures go is known when all is finished."""

    protocol: Protocol
    results: Results
    ended: frozenset[Part] = frozenset()
    place: Mapping[str, Any] | None = None


def line_of(protocol: Protocol, ledger: Ledger, before: Ledger, what: Mapping[str, object]) -> str:
    """Return a task as one line, without what it shares with the one before.

    >>> from twoarm.results.estimate import Estimate
    >>> row = Estimate("balance")
    >>> _shared([row, Estimate("baseline")], [row])
    1
    """
    rows, curves = (_shared(now, then) for now, then in zip(ledger, before, strict=True))
    task = {
        "protocol": protocol.model_dump_json() if not before[0] else None,
        "shared": (rows, curves),
        "rows": [_ROW(row) for row in ledger[0][rows:]],
        "curves": [_CURVE(_drawn(curve)) for curve in ledger[1][curves:]],
        **what,
    }
    return json.dumps(task) + "\n"


def task_of(line: bytes, before: Task | None) -> Task:
    """Return the task of a line and of the one before it."""
    told = json.loads(line)
    rows, curves = told["shared"]
    known = before.results if before is not None else Results((), (), ())
    estimates = (*known.estimates[:rows], *(Estimate(*row) for row in told["rows"]))
    series = (*known.curves[:curves], *map(_curve, told["curves"]))
    if told["protocol"] is None:
        assert before is not None, "the first task has the protocol"
        protocol = before.protocol
    else:
        protocol = Protocol.model_validate_json(told["protocol"], strict=False)
    ended = frozenset(Part(*part) for part in told.get("ended", ()))
    return Task(protocol, Results(estimates, series, ()), ended, told.get("place"))


def _shared(now: Sequence[object], before: Sequence[object]) -> int:
    """Return how many entries at the beginning are the very same; all of those before, or none."""
    same = len(now) >= len(before) and all(one is other for one, other in zip(now, before, strict=False))
    return len(before) if same else 0


def _drawn(curve: Curve) -> Curve:
    """Return what is drawn of a curve."""
    return curve.sampled(MOST_EVENTS) if curve.kind == "schoenfeld" else curve


def _curve(values: Sequence[Any]) -> Curve:
    curve = Curve(*values)
    return replace(curve, columns={name: tuple(column) for name, column in curve.columns.items()})
