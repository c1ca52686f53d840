"""Differences of survival of m imputations -> one by Rubin's rules."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.imputed import RUBIN, Imputed, or_infinite, write_pooled
from twoarm.analyses.survival_difference import GAP, SE
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.rubin import pool


def pool_gap(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the difference; complete-data degrees of freedom from pairs or patients."""
    gaps, errors = imputed.peek(template), imputed.take(template, statistic=SE)
    freedom = imputed.take(template, statistic="degrees_of_freedom", unit="")
    for statistic in (*GAP, "p_value"):
        imputed.take(template, statistic=statistic)
    if gaps is None or errors is None or freedom is None:
        write_pooled(ledger, template, None, note=imputed.without(template))
        return
    found = pool(
        estimates=gaps,
        variances=np.square(errors),
        complete_df=max(min(freedom), 1.0),
        confidence_level=imputed.protocol.confidence_level,
    )
    method = {"method": f"{template.method}, {RUBIN}"}
    for statistic, value in zip((*GAP, SE), (found.estimate, found.lower, found.upper, found.std_error), strict=True):
        write_pooled(ledger, template, value, statistic=statistic, **method, note=or_infinite(value))
    freedom_now = found.degrees_of_freedom
    note = or_infinite(freedom_now)
    write_pooled(ledger, template, freedom_now, statistic="degrees_of_freedom", unit="", **method, note=note)
    write_pooled(ledger, template, found.p_value, statistic="p_value", unit="", **method)
