"""Response in weighted samples: weighted rates, their difference and odds ratio, with robust variances."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.cox_model import BY_SET, CROSSED, ROBUST, variance_name
from twoarm.analyses.request import Request
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.counting import frequencies_of
from twoarm.statistics.weighted_proportions import WeightedProportion, weighted_proportions

METHODS = frozenset(f"weighted{variance}" for variance in (ROBUST, BY_SET, CROSSED))
LOGIT = "weighted, robust variance on the logit"
DIFFERENCE = ("difference", "difference_lower", "difference_upper")
ODDS = ("odds_ratio", "odds_ratio_lower", "odds_ratio_upper")
ALL_ALIKE = "nobody or everybody in an arm"


def write_weighted(request: Request, ledger: Ledger, yes: Booleans, counts: Booleans) -> None:
    """Write one yes/no outcome of the weighted arms: patients counted, everything else weighted."""
    adjusted = request.adjusted
    for label, arm in request.arms:
        ledger.add("n", adjusted.count(yes & arm & counts), arm=label)
    contrast = ledger.within(arm=request.contrast, method=f"weighted{variance_name(request)}")
    if adjusted.pair is not None:
        contrast.add("pairs", int(np.unique(adjusted.pair[counts]).size))
    with contrast.estimating(*DIFFERENCE, "p_value"):
        found = weighted_proportions(
            outcome=yes[counts],
            treated=adjusted.treated[counts],
            weight=adjusted.weight[counts],
            cluster=None if adjusted.pair is None else adjusted.pair[counts],
            crossed=adjusted.row[counts] if adjusted.repeated else None,
            frequency=frequencies_of(counts, adjusted.frequency),
            confidence_level=request.protocol.confidence_level,
        )
        for label, side in (
            (request.population.treated, found.treated),
            (request.population.comparator, found.comparator),
        ):
            _rate(ledger.within(arm=label, unit="%"), side)
        gap = (found.difference, found.difference_lower, found.difference_upper)
        for statistic, value in zip(DIFFERENCE, gap, strict=True):
            inside = float(np.clip(value, -1.0, 1.0))
            note = found.variance_note if inside == value else "cut at 100%"
            contrast.add(statistic, 100 * inside, unit="%", note=note)
        contrast.add("difference_se", 100 * found.difference_se, unit="%")
        odds = (found.odds_ratio, found.odds_ratio_lower, found.odds_ratio_upper)
        for statistic, value in zip(ODDS, odds, strict=True):
            contrast.add(statistic, value, note="" if np.isfinite(value) else ALL_ALIKE)
        contrast.add("p_value", found.p_value)


def _rate(ledger: Ledger, side: WeightedProportion) -> None:
    ledger.add("weighted_percent", 100 * side.proportion)
    ledger.add("weighted_percent_se", 100 * side.std_error)
    for statistic, value in (("weighted_percent_lower", side.lower), ("weighted_percent_upper", side.upper)):
        ledger.add(statistic, 100 * value, method=LOGIT, note="" if np.isfinite(value) else ALL_ALIKE)
