"""Competing causes: cumulative incidence, Gray's test, Fine and Gray's regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twoarm.notebook.columns import column, label_of, open_frame, required, terms
from twoarm.notebook.result import Result, Value, as_frame
from twoarm.statistics import arrays
from twoarm.statistics.competing_causes import read_causes
from twoarm.statistics.cumulative_incidence import (
    CumulativeIncidence,
    IncidenceVariance,
    fit_cumulative_incidence,
    incidence_at,
)
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.fine_gray import FineGrayVariant, fit_fine_gray
from twoarm.statistics.gray_test import gray_test
from twoarm.statistics.kaplan_meier import IntervalType, number_at_risk


@dataclass(frozen=True, eq=False, repr=False)
class IncidenceCurves(Result):
    """Cumulative incidence by arm; ``fit`` maps each arm's label to its CumulativeIncidence."""

    fit: dict[str, CumulativeIncidence]
    times: dict[str, arrays.Floats]  # of each arm's patients, for the number at risk

    def to_frame(self, *, pandas: bool = False) -> Any:
        """Return the curves in long form: a row an arm, cause and distinct time."""
        rows: list[list[Value]] = []
        for arm, curves in self.fit.items():
            for code, cause in enumerate(curves.causes.tolist()):
                numbers = (curves.events, curves.incidence, curves.std_error, curves.lower, curves.upper)
                for i in range(curves.time.size):
                    at = (float(curves.time[i]), float(curves.at_risk[i]))
                    rows.append([arm, str(cause), *at, *(float(values[code, i]) for values in numbers)])
        columns = ("arm", "cause", "time", "at_risk", "events", "incidence", "std_error", "lower", "upper")
        return as_frame(columns, rows, pandas=pandas)

    def at(self, times: Sequence[float]) -> Result:
        """Return the cumulative incidence of each cause and the number at risk at some times."""
        rows: list[tuple[Value, ...]] = []
        for arm, curves in self.fit.items():
            risk = number_at_risk(time=self.times[arm], at=times).tolist()
            for cause in curves.causes.tolist():
                for time, count in zip(times, risk, strict=True):
                    beyond = time > curves.time[-1] and curves.survival[-1] > 0
                    found = None if beyond else incidence_at(curves, cause=cause, time=time)
                    numbers = (found.incidence, found.lower, found.upper) if found else (np.nan, np.nan, np.nan)
                    rows.append((arm, str(cause), float(time), count, *numbers))
        columns = ("arm", "cause", "time", "at_risk", "incidence", "lower", "upper")
        notes = ("NE: beyond the last follow-up, or no limits where the incidence is 0 or 1.",)
        return Result("Cumulative incidence at chosen times", columns, tuple(rows), notes, self.fit)


def cumulative_incidence(
    frame: Any = None,
    /,
    time: Any = None,
    cause: Any = None,
    *,
    arm: Any = None,
    censored: Any = 0,
    variance: IncidenceVariance = "aalen",
    interval: IntervalType = "log-log",
    confidence_level: float = 0.95,
) -> IncidenceCurves:
    """Estimate the cumulative incidence of each cause, arm by arm (Aalen and Johansen).

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to the first event of any cause or end of follow-up, shape (n,).
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        arm: label of each patient's arm, shape (n,); None for one sample.
        censored: the label of end of follow-up.
        variance: ``aalen`` as cmprsk, or ``jackknife`` as survival.
        interval: scale of the pointwise limits.
        confidence_level: of the limits.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.

    >>> curves = cumulative_incidence(time=[1, 2, 3, 4], cause=[1, 2, 0, 1])
    >>> [row[:3] for row in curves.at([3]).rows], [round(row[4], 2) for row in curves.at([3]).rows]
    ([('all', '1', 3.0), ('all', '2', 3.0)], [0.25, 0.25])
    """
    source = open_frame(frame)
    times = arrays.times("time", required(source, "time", time))
    causes = np.asarray(required(source, "cause", cause))
    labels = read_causes(causes, times.size, censored=censored).labels.tolist()
    arms = column(source, "arm", arm)
    codes, names = (np.zeros(times.size, np.int64), ["all"]) if arms is None else arrays.codes("arm", arms, times.size)
    rows: list[tuple[Value, ...]] = []
    fits: dict[str, CumulativeIncidence] = {}
    for code, name in enumerate(names):
        mine = codes == code
        fit = fits[str(name)] = fit_cumulative_incidence(
            time=times[mine],
            cause=causes[mine],
            censored=censored,
            causes=labels,
            variance=variance,
            interval=interval,
            confidence_level=confidence_level,
        )
        for position, label in enumerate(labels):
            last = (float(values[position, -1]) for values in (fit.incidence, fit.lower, fit.upper))
            rows.append((str(name), str(label), fit.n, float(fit.events[position].sum()), float(fit.time[-1]), *last))
    return IncidenceCurves(
        title="Cumulative incidence (Aalen-Johansen) at the last follow-up",
        columns=(label_of(arm, "arm"), "cause", "n", "events", "time", "incidence", "lower", "upper"),
        rows=tuple(rows),
        notes=(f"{100 * confidence_level:g}% limits: {interval}, {variance} variance. NE: no limits.",),
        fit=fits,
        times={str(name): times[codes == code] for code, name in enumerate(names)},
    )


