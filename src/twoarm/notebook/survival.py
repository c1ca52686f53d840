"""Survival statistics: curves, log-rank test, Cox regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twoarm.notebook.columns import column, events, label_of, names_of, open_frame, required, terms
from twoarm.notebook.result import Result, Value, as_frame
from twoarm.statistics import arrays
from twoarm.statistics.cox import CoxFit, ResidualKind, fit_cox
from twoarm.statistics.cox_prediction import predict_survival
from twoarm.statistics.cox_risk_sets import Ties
from twoarm.statistics.distributions import chi_squared_tail, normal_quantile
from twoarm.statistics.kaplan_meier import IntervalType, KaplanMeier, fit_kaplan_meier, number_at_risk, survival_at
from twoarm.statistics.log_rank import LogRank
from twoarm.statistics.log_rank import log_rank as test_log_rank
from twoarm.statistics.proportional_hazards import TimeTransform, proportional_hazards_test
from twoarm.statistics.survival_quantile import FlatEnd, QuantileInterval, survival_quantile


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Result):
    """Kaplan-Meier curves by arm; ``fit`` maps each arm's label to its KaplanMeier."""

    fit: dict[str, KaplanMeier]
    times: dict[str, arrays.Floats]  # of each arm's patients, for the number at risk
    entries: dict[str, arrays.Floats | None]
    weights: dict[str, arrays.Floats | None]

    def to_frame(self, *, pandas: bool = False) -> Any:
        """Return the curves in long form: a row an arm and distinct time."""
        names = ("time", "at_risk", "events", "censored", "survival", "std_error", "lower", "upper")
        rows: list[list[Value]] = [
            [arm, *(float(getattr(km, name)[i]) for name in names)]
            for arm, km in self.fit.items()
            for i in range(km.time.size)
        ]
        return as_frame(("arm", *names), rows, pandas=pandas)

    def at(self, times: Sequence[float]) -> Result:
        """Return survival and the number at risk at some times."""
        rows: list[tuple[Value, ...]] = []
        for arm, km in self.fit.items():
            risk = number_at_risk(time=self.times[arm], at=times, entry=self.entries[arm], weight=self.weights[arm])
            for time, count in zip(times, risk.tolist(), strict=True):
                beyond = time > km.time[-1] and km.survival[-1] > 0
                found = None if beyond else survival_at(km, time)
                numbers = (found.survival, found.lower, found.upper) if found else (np.nan, np.nan, np.nan)
                rows.append((arm, float(time), count, *numbers))
        columns = ("arm", "time", "at_risk", "survival", "lower", "upper")
        notes = ("NE: beyond the last follow-up, or no limits where survival is 0 or 1.",)
        return Result("Survival at chosen times", columns, tuple(rows), notes, self.fit)

    def plot(self, ax: Any = None) -> Any:
        """Draw the curves with their limits; return the axes."""
        from twoarm.notebook.plots import draw_curves

        return draw_curves(self.fit, ax)


@dataclass(frozen=True, eq=False, repr=False)
class CoxModel(Result):
    """A Cox model; ``fit`` is the CoxFit."""

    fit: CoxFit
    factors: Mapping[str, Sequence[str]]

    def residuals(self, kind: ResidualKind = "martingale") -> arrays.Floats:
        """Return martingale, deviance, score, schoenfeld or dfbeta residuals."""
        return self.fit.residuals(kind)

    def baseline_hazard(self) -> Any:
        """Return the cumulative baseline hazard at covariates of 0."""
        return self.fit.baseline_hazard()

    def predict(self, covariates: Any, *, stratum: int = 0, confidence_level: float = 0.95) -> Result:
        """Predict survival curves of patients with given covariates: a row a patient, in the order of the terms."""
        found = predict_survival(self.fit, covariates=covariates, stratum=stratum, confidence_level=confidence_level)
        rows: list[tuple[Value, ...]] = [
            (
                patient + 1,
                float(time),
                *(float(part[i, patient]) for part in (found.survival, found.lower, found.upper)),
            )
            for patient in range(found.survival.shape[1])
            for i, time in enumerate(found.time)
        ]
        note = f"{100 * confidence_level:g}% limits: {found.interval}."
        columns = ("patient", "time", "survival", "lower", "upper")
        return Result("Predicted survival", columns, tuple(rows), (note,), found)

    def proportional_hazards(self, transform: TimeTransform = "km") -> Result:
        """Test whether the coefficients change with time; a factor is tested as a whole."""
        test = proportional_hazards_test(self.fit, transform=transform, factors=self.factors)
        rows: list[tuple[Value, ...]] = [
            (name, float(s), int(d), float(p))
            for name, s, d, p in zip(test.names, test.statistic, test.degrees_of_freedom, test.p_values, strict=True)
        ]
        rows.append(("global", test.global_statistic, test.global_degrees_of_freedom, test.global_p_value))
        title = f"Proportional hazards (Grambsch-Therneau score test, time transform {transform})"
        return Result(title, ("term", "chi_squared", "df", "p"), tuple(rows), (), test)

    def plot(self, ax: Any = None) -> Any:
        """Draw the hazard ratios as a forest; return the axes."""
        from twoarm.notebook.plots import draw_forest

        numbers = [(str(row[0]), row[3], row[4], row[5]) for row in self.rows]
        return draw_forest(numbers, ax)


