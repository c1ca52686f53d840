"""The rows of m imputations -> one row each: Rubin's rules where there is an estimate, means and ranges for counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from twoarm.analyses.balance import SEPARATED
from twoarm.analyses.imputed import D2, Imputed, cell_of, write_pooled
from twoarm.analyses.pooled_gap import pool_gap
from twoarm.analyses.pooled_incidence import pool_incidence_curves
from twoarm.analyses.pooled_normal import HAZARD, pool_mean, pool_mean_gap, pool_ratio, pool_subdistribution
from twoarm.analyses.pooled_response import pool_difference, pool_odds_ratio, pool_rate, pool_weighted_rate
from twoarm.analyses.pooled_survival import pool_survival
from twoarm.analyses.response import MCNEMAR
from twoarm.analyses.weighted_response import METHODS as WEIGHTED
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.protocol import Protocol
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.rubin import pool_chi_squared

MEANS = frozenset(
    {"percent", "median", "q1", "q3", "minimum", "maximum", "mean", "sd", "variance_ratio", "kolmogorov_smirnov"}
    | {"unmatched_percent", "caliper_width", "smd", "weighted_percent", "sum_of_weights", "effective_sample_size"}
    | {"effective_percent", "smallest_weight", "largest_weight", "truncation_limit_below", "truncation_limit_above"}
    | {"partners_per_set", "largest_partner_percent"}
)
COUNTS = frozenset(
    {"n", "events", "competing_events", "centres", "pairs", "unmatched", "held", "truncated_below", "truncated_above"}
    | {"sets_by_partners", "distinct_partners", "most_used_partner", "at_risk", "lost_events", "lost_censored"}
)
NOT_POOLED = "differs between the imputations and has no pooling rule"
NO_TEST_RULE = "a test without a pooling rule"


def pool_rows(
    protocol: Protocol, endpoints: Mapping[str, TimeToEvent], scratches: Sequence[Ledger], ledger: Ledger
) -> None:
    """Write the pooled rows and curves of one adjusted cohort.

    A cell that is the same in every imputation does not depend on what was missing and stays as it is. Source: Rubin
    (1987); Barnard and Rubin (1999); Li, Meng, Raghunathan and Rubin (1991) for D2; Marshall et al. (2009).
    """
    imputed = Imputed.of(protocol, scratches)
    curves = pool_survival(protocol, endpoints, scratches, ledger)
    curves |= pool_incidence_curves(protocol, endpoints, scratches, ledger)
    for template in imputed.in_order():
        if template.id in imputed.done:
            continue
        failed = [row for row in imputed.found(template) if row is not None and row.status == "failed"]
        if template.id in curves:
            pooled = curves[template.id]
            ledger.rows.extend([pooled] if pooled is not None else [])
        elif not imputed.touched(template):
            ledger.rows.append(template)
        elif failed:
            ledger.rows.append(failed[0])
        else:
            _RULES.get(template.statistic, _plain)(imputed, ledger, template)


def _plain(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Keep what is alike; means, and ranges of counts; anything else has no rule."""
    found, statistic = imputed.found(template), template.statistic
    if all(row == template for row in found):
        ledger.rows.append(template)
        return
    if any(row is not None and row.note == SEPARATED for row in found):
        write_pooled(ledger, template, None, note=SEPARATED)
        return
    values = imputed.peek(template)
    pooled_curve_only = template.analysis == "survival" and statistic == "median"
    if values is None or pooled_curve_only or statistic not in MEANS | COUNTS | {"largest_absolute_smd"}:
        write_pooled(ledger, template, None, note=imputed.without(template) or NOT_POOLED)
    elif statistic == "largest_absolute_smd":
        write_pooled(ledger, template, max(values), note="largest over the imputations")
    else:
        write_pooled(ledger, template, float(np.mean(values)), note="mean over the imputations")
        _write_spread(ledger, template, values)


