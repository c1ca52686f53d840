"""Hazard ratio of two arms within intervals of follow-up: a Cox model of the arm in each, and a test of equality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counted_cox import with_clusters_of_members
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.crossed_clusters import with_crossed_clusters
from twoarm.statistics.distinct_rows import MANY_ROWS, CountedRows, count_rows
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.exact_cox import AnyTies, ExactCoxFit, fit_exact_cox
from twoarm.statistics.influence import Units
from twoarm.statistics.linear_algebra import COLLINEAR, solve_symmetric


@dataclass(frozen=True, slots=True)
class HazardPiece:
    """The interval (start, end] of follow-up; counts are of the treated and the comparator arm."""

    start: float
    end: float  # infinite for the last
    at_risk: tuple[int, int]  # patients who are followed beyond the start; all of them in the first interval
    events: tuple[int, int]
    log_hazard_ratio: float  # NaN with a reason
    std_error: float
    degrees_of_freedom: int  # events, or clusters where the variance is clustered, less 1 and less other terms
    reason: str  # why it is not estimable, or ""


@dataclass(frozen=True, slots=True, eq=False)
class PiecewiseHazardRatio:
    """k pieces, and Wald's test that those which could be estimated are equal; NaN where fewer than two could."""

    pieces: tuple[HazardPiece, ...]
    covariance: Floats  # of the log hazard ratios, NaN where not estimable, shape (k, k)
    statistic: float
    degrees_of_freedom: int
    p_value: float
    ties: AnyTies
    robust: bool
    variance_note: str = ""  # why the variance is not the one that was asked for


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """Follow-up in r rows, a row a patient and interval.

    Intervals are strata. Everybody enters one before its first event time, so that nobody enters late.
    """

    cuts: Floats
    patient: Integers
    piece: Integers
    time: Floats
    event: Booleans


def piecewise_hazard_ratio(
    *,
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    cuts: Sequence[float],
    covariates: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    ties: AnyTies = "efron",
    minimum_events: int = 1,
) -> PiecewiseHazardRatio:
    """Estimate the hazard ratio within intervals of follow-up.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        treated: True for the treated arm, shape (n,).
        cuts: k - 1 rising times above 0; a cut belongs to the interval that it ends.
        covariates: other terms of the model, whose hazard ratios are the same in all intervals, shape (n, p).
        weight: sampling weights, shape (n,); a patient of weight 0 counts nowhere.
        cluster: what belongs together, such as matched pairs, shape (n,).
        crossed: a second clustering beside the first, such as the patient whom several rows stand for, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        ties: how tied event times are handled; exact ties go with neither weights nor clusters.
        minimum_events: an interval with fewer events in both arms together, or none in one, is not estimated.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length; cuts that do not rise.
        NotEstimableError: one arm only, or no events.

    Source: Therneau and Grambsch (2000), section 6.5. With weights or clusters the variance is robust, clustered by
    patient or cluster over all intervals. R: ``coxph(Surv(tstart, time, event) ~ arm:strata(piece) + strata(piece))``
    on ``survSplit(..., cut = cuts)``, ``cluster = id``.

    >>> found = piecewise_hazard_ratio(
    ...     time=[1, 2, 3, 4, 6, 7, 8, 9], event=[1] * 8, treated=[0, 1, 0, 1, 1, 0, 1, 0], cuts=[5]
    ... )
    >>> [round(piece.log_hazard_ratio, 4) for piece in found.pieces]
    [-0.1732, 0.9406]
    """
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    arm = arrays.events("treated", treated, exits.size)
    weights = arrays.weights(weight, exits.size)
    units = Units.of(cluster, crossed, exits.size, frequency)
    others = np.zeros((exits.size, 0)) if covariates is None else arrays.matrix("covariates", covariates, exits.size)
    known = None if offset is None else arrays.numbers("offset", offset, exits.size)
    inner = arrays.numbers("cuts", list(cuts))
    if (np.diff(inner) <= 0).any() or (inner <= 0).any():
        raise ArgumentError("cuts: expected rising times above 0")
    if ties == "exact" and (weight is not None or cluster is not None):
        raise ArgumentError("ties: found exact with weight or cluster; expected efron or breslow")
    counts = weights > 0
    exits, happened, arm = exits[counts], happened[counts], arm[counts]
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")
    if not happened.any():
        raise NotEstimableError("no events")
    patients = _Patients(
        arm=arm,
        others=others[counts],
        weight=None if weight is None else weights[counts],
        units=units.within(counts),
        offset=None if known is None else known[counts],
    )
    split = _split(exits, happened, inner)
    described = [
        _describe(split, patients, k, bounds, minimum_events)
        for k, bounds in enumerate(zip([0.0, *inner.tolist()], [*inner.tolist(), math.inf], strict=True))
    ]
    usable = [k for k, piece in enumerate(described) if not piece.reason]
    if not usable:
        return gather_pieces(described, [], None, ties, robust=patients.robust)
    try:
        fit = _fit(split, patients, usable, ties)
    except NotEstimableError as error:
        refused = [replace(one, reason=one.reason or str(error)) for one in described]
        return gather_pieces(refused, [], None, ties, robust=patients.robust)
    pieces = [_estimated(one, fit, usable, k, split, patients) for k, one in enumerate(described)]
    return gather_pieces(pieces, usable, fit.covariance, ties, robust=patients.robust, note=fit.variance_note)


