"""Tipping point: the unmeasured binary confounder that would explain a hazard ratio away."""

from __future__ import annotations

import math
from dataclasses import dataclass

from twoarm.errors import ArgumentError, NotEstimableError

EQUAL = "equal prevalences cause no bias"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A hazard ratio and its limits, divided by the bias of a confounder."""

    bias_factor: float
    hazard_ratio: float
    lower: float
    upper: float


def bias_factor(*, confounder: float, prevalence_treated: float, prevalence_comparator: float) -> float:
    """Return the factor by which leaving out a binary confounder multiplies a hazard ratio.

    Args:
        confounder: its hazard ratio g for the endpoint, above 0.
        prevalence_treated: its share p1 in the treated arm, 0 to 1.
        prevalence_comparator: its share p0 in the comparator arm, 0 to 1.

    Raises:
        ArgumentError: a hazard ratio not above 0, a share outside 0 to 1.

    Source: Lin, Psaty and Kronmal (1998): (p1 (g - 1) + 1) / (p0 (g - 1) + 1). The confounder is independent of the
    measured covariates within arms and its effect is the same in both; exact for the hazards at time 0, and close
    later on where the endpoint is rare or the effects are not large. R: none in base R.

    >>> round(bias_factor(confounder=2, prevalence_treated=0.4, prevalence_comparator=0.2), 6)
    1.166667
    """
    if not (confounder > 0 and math.isfinite(confounder)):
        raise ArgumentError(f"confounder: found {confounder}; expected a hazard ratio above 0")
    _shares(prevalence_treated, prevalence_comparator)
    excess = confounder - 1
    return (prevalence_treated * excess + 1) / (prevalence_comparator * excess + 1)


def without_confounder(
    *,
    hazard_ratio: float,
    lower: float,
    upper: float,
    confounder: float,
    prevalence_treated: float,
    prevalence_comparator: float,
) -> Corrected:
    """Return a hazard ratio and its limits as they would be with the confounder adjusted for.

    Raises:
        ArgumentError: an estimate outside its limits or not above 0; as ``bias_factor``.

    >>> found = without_confounder(
    ...     hazard_ratio=1.4, lower=1.05, upper=1.75, confounder=2, prevalence_treated=0.4, prevalence_comparator=0.2
    ... )
    >>> round(found.hazard_ratio, 6), round(found.lower, 6), round(found.upper, 6)
    (1.2, 0.9, 1.5)
    """
    if not 0 < lower <= hazard_ratio <= upper or math.isinf(hazard_ratio):
        raise ArgumentError(
            f"hazard_ratio: found {hazard_ratio} ({lower} to {upper}); expected 0 < lower <= it <= upper"
        )
    factor = bias_factor(
        confounder=confounder, prevalence_treated=prevalence_treated, prevalence_comparator=prevalence_comparator
    )
    return Corrected(factor, hazard_ratio / factor, lower / factor, upper / factor)


def tipping_point(*, ratio: float, prevalence_treated: float, prevalence_comparator: float) -> float:
    """Return the confounder's hazard ratio at which an estimate, or a limit, would become 1.

    Args:
        ratio: the hazard ratio, or the limit nearer 1; above 0.
        prevalence_treated: as for ``bias_factor``.
        prevalence_comparator: as for ``bias_factor``.

    Raises:
        ArgumentError: as ``bias_factor``.
        NotEstimableError: no confounder of these prevalences is strong enough, or they are equal.

    Source: the bias factor of Lin, Psaty and Kronmal (1998) solved for g: 1 + (r - 1) / (p1 - r p0).

    >>> round(tipping_point(ratio=0.8, prevalence_treated=0.2, prevalence_comparator=0.4), 6)
    2.666667
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise ArgumentError(f"ratio: found {ratio}; expected a hazard ratio above 0")
    _shares(prevalence_treated, prevalence_comparator)
    if ratio == 1:
        return 1.0
    if prevalence_treated == prevalence_comparator:
        raise NotEstimableError(EQUAL)
    divisor = prevalence_treated - ratio * prevalence_comparator
    found = 1 + (ratio - 1) / divisor if divisor else math.inf
    if not (0 < found < math.inf):
        raise NotEstimableError("not reached: no confounder of these prevalences is strong enough")
    return found


def _shares(treated: float, comparator: float) -> None:
    for name, share in (("prevalence_treated", treated), ("prevalence_comparator", comparator)):
        if not 0 <= share <= 1:
            raise ArgumentError(f"{name}: found {share}; expected a share between 0 and 1")
