"""Scaled Schoenfeld residuals of the arm and their smooth, as curves: how the log hazard ratio changes with time."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.cox_model import fit_kept
from twoarm.analyses.hazard_ratio import ARM, model_design, small_arms
from twoarm.analyses.request import Observed, Request
from twoarm.errors import NotEstimableError
from twoarm.results.curve import Curve, CurveKind
from twoarm.statistics.arrays import Floats
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld, smooth_schoenfeld


def schoenfeld_curves(request: Request) -> None:
    """Write the curves of the primary endpoint, unadjusted and in the primary adjustment, where they can be had.

    The smooth's limits come from the model's information, as in R; pairs are ignored.
    """
    name = request.protocol.primary_endpoint
    wanted = request.adjusted.name in (request.unadjusted.name, request.protocol.primary_adjustment)
    if not wanted or name not in request.endpoints:
        return
    observed = request.observed(request.endpoints[name])
    if small_arms(request, observed):
        return
    try:
        _write(request, observed, name)
    except NotEstimableError:
        return  # the rows of the test say why


def _write(request: Request, observed: Observed, endpoint: str) -> None:
    design = model_design(request, observed, request.adjusted.covariates_in_model)
    fit = fit_kept(request, observed, endpoint, design, clustered=False)
    points = scaled_schoenfeld(fit, term=design.names[[term.variable for term in design.terms].index(ARM)])
    found = {"time": points.time, "scale": points.scale, "log_hazard_ratio": points.value}
    request.ledger.curves.append(_curve(request, "schoenfeld", endpoint, found))
    smooth = smooth_schoenfeld(points, confidence_level=request.protocol.confidence_level)
    lines = {"time": smooth.time, "scale": smooth.scale, "log_hazard_ratio": smooth.value, "lower": smooth.lower}
    lines |= {"upper": smooth.upper, "events": smooth.events}
    request.ledger.curves.append(_curve(request, "schoenfeld_smooth", endpoint, lines))


def _curve(request: Request, kind: CurveKind, endpoint: str, columns: dict[str, Floats]) -> Curve:
    context = request.ledger.context
    shown = {name: _rounded(values) for name, values in columns.items()}
    return Curve(
        kind, context.population, context.missing, context.adjustment, endpoint, request.contrast, columns=shown
    )


def _rounded(values: Floats) -> tuple[float, ...]:
    """Return values at the ledger's digits; those that many events share are rounded once."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)  # which tell 0 from -0
    distinct, place = np.unique(bits, return_inverse=True)
    shown = [float(f"{value:.12g}") for value in distinct.view(np.float64).tolist()]
    return tuple([shown[i] for i in place.reshape(-1).tolist()])