@dataclass(frozen=True, slots=True, eq=False)
class _Patients:
    """Rows of weight above 0, shape (n,)."""

    arm: Booleans
    others: Floats  # (n, p)
    weight: Floats | None
    units: Units
    offset: Floats | None

    @property
    def robust(self) -> bool:
        return self.weight is not None or self.units.cluster is not None

    @property
    def who(self) -> Integers:
        """Who each row is: of several rows of a patient each counts as the same one."""
        return np.arange(self.arm.size) if self.units.crossed is None else self.units.crossed


def _counted(split: _Split, design: dict[str, Any]) -> CountedRows | None:
    """Count equal rows, whose end tells the interval; None where counting does not pay."""
    cut = ~design["event"] & np.isin(design["time"], split.cuts)  # who outlives an interval is cut at a whole day, too
    whole = np.floor(split.cuts)
    if (np.diff(whole, prepend=-1.0) <= 0).any() or (whole[1:] <= split.cuts[:-1]).any():
        return None
    return count_rows(
        time=np.where(cut, np.floor(design["time"]), design["time"]),
        event=design["event"],
        covariates=design["covariates"],
        frequency=design["frequency"],
    )


def _fit(split: _Split, patients: _Patients, usable: list[int], ties: AnyTies) -> CoxFit | ExactCoxFit:
    """Fit the arm within every usable interval at once."""
    rows = np.isin(split.piece, usable)
    patient, piece = split.patient[rows], split.piece[rows]
    design: dict[str, Any] = {
        "time": split.time[rows],
        "event": split.event[rows],
        "covariates": _columns(patients, patient, piece, usable),
        "names": [*map(str, usable), *(f"covariate {j + 1}" for j in range(patients.others.shape[1]))],
        "strata": piece,
        "offset": None if patients.offset is None else patients.offset[patient],
        "frequency": None if patients.units.frequency is None else patients.units.frequency[patient],
    }
    if ties == "exact":
        return fit_exact_cox(**design)
    cluster, crossed = patients.units.cluster, patients.units.crossed
    alone = patients.weight is None and crossed is None and patients.offset is None
    counted = _counted(split, design) if alone and piece.size >= MANY_ROWS else None
    if counted is not None:
        found = fit_cox(
            time=counted.time,
            event=counted.event,
            covariates=counted.covariates,
            names=design["names"],
            frequency=counted.frequency,
            strata=np.searchsorted(split.cuts, counted.time, side="left"),
            ties=ties,
        )
        if cluster is None:
            return found
        return with_clusters_of_members(found, place=counted.places(), cluster=cluster[patient])
    units = patients.who if cluster is None else cluster
    fit = fit_cox(
        **design,
        cluster=units[patient] if patients.robust else None,
        weight=None if patients.weight is None else patients.weight[patient],
        ties=ties,
    )
    if cluster is None and patients.robust and patients.units.frequency is not None:
        return _by_patient(fit, patient, patients.units.frequency)
    if cluster is None or crossed is None:
        return fit
    return with_crossed_clusters(fit, first=cluster[patient], second=crossed[patient])


def _by_patient(fit: CoxFit, patient: Integers, frequency: Floats) -> CoxFit:
    """Return the fit with scores summed over a patient's rows, each of which k identical ones share."""
    usable = np.flatnonzero(np.isfinite(fit.coefficients))
    if not usable.size:
        return fit
    moved = fit.residuals("dfbeta")[:, usable]
    whole = np.column_stack([arrays.group_sums(patient, column, frequency.size) for column in moved.T])
    covariance: Floats = np.full_like(fit.covariance, np.nan)
    covariance[np.ix_(usable, usable)] = (whole * frequency[:, None]).T @ whole
    return replace(fit, covariance=covariance)


