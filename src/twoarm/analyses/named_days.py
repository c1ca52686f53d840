"""Times that the protocol states in its unit, in days and by the names that the ledger gives them."""

from __future__ import annotations

from collections.abc import Sequence

from twoarm.protocol.protocol import Protocol


def named_days(protocol: Protocol, times: Sequence[float], rounded: bool) -> dict[str, float]:
    """Return times in days by their names, such as ``6 months``; rounded where the endpoint's days were."""
    days = {f"{time:.10g} {protocol.time_unit}": time * protocol.unit_days for time in times}
    return {name: float(round(day)) if rounded else day for name, day in days.items()}
