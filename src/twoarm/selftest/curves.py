"""What the survival curves and their comparisons say of the known samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from twoarm.errors import NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.cumulative_incidence import fit_cumulative_incidence, incidence_at
from twoarm.statistics.exact_cox import fit_exact_cox
from twoarm.statistics.fine_gray import fit_fine_gray
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.gray_test import gray_test
from twoarm.statistics.kaplan_meier import IntervalType, KaplanMeier, fit_kaplan_meier, survival_at
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.restricted_mean import restricted_mean
from twoarm.statistics.survival_quantile import survival_quantile

Columns = Mapping[str, Any]
Found = Iterator[tuple[str, float]]


def freireich(columns: Columns) -> Found:
    """Curves, medians, restricted means, log-rank tests and Cox models of two arms."""
    time, event, control = (np.array(columns[name]) for name in ("time", "event", "control"))
    arms = {"": control == 0, "control_": control == 1}
    mercaptopurine = fit_kaplan_meier(time=time[arms[""]], event=event[arms[""]])
    placebo = fit_kaplan_meier(time=time[arms["control_"]], event=event[arms["control_"]])
    for weeks in (6, 10, 23):
        yield from _point(f"km_{weeks}", mercaptopurine, weeks)
    yield from _point("control_km_8", placebo, 8)
    limits = survival_at(mercaptopurine, 10)
    yield "km_10_lower", limits.lower
    yield "km_10_upper", limits.upper
    for interval in _types("log", "plain"):
        limits = survival_at(fit_kaplan_meier(time=time[arms[""]], event=event[arms[""]], interval=interval), 10)
        yield f"km_10_{interval}_lower", limits.lower
        yield f"km_10_{interval}_upper", limits.upper
    for prefix, rows in arms.items():
        for interval in _types("log", "log-log"):
            km = fit_kaplan_meier(time=time[rows], event=event[rows], interval=interval)
            yield from _median(f"{prefix}median_{interval.replace('-', '')}", km)
        reversed_km = fit_kaplan_meier(time=time[rows], event=1 - event[rows], interval="log")
        yield from _median(f"{prefix}follow_up", reversed_km)
        yield from _rmst(f"{prefix}rmst", fit_kaplan_meier(time=time[rows], event=event[rows]), 20)
    yield from _log_rank(time, event, control)
    yield "peto_chi_squared", log_rank(time=time, event=event, arm=control, rho=1).statistic
    yield from _freireich_models(time, event, control)


def _freireich_models(time: Any, event: Any, control: Any) -> Found:
    sample = {"time": time, "event": event, "covariates": control}
    efron = fit_cox(**sample)
    for ties, fit in (
        ("breslow", fit_cox(**sample, ties="breslow")),
        ("efron", efron),
        ("exact", fit_exact_cox(**sample)),
    ):
        yield f"{ties}_coefficient", float(fit.coefficients[0])
        yield f"{ties}_std_error", float(fit.std_errors[0])
        yield f"{ties}_null_log_likelihood", fit.null_log_likelihood
        yield f"{ties}_log_likelihood", fit.log_likelihood
        yield f"{ties}_likelihood_ratio", fit.likelihood_ratio_test()[0]
        yield f"{ties}_score", fit.score_statistic
    yield "zph_km", float(proportional_hazards_test(efron).statistic[0])
    yield "zph_identity", float(proportional_hazards_test(efron, transform="identity").statistic[0])
    yield "concordance", efron.concordance()
    yield "firth_coefficient", float(fit_firth_cox(**sample).coefficients[0])


def aml(columns: Columns) -> Found:
    """Curves, quartiles, restricted means, log-rank test and Cox models of two arms."""
    time, event, arm = (np.array(columns[name]) for name in ("time", "event", "not_maintained"))
    yield from _log_rank(time, event, arm)
    for prefix, rows in (("", arm == 0), ("not_", arm == 1)):
        km = fit_kaplan_meier(time=time[rows], event=event[rows])
        yield from _rmst(f"{prefix}rmst", km, 30)
        yield f"{prefix}quartile_1", survival_quantile(km, quantile=0.25).time
        yield f"{prefix}quartile_3", survival_quantile(km, quantile=0.75).time
        for interval in _types("log", "log-log", "plain"):
            curve = fit_kaplan_meier(time=time[rows], event=event[rows], interval=interval)
            yield from _median(f"{prefix}median_{interval.replace('-', '')}", curve)
    efron = fit_cox(time=time, event=event, covariates=arm)
    breslow = fit_cox(time=time, event=event, covariates=arm, ties="breslow")
    for ties, fit in (("efron", efron), ("breslow", breslow)):
        yield f"{ties}_coefficient", float(fit.coefficients[0])
        yield f"{ties}_std_error", float(fit.std_errors[0])


def flat_half(columns: Columns) -> Found:
    """A curve that is flat at one half to its end, and what lies beyond."""
    km = fit_kaplan_meier(**columns)
    yield "survival", survival_at(km, 80).survival
    yield "loglog_lower", survival_at(km, 80).lower
    yield "loglog_upper", survival_at(km, 80).upper
    log = survival_at(fit_kaplan_meier(**columns, interval="log"), 80)
    yield "log_lower", log.lower
    yield "log_upper", log.upper
    yield "median_first", survival_quantile(km).time
    yield "median_not_estimable", survival_quantile(km, flat_end="not_estimable").time
    try:
        beyond = survival_at(km, 120).survival
    except NotEstimableError:
        beyond = float("nan")
    yield "beyond_follow_up", beyond


def half_missed_by_rounding(columns: Columns) -> Found:
    """A product of fractions that misses one half by a bit or two."""
    yield "median", survival_quantile(fit_kaplan_meier(**columns)).time


def late_entry(columns: Columns) -> Found:
    """Numbers at risk that rise, under left truncation."""
    km = fit_kaplan_meier(**columns)
    for row in range(3):
        yield f"at_risk_{row + 1}", float(km.at_risk[row])
        yield f"survival_{row + 1}", float(km.survival[row])


def entry_at_an_event(columns: Columns) -> Found:
    """Who enters at the time of an event is not at risk at it."""
    yield "survival", survival_at(fit_kaplan_meier(**columns), 4).survival


def time_zero(columns: Columns) -> Found:
    """An event at time 0."""
    km = fit_kaplan_meier(**columns)
    yield "survival_0", survival_at(km, 0).survival
    yield "at_risk_3", float(km.at_risk[1])
    yield "survival_3", survival_at(km, 3).survival


def competing(columns: Columns) -> Found:
    """Cumulative incidence, Gray's test and both variants of Fine and Gray's model."""
    time, cause = columns["time"], columns["cause"]
    curves = fit_cumulative_incidence(time=time, cause=cause)
    for label, name, places in ((1, "first", (1, 4, 5, 10)), (2, "second", (2, 5, 8))):
        for place in places:
            yield f"{name}_{place}", incidence_at(curves, cause=label, time=place).incidence
        test = gray_test(time=time, cause=cause, arm=columns["arm"], cause_of_interest=label)
        yield f"gray_{label}", test.statistic
        yield f"gray_{label}_p_value", test.p_value
    crr = fit_fine_gray(time=time, cause=cause, covariates=columns["x"])
    yield "crr_coefficient", float(crr.coefficients[0])
    yield "crr_std_error", float(crr.std_errors[0])
    finegray = fit_fine_gray(time=time, cause=cause, covariates=columns["x"], variant="finegray")
    yield "finegray_coefficient", float(finegray.coefficients[0])


def _types(*names: IntervalType) -> tuple[IntervalType, ...]:
    return names


def _point(name: str, km: KaplanMeier, time: float) -> Found:
    row = int(np.searchsorted(km.time, time))
    yield f"{name}_survival", float(km.survival[row])
    yield f"{name}_std_error", float(km.survival[row] * km.std_error[row])


def _median(name: str, km: KaplanMeier) -> Found:
    found = survival_quantile(km)
    yield f"{name}_median", found.time
    yield f"{name}_lower", found.lower
    yield f"{name}_upper", found.upper


def _rmst(name: str, km: KaplanMeier, tau: float) -> Found:
    found = restricted_mean(km, tau=tau)
    yield f"{name}_mean", found.mean
    yield f"{name}_std_error", found.std_error


def _log_rank(time: Any, event: Any, arm: Any) -> Found:
    test = log_rank(time=time, event=event, arm=arm)
    for position in (0, 1):
        yield f"log_rank_observed_{position + 1}", float(test.observed[position])
        yield f"log_rank_expected_{position + 1}", float(test.expected[position])
    yield "log_rank_variance", float(test.variance[0, 0])
    yield "log_rank_chi_squared", test.statistic
    yield "log_rank_p_value", test.p_value