def kaplan_meier(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    *,
    arm: Any = None,
    entry: Any = None,
    weight: Any = None,
    event_value: Any = None,
    interval: IntervalType = "log-log",
    quantile_interval: QuantileInterval = "inverted",
    flat_end: FlatEnd = "first",
    confidence_level: float = 0.95,
    robust: bool = False,
) -> Curves:
    """Estimate survival curves, one an arm.

    Args:
        frame: a Polars, pandas or pyarrow frame, with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: label of each patient's arm, shape (n,); None for one curve.
        entry: left truncation, shape (n,).
        weight: sampling or frequency weights, shape (n,).
        event_value: the code of an event.
        interval: scale of the pointwise limits.
        quantile_interval: how the median's limits are found.
        flat_end: median of a curve that ends flat at one half.
        confidence_level: of all limits.
        robust: infinitesimal jackknife variance, for sampling weights.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.

    >>> kaplan_meier(time=[1, 2, 3, 4], event=[1, 1, 0, 1], arm=["a", "a", "b", "b"])
    Kaplan-Meier
    arm  n  events  median  lower  upper
    a    2       2     1.5      1     NE
    b    2       1       4     NE     NE
    95% limits: log-log; median by inverting them (Brookmeyer and Crowley). NE: not reached.
    """
    source = open_frame(frame)
    times = arrays.times("time", required(source, "time", time))
    happened = arrays.events("event", events(source, event, event_value), times.size)
    enters, weights = column(source, "entry", entry), column(source, "weight", weight)
    labels = np.zeros(times.size, dtype=np.int64) if arm is None else column(source, "arm", arm)
    codes, arms = arrays.codes("arm", labels, times.size)
    names = ["all"] if arm is None else names_of(arms)
    fits, rows, parts = {}, [], {}
    for code, name in enumerate(names):
        mine = codes == code
        part = (
            None if enters is None else np.asarray(enters, dtype=np.float64)[mine],
            None if weights is None else np.asarray(weights, dtype=np.float64)[mine],
        )
        km = fit_kaplan_meier(
            time=times[mine],
            event=happened[mine],
            entry=part[0],
            weight=part[1],
            interval=interval,
            confidence_level=confidence_level,
            robust=robust,
        )
        median = survival_quantile(km, interval=quantile_interval, flat_end=flat_end)
        fits[name], parts[name] = km, part
        rows.append((name, km.n, float(km.events.sum()), median.time, median.lower, median.upper))
    way = "by inverting them (Brookmeyer and Crowley)" if quantile_interval == "inverted" else "by normal approximation"
    return Curves(
        title="Kaplan-Meier",
        columns=(label_of(arm, "arm"), "n", "events", "median", "lower", "upper"),
        rows=tuple(rows),
        notes=(f"{100 * confidence_level:g}% limits: {interval}; median {way}. NE: not reached.",),
        fit=fits,
        times={name: times[codes == code] for code, name in enumerate(names)},
        entries={name: part[0] for name, part in parts.items()},
        weights={name: part[1] for name, part in parts.items()},
    )