def _columns(patients: _Patients, patient: Integers, piece: Integers, usable: list[int]) -> Floats:
    """Return the arm within each usable interval, and the other terms; a column after the other in memory."""
    k, arm = len(usable), patients.arm[patient]
    columns = np.empty((k + patients.others.shape[1], patient.size))
    for column, own in zip(columns, usable, strict=False):
        np.equal(piece, own, out=column)
        column *= arm
    for column, values in zip(columns[k:], patients.others.T, strict=True):
        np.take(values, patient, out=column)
    return columns.T


def _split(exits: Floats, happened: Booleans, cuts: Floats) -> _Split:
    """Cut follow-up; in the first interval everybody is at risk, so that events at time 0 count."""
    starts, ends = np.concatenate(([-1.0], cuts)), np.concatenate((cuts, [np.inf]))
    parts = []
    for k, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        patient = np.flatnonzero(exits > start)
        inside = exits[patient] <= end
        stop = np.where(inside, exits[patient], end)
        parts.append((patient, np.full(patient.size, k), stop, happened[patient] & inside))
    return _Split(cuts, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _describe(split: _Split, patients: _Patients, k: int, bounds: tuple[float, float], minimum: int) -> HazardPiece:
    rows = split.piece == k
    patient, event, stop = split.patient[rows], split.event[rows], split.time[rows]
    treated = patients.arm[patient]

    def count(chosen: Booleans) -> int:
        units, rows = patients.units, int(np.count_nonzero(chosen))
        alone = units.crossed is None and units.frequency is None
        return rows if alone else units.within(patient[chosen]).patients(rows)

    at_risk = count(treated), count(~treated)
    events = count(event & treated), count(event & ~treated)
    reason = why_not(at_risk, events, minimum, bool(stop.size) and stop.min() == stop.max())
    return HazardPiece(*bounds, at_risk, events, math.nan, math.nan, 0, reason)


def why_not(at_risk: tuple[int, int], events: tuple[int, int], minimum: int, tied: bool) -> str:
    """Return why an interval cannot be estimated, or ""; ``tied`` says that all leave it at one time."""
    if min(at_risk) == 0:
        return "one arm only is followed into the interval"
    if min(events) == 0:
        return "no events in an arm" if max(events) else "no events"
    if sum(events) < minimum:
        return f"fewer than {minimum} events"
    return "all times are tied: nothing tells who had the event earlier" if tied else ""


def _estimated(
    piece: HazardPiece, fit: CoxFit | ExactCoxFit, usable: list[int], k: int, split: _Split, patients: _Patients
) -> HazardPiece:
    if piece.reason:
        return piece
    j = usable.index(k)
    if fit.reasons[j]:
        return replace(piece, reason=fit.reasons[j])
    inside = split.patient[split.piece == k]
    units = patients.units.within(inside).count or sum(piece.events)
    return replace(
        piece,
        log_hazard_ratio=float(fit.coefficients[j]),
        std_error=float(fit.std_errors[j]),
        degrees_of_freedom=max(units - 1 - patients.others.shape[1], 1),
    )


def gather_pieces(
    pieces: list[HazardPiece],
    usable: list[int],
    spread: Floats | None,
    ties: AnyTies,
    *,
    robust: bool,
    note: str = "",
) -> PiecewiseHazardRatio:
    """Add Wald's test of equality to pieces, of which those in ``usable`` are the first terms of ``spread``."""
    covariance = np.full((len(pieces), len(pieces)), np.nan)
    if spread is not None:
        covariance[np.ix_(usable, usable)] = spread[: len(usable), : len(usable)]
    known = [k for k, piece in enumerate(pieces) if not piece.reason]
    statistic, freedom = math.nan, max(len(known) - 1, 0)
    if freedom:
        contrasts = np.diff(np.eye(len(known)), axis=0)
        gaps = contrasts @ np.array([pieces[k].log_hazard_ratio for k in known])
        statistic = _wald(gaps, contrasts @ covariance[np.ix_(known, known)] @ contrasts.T)
    return PiecewiseHazardRatio(
        pieces=tuple(pieces),
        covariance=covariance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=chi_squared_tail(statistic, freedom),
        ties=ties,
        robust=robust,
        variance_note=note,
    )


def _wald(gaps: Floats, spread: Floats) -> float:
    """Return the quadratic form; NaN where too few clusters leave the variance without full rank."""
    scale = np.sqrt(np.diag(spread))
    if not (scale > 0).all() or np.linalg.eigvalsh(spread / np.outer(scale, scale))[0] <= COLLINEAR:
        return math.nan
    return float(gaps @ solve_symmetric(spread, gaps))
