"""Competing events in the methods section and in the results."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.adjustment import Matching, Weighting
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol
from twoarm.report.matching_methods import cluster_word
from twoarm.report.sentences import Sentence, listed, say
from twoarm.results.estimate import Estimate
from twoarm.tables.cumulative_incidence_table import gray_of, ratio_of
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope


def competing_methods(protocol: Protocol) -> Iterator[str]:
    """Return how endpoints whose events compete were analysed; nothing where there are none."""
    labels = [endpoint.label for endpoint in protocol.endpoints.values() if endpoint.competing]
    if not labels:
        return
    wanted = {word for population in protocol.plan() for word in population.analyses}
    yield (
        f"Other events compete with that of {listed(labels)}. 1 minus Kaplan-Meier overstates the incidence of such an "
        "event, so that no survival curves, medians, restricted means or log-rank tests are given for it. Its Cox models, "
        "those of subgroups included, are of the cause-specific hazard: a competing event censors. Follow-up counts to the "
        "end of the patient's time by any event."
    )
    if "cumulative_incidence" not in wanted:
        return
    adjustments = [made for population in protocol.plan() for made in population.adjustments.values()]
    scale = protocol.conventions.interval
    text = (
        "The cumulative incidence of the event and of what competes with it was estimated by the method of Aalen and Johansen "
        f"with pointwise limits on the {scale} scale (variance of the counting process). Arms were compared by Gray's test "
        "and by the subdistribution hazard ratio of Fine and Gray (as in cmprsk's crr, Breslow's ties, robust variance)."
    )
    if any(isinstance(made, Matching) for made in adjustments):
        text += (
            f" In matched samples the variance of the subdistribution hazard ratio is clustered by {cluster_word(protocol)}; Gray's "
            "test ignores them, as such small strata cannot carry its weights."
        )
    sets = any(isinstance(made, Matching) and made.sets for made in adjustments)
    weighted = any(isinstance(made, Weighting) for made in adjustments)
    if weighted or sets:
        where = {(True, False): "weighted samples", (False, True): "matched sets"}
        text += (
            f" In {where.get((weighted, sets), 'weighted samples and matched sets')} the limits come from the infinitesimal jackknife and the subdistribution hazard ratio from "
            "the weighted model of survival's finegray (Efron's ties); Gray's test has no weighted form."
        )
    if any(isinstance(section, MultipleImputation) for section in protocol.missing.values()):
        text += (
            " Over imputations incidence was pooled by Rubin's rules on log(-log(1 - F)), the subdistribution hazard ratio on its "
            "logarithm and Gray's test by D2."
        )
    yield text


def incidence_text(scope: Scope, endpoint: str) -> Iterator[Sentence]:
    """Return incidence at the last landmark that both arms reach, with both comparisons, for every sample."""
    numbers, label = scope.numbers, scope.population.endpoints[endpoint].label
    for name, made in scope.marginal().items():
        here = {"adjustment": name, "analysis": "cumulative_incidence", "endpoint": endpoint, "variable": ""}
        contrast = {**here, "arm": scope.contrast}
        gray, ratio = gray_of(scope, contrast), ratio_of(scope, contrast)
        if ratio[0] is None:
            continue
        lead = f"{label}, {in_sentence(made.label)}: "
        rows = _last_landmark(scope, here)
        if rows:
            first, second = (
                numbers.with_interval(*(numbers.percentage(row) for row in half)) for half in (rows[:3], rows[3:])
            )
            kind = "Gray's test, pairs ignored," if isinstance(made, Matching) else "Gray's test"
            tested = gray is not None and gray.value is not None
            p = f" ({kind} {numbers.p_text(float(gray.value))})" if tested and gray and gray.value is not None else ""
            lead += (
                f"cumulative incidence at {numbers.marked(rows[0].parameter)} {first}% in {scope.arms[0]} and {second}% in "
                f"{scope.arms[1]}{p}, competing events taken into account; "
            )
        if ratio[0].value is None:
            why = f"the subdistribution hazard ratio is not estimable ({ratio[0].note})"
            yield say(f"{lead}{why}.", *rows, gray, ratio[0])
            continue
        limits = numbers.limits(*(numbers.hazard(row) for row in ratio[1:3]))
        p_row = ratio[3]
        p = f"; {numbers.p_text(float(p_row.value))}" if p_row is not None and p_row.value is not None else ""
        yield say(
            f"{lead}subdistribution hazard ratio {numbers.hazard(ratio[0])} ({scope.confidence} CI {limits}{p}).",
            *rows,
            gray,
            *ratio,
        )


def _last_landmark(scope: Scope, here: dict[str, str]) -> list[Estimate]:
    """Return incidence and limits of the first arm, then of the second; nothing where no landmark is reached by both."""
    unit = scope.protocol.time_unit
    for landmark in reversed(scope.protocol.analyses.survival.landmarks):
        rows = [
            scope.find(**here, arm=arm, parameter=f"{landmark:.10g} {unit}", statistic=f"incidence{end}")
            for arm in scope.arms
            for end in ("", "_lower", "_upper")
        ]
        found = [row for row in rows if row is not None]
        if len(found) == 6 and found[0].value is not None and found[3].value is not None:
            return found
    return []
