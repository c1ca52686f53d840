"""Scaled Schoenfeld residuals of the arm and their smooth, as curves: how the log hazard ratio changes with time."""

from __future__ import annotations

from twoarm.analyses.cox_model import fit_kept
from twoarm.analyses.hazard_ratio import ARM, model_design, small_arms
from twoarm.analyses.request import Observed, Request
from twoarm.errors import NotEstimableError
from twoarm.results.curve import MOST_PUBLISHED, Curve, CurveKind, rounded_columns, step_to
from twoarm.statistics.arrays import Floats
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld, smooth_schoenfeld


def schoenfeld_curves(request: Request) -> None:
    """Write the curves of the primary endpoint, unadjusted and in the primary adjustment, where they can be had.

    The smooth's limits come from the model's information, as in R; pairs are ignored. The smooth is of all events; of
    more than ``MOST_PUBLISHED`` every k-th in order of time is kept as a point.
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
    every = slice(None, None, step_to(points.time.size, MOST_PUBLISHED))
    found = {"time": points.time[every], "scale": points.scale[every], "log_hazard_ratio": points.value[every]}
    request.ledger.curves.append(_curve(request, "schoenfeld", endpoint, found))
    smooth = smooth_schoenfeld(points, confidence_level=request.protocol.confidence_level)
    lines = {"time": smooth.time, "scale": smooth.scale, "log_hazard_ratio": smooth.value, "lower": smooth.lower}
    lines |= {"upper": smooth.upper, "events": smooth.events}
    request.ledger.curves.append(_curve(request, "schoenfeld_smooth", endpoint, lines))


def _curve(request: Request, kind: CurveKind, endpoint: str, columns: dict[str, Floats]) -> Curve:
    context = request.ledger.context
    sample = (context.population, context.missing, context.adjustment)
    return Curve(kind, *sample, endpoint, request.contrast, columns=rounded_columns(columns))
