"""Sentences of the methods section about effects that may change with time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from twoarm.protocol.adjustment import Matching, Multivariable, Weighting
from twoarm.protocol.choices import AnalysisName
from twoarm.protocol.protocol import Protocol
from twoarm.report.matching_methods import cluster_word
from twoarm.report.sentences import listed
from twoarm.tables.formats import Numbers


def time_effect_methods(protocol: Protocol, wanted: Collection[AnalysisName]) -> Iterator[str]:
    """Return how survival at a time, intervals of follow-up and landmarks were analysed."""
    if "survival_difference" in wanted:
        at = _times(protocol, protocol.analyses.survival.landmarks)
        variance = _of_designed(
            protocol, f"clustered by {cluster_word(protocol)} in matched samples", "robust in weighted ones"
        )
        yield (
            f"Survival of the arms at {at} was compared by its difference with normal limits; the variance is "
            f"Greenwood's{variance and ', ' + variance}."
        )
    if "piecewise" in wanted:
        yield _piecewise(protocol)
    if "landmark" in wanted:
        yield (
            f"Landmark analyses compare patients without the event who are followed beyond {_times(protocol, protocol.analyses.landmark.times)}, time being "
            "counted from the landmark, by Cox regression and the log-rank test; samples and weights are those of the "
            f"whole cohort{_landmark_variance(protocol)}.{_landmark_causes(protocol)}"
            f"{_other_terms(protocol, 'as they were at time zero')}"
        )
    if "proportional_hazards" in wanted:
        yield (
            "Plots of the scaled Schoenfeld residuals of the arm carry a natural cubic spline of four degrees of freedom over the "
            "Kaplan-Meier scale with pointwise limits; matching is ignored there."
        )


def restricted_mean_variance(protocol: Protocol) -> str:
    """Return which variance restricted means have in samples by design, after the sentence; nothing without any."""
    words = _of_designed(
        protocol, f"clustered by {cluster_word(protocol)} in matched samples", "robust in weighted ones"
    )
    return f"; the variance (infinitesimal jackknife) is {words}" if words else ""


def robust_score_test(protocol: Protocol) -> str:
    """Return how the test of proportional hazards stands in samples by design; nothing without any."""
    words = _of_designed(protocol, "matched", "weighted")
    if not words:
        return ""
    return (
        f"; in {words} samples its variance is robust, from the sums of squares of each pair's, set's or patient's share of the "
        "score, and the model's own test, which ignores pairs and takes weights for counts, stands beside it"
    )


def _piecewise(protocol: Protocol) -> str:
    section = protocol.analyses.piecewise
    where = _times(protocol, section.cuts) if section.cuts else "the median event time of all patients"
    return (
        f"Hazard ratios within intervals of follow-up, cut at {where}, come from a Cox model of the arm in each interval, stratified by interval; "
        f"their equality was tested by Wald's test.{_other_terms(protocol, 'with hazard ratios that are the same in all intervals')} Intervals with fewer than "
        f"{section.minimum_events} events, or none in an arm, were not estimated."
    )


def _other_terms(protocol: Protocol, how: str) -> str:
    """Say how multivariable models hold their covariates; nothing without such models."""
    if not any(isinstance(adjustment, Multivariable) for adjustment in protocol.adjustments.values()):
        return ""
    return f" Multivariable models held their covariates {how}."


def _landmark_variance(protocol: Protocol) -> str:
    matched = f", the variance is clustered by {cluster_word(protocol)} in matched samples"
    return _of_designed(protocol, matched, " and robust in weighted ones")


def _landmark_causes(protocol: Protocol) -> str:
    if not any(section.competing for section in protocol.endpoints.values()):
        return ""
    return " Where events compete both are cause-specific: a competing event censors."


def _times(protocol: Protocol, times: Collection[float]) -> str:
    numbers = Numbers.of(protocol)
    return f"{listed([numbers.marked(f'{time:.10g}') for time in times])} {protocol.time_unit}"


def _of_designed(protocol: Protocol, matched: str, weighted: str) -> str:
    """Return the words of the designs that the protocol has."""
    made = [
        words
        for kind, words in ((Matching, matched), (Weighting, weighted))
        if any(isinstance(adjustment, kind) for adjustment in protocol.adjustments.values())
    ]
    return listed(made) if made and not made[0].startswith((",", " ")) else "".join(made)
