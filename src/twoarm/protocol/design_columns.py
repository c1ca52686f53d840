"""Which columns the design reads: arms, criteria, covariates, time zero; everything else may be outcome."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.expression import column_names
from twoarm.protocol.protocol import Protocol


def design_columns(protocol: Protocol) -> frozenset[str]:
    """Return the declared and derived columns that decide who is compared, and with whom."""
    wanted: set[str] = set()
    waiting = list(_named(protocol))
    while waiting:
        name = waiting.pop()
        if name in wanted:
            continue
        wanted.add(name)
        if name in protocol.derived:
            waiting += column_names(protocol.parse(protocol.derived[name]))
    return frozenset(wanted)


def _named(protocol: Protocol) -> Iterator[str]:
    if protocol.timeline is not None:  # a birth that cannot be changes who is compared
        found = protocol.timeline
        yield from (name for name in (found.birth, found.age, found.sex) if name is not None)
    for population in protocol.populations.values():
        yield population.arms.column
        if population.time_zero is not None:
            yield population.time_zero
        for criterion in population.criteria:
            yield from column_names(protocol.parse(criterion.expression))
    for name, covariate in protocol.covariates.items():
        yield covariate.source or name
    for adjustment in protocol.adjustments.values():
        column = getattr(adjustment, "order_column", None)
        yield from (*getattr(adjustment, "exact", ()), *((column,) if column is not None else ()))
