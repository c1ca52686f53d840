"""Response rates, differences and odds ratios of m imputations -> one each by Rubin's rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twoarm.analyses.imputed import RUBIN, Imputed, write_pooled
from twoarm.analyses.response import CLUSTERED, DIFFERENCE, ODDS, write_limit
from twoarm.analyses.weighted_response import METHODS
from twoarm.errors import NotEstimableError
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.rubin import Pooled, pool, pool_proportion

POOLED = METHODS | {CLUSTERED}
NAMES = {"rubin-logit": "logit", "wilson": "Wilson"}


def pool_rate(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the logit of a response rate."""
    events = imputed.peek(template, statistic="n", unit="", method="")
    patients = imputed.peek(template, statistic="n", variable="", unit="")
    imputed.take(template)
    if events is None or patients is None or min(patients) == 0:
        write_pooled(ledger, template, None, note=imputed.without(template))
        return
    found = pool_proportion(events=events, n=patients, confidence_level=imputed.protocol.confidence_level)
    name = NAMES[found.interval]
    write_pooled(ledger, template, 100 * found.proportion, note=f"{RUBIN}, {name}")
    method = f"{name}, {RUBIN}"
    write_pooled(ledger, template, 100 * found.lower, statistic="percent_lower", method=method)
    write_pooled(ledger, template, 100 * found.upper, statistic="percent_upper", method=method)


def pool_weighted_rate(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the logit of a weighted response rate."""
    percents, errors = (imputed.take(template, statistic=s) for s in ("weighted_percent", "weighted_percent_se"))
    patients = imputed.peek(template, statistic="n", variable="", unit="")
    if percents is None or errors is None or patients is None or not all(0 < p < 100 for p in percents):
        reason = "nobody or everybody in an imputation" if percents else imputed.without(template)
        write_pooled(ledger, template, None, note=reason)
        return
    shares = np.divide(percents, 100)
    slopes = 1 / (shares * (1 - shares))
    logits, spreads = np.log(shares / (1 - shares)), slopes * np.divide(errors, 100)
    found = _pooled(imputed, logits.tolist(), spreads.tolist(), min(patients))
    write_pooled(ledger, template, 100 * _expit(found.estimate), note=f"{RUBIN}, logit")
    for side, value in (("lower", found.lower), ("upper", found.upper)):
        name = f"weighted_percent_{side}"
        write_pooled(ledger, template, 100 * _expit(value), statistic=name, method=f"logit, {RUBIN}")


def _expit(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def _complete_size(imputed: Imputed, template: Estimate) -> list[float] | None:
    """Return how many independent units a comparison rests on in each imputation: pairs, matched sets, or patients."""
    pairs = imputed.peek(template, statistic="pairs", unit="")
    return pairs or imputed.peek(template, statistic="n", variable="", unit="", method="", arm="all")


def pool_difference(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on a difference of proportions; its test takes the place of McNemar's, which cannot be pooled."""
    gaps = imputed.peek(template)
    errors = imputed.take(template, statistic="difference_se")
    for statistic in DIFFERENCE:
        imputed.take(template, statistic=statistic)
    if template.method not in POOLED:
        return  # the comparison clustered by pair stands for the one that ignores the pairs
    pairs = _complete_size(imputed, template)
    if gaps is None or errors is None or pairs is None:
        write_pooled(ledger, template, None, note=imputed.without(template))
        return
    here = replace(ledger, context=replace(template, method=f"{template.method}, {RUBIN}", note="", status="ok"))
    try:
        found = _pooled(imputed, gaps, errors, min(pairs))
    except NotEstimableError as error:
        here.add("difference", float(np.mean(gaps)), note="mean over the imputations")
        here.not_estimable("difference_lower", "difference_upper", "p_value", reason=str(error))
        return
    here.add("difference", found.estimate)
    write_limit(here, "difference_lower", found.lower)
    write_limit(here, "difference_upper", found.upper)
    here.add("difference_se", found.std_error)
    here.add("p_value", found.p_value, unit="")


def pool_odds_ratio(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the log odds, its standard error read off the Wald limits."""
    ratios, lower, upper = (imputed.take(template, statistic=statistic) for statistic in ODDS)
    if template.method not in POOLED:
        return  # the comparison clustered by pair stands for the one that ignores the pairs
    pairs = _complete_size(imputed, template)
    if ratios is None or lower is None or upper is None or pairs is None:
        write_pooled(ledger, template, None, note=imputed.without(replace(template, statistic=ODDS[1])))
        return
    errors = np.log(np.divide(upper, lower)) / (2 * normal_quantile(imputed.protocol.confidence_level))
    found = _pooled(imputed, np.log(ratios).tolist(), errors.tolist(), min(pairs))
    values = np.exp([found.estimate, found.lower, found.upper]).tolist()
    for statistic, value in zip(ODDS, values, strict=True):
        write_pooled(ledger, template, value, statistic=statistic, method=f"{template.method}, {RUBIN}")


def _pooled(imputed: Imputed, estimates: list[float], errors: list[float], pairs: float) -> Pooled:
    """Complete-data degrees of freedom: whole pairs, or patients, less one."""
    level = imputed.protocol.confidence_level
    variances = np.square(errors)
    return pool(estimates=estimates, variances=variances, complete_df=max(pairs - 1, 1.0), confidence_level=level)
