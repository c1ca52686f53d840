"""What a Firth-penalised regression answers, put back on the columns' own scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twoarm.errors import NotEstimableError
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.linear_algebra import (
    independent_columns,
    invert_symmetric,
    standardise,
    weighted_cross_product,
)
from twoarm.statistics.penalised_likelihood import NO_PROFILE, Penalised, maximise_penalised, profile


@dataclass(frozen=True, slots=True, eq=False)
class FirthFit:
    """A penalised model of p terms, after an intercept if it has one; a dropped term is NaN and carries its reason."""

    names: tuple[str, ...]
    coefficients: Floats  # log odds or hazard ratios, shape (p,)
    covariance: Floats  # inverse of the unpenalised information at the estimate, shape (p, p)
    lower: Floats  # profile penalised likelihood limits, shape (p,); NaN where infinite
    upper: Floats
    statistics: Floats  # penalised likelihood ratio of each term, shape (p,)
    p_values: Floats
    reasons: tuple[str, ...]
    log_likelihood: float  # penalised, at the maximum
    null_log_likelihood: float  # penalised by the same information, with all terms but the intercept at 0
    degrees_of_freedom: int
    confidence_level: float
    n: int
    events: int

    @property
    def std_errors(self) -> Floats:
        """Standard errors of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    def likelihood_ratio_test(self) -> tuple[float, float]:
        """Return (statistic, p) of all terms, the intercept not among them."""
        statistic = 2 * (self.log_likelihood - self.null_log_likelihood)
        return statistic, chi_squared_tail(statistic, self.degrees_of_freedom)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UsableColumns:
    """The q columns of p that vary and are not combinations of the columns before them, at mean 0 and SD 1."""

    x: Floats  # (n, q)
    means: Floats  # (q,)
    scale: Floats  # (q,)
    kept: Integers  # (q,)
    reasons: tuple[str, ...]  # (p,)


def usable_columns(design: Floats, frequency: Floats) -> UsableColumns:
    """Standardise the columns that can be estimated, of so many patients each, shape (n,)."""
    x, means, scale = standardise(design, frequency)
    keep = independent_columns(weighted_cross_product(x, frequency), float(frequency.sum())) & (scale > 0)
    reasons = tuple(
        "" if kept else ("collinear with the terms before it" if varies else "constant")
        for kept, varies in zip(keep.tolist(), (scale > 0).tolist(), strict=True)
    )
    kept = np.flatnonzero(keep)
    return UsableColumns(np.asfortranarray(x[:, keep]), means[kept], scale[kept], kept, reasons)


def build_firth_fit(
    likelihood: Penalised,
    *,
    columns: UsableColumns,
    names: tuple[str, ...],
    intercept: bool,
    confidence_level: float,
    n: int,
    events: int,
    profiled: Sequence[int] | None = None,
) -> FirthFit:
    """Maximise, take the profiles, and go back from standardised columns.

    The intercept's own profile would need a column of its own once the others are centred, so that its limits are NaN.
    """
    first, q = int(intercept), columns.kept.size
    if q == 0:
        raise NotEstimableError(next(iter(columns.reasons), "no covariates"))
    top = maximise_penalised(likelihood, np.zeros(first + q))
    null = maximise_penalised(likelihood, np.zeros(first + q), np.r_[np.ones(first), np.zeros(q)])
    inverse = invert_symmetric(top.information)
    errors = np.sqrt(np.diag(inverse))
    wanted = np.isin(columns.kept, np.arange(len(names)) if profiled is None else profiled)
    profiles = [
        profile(likelihood, top, first + j, float(errors[first + j]), confidence_level) if wanted[j] else NO_PROFILE
        for j in range(q)
    ]
    back = _back(columns, len(names), first)
    shift = float(np.log(columns.scale).sum())  # of log|I| / 2, from one scale to the other
    missing = np.setdiff1d(np.arange(len(names)), np.r_[np.arange(first), columns.kept + first])
    coefficients, covariance = back @ top.parameters, back @ inverse @ back.T
    coefficients[missing] = np.nan
    covariance[missing], covariance[:, missing] = np.nan, np.nan
    places = columns.kept + first
    return FirthFit(
        names=names,
        coefficients=coefficients,
        covariance=covariance,
        lower=_placed([found.lower for found in profiles], places, len(names), columns.scale),
        upper=_placed([found.upper for found in profiles], places, len(names), columns.scale),
        statistics=_placed([found.statistic for found in profiles], places, len(names)),
        p_values=_placed([found.p_value for found in profiles], places, len(names)),
        reasons=("",) * first + columns.reasons,
        log_likelihood=top.height + shift,
        null_log_likelihood=null.height + shift,
        degrees_of_freedom=q,
        confidence_level=confidence_level,
        n=n,
        events=events,
    )


def _back(columns: UsableColumns, p: int, first: int) -> Floats:
    """Return the matrix that takes standardised coefficients to those of the columns as they are."""
    back = np.zeros((p, first + columns.kept.size))
    if first:
        back[0, 0] = 1.0
        back[0, 1:] = -columns.means / columns.scale
    back[columns.kept + first, np.arange(columns.kept.size) + first] = 1 / columns.scale
    return back


def _placed(values: list[float], places: Integers, p: int, scale: Floats | None = None) -> Floats:
    out = np.full(p, np.nan)
    out[places] = np.array(values) / (1.0 if scale is None else scale)
    return out
