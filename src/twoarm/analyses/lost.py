"""Who was lost by matching: the focal arm's matched against its unmatched patients; and the scores of both arms."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.balance import OWN, Sample, smd_note, standardised_differences
from twoarm.analyses.describe import describe
from twoarm.analyses.request import Request
from twoarm.design.adjusted_cohort import MatchedStrata
from twoarm.results.curve import Curve
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.counting import count, frequencies_of

BINS = np.linspace(0.0, 1.0, 41)


def lost(request: Request) -> None:
    """Describe matched and unmatched patients of the focal arm; nothing to say where nobody looks for partners."""
    adjusted = request.adjusted
    if adjusted.lost is None:
        return
    ledger, focal = request.ledger, adjusted.lost
    matched, frequency = focal.matched, focal.frequency
    found, unmatched = count(matched, frequency), count(~matched, frequency)
    ledger.add("pairs", found, arm=request.contrast)
    ledger.add("unmatched", unmatched, arm=focal.arm)
    ledger.add("unmatched_percent", 100 * unmatched / (found + unmatched), arm=focal.arm, unit="%")
    ledger.add("focal_is_larger_arm", focal.larger_arm, arm=focal.arm)
    if adjusted.sets is not None:
        _sets(request, adjusted.sets.ratio)
    if adjusted.caliper_width is not None:
        ledger.add("caliper_width", adjusted.caliper_width, arm=request.contrast)
    if adjusted.strata is not None:
        _strata(request, adjusted.strata)
    for covariate in adjusted.completed.covariates.values():
        values = covariate.take(focal.row)
        for label, rows in (("matched", matched), ("unmatched", ~matched)):
            describe(ledger.within(arm=label), values, rows, None, frequency)
        if unmatched:
            sample = Sample(values, matched, frequency)
            for level, value in standardised_differences(sample, sample, None).items():
                here = ledger.within(arm="matched vs unmatched", variable=values.name, variable_level=level)
                here.add("smd", value, method=OWN, note=smd_note(value))
    ledger.add("n", found, arm="matched")
    ledger.add("n", unmatched, arm="unmatched")
    _histograms(request)


def _strata(request: Request, strata: MatchedStrata) -> None:
    """Write how many strata had patients of both arms, and in how many parts they were matched."""
    here = request.ledger.within(arm=request.contrast)
    here.add("strata", strata.of_both_arms)
    here.add("strata_of_one_arm", strata.of_one_arm)
    here.add("parts", strata.parts)


def _sets(request: Request, ratio: int) -> None:
    """Write how many partners the sets have, and how often and how heavily partners were used."""
    adjusted, here = request.adjusted, request.ledger.within(arm=request.contrast)
    assert adjusted.pair is not None, "there are sets"
    partners = np.bincount(adjusted.pair) - 1
    here.add("partners_per_set", float(partners.mean()))
    for wanted in range(1, ratio + 1):
        here.add("sets_by_partners", int((partners == wanted).sum()), variable_level=str(wanted))
    is_partner = np.concatenate(([False], adjusted.pair[1:] == adjusted.pair[:-1]))  # the focal patient comes first
    patient = adjusted.row if adjusted.repeated else np.arange(adjusted.row.size)
    uses = np.bincount(patient[is_partner])
    weight = np.bincount(patient[is_partner], weights=adjusted.weight[is_partner])
    here.add("distinct_partners", int((uses > 0).sum()))
    here.add("most_used_partner", int(uses.max()))
    here.add("largest_partner_percent", 100 * float(weight.max() / weight.sum()), unit="%")


def _histograms(request: Request) -> None:
    """Write how many patients of each arm have a propensity score in each bin, in all and matched."""
    adjusted = request.adjusted
    assert adjusted.propensity is not None, "a matched cohort has scores"
    treated, score = adjusted.completed.treated, adjusted.propensity.probability
    chosen = adjusted.by_patient().row
    for label, arm in request.split(treated):
        counts = {
            "all": _bin(score[arm], frequencies_of(arm, adjusted.completed.frequency)),
            "matched": _bin(score[chosen[arm[chosen]]], None),
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


def _bin(score: Floats, frequency: Integers | None) -> tuple[float, ...]:
    return tuple(np.histogram(score, bins=BINS, weights=frequency)[0].astype(float).tolist())
