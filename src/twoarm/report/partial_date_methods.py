"""What is done about dates without a day or a month, in words."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.column import DateColumn
from twoarm.protocol.protocol import Protocol
from twoarm.report.sentences import listed

_DAYS = {"first": "the first day", "middle": "the middle (the 15th, or 1 July)", "last": "the last day"}


def partial_date_methods(protocol: Protocol) -> Iterator[str]:
    """Say which dates are completed, by which rule, and that the hazard ratios are estimated without them, too."""
    rules: dict[str, list[str]] = {}
    for source in protocol.data.values():
        for part in source.parts():
            for name, column in part.columns.items():
                if isinstance(column, DateColumn) and column.partial != "hold":
                    names = rules.setdefault(column.partial, [])
                    names.extend([name] if name not in names else [])
    if not rules:
        return
    said = [f"{_DAYS[rule]} of the month or year in {listed(names)}" for rule, names in rules.items()]
    yield (
        f"Dates without a day or a month were completed: {'; '.join(said)}. Where an endpoint rests on such dates, its "
        "hazard ratios were estimated again with these dates held, so that the patients leave the endpoint (sensitivity "
        "analysis)."
    )
