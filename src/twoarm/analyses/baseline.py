"""Table 1: who the patients are, in all and by arm, with a test for each covariate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np

from twoarm.analyses.describe import describe, write_counts
from twoarm.analyses.request import Request
from twoarm.cohort.covariates import CategoricalValues, CovariateValues
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.contingency import SIMULATIONS, CountTest, test_counts
from twoarm.statistics.counting import counted
from twoarm.statistics.rank_tests import wilcoxon
from twoarm.statistics.standardised_difference import counts_by_arm
from twoarm.statistics.t_test import t_test

TABLE_TESTS = {
    "pearson": "Pearson chi-squared",
    "yates": "Pearson chi-squared with continuity correction",
    "fisher": "Fisher exact",
    "fisher_simulated": f"Fisher exact, simulated with {SIMULATIONS:,} draws",
}
RANK_TESTS = {
    "exact": "Wilcoxon rank-sum, exact",
    "normal": "Wilcoxon rank-sum, normal with continuity correction",
}


def baseline(request: Request) -> None:
    """Describe every covariate and test it between the arms; weighted arms are judged by differences, not tests."""
    request = request.by_patient()
    ledger, weight = request.ledger, request.adjusted.weights
    covariates = request.covariates()
    treated, frequency = request.adjusted.treated, request.adjusted.frequency
    counts = cache(partial(_counts, covariates, treated, counted(None, frequency)))
    for place, (label, rows) in enumerate(request.arms):
        ledger.add("n", request.adjusted.count(rows), arm=label)
        for name, covariate in covariates.items():
            make = partial(describe, ledger.within(arm=label), covariate, rows, weight, frequency)
            if weight is None and isinstance(covariate, CategoricalValues):
                make = partial(_write_counts, ledger.within(arm=label), covariate, counts, place)
            request.write(("baseline", label, name), [name], make)
    if weight is not None:
        return
    for name, covariate in covariates.items():
        here = ledger.within(variable=name, arm=request.contrast)
        request.write(("baseline", "test", name), [name], partial(_test, request, here, covariate, counts))


def _counts(
    covariates: Mapping[str, CovariateValues], treated: Booleans, frequency: Floats | None, name: str
) -> Integers:
    """Count the levels of a covariate in all, in the treated and in the comparator arm, shape (3, levels)."""
    covariate = covariates[name]
    assert isinstance(covariate, CategoricalValues), "levels are counted"
    comparator, own = counts_by_arm(covariate.codes, treated, len(covariate.levels), frequency).astype(np.int64)
    return np.stack([comparator + own, own, comparator])


def _write_counts(ledger: Ledger, covariate: CategoricalValues, counts: Callable[[str], Integers], place: int) -> None:
    write_counts(ledger, covariate, counts(covariate.name)[place])


def _test(request: Request, ledger: Ledger, covariate: CovariateValues, counts: Callable[[str], Integers]) -> None:
    treated, frequency = request.adjusted.treated, request.adjusted.frequency
    with ledger.estimating("p_value"):
        if isinstance(covariate, CategoricalValues):
            table = counts(covariate.name)[1:].T
            write_count_test(ledger, test_counts(table=table, continuity=request.protocol.conventions.yates))
        elif request.protocol.analyses.baseline.continuous == "mean":
            test = t_test(values=covariate.values, treated=treated, frequency=frequency)
            ledger.add("p_value", test.p_value, method="Welch t")
        else:
            ranks = wilcoxon(values=covariate.values, treated=treated, frequency=frequency)
            ledger.add("p_value", ranks.p_value, method=RANK_TESTS[ranks.method])


def write_count_test(ledger: Ledger, test: CountTest, suffix: str = "") -> None:
    """Write a test of counts: its p-value, and the chi-squared statistic or the error of a simulation it rests on."""
    here = ledger.within(method=TABLE_TESTS[test.method] + suffix)
    here.add("p_value", test.p_value)
    if np.isfinite(test.statistic):
        here.add("chi_squared", test.statistic)
        here.add("degrees_of_freedom", test.degrees_of_freedom)
    if test.p_std_error:
        here.add("p_value_simulation_se", test.p_std_error)
