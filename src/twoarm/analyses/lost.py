"""Who was lost by matching: the focal arm's matched against its unmatched patients; and the scores of both arms."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.balance import OWN, smd_note, standardised_differences
from twoarm.analyses.describe import describe
from twoarm.analyses.request import Request
from twoarm.results.curve import Curve
from twoarm.statistics.arrays import Booleans

BINS = np.linspace(0.0, 1.0, 41)


def lost(request: Request) -> None:
    """Describe matched and unmatched patients of the focal arm; nothing to say where nobody looks for partners."""
    adjusted = request.adjusted
    if adjusted.lost is None:
        return
    assert adjusted.frequency is None, "patients are matched one by one"
    ledger, completed = request.ledger, adjusted.completed
    focal = np.concatenate([adjusted.lost.matched, adjusted.lost.unmatched])
    matched = np.arange(focal.size) < adjusted.lost.matched.size
    unmatched = int((~matched).sum())
    ledger.add("pairs", int(matched.sum()), arm=request.contrast)
    ledger.add("unmatched", unmatched, arm=adjusted.lost.arm)
    ledger.add("unmatched_percent", 100 * unmatched / focal.size, arm=adjusted.lost.arm, unit="%")
    ledger.add("focal_is_larger_arm", adjusted.lost.larger_arm, arm=adjusted.lost.arm)
    if adjusted.sets is not None:
        _sets(request, adjusted.sets.ratio)
    if adjusted.caliper_width is not None:
        ledger.add("caliper_width", adjusted.caliper_width, arm=request.contrast)
    for covariate in completed.covariates.values():
        values = covariate.take(focal)
        for label, rows in (("matched", matched), ("unmatched", ~matched)):
            describe(ledger.within(arm=label), values, rows, None, None)
        if unmatched:
            for level, value in standardised_differences(values, matched, values, matched, None, None).items():
                here = ledger.within(arm="matched vs unmatched", variable=values.name, variable_level=level)
                here.add("smd", value, method=OWN, note=smd_note(value))
    ledger.add("n", int(matched.sum()), arm="matched")
    ledger.add("n", unmatched, arm="unmatched")
    _histograms(request)


def _sets(request: Request, ratio: int) -> None:
    """Write how many partners the sets have, and how often and how heavily partners were used."""
    adjusted, here = request.adjusted, request.ledger.within(arm=request.contrast)
    assert adjusted.pair is not None, "there are sets"
    partners = np.bincount(adjusted.pair) - 1
    here.add("partners_per_set", float(partners.mean()))
    for count in range(1, ratio + 1):
        here.add("sets_by_partners", int((partners == count).sum()), variable_level=str(count))
    is_partner = np.concatenate(([False], adjusted.pair[1:] == adjusted.pair[:-1]))  # the focal patient comes first
    uses = np.bincount(adjusted.row[is_partner])
    weight = np.bincount(adjusted.row[is_partner], weights=adjusted.weight[is_partner])
    here.add("distinct_partners", int((uses > 0).sum()))
    here.add("most_used_partner", int(uses.max()))
    here.add("largest_partner_percent", 100 * float(weight.max() / weight.sum()), unit="%")


def _histograms(request: Request) -> None:
    """Write how many patients of each arm have a propensity score in each bin, in all and matched."""
    adjusted = request.adjusted
    assert adjusted.propensity is not None, "a matched cohort has scores"
    chosen = np.zeros(adjusted.completed.treated.size, dtype=np.bool_)
    chosen[adjusted.row] = True
    treated = adjusted.completed.treated
    for label, arm in request.split(treated):
        counts = {
            name: _bin(adjusted.propensity.probability, arm & rows)
            for name, rows in (("all", np.ones_like(chosen)), ("matched", chosen))
        }
        edges = {"left": tuple(BINS[:-1].tolist()), "right": tuple(BINS[1:].tolist())}
        context = request.ledger.context
        request.ledger.curves.append(
            Curve(
                kind="histogram",
                population=context.population,
                missing=context.missing,
                adjustment=context.adjustment,
                endpoint="",
                arm=label,
                columns={**edges, **counts},
                unit="probability",
            )
        )


def _bin(score: np.ndarray[tuple[int], np.dtype[np.float64]], rows: Booleans) -> tuple[float, ...]:
    return tuple(np.histogram(score[rows], bins=BINS)[0].astype(float).tolist())
