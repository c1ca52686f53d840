"""Warnings of the design in words; they stand at the top of the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from twoarm.protocol.adjustment import Matching
from twoarm.report.sensitivity_warnings_text import adjustments_disagree, few_centres, negative_control
from twoarm.report.sentences import Sentence, listed, say
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope


def warnings_text(scope: Scope) -> list[Sentence]:
    """Return a paragraph for each warning that fired, with the team's reason where it was acknowledged."""
    found = []
    said: set[tuple[str, str]] = set()
    for row in scope.select(analysis="warning"):
        if row.statistic == "imbalance" and (row.statistic, row.adjustment) in said:
            continue  # one sentence for all covariates of a sample
        if row.statistic == "few_centres" and any(name == row.statistic for name, _ in said):
            continue  # one sentence for all samples and endpoints
        said.add((row.statistic, row.adjustment))
        sentence = _TEXTS[row.statistic](scope, row)
        reason = scope.protocol.acknowledge.get(row.statistic, "")  # type: ignore[call-overload]
        acknowledged = f" Acknowledged in the protocol: {reason}" if reason else ""
        found.append(Sentence(f"{sentence.text}{acknowledged}", sentence.ids))
    return found


def _incomplete(scope: Scope, row: Estimate) -> Sentence:
    numbers, here = scope.numbers, {"adjustment": row.adjustment, "analysis": "lost"}
    matched, lost = (scope.find(**here, arm=arm, variable="", statistic="n") for arm in ("matched", "unmatched"))
    total = scope.find(analysis="attrition", statistic="analysed", arm=row.arm)
    text = (
        f"{'On average only' if scope.imputed else 'Only'} {numbers.whole(matched)} of {numbers.whole(total)} patients of {row.arm} found a partner; {numbers.whole(lost)} "
        f"({numbers.number(row, 1)}%) were left out. The matched estimate is about those who resemble the other arm and not "
        f"about all patients of {row.arm}."
    )
    differences = [r for r in scope.select(**here, statistic="smd") if r.value is not None and not r.variable_level]
    worst = sorted(differences, key=lambda r: -abs(r.value or 0.0))[:3]
    if worst:
        parts = "; ".join(f"{scope.label(r.variable)} ({numbers.number(r, 2)})" for r in worst)
        text += (
            f" Matched and unmatched differ most, in standard deviations, in {parts}: see the table of who was lost."
        )
    return say(text, row, matched, lost, total, *worst)


def _larger(scope: Scope, row: Estimate) -> Sentence:
    return say(
        f"{row.arm} is the larger arm and its patients looked for partners, so that many of them must go without one "
        f"({in_sentence(scope.population.adjustments[row.adjustment].label)} sample).",
        row,
    )


def _imbalance(scope: Scope, first: Estimate) -> Sentence:
    rows = scope.select(analysis="warning", adjustment=first.adjustment, statistic="imbalance")
    parts = [
        f"{scope.label(row.variable)}{f', {row.variable_level}' if row.variable_level else ''} ({scope.numbers.smd(row)})"
        for row in sorted(rows, key=lambda row: -abs(row.value) if row.value is not None else -math.inf)
    ]
    threshold = scope.numbers.general(scope.protocol.analyses.balance.threshold)
    return say(
        f"{scope.population.adjustments[first.adjustment].label}: balance was not reached. More than {threshold} "
        f"standard deviations remain between the arms in {'; '.join(parts)}"
        f"{', the largest over the imputations being given' if scope.imputed else ''}.",
        *rows,
    )


def _follow_up(scope: Scope, row: Estimate) -> Sentence:
    here = {"adjustment": row.adjustment, "analysis": "follow_up", "statistic": "median"}
    medians = [scope.find(**here, arm=arm) for arm in scope.arms]
    texts = [scope.numbers.duration(median) for median in medians]
    p = scope.numbers.p_text(float(row.value)) if row.value is not None else ""
    return say(
        f"Follow-up differs between the arms: median {texts[0]} {scope.protocol.time_unit} in {scope.arms[0]} against "
        f"{texts[1]} in {scope.arms[1]} (log-rank on censoring{f' {p}' if p else ''}). Late differences rest on the arm that was watched "
        "longer.",
        row,
        *medians,
    )


def _few_events(scope: Scope, row: Estimate) -> Sentence:
    label = scope.population.endpoints[row.endpoint].label
    per_term = "too few" if row.value is None else scope.numbers.number(row, 1)
    return say(
        f"{label}, {in_sentence(scope.population.adjustments[row.adjustment].label)}: the model has {per_term} events a term; "
        "below 10 estimates and intervals are unstable.",
        row,
    )


def _broken(scope: Scope, row: Estimate) -> Sentence:
    pairs = scope.find(adjustment=row.adjustment, analysis="lost", statistic="pairs")
    made = scope.population.adjustments[row.adjustment]
    sets = isinstance(made, Matching) and made.sets
    kind, whose = ("matched sets", "some of their") if sets else ("pairs", "one or both")
    label = scope.population.endpoints[row.endpoint].label
    return say(
        f"{label}, {in_sentence(scope.population.adjustments[row.adjustment].label)}: of {scope.numbers.whole(pairs)} {kind} {scope.numbers.whole(row)} are "
        f"not whole, as the endpoint is not known for {whose} patients. Balance and counts of the matched sample are "
        f"those of all {kind}.",
        row,
        pairs,
    )