def gray(
    frame: Any = None,
    /,
    time: Any = None,
    cause: Any = None,
    arm: Any = None,
    *,
    cause_of_interest: Any = 1,
    strata: Any = None,
    censored: Any = 0,
) -> Result:
    """Test whether arms share one cumulative incidence of a cause (Gray 1988).

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to the first event of any cause or end of follow-up, shape (n,).
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        arm: label of each patient's arm, shape (n,); two or more arms.
        cause_of_interest: the cause that is tested.
        strata: compare within these strata only, shape (n,).
        censored: the label of end of follow-up.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, or no event of the cause.

    >>> gray(time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 2, 1, 0, 2], arm=list("aaabbb")).rows[0][:3]
    ('a', 3.0, 2.0)
    """
    source = open_frame(frame)
    test = gray_test(
        time=required(source, "time", time),
        cause=required(source, "cause", cause),
        arm=required(source, "arm", arm),
        cause_of_interest=cause_of_interest,
        strata=column(source, "strata", strata),
        censored=censored,
    )
    rows = tuple(
        (str(label), float(n), float(o), float(e))
        for label, n, o, e in zip(test.arms, test.n, test.observed, test.expected, strict=True)
    )
    title = f"Gray's test, cause {cause_of_interest}{', stratified' if strata is not None else ''}"
    tested = f"chi-squared {test.statistic:.4g} on {test.degrees_of_freedom} df, p = {test.p_value:.4g}"
    return Result(title, (label_of(arm, "arm"), "n", "observed", "expected"), rows, (tested,), test)


def fine_gray(
    frame: Any = None,
    /,
    time: Any = None,
    cause: Any = None,
    covariates: Any = None,
    *,
    cause_of_interest: Any = 1,
    reference: Mapping[str, str] | None = None,
    cluster: Any = None,
    censored: Any = 0,
    variant: FineGrayVariant = "crr",
    confidence_level: float = 0.95,
) -> Result:
    """Fit a proportional subdistribution hazards model of one cause (Fine and Gray 1999).

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to the first event of any cause or end of follow-up, shape (n,).
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        cause_of_interest: the cause whose incidence is modelled.
        reference: the level that others are compared with, by text column.
        cluster: robust variance within clusters such as matched pairs, shape (n,).
        censored: the label of end of follow-up.
        variant: ``crr`` as cmprsk, or ``finegray`` as survival; they differ in ties and in the variance.
        confidence_level: of the intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no event of the cause, or no term can be estimated.

    >>> model = fine_gray(time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 2, 1, 0, 1], covariates=[1, 0, 1, 1, 0, 0])
    >>> round(float(model.fit.coefficients[0]), 4)
    0.2739
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_fine_gray(
        time=required(source, "time", time),
        cause=required(source, "cause", cause),
        covariates=design.values,
        cause_of_interest=cause_of_interest,
        names=design.names,
        cluster=column(source, "cluster", cluster),
        censored=censored,
        variant=variant,
    )
    z = normal_quantile(arrays.level(confidence_level))
    rows: list[tuple[Value, ...]] = []
    for name, beta, se, p in zip(fit.names, fit.coefficients, fit.std_errors, fit.p_values, strict=True):
        ratios = np.exp([beta, beta - z * se, beta + z * se]).tolist()
        rows.append((name, float(beta), float(se), *ratios, float(p)))
    clusters = f", {fit.clusters} clusters" if fit.clusters else ""
    notes = [
        f"n {fit.n:g}, events of cause {cause_of_interest} {fit.events:g}, of other causes {fit.competing_events:g}; "
        f"variance robust{clusters}; {100 * confidence_level:g}% Wald limits."
    ]
    notes += [f"{name} is not estimable: {why}." for name, why in zip(fit.names, fit.reasons, strict=True) if why]
    return Result(
        title=f"Fine-Gray regression (as {variant}), {fit.ties.capitalize()} ties",
        columns=("term", "coefficient", "std_error", "subdistribution_hazard_ratio", "lower", "upper", "p"),
        rows=tuple(rows),
        notes=tuple(notes),
        fit=fit,
    )
