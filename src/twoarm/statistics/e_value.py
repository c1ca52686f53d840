"""E-value: how strong unmeasured confounding would have to be (VanderWeele and Ding 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from twoarm.errors import ArgumentError

RARE = 0.15  # share of patients with the event below which a hazard ratio stands for a risk ratio

EValueScale = Literal["hazard ratio as risk ratio", "converted to risk ratio"]


@dataclass(frozen=True, slots=True)
class EValue:
    """Smallest risk ratios of a confounder with arm and with outcome that could explain an estimate away."""

    risk_ratio: float  # the hazard ratio on the scale of risk ratios
    lower: float  # its limits
    upper: float
    estimate: float  # E-value of the estimate, at least 1
    limit: float  # E-value of the limit nearer 1; 1 where the interval holds 1
    scale: EValueScale


def e_value(*, hazard_ratio: float, lower: float, upper: float, event_share: float) -> EValue:
    """Return the E-values of a hazard ratio and of its limit nearer 1.

    Args:
        hazard_ratio: above 0.
        lower: limit of its interval, above 0.
        upper: limit of its interval, possibly infinite.
        event_share: share of the patients with the event by the end of follow-up. Below 15 % the hazard ratio h is
            taken for a risk ratio, else for (1 - 0.5^sqrt(h)) / (1 - 0.5^sqrt(1 / h)).

    Raises:
        ArgumentError: an estimate outside its limits, limits not above 0, a share outside 0 to 1.

    Source: VanderWeele and Ding (2017), table 2; the E-value of a risk ratio r >= 1 is r + sqrt(r (r - 1)), and a
    ratio below 1 is inverted first. R: ``EValue::evalues.HR(est, lo, hi, rare = event_share < 0.15)``.

    >>> found = e_value(hazard_ratio=0.5, lower=0.3, upper=0.8, event_share=0.1)
    >>> round(found.estimate, 4), round(found.limit, 4)
    (3.4142, 1.809)
    """
    if not 0 < lower <= hazard_ratio <= upper or math.isinf(hazard_ratio):
        raise ArgumentError(
            f"hazard_ratio: found {hazard_ratio} ({lower} to {upper}); expected 0 < lower <= it <= upper"
        )
    if not 0 <= event_share <= 1:
        raise ArgumentError(f"event_share: found {event_share}; expected a share between 0 and 1")
    rare = event_share < RARE
    ratio, low, high = ((value if rare else _converted(value)) for value in (hazard_ratio, lower, upper))
    nearer = 1.0 if low <= 1 <= high else (low if low > 1 else high)
    return EValue(
        risk_ratio=ratio,
        lower=low,
        upper=high,
        estimate=_of_risk_ratio(ratio),
        limit=_of_risk_ratio(nearer),
        scale="hazard ratio as risk ratio" if rare else "converted to risk ratio",
    )


def _converted(hazard_ratio: float) -> float:
    # expm1 keeps the digits of 1 - 0.5^x where x is small
    root, half = math.sqrt(hazard_ratio), math.log(0.5)
    below = -math.expm1(half / root)
    return math.expm1(half * root) / -below if below > 0 else math.inf


def _of_risk_ratio(ratio: float) -> float:
    above = ratio if ratio >= 1 else 1 / ratio
    return above + math.sqrt(above * (above - 1))
