"""What must be told beside an estimate: few centres, a negative control that moved, adjustments that disagree."""

from __future__ import annotations

import math

from twoarm.analyses.request import Request
from twoarm.protocol.adjustment import Unadjusted
from twoarm.protocol.choices import WarningName
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.random_effects import FEW_CENTRES

NEAR_ONE = 0.1  # log hazard ratios closer to 0 than this take no side
APART = 1.3  # largest over smallest hazard ratio


def sensitivity_warnings(request: Request) -> None:
    """Read the rows of one adjustment and write the warnings that follow from them."""
    context = request.ledger.context
    sample = (context.population, context.missing, context.adjustment)
    rows = [row for row in request.ledger.rows if (row.population, row.missing, row.adjustment) == sample]
    for row in rows:
        if row.analysis == "centres" and row.parameter == "with an estimate":
            if row.value is not None and row.value < FEW_CENTRES:
                _warn(request, "few_centres", row, int(row.value))
        elif _moved(request, row, rows):
            _warn(request, "negative_control", row, row.value)


def _moved(request: Request, row: Estimate, rows: list[Estimate]) -> bool:
    """Whether a row is a negative control's headline hazard ratio in a designed sample, and its interval excludes 1."""
    endpoint = request.population.endpoints.get(row.endpoint)
    if endpoint is None or not endpoint.negative_control or not request.adjusted.designed:
        return False
    if (row.analysis, row.statistic, row.arm, row.variable) != ("hazard_ratio", "hazard_ratio", request.contrast, ""):
        return False
    kin = [one for one in rows if (one.analysis, one.endpoint, one.arm) == (row.analysis, row.endpoint, row.arm)]
    if row is not next(one for one in kin if one.statistic == "hazard_ratio"):
        return False
    limits = {one.statistic: one.value for one in kin if one.method == row.method}
    lower, upper = limits.get("hazard_ratio_lower"), limits.get("hazard_ratio_upper")
    return lower is not None and upper is not None and (lower > 1 or upper < 1)


def _warn(request: Request, name: WarningName, row: Estimate, value: float | None) -> None:
    note = request.protocol.acknowledge.get(name, "")
    request.ledger.add(name, value, arm=row.arm, endpoint=row.endpoint, note=note)


def adjustments_disagree(protocol: Protocol, population: StudyPopulation, ledger: Ledger) -> None:
    """Warn when the declared adjustments give the primary endpoint hazard ratios that lie apart."""
    endpoint, context = protocol.primary_endpoint, ledger.context
    contrast = f"{population.treated} vs {population.comparator}"
    found: dict[str, float] = {}
    for row in ledger.rows:
        place = (row.population, row.missing, row.analysis, row.endpoint, row.arm, row.variable, row.statistic)
        if place == (context.population, context.missing, "hazard_ratio", endpoint, contrast, "", "hazard_ratio"):
            section = population.adjustments.get(row.adjustment)
            if section is not None and not isinstance(section, Unadjusted) and row.value:
                found.setdefault(row.adjustment, float(row.value))
    if len(found) < 2:
        return
    smallest, largest = min(found.values()), max(found.values())
    sides = math.log(smallest) < -NEAR_ONE and math.log(largest) > NEAR_ONE
    if sides or largest / smallest > APART:
        primary = protocol.primary_adjustment if protocol.primary_adjustment in found else next(iter(found))
        here = ledger.within(analysis="warning", adjustment=primary, endpoint=endpoint, arm=contrast)
        note = protocol.acknowledge.get("adjustments_disagree", "")
        here.add("adjustments_disagree", largest / smallest, note=note)
