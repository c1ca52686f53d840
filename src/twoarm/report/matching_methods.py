"""Sentences of the methods section about matching."""

from __future__ import annotations

from twoarm.protocol.adjustment import Matching
from twoarm.protocol.covariate import covariate_label
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.report.sentences import listed
from twoarm.report.weighting_methods import bootstrap_methods
from twoarm.tables.formats import Numbers

_ORDERS = {
    "closest": "the globally nearest pair was formed first, then the nearest of those left",
    "largest": "patients with the largest score chose first",
    "smallest": "patients with the smallest score chose first",
    "data": "patients chose in the order of the file",
    "random": "patients chose in random order, from the declared seed",
}
_OPTIMAL = "as many pairs as possible were formed, and among those the ones of the smallest total distance"
_ESTIMANDS = {
    "ATT": "the effect in the treated (ATT), as far as they found partners",
    "ATC": "the effect in the comparator arm (ATC), as far as its patients found partners",
    "matched set": "the effect among the matched",
}


def cluster_word(protocol: Protocol) -> str:
    """Return what the variance of matched samples is clustered by."""
    plan = protocol.plan()
    kinds = {a.sets for population in plan for a in population.adjustments.values() if isinstance(a, Matching)}
    return {frozenset({True}): "matched set", frozenset({True, False}): "pair or matched set"}.get(
        frozenset(kinds), "pair"
    )


def matching_methods(population: StudyPopulation, matching: Matching, numbers: Numbers) -> str:
    """Return who was matched to whom, how, and what is estimated."""
    names = population.covariates if matching.covariates is None else matching.covariates
    labels = [covariate_label(name, population.covariates[name]) for name in names]
    side = {
        "treated": population.treated,
        "comparator": population.comparator,
        "smaller": "the smaller arm",
    }[matching.focal]
    scale = "logit of the score" if matching.scale == "logit" else "score itself"
    alike = listed([name.replace("_", " ") for name in matching.exact])
    strata = f", among patients who agree in {alike}" if alike else ""
    kind = "optimal" if matching.method == "optimal" else "greedy nearest-neighbour"
    again = "with" if matching.replacement else "without"
    order = _order(matching)
    partners = "one patient" if matching.ratio == 1 else f"up to {numbers.count(matching.ratio)} patients"
    return (
        f"{matching.label}: the propensity score was the probability of {population.treated} by logistic regression (maximum "
        f"likelihood) on {listed(labels)}. Each patient of {side} was matched to {partners} of the other arm by {kind} "
        f"matching {again} replacement on the {scale}, {_limit(matching, numbers)}{strata}{f'; {order}' if order else ''}. "
        "Scores and distances were rounded to ten decimals and ties broken by patient key. The estimand is "
        f"{_ESTIMANDS[matching.answers]}.{_sets(matching)}{bootstrap_methods(matching.bootstrap, 'pairs')}"
    )


def _limit(matching: Matching, numbers: Numbers) -> str:
    if matching.caliper == "none":
        return "without a caliper"
    if matching.caliper.unit == "absolute":
        return f"within {numbers.general(matching.caliper.width)} units of it (inclusive)"
    kind = "over both arms together" if matching.caliper.sd == "all" else "pooled within arms"
    return f"within {numbers.general(matching.caliper.width)} of its standard deviation {kind} (inclusive)"


def _order(matching: Matching) -> str:
    if matching.method == "optimal":
        return _OPTIMAL
    if matching.replacement:
        return ""
    if matching.order == "data":
        by = f"the column {matching.order_column}" if matching.order_column else "the file"
        return f"patients chose in the order of {by}"
    return _ORDERS[matching.order]


def _sets(matching: Matching) -> str:
    """Say how the patients of sets are weighted, and what variance follows; nothing of pairs."""
    if not matching.sets:
        return ""
    first = (
        ""
        if matching.ratio == 1 or matching.method == "optimal" or matching.replacement
        else (" Everybody was given a first partner before anybody was given a second.")
    )
    shared = "" if matching.ratio == 1 else " The partners of a set share the weight of one patient."
    if not matching.replacement:
        return f"{first}{shared} Variances are robust, clustered by matched set."
    return (
        f"{shared} A patient may stand in several sets, with a weight in each. Models and tests have the variance by crossed "
        "clusters, V(set) + V(patient) - V(set and patient) (Cameron, Gelbach and Miller; Austin and Cafri), or the larger "
        "of the first two where that is not positive; curves have the variance by patient."
    )
