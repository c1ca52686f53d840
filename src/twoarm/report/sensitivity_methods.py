"""Methods of centres, unmeasured confounding, negative controls and the grid of specifications, from the protocol."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol
from twoarm.report.matching_methods import cluster_word
from twoarm.report.sentences import listed
from twoarm.tables.formats import Numbers, in_sentence


def sensitivity_methods(protocol: Protocol) -> Iterator[str]:
    """Return a paragraph for each of them that is asked for."""
    wanted = {word for population in protocol.plan() for word in population.analyses}
    if "centres" in wanted:
        yield _centres(protocol)
    if "e_value" in wanted:
        yield Numbers.of(protocol).marked(
            "E-values (VanderWeele and Ding) are given for marginal hazard ratios and for their limit nearer 1; the hazard "
            "ratio was taken for a risk ratio where fewer than 15% had the event, else converted to one by "
            "(1 - 0.5^√h) / (1 - 0.5^√(1/h))."
        )
    if "unmeasured" in wanted:
        yield _unmeasured(protocol)
    controls = [endpoint.label for endpoint in protocol.endpoints.values() if endpoint.negative_control]
    if controls:
        yield (
            f"Negative controls: {listed([in_sentence(label) for label in controls])}. The treatments cannot affect such an "
            "endpoint, so that a hazard ratio of 1 is expected; another one in a matched or weighted sample tells of "
            "confounding that is left. They went through survival and hazard ratios alone."
        )
    if "specifications" in wanted:
        yield _specifications(protocol)


def _centres(protocol: Protocol) -> str:
    declared = protocol.centres
    assert declared is not None, "centres are asked for"
    return (
        f"Centres (column {declared.column}) were taken into account in three ways: a Cox model stratified by centre; a Cox "
        f"model within each centre of {declared.minimum_events} events or more with events in both arms; and these hazard "
        "ratios pooled on the log scale, by inverse variance (fixed effect) and with random effects by restricted maximum "
        "likelihood, intervals after Hartung and Knapp with their factor not below 1, Cochran's Q, I² and a prediction "
        "interval with k - 2 degrees of freedom for k centres, and again without each centre. Variances within centres "
        f"are those of the sample (clustered by {cluster_word(protocol)} when matched, robust when weighted). Patients of unknown centre were "
        "left out of this, and multivariable models were stratified only."
        + (
            " Over imputations hazard ratios were pooled within each centre by Rubin's rules before they were pooled over centres."
            if any(isinstance(section, MultipleImputation) for section in protocol.missing.values())
            else ""
        )
    )


def _unmeasured(protocol: Protocol) -> str:
    declared, numbers = protocol.sensitivity.unmeasured, Numbers.of(protocol)
    assert declared is not None, "a confounder is declared"
    population = protocol.plan()[0]
    ratios = listed([numbers.general(ratio) for ratio in declared.hazard_ratios])
    shares = [f"{numbers.general(100 * p)}%" for p in (declared.prevalence_treated, declared.prevalence_comparator)]
    return (
        f"For an unmeasured binary confounder that {shares[0]} have in {population.treated} and {shares[1]} in {population.comparator}, "
        f"with hazard ratios of {ratios}, hazard ratios and limits were divided by its bias factor "
        "(p1 (g - 1) + 1) / (p0 (g - 1) + 1) (Lin, Psaty and Kronmal). The confounder is taken to be independent of the "
        "measured covariates and its effect to be the same in both arms; the factor is an approximation, exact at the "
        "start and close later on where the endpoint is rare or effects are not large. The tipping point is the hazard "
        "ratio g at which the estimate, or its limit nearer 1, becomes 1."
    )


def _specifications(protocol: Protocol) -> str:
    grid = protocol.specifications
    assert grid is not None, "a grid is declared"
    population = next(one for one in protocol.plan() if "specifications" in one.analyses)
    endpoints = [population.endpoints[name].label for name in grid.endpoints_of(population.endpoints)]
    strategies = [population.missing[name].label for name in grid.missing_of(population.missing)]
    dimensions: dict[str, dict[str, None]] = {}
    for design in grid.designs().values():
        for key, value in design.choices:
            dimensions.setdefault(key, {})[value] = None
    words = "; ".join(f"{key.lower()} {', '.join(values)}" for key, values in dimensions.items())
    words = Numbers.of(protocol).marked(words)
    return (
        f"The study was run again under {len(grid.designs())} declared designs for {listed([in_sentence(one) for one in endpoints])} "
        f"({listed([in_sentence(one) for one in strategies])}): {words}. Every combination that was declared is in the table, "
        "whatever it shows; designs were declared before the results were seen if the protocol was locked."
    )