def log_rank(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    arm: Any = None,
    *,
    strata: Any = None,
    entry: Any = None,
    event_value: Any = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> Result:
    """Test whether arms share one survival curve: log-rank, or its Fleming-Harrington family.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: label of each patient's arm, shape (n,); two or more arms.
        strata: compare within these strata only, shape (n,).
        entry: left truncation, shape (n,).
        event_value: the code of an event.
        rho: weight S(t-)^rho (1 - S(t-))^gamma.
        gamma: see rho.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, or no event.

    >>> log_rank(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 1, 1, 1], arm=list("aaabbb")).rows[0][:3]
    ('a', 3.0, 3.0)
    """
    source = open_frame(frame)
    times = required(source, "time", time)
    test: LogRank = test_log_rank(
        time=times,
        event=events(source, event, event_value),
        arm=required(source, "arm", arm),
        strata=column(source, "strata", strata),
        entry=column(source, "entry", entry),
        rho=rho,
        gamma=gamma,
    )
    rows = tuple(
        (str(label), float(n), float(o), float(e))
        for label, n, o, e in zip(test.arms, test.n, test.observed, test.expected, strict=True)
    )
    name = "Log-rank test" if rho == gamma == 0 else f"Fleming-Harrington test (rho {rho:g}, gamma {gamma:g})"
    title = f"{name}{', stratified' if strata is not None else ''}"
    tested = f"chi-squared {test.statistic:.4g} on {test.degrees_of_freedom} df, p = {test.p_value:.4g}"
    return Result(title, (label_of(arm, "arm"), "n", "observed", "expected"), rows, (tested,), test)


def cox(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    entry: Any = None,
    strata: Any = None,
    cluster: Any = None,
    weight: Any = None,
    frequency: Any = None,
    offset: Any = None,
    event_value: Any = None,
    ties: Ties = "efron",
    robust: bool | None = None,
    confidence_level: float = 0.95,
) -> CoxModel:
    """Fit a Cox proportional hazards model.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        entry: left truncation, shape (n,).
        strata: separate baseline hazards, shape (n,).
        cluster: robust variance within clusters such as matched pairs, shape (n,).
        weight: sampling weights, shape (n,); the variance is then robust.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        event_value: the code of an event.
        ties: how tied event times are handled.
        robust: robust variance; by default when cluster or weight is given.
        confidence_level: of the intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, or no term can be estimated.

    >>> model = cox(time=[1, 1, 6, 6, 8, 9], event=[1, 0, 1, 1, 0, 1], covariates=[1, 1, 1, 0, 0, 0])
    >>> round(float(model.fit.coefficients[0]), 6)
    1.676857
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_cox(
        time=required(source, "time", time),
        event=events(source, event, event_value),
        covariates=design.values,
        names=design.names,
        entry=column(source, "entry", entry),
        strata=column(source, "strata", strata),
        cluster=column(source, "cluster", cluster),
        weight=column(source, "weight", weight),
        frequency=column(source, "frequency", frequency),
        offset=column(source, "offset", offset),
        ties=ties,
        robust=robust,
    )
    z = normal_quantile(arrays.level(confidence_level))
    rows: list[tuple[Value, ...]] = []
    for name, beta, se, p in zip(fit.names, fit.coefficients, fit.std_errors, fit.p_values, strict=True):
        ratios = np.exp([beta, beta - z * se, beta + z * se]).tolist()
        rows.append((name, float(beta), float(se), *ratios, float(p)))
    return CoxModel(
        title=f"Cox regression, {ties.capitalize()} ties",
        columns=("term", "coefficient", "std_error", "hazard_ratio", "lower", "upper", "p"),
        rows=tuple(rows),
        notes=_cox_notes(fit, confidence_level),
        fit=fit,
        factors=design.factors,
    )


def _cox_notes(fit: CoxFit, confidence_level: float) -> tuple[str, ...]:
    statistic, p = fit.likelihood_ratio_test()
    wald, freedom, wald_p = fit.wald_test()
    score_p = chi_squared_tail(fit.score_statistic, fit.degrees_of_freedom)
    variance = "model"
    if fit.robust:
        variance = f"robust, {fit.clusters} clusters" if fit.clusters else "robust"
    notes = [
        f"n {fit.n:g}, events {fit.events:g}; variance {variance}; {100 * confidence_level:g}% Wald limits.",
        f"likelihood ratio {statistic:.4g} on {fit.degrees_of_freedom} df, p = {p:.4g}; "
        f"Wald {wald:.4g} on {freedom} df, p = {wald_p:.4g}; score {fit.score_statistic:.4g}, p = {score_p:.4g}; "
        f"concordance {fit.concordance():.4g}.",
    ]
    notes += [f"{name} is not estimable: {why}." for name, why in zip(fit.names, fit.reasons, strict=True) if why]
    return tuple(notes)
