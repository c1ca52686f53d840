"""How far an estimate can be trusted: E-values, and what centres say apart and together."""

from __future__ import annotations

from typing import Any

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.notebook.columns import column, label_of, open_frame, required
from twoarm.notebook.result import Result, Value
from twoarm.statistics import arrays, random_effects
from twoarm.statistics import e_value as confounding


def e_value(*, hazard_ratio: float, lower: float, upper: float, event_share: float) -> Result:
    """Return how strong unmeasured confounding would have to be to explain a hazard ratio away.

    Args:
        hazard_ratio: above 0.
        lower: limit of its interval.
        upper: limit of its interval.
        event_share: share of the patients with the event; from 15 % on the hazard ratio is converted to a risk ratio.

    Raises:
        ArgumentError: an estimate outside its limits, limits not above 0, a share outside 0 to 1.

    >>> e_value(hazard_ratio=0.5, lower=0.3, upper=0.8, event_share=0.1)
    E-value (hazard ratio as risk ratio)
                       risk_ratio  e_value
    estimate                  0.5    3.414
    limit nearer to 1         0.8    1.809
    """
    found = confounding.e_value(hazard_ratio=hazard_ratio, lower=lower, upper=upper, event_share=event_share)
    nearer = found.lower if found.risk_ratio >= 1 else found.upper
    rows: tuple[tuple[Value, ...], ...] = (
        ("estimate", found.risk_ratio, found.estimate),
        ("limit nearer to 1", nearer, found.limit),
    )
    return Result(f"E-value ({found.scale})", ("", "risk_ratio", "e_value"), rows, (), found)


def pool_centres(
    frame: Any = None,
    /,
    estimates: Any = None,
    std_errors: Any = None,
    *,
    confidence_level: float = 0.95,
) -> Result:
    """Pool centres' log hazard ratios: fixed effect, and random effects by REML with Hartung and Knapp's interval.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        estimates: such as log hazard ratios, one a centre, shape (k,).
        std_errors: theirs, shape (k,).
        confidence_level: of all intervals.

    Raises:
        ArgumentError: missing values, or standard errors that are not above 0.
        NotEstimableError: one centre only.

    >>> pool_centres(estimates=[-0.5, -0.1, -0.9, 0.2], std_errors=[0.2, 0.25, 0.3, 0.2]).rows[0][0]
    'fixed effect'
    """
    source = open_frame(frame)
    found = random_effects.pool_centres(
        estimates=required(source, "estimates", estimates),
        std_errors=required(source, "std_errors", std_errors),
        confidence_level=confidence_level,
    )
    rows: list[tuple[Value, ...]] = [
        (name, one.estimate, one.lower, one.upper, one.p_value)
        for name, one in (("fixed effect", found.fixed), ("random effects", found.random))
    ]
    rows.append(("a new centre", found.random.estimate, found.prediction_lower, found.prediction_upper, None))
    notes = [
        f"{found.centres} centres; tau squared {found.tau_squared:.4g} (REML), I squared {100 * found.i_squared:.1f}%; "
        f"Q {found.q:.4g} on {found.centres - 1} df, p = {found.q_p_value:.4g}. Random effects: Hartung and Knapp, "
        f"factor {max(1.0, found.hartung_knapp_factor):.4g} (at least 1)."
    ]
    if found.few_centres:
        notes.append("Fewer than 5 centres: the variance between them is all but unknown.")
    columns = ("", "estimate", "lower", "upper", "p")
    return Result("Centres pooled, on the scale of the estimates", columns, tuple(rows), tuple(notes), found)


def leave_one_centre_out(
    frame: Any = None,
    /,
    estimates: Any = None,
    std_errors: Any = None,
    *,
    centre: Any = None,
    confidence_level: float = 0.95,
) -> Result:
    """Return the random effect without each of the centres; ``centre`` holds their labels, shape (k,).

    Raises:
        ArgumentError: as ``pool_centres``.
        NotEstimableError: fewer than three centres.
    """
    source = open_frame(frame)
    found = random_effects.leave_one_centre_out(
        estimates=required(source, "estimates", estimates),
        std_errors=required(source, "std_errors", std_errors),
        confidence_level=confidence_level,
    )
    k = found.estimate.size
    labels = np.arange(1, k + 1) if centre is None else np.asarray(column(source, "centre", centre))
    if arrays.codes("centre", labels, k)[1].size < k:
        raise ArgumentError("centre: found a label twice; expected one a centre")
    numbers = (found.estimate, found.lower, found.upper, found.tau_squared)
    rows: list[tuple[Value, ...]] = []
    for i, label in enumerate(labels.tolist()):
        rows.append((str(label), *(float(values[i]) for values in numbers)))
    columns = (label_of(centre, "without"), "estimate", "lower", "upper", "tau_squared")
    return Result("Random effects without one centre", columns, tuple(rows), (), found)
