"""What weighting costs: sums, effective sample sizes, the largest weights, truncation, and how weights are spread."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.request import Request
from twoarm.results.curve import Curve
from twoarm.statistics.arrays import Floats
from twoarm.statistics.counting import counted, frequencies_of

BARS = 40


def weights(request: Request) -> None:
    """Describe the weights of each arm; nothing to say where every patient counts once."""
    request = request.by_patient()
    made = request.adjusted.weighted
    if made is None:
        return
    ledger = request.ledger
    for label, arm in ((request.population.treated, made.treated), (request.population.comparator, made.comparator)):
        here = ledger.within(arm=label)
        here.add("n", arm.n)
        here.add("sum_of_weights", arm.total)
        here.add("effective_sample_size", arm.effective_size)
        here.add("effective_percent", 100 * arm.effective_size / arm.n, unit="%")
        here.add("smallest_weight", arm.smallest)
        here.add("largest_weight", arm.largest)
    if made.limits is not None:
        here = ledger.within(arm="all")
        for side, limit, count in zip(
            ("below", "above"), made.limits, (made.truncated_below, made.truncated_above), strict=True
        ):
            here.add(f"truncated_{side}", count)
            here.add(f"truncation_limit_{side}", limit)
    score = request.adjusted.propensity
    if score is not None and request.adjusted.sets is None:  # the scores of a matching stand with who was lost
        _histograms(request, score.probability, np.linspace(0.0, 1.0, BARS + 1), "probability")
    top = float(request.adjusted.weight.max())
    _histograms(request, request.adjusted.weight, np.linspace(0.0, top, BARS + 1), "weight")


def _histograms(request: Request, values: Floats, edges: Floats, unit: str) -> None:
    """Write how many patients of each arm, and how much weight, fall between the edges."""
    context, adjusted = request.ledger.context, request.adjusted
    for label, arm in request.split(adjusted.treated):
        often = frequencies_of(arm, adjusted.frequency)
        patients = np.histogram(values[arm], bins=edges, weights=often)[0]
        columns = {"left": edges[:-1], "right": edges[1:], "all": patients}
        if unit == "probability":
            heights = np.histogram(values[arm], bins=edges, weights=counted(adjusted.weight[arm], often))[0]
            columns["weighted"] = heights
        request.ledger.curves.append(
            Curve(
                kind="histogram" if unit == "probability" else "weights",
                population=context.population,
                missing=context.missing,
                adjustment=context.adjustment,
                endpoint="",
                arm=label,
                columns={name: tuple(float(f"{v:.12g}") for v in counts.tolist()) for name, counts in columns.items()},
                unit=unit,
            )
        )
