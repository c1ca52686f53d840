"""What a reader is shown who points at a curve: exact values of the ledger at times of a fine grid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from twoarm.figures.kaplan_meier_plot import at_risk_texts
from twoarm.protocol.protocol import Protocol
from twoarm.results.curve import Curve
from twoarm.tables.formats import Numbers

MOST_STEPS = 600  # a step is about a pixel
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_ENDED = "–"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Which columns of a curve are drawn, where it starts, and what its values are called."""

    value: str
    lower: str
    upper: str
    start: float
    name: str


SURVIVAL = Drawn("survival", "lower", "upper", 1.0, "Survival, %")


@dataclass(frozen=True, slots=True)
class ArmStep:
    """What holds from a time of the grid on: the value in per cent with limits as text, and the number at risk."""

    index: int  # of the time
    value: float | None  # none after the last patient
    text: str
    at_risk: str


@dataclass(frozen=True, slots=True)
class ArmValues:
    """An arm's values; a step where one of them changes."""

    name: str
    steps: tuple[ArmStep, ...]


@dataclass(frozen=True, slots=True)
class CurveValues:
    """The grid, from 0 in ``step``s of the display unit to the index ``last``, and the arms."""

    step: float
    decimals: int
    last: int
    unit: str
    mark: str  # of decimals
    arms: tuple[ArmValues, ...]


def curve_values(
    curves: Sequence[Curve], protocol: Protocol, numbers: Numbers, end: float, drawn: Drawn = SURVIVAL
) -> CurveValues:
    """Return the values of curves up to a time in the display unit."""
    step, decimals = _step(end, protocol.time_unit)
    last = int(end / step + 1e-9)
    days = [round(round(i * step, 6) * protocol.unit_days, 6) for i in range(last + 1)]
    arms = tuple(ArmValues(curve.arm, tuple(_arm_steps(curve, numbers, days, drawn))) for curve in curves)
    return CurveValues(step, decimals, last, protocol.time_unit, numbers.style.decimal, arms)


def _step(end: float, unit: str) -> tuple[float, int]:
    """Return the finest step of 1, 2 or 5 that makes no more than so many, and its decimals."""
    size = 0.0 if unit == "days" else 0.01
    for fine in _STEPS:
        if size and end / fine <= MOST_STEPS:
            return fine, 2 if fine < 0.1 else 1
    whole = 1.0
    while end / whole > MOST_STEPS:
        whole *= 2.5 if str(whole)[0] == "2" else 2
    return whole, 0


def _arm_steps(curve: Curve, numbers: Numbers, days: Sequence[float], drawn: Drawn) -> list[ArmStep]:
    times = [float(time or 0) for time in curve.columns["time"]]
    steps: list[ArmStep] = []
    at = cache(partial(_at, curve, numbers, drawn))  # many steps of the grid stand at one of the curve
    for index, (day, at_risk) in enumerate(zip(days, at_risk_texts(numbers, curve, days), strict=True)):
        value, text = at(bisect_right(times, day)) if day <= times[-1] else (None, _ENDED)
        step = ArmStep(index, value, text, at_risk)
        if not steps or (step.text, step.at_risk) != (steps[-1].text, steps[-1].at_risk):
            steps.append(step)
    return steps


def _at(curve: Curve, numbers: Numbers, drawn: Drawn, place: int) -> tuple[float | None, str]:
    """Return the value and its text after so many of the curve's times."""
    if not place:
        return drawn.start, numbers.fixed(100 * drawn.start, 1)
    parts = [curve.columns[name][place - 1] for name in (drawn.value, drawn.lower, drawn.upper)]
    texts = [numbers.fixed(100 * part, 1) if part is not None else "" for part in parts]
    return parts[0], numbers.with_interval(*texts)