def _write_spread(ledger: Ledger, template: Estimate, values: Sequence[float]) -> None:
    statistic = template.statistic
    if statistic in COUNTS:
        write_pooled(ledger, template, int(min(values)), statistic=f"{statistic}_minimum")
        write_pooled(ledger, template, int(max(values)), statistic=f"{statistic}_maximum")
    elif statistic == "smd":
        largest = max(values, key=abs)
        write_pooled(ledger, template, largest, statistic="smd_largest", note="largest over the imputations")


def _hazard_ratio(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the log hazard; complete-data degrees of freedom from the model."""
    if not pool_ratio(imputed, ledger, template, HAZARD):
        _plain(imputed, ledger, template)


def _superseded(imputed: Imputed, _: Ledger, template: Estimate) -> None:
    """Limits of single imputations, where pooled ones stand beside their estimate."""
    imputed.done.add(template.id)


def _p_value(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """D2 where the test has a chi-squared statistic; exact tests and those by rank cannot be pooled."""
    kin = _kin(imputed, template)
    if kin:
        _not_one_test(imputed, ledger, template, kin)
        return
    statistics = imputed.take(template, statistic="chi_squared")
    freedom = imputed.take(template, statistic="degrees_of_freedom")
    imputed.take(template, statistic="p_value_simulation_se")
    if template.method == MCNEMAR or template.method in WEIGHTED:
        return  # the pooled difference has its own test
    if (
        imputed.take(template) is not None
        and statistics is None
        and all(r == template for r in imputed.found(template))
    ):
        ledger.rows.append(template)
    elif statistics is None or freedom is None:
        write_pooled(ledger, template, None, note=imputed.without(template) or NO_TEST_RULE)
    elif len(set(freedom)) > 1:
        write_pooled(ledger, template, None, note="degrees of freedom differ between the imputations")
    else:
        found = pool_chi_squared(statistics=statistics, degrees_of_freedom=int(freedom[0]))
        write_pooled(ledger, template, found.p_value, method=f"{template.method}, {D2}")


def _test(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """A statistic of a test, or its degrees of freedom: the test is pooled as a whole."""
    imputed.done.add(template.id)
    _p_value(imputed, ledger, replace(template, statistic="p_value"))


def _kin(imputed: Imputed, template: Estimate) -> list[Estimate]:
    """Return the tests of one question of which each stands in some imputations only; none if one stands in all."""
    if None not in imputed.found(template):
        return []
    cell = cell_of(template)
    tests = [r for rows in imputed.rows for r in rows.values() if r.statistic == "p_value" and cell_of(r) == cell]
    return [row for row in tests if None in imputed.found(row)]


def _not_one_test(imputed: Imputed, ledger: Ledger, template: Estimate, kin: Sequence[Estimate]) -> None:
    for row in kin:
        for statistic in ("p_value", "chi_squared", "degrees_of_freedom", "p_value_simulation_se"):
            imputed.take(row, statistic=statistic)
    times = Counter(row.method or "no test" for row in kin)
    which = ", ".join(f"{method} in {count}" for method, count in times.items())
    note = f"not one test in all {len(imputed.rows)} imputations: {which}"
    write_pooled(ledger, template, None, method="", note=note)


def _percent(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """A response rate has an interval; any other percentage is described."""
    rate = template.analysis == "response" and template.variable != "best_response"
    (pool_rate if rate else _plain)(imputed, ledger, template)


def _weighted_percent(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    rate = template.analysis == "response" and template.variable != "best_response"
    (pool_weighted_rate if rate else _plain)(imputed, ledger, template)


_RULES: Mapping[str, Callable[[Imputed, Ledger, Estimate], None]] = {
    "hazard_ratio": _hazard_ratio,
    "subdistribution_hazard_ratio": pool_subdistribution,
    "restricted_mean": pool_mean,
    "restricted_mean_difference": pool_mean_gap,
    "difference": pool_difference,
    "survival_difference": pool_gap,
    "odds_ratio": pool_odds_ratio,
    "percent": _percent,
    "weighted_percent": _weighted_percent,
    "weighted_percent_lower": _superseded,
    "weighted_percent_upper": _superseded,
    "p_value": _p_value,
    "chi_squared": _test,
    "degrees_of_freedom": _test,
    "percent_lower": _superseded,
    "percent_upper": _superseded,
}
