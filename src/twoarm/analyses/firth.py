"""Firth's hazard ratio beside one without a finite estimate, as of an arm without events."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.cox_model import STATISTICS, of_cause, offset_of
from twoarm.analyses.request import Observed, Request
from twoarm.design.design_matrix import DesignMatrix
from twoarm.results.ledger import Ledger
from twoarm.statistics.firth_cox import fit_firth_cox

METHOD = "Cox, Firth's penalty, Breslow ties, profile likelihood"
NO_LIMIT = "the profile has no limit on this side"


def write_firth(request: Request, ledger: Ledger, observed: Observed, design: DesignMatrix) -> None:
    """Write the arm's penalised hazard ratio with its profile limits and penalised likelihood ratio test.

    The penalty has no form for sampling weights; in matched samples it ignores the pairs, and the method says so.
    """
    if observed.weight is not None:
        return
    pairs = ", ignoring the pairs" if observed.pair is not None else ""
    known = "" if request.population.offset is None else f", offset {request.population.offset}"
    here = ledger.within(arm=request.contrast, method=of_cause(METHOD + known + pairs, observed))
    with here.estimating(*STATISTICS):
        fit = fit_firth_cox(
            time=observed.time,
            event=observed.event,
            covariates=design.values,
            names=design.names,
            offset=offset_of(request, observed),
            frequency=observed.frequency,
            confidence_level=request.protocol.confidence_level,
            profiled=[0],
        )
        with np.errstate(over="ignore"):
            ratios = np.exp([fit.coefficients[0], fit.lower[0], fit.upper[0]]).tolist()
        for statistic, value in zip(STATISTICS, (*ratios, float(fit.p_values[0])), strict=True):
            here.add(statistic, value, note="" if np.isfinite(value) else fit.reasons[0] or NO_LIMIT)