def _reused(scope: Scope, row: Estimate) -> Sentence:
    most = scope.find(adjustment=row.adjustment, analysis="lost", statistic="most_used_partner")
    return say(
        f"{scope.population.adjustments[row.adjustment].label}: the most used partner stands in {scope.numbers.whole(most)} "
        f"matched sets, and one partner carries {scope.numbers.number(row, 1)}% of the weight of its arm. A few patients "
        "decide the matched estimate.",
        most,
        row,
    )


def _dropped(scope: Scope, row: Estimate) -> Sentence:
    level = f", {row.variable_level}" if row.variable_level else ""
    return say(
        f"{scope.population.endpoints[row.endpoint].label}, {in_sentence(scope.population.adjustments[row.adjustment].label)}: "
        f"{scope.label(row.variable)}{level} was dropped from the model ({row.note}).",
        row,
    )


def _non_proportional(scope: Scope, row: Estimate) -> Sentence:
    label, made = scope.population.endpoints[row.endpoint].label, scope.population.adjustments[row.adjustment]
    p = scope.numbers.p_text(float(row.value)) if row.value is not None else ""
    places = {"restricted_mean": "restricted means", "piecewise": "hazard ratios within intervals of follow-up"}
    beside = [words for word, words in places.items() if word in scope.population.analyses]
    return say(
        f"{label}, {in_sentence(made.label)}: the hazard ratio of the arms is not constant over time (score test{f' {p}' if p else ''}). It is "
        f"an average that depends on how long patients were watched{': see the ' + listed(beside) if beside else ''}.",
        row,
    )


def _share(scope: Scope, row: Estimate) -> str:
    return "more than 5% of" if row.value is None else f"{scope.numbers.number(row, 1)}% of"


def _zero(scope: Scope, row: Estimate) -> Sentence:
    return say(
        f"{scope.population.endpoints[row.endpoint].label}: {_share(scope, row)} the patients of {row.arm} "
        "have a follow-up of 0 days. Were their dates filled in, or were they lost at once?",
        row,
    )


def _immortal(scope: Scope, row: Estimate) -> Sentence:
    start = scope.population.section.time_zero
    return say(
        f"Immortal time: {_share(scope, row)} the patients of {row.arm} began their treatment after time zero ({start}). "
        "Who died before that day cannot stand in this arm, so that it looks better than it is. Compare patients of "
        "whom the arm is known at time zero, such as those who are still at risk at a landmark.",
        row,
    )


def _extreme_weights(scope: Scope, row: Estimate) -> Sentence:
    here = {"adjustment": row.adjustment, "analysis": "weights", "arm": row.arm}
    effective, n, largest = (
        scope.find(**here, statistic=name) for name in ("effective_sample_size", "n", "largest_weight")
    )
    return say(
        f"{scope.population.adjustments[row.adjustment].label}: the weights of {row.arm} are worth {scope.numbers.number(effective, 1)} of "
        f"its {scope.numbers.whole(n)} patients ({scope.numbers.number(row, 0)}%; the largest weight is {scope.numbers.number(largest, 2)}). A few patients "
        "decide the weighted estimate.",
        row,
        effective,
        n,
        largest,
    )


def _competing(scope: Scope, row: Estimate) -> Sentence:
    return say(
        f"{scope.population.endpoints[row.endpoint].label}: {_share(scope, row)} the patients of {row.arm} "
        "are censored by their death, as if the event could still have come. Its incidence is then overstated: name the "
        "date of death among the endpoint's competing events, or among its events.",
        row,
    )


def _one_day(scope: Scope, row: Estimate) -> Sentence:
    return say(
        f"{scope.population.endpoints[row.endpoint].label}: all events fall on one day. The hazard ratio rests on how ties "
        "are handled alone, and proportional hazards cannot be tested. Was a date filled in?",
        row,
    )


def _mostly_missing(scope: Scope, row: Estimate) -> Sentence:
    share = "everybody" if row.value == 100 else f"at least {scope.numbers.general(row.value or 0)}% of the patients"
    share = "most patients" if row.value is None else share
    text = f"{scope.label(row.variable)} is missing for {share} in {row.arm}."
    if scope.imputed:
        text += " Too little of it is known to draw it, so that nothing was imputed."
    return say(text, row)


_TEXTS: Mapping[str, Callable[[Scope, Estimate], Sentence]] = {
    "incomplete_matching": _incomplete,
    "larger_focal_arm": _larger,
    "imbalance": _imbalance,
    "extreme_weights": _extreme_weights,
    "follow_up_differs": _follow_up,
    "few_events": _few_events,
    "broken_pairs": _broken,
    "reused_partners": _reused,
    "dropped_term": _dropped,
    "non_proportional": _non_proportional,
    "zero_follow_up": _zero,
    "immortal_time": _immortal,
    "competing_censored": _competing,
    "few_centres": few_centres,
    "negative_control": negative_control,
    "adjustments_disagree": adjustments_disagree,
    "one_event_day": _one_day,
    "mostly_missing": _mostly_missing,
}
