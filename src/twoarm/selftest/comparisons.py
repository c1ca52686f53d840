"""What tables, ranks, proportions and pooling say of the known samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from twoarm.statistics.contingency import fisher, pearson
from twoarm.statistics.e_value import e_value
from twoarm.statistics.proportions import proportion, proportion_difference
from twoarm.statistics.random_effects import pool_centres
from twoarm.statistics.rank_tests import kruskal_wallis, medians_and_quartiles, wilcoxon
from twoarm.statistics.rubin import pool
from twoarm.statistics.standardised_difference import mean_and_variance
from twoarm.statistics.t_test import t_test

Columns = Mapping[str, Any]
Found = Iterator[tuple[str, float]]


def two_by_two(columns: Columns) -> Found:
    """Three tests of one table, with p-values on both sides of .05."""
    table = columns["table"]
    plain, corrected = pearson(table=table), pearson(table=table, continuity=True)
    yield "pearson", plain.statistic
    yield "pearson_p_value", plain.p_value
    yield "yates", corrected.statistic
    yield "yates_p_value", corrected.p_value
    yield "fisher_p_value", fisher(table=table).p_value


def two_samples(columns: Columns) -> Found:
    """Rank and t tests, with and without ties."""
    values, first = np.array(columns["x"] + columns["y"]), np.repeat([1, 0], [6, 7])
    test = wilcoxon(values=values, treated=first)
    yield "rank_sum", test.statistic
    yield "rank_sum_p_value", test.p_value
    kruskal = kruskal_wallis(values=values, group=first)
    yield "kruskal", kruskal.statistic
    yield "kruskal_p_value", kruskal.p_value
    yield "welch_p_value", t_test(values=values, treated=first).p_value
    yield "student_p_value", t_test(values=values, treated=first, equal_variances=True).p_value
    untied = np.array(columns["u"] + columns["v"])
    yield "rank_sum_exact_p_value", wilcoxon(values=untied, treated=np.repeat([1, 0], [5, 6])).p_value
    ten = np.array(columns["ten"], dtype=np.float64)
    yield "lower_quartile", medians_and_quartiles(ten, np.ones(10, dtype=np.bool_))[0]


def proportions(_: Columns) -> Found:
    """Intervals of one proportion, at its ends too, and of a difference."""
    seven, wilson = proportion(events=7, n=25), proportion(events=7, n=25, interval="wilson")
    yield "clopper_lower", seven.lower
    yield "clopper_upper", seven.upper
    yield "wilson_lower", wilson.lower
    yield "wilson_upper", wilson.upper
    yield "none_upper", proportion(events=0, n=20).upper
    yield "all_lower", proportion(events=20, n=20).lower
    gap = proportion_difference(events_1=56, n_1=70, events_0=48, n_0=80)
    yield "newcombe_lower", gap.lower
    yield "newcombe_upper", gap.upper


def rubin(columns: Columns) -> Found:
    """Five imputations by Rubin's rules, with the degrees of freedom of 1987 and of 1999."""
    known = {"estimates": columns["estimates"], "variances": columns["variances"]}
    found, large = pool(**known, complete_df=97), pool(**known, complete_df=float("inf"))
    yield "estimate", found.estimate
    yield "within", found.within
    yield "between", found.between
    yield "total", found.std_error**2
    yield "increase", found.relative_increase
    yield "degrees_of_freedom", found.degrees_of_freedom
    yield "degrees_of_freedom_large", large.degrees_of_freedom
    yield "fraction_missing", found.fraction_missing
    yield "fraction_missing_large", large.fraction_missing


def bcg(columns: Columns) -> Found:
    """Thirteen trials pooled, by a fixed effect and by REML."""
    vaccinated, ill = np.array(columns["vaccinated"], dtype=float), np.array(columns["vaccinated_ill"], dtype=float)
    others, other_ill = np.array(columns["control"], dtype=float), np.array(columns["control_ill"], dtype=float)
    errors = np.sqrt(1 / ill - 1 / vaccinated + 1 / other_ill - 1 / others)
    found = pool_centres(estimates=np.log(ill / vaccinated / (other_ill / others)), std_errors=errors)
    yield "estimate", found.random.estimate
    yield "tau_squared", found.tau_squared
    yield "q", found.q
    yield "fixed_estimate", found.fixed.estimate
    yield "fixed_std_error", found.fixed.std_error


def e_values(_: Columns) -> Found:
    """The E-value of a risk ratio and of its limit."""
    found = e_value(hazard_ratio=3.9, lower=1.8, upper=8.7, event_share=0.1)
    yield "estimate", found.estimate
    yield "limit", found.limit


def standard_deviations(_: Columns) -> Found:
    """Means and SDs of numbers that differ in their last digits only."""
    for name, middle in (("2", 1.2), ("3", 1_000_000.2), ("4", 10_000_000.2)):
        around = np.tile([middle - 0.1, middle + 0.1], 500)
        mean, variance = mean_and_variance(np.concatenate([[middle], around]))
        yield f"numacc{name}_mean", mean
        yield f"numacc{name}_sd", float(np.sqrt(variance))
