"""Table 1: who the patients are, in all and by arm, with a test for each covariate."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.describe import describe
from twoarm.analyses.request import Request
from twoarm.cohort.covariates import CategoricalValues, CovariateValues
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.contingency import SIMULATIONS, test_counts
from twoarm.statistics.rank_tests import wilcoxon
from twoarm.statistics.t_test import t_test

TABLE_TESTS = {
    "pearson": "Pearson chi-squared",
    "fisher": "Fisher exact",
    "fisher_simulated": f"Fisher exact, simulated with {SIMULATIONS:,} draws",
}
RANK_TESTS = {
    "exact": "Wilcoxon rank-sum, exact",
    "normal": "Wilcoxon rank-sum, normal with continuity correction",
}


def baseline(request: Request) -> None:
    """Describe every covariate and test it between the arms."""
    ledger = request.ledger
    covariates = request.covariates()
    for label, rows in request.arms:
        ledger.add("n", int(rows.sum()), arm=label)
        for covariate in covariates.values():
            describe(ledger.within(arm=label), covariate, rows)
    treated = request.adjusted.treated
    for name, covariate in covariates.items():
        with ledger.estimating("p_value", variable=name, arm=request.contrast):
            method, p_value, simulation_se = _test(covariate, treated, request.protocol.analyses.baseline.continuous)
            here = ledger.within(variable=name, arm=request.contrast, method=method)
            here.add("p_value", p_value)
            if simulation_se:
                here.add("p_value_simulation_se", simulation_se)


def _test(covariate: CovariateValues, treated: Booleans, continuous: str) -> tuple[str, float, float]:
    """Return (method, p-value, Monte Carlo standard error of the p-value)."""
    if isinstance(covariate, CategoricalValues):
        k = len(covariate.levels)
        table = np.column_stack([np.bincount(covariate.codes[arm], minlength=k) for arm in (treated, ~treated)])
        counts = test_counts(table=table)
        return TABLE_TESTS[counts.method], counts.p_value, counts.p_std_error
    if continuous == "mean":
        return "Welch t", t_test(values=covariate.values, treated=treated).p_value, 0.0
    ranks = wilcoxon(values=covariate.values, treated=treated)
    return RANK_TESTS[ranks.method], ranks.p_value, 0.0
