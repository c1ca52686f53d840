"""The methods section, from the protocol: every choice in force, none that is not."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.adjustment import Matching, Multivariable, Weighting
from twoarm.protocol.covariate import Categorical, Continuous, Cut, covariate_label
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.expression import in_words
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.report.competing_text import competing_methods
from twoarm.report.cox_methods import cox_methods, ties_handling
from twoarm.report.matching_methods import matching_methods
from twoarm.report.outcomes_methods import (
    dialect_methods,
    imputation_methods,
    prognostic_methods,
    response_methods,
    safety_methods,
)
from twoarm.report.partial_date_methods import partial_date_methods
from twoarm.report.sensitivity_methods import sensitivity_methods
from twoarm.report.sentences import listed
from twoarm.report.time_effect_methods import restricted_mean_variance, robust_score_test, time_effect_methods
from twoarm.report.weighting_methods import adjusted_survival_methods, weighting_methods
from twoarm.tables.formats import Numbers

_FOLLOW_UP = {
    "reverse_kaplan_meier": "by the reverse Kaplan-Meier method",
    "observed": "as the median of all observed times",
    "event_free": "as the median time of patients without the event",
}
_QUANTILES = {
    "inverted": "inverting the pointwise limits (Brookmeyer and Crowley)",
    "normal": "the normal approximation with the density from survival 5 points above and below",
}
_FLAT = {"first": "the first such time", "not_estimable": "not estimable"}
_TESTS = {
    "median": "median and quartiles (percentile type 7) and compared by Wilcoxon's rank-sum test (exact below 50 patients "
    "an arm without ties, else normal with continuity correction)",
    "mean": "mean and standard deviation and compared by Welch's t test",
}


def methods_text(protocol: Protocol) -> list[tuple[str, list[str]]]:
    """Return (heading, paragraphs)."""
    plan = protocol.plan()
    parts = [("Patients", [_patients(protocol, population) for population in plan])]
    parts.append(("Endpoints", list(_endpoints(protocol))))
    parts.append(("Covariates and missing data", list(_covariates(protocol))))
    adjustments = [text for population in plan[:1] for text in _adjustments(population, Numbers.of(protocol))]
    parts.append(("Adjustment", adjustments))
    happened = [*response_methods(protocol), *safety_methods(protocol)]
    parts.append(("Response and adverse events", happened))
    further = [*competing_methods(protocol), *prognostic_methods(protocol), *dialect_methods(protocol)]
    further += sensitivity_methods(protocol)
    parts.append(("Statistical analysis", [*_analysis(protocol), *further, *_closing(protocol)]))
    return [(heading, paragraphs) for heading, paragraphs in parts if paragraphs]


def _patients(protocol: Protocol, population: StudyPopulation) -> str:
    arms = population.section.arms
    text = f"{population.label}: {arms.treated.label} was compared with {arms.comparator.label}."
    for criterion in population.section.criteria:
        verb = "included" if criterion.include else "excluded"
        words = Numbers.of(protocol).marked(in_words(protocol.parse(criterion.expression)))
        unknown = {
            "exclude": "patients for whom this was unknown were left out",
            "keep": "patients for whom this was unknown were kept",
            "refuse": "it had to be known for everybody",
        }[criterion.if_missing]
        text += f" Patients were {verb} if {words} ({criterion.label}; {unknown})."
    if population.section.time_zero:
        text += f" Time zero was {population.section.time_zero.replace('_', ' ')}."
    if arms.other == "exclude":
        text += " Patients in neither arm were left out."
    return text


def _endpoints(protocol: Protocol) -> Iterator[str]:
    for name, endpoint in protocol.endpoints.items():
        primary = " (primary endpoint)" if name == protocol.primary_endpoint else ""
        yield f"{endpoint.label}{primary} {_definition(protocol, endpoint)}"
    counted = (
        "the end minus the start" if protocol.day_count == "end_minus_start" else "the end minus the start, plus one"
    )
    text = f"Times were counted in whole days ({counted}); a month is {Numbers.of(protocol).general(protocol.month_length)} days and a year twelve months."
    if protocol.data_cutoff:
        text += f" Data were cut off on {protocol.data_cutoff.isoformat()}: events and contacts after it do not count."
    yield text
    yield from partial_date_methods(protocol)


def _definition(protocol: Protocol, endpoint: Endpoint) -> str:
    if not endpoint.from_dates:
        time, event = (_column_words(protocol, str(name)) for name in (endpoint.time, endpoint.event))
        return f"was taken from {time}, in {endpoint.unit}; the event was {event}{_competing(protocol, endpoint)}."
    start = _column_words(protocol, endpoint.start) if endpoint.start else "time zero"
    events = listed([_column_words(protocol, name) for name in endpoint.events])
    earliest = f"the earliest of {events}" if len(endpoint.events) > 1 else events
    censoring = ", else ".join(_column_words(protocol, name) for name in endpoint.censoring)
    return f"ran from {start} to {earliest}; patients without an event were censored at {censoring}{_competing(protocol, endpoint)}."


def _competing(protocol: Protocol, endpoint: Endpoint) -> str:
    if not endpoint.competing:
        return ""
    names = listed([_column_words(protocol, name) for name in endpoint.competing])
    first = "came first" if endpoint.from_dates else "ended it"
    return f"; where {names} {first}, the time ended there with a competing event (together with the event, the event counts)"


def _column_words(protocol: Protocol, name: str) -> str:
    """Name a column, and say how it was calculated where it was."""
    if name not in protocol.derived:
        return f"column {name}"
    return f"{name.replace('_', ' ')} (calculated: {Numbers.of(protocol).marked(in_words(protocol.parse(protocol.derived[name])))})"


def _covariates(protocol: Protocol) -> Iterator[str]:
    numbers = [covariate_label(n, c) for n, c in protocol.covariates.items() if isinstance(c, Continuous)]
    levels = [
        f"{covariate_label(name, c)} (reference {c.level_labels[c.reference_index]})"
        for name, c in protocol.covariates.items()
        if isinstance(c, Cut | Categorical)
    ]
    if numbers:
        yield f"Covariates taken as they are, linear in models: {listed(numbers)}."
    if levels:
        yield f"Covariates in levels: {listed(levels)}."
    for section in protocol.missing.values():
        if isinstance(section, MultipleImputation):
            yield imputation_methods(section)
        else:
            yield f"{section.label}: patients with any covariate missing were left out."


def _adjustments(population: StudyPopulation, numbers: Numbers) -> Iterator[str]:
    for adjustment in population.adjustments.values():
        if isinstance(adjustment, Matching):
            yield matching_methods(population, adjustment, numbers)
        elif isinstance(adjustment, Weighting):
            yield weighting_methods(population, adjustment, numbers)
        elif isinstance(adjustment, Multivariable):
            names = population.model_covariates if adjustment.covariates is None else adjustment.covariates
            labels = [covariate_label(name, population.covariates[name]) for name in names]
            yield (
                f"{adjustment.label}: the outcome model held the arm and {listed(labels)}; its hazard ratio is conditional "
                "on them and need not equal a marginal one."
            )


def _analysis(protocol: Protocol) -> Iterator[str]:
    numbers, conventions = Numbers.of(protocol), protocol.conventions
    confidence = f"{numbers.general(100 * protocol.confidence_level)}%"
    yield (
        "Categorical covariates are given as n (%) and were compared by Pearson's chi-squared test "
        f"{'with' if conventions.yates else 'without'} continuity correction if every expected count was at least 5, else by Fisher's exact test (Freeman-Halton for more than two "
        f"levels; simulated with {numbers.count(200_000)} draws from a fixed seed where the table is too large). Continuous covariates are given as {_TESTS[protocol.analyses.baseline.continuous]}. Balance was judged "
        "by standardised mean differences, with the standard deviation of the original and of the matched sample; more "
        f"than {numbers.general(protocol.analyses.balance.threshold)} counts as imbalance."
    )
    interval = " and from ".join(_QUANTILES[name] for name in conventions.quantile_intervals)
    yield (
        f"Survival was estimated by the Kaplan-Meier method with Greenwood's variance and {confidence} pointwise limits on "
        f"the {conventions.interval} scale. Intervals of medians come from {interval}; where a curve lies flat at one half "
        f"up to a later event the midpoint is given, and where it stays there to the end {_FLAT[conventions.flat_end]}. "
        f"Nothing is estimated beyond the last follow-up. Arms were compared by the log-rank test{_matched_tests(protocol)}."
    )
    yield (
        f"Hazard ratios come from Cox regression with {ties_handling(protocol)} and {confidence} Wald intervals. In matched "
        f"samples the model is marginal and the variance robust{', clustered by pair' if _kinds(protocol) != {True} else ''}."
    )
    wanted = {word for population in protocol.plan() for word in population.analyses}
    yield from cox_methods(protocol, wanted)
    if "proportional_hazards" in wanted:
        yield f"Proportional hazards were tested by the score test of Grambsch and Therneau on the Kaplan-Meier scale{robust_score_test(protocol)}."
    if "restricted_mean" in wanted:
        tau = protocol.analyses.restricted_mean.tau
        until = f"{numbers.general(tau)} {protocol.time_unit}" if tau else "the smaller of the arms' largest times"
        yield f"Restricted mean survival times up to {until} were compared by their difference and their ratio, with Wald intervals{restricted_mean_variance(protocol)}."
    yield from time_effect_methods(protocol, wanted)
    yield from adjusted_survival_methods(protocol)
    yield f"Follow-up was summarised {_FOLLOW_UP[protocol.analyses.follow_up.method]}."
    if protocol.subgroups:
        yield (
            "In subgroups, an unstratified Cox model with the arm alone was fitted within each level; interaction was tested "
            "by the likelihood ratio, or by a robust Wald test in matched samples. Matched pairs and sets were kept as they "
            f"were made. Levels with fewer than {protocol.subgroups.minimum_events} events, or none in an arm, were not estimated "
            "and do not enter the test of interaction."
        )


def _kinds(protocol: Protocol) -> set[bool]:
    """Return whether matchings are in weighted sets, for those there are."""
    plan = protocol.plan()
    return {a.sets for population in plan for a in population.adjustments.values() if isinstance(a, Matching)}


def _matched_tests(protocol: Protocol) -> str:
    kinds = _kinds(protocol)
    pairs = "" if kinds == {True} else "; in matched samples it is given plain and stratified by pair"
    return f"{pairs}; in matched sets it is weighted, with its robust variance" if True in kinds else pairs


def _closing(protocol: Protocol) -> Iterator[str]:
    if protocol.dialect:
        yield f"Survival conventions follow the dialect {protocol.dialect} where nothing else was stated."
    if protocol.disclosure.minimum_cell > 1:
        yield f"Counts below {protocol.disclosure.minimum_cell} were suppressed (*), with the numbers calculated from them."
    yield f"{Numbers.of(protocol).style.p_values} are two-sided and not corrected for multiple testing."
