"""The results in sentences; every number is quoted from the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.adjustment import Matching, Multivariable, Weighting
from twoarm.report.competing_text import incidence_text
from twoarm.report.outcomes_text import prognostic_text, response_text, safety_text
from twoarm.report.sensitivity_text import sensitivity_text
from twoarm.report.sentences import Sentence, listed, say
from twoarm.tables.attrition_table import step_row, steps
from twoarm.tables.formats import in_sentence
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope


def results_text(scope: Scope) -> list[list[Sentence]]:
    """Return the paragraphs of a population under a strategy: patients, balance, follow-up, then each endpoint."""
    paragraphs = [[*_patients(scope), *_balance(scope)], list(_follow_up(scope))]
    paragraphs += [list(_survival(scope, endpoint)) for endpoint in scope.population.endpoints]
    paragraphs += [list(response_text(scope)), list(safety_text(scope))]
    paragraphs += [list(prognostic_text(scope, endpoint)) for endpoint in scope.population.endpoints]
    paragraphs.append(list(sensitivity_text(scope)))
    return [paragraph for paragraph in paragraphs if paragraph]


def headline(scope: Scope) -> Sentence:
    """Return the primary result."""
    protocol = scope.protocol
    endpoint, adjustment = protocol.primary_endpoint, protocol.primary_adjustment
    if adjustment not in scope.population.adjustments:
        adjustment = scope.unadjusted()
    sentence = _hazard_sentence(scope, endpoint, adjustment)
    return sentence or Sentence("The primary analysis was not among those asked for.")


def _patients(scope: Scope) -> Iterator[Sentence]:
    numbers, first = scope.numbers, steps(scope)[0][0]
    start = step_row(scope, first, "remaining", "all")
    counts = [scope.find(analysis="attrition", statistic="analysed", arm=arm) for arm in ("all", *scope.arms)]
    yield say(
        f"Of {numbers.whole(start)} patients in the records, {numbers.whole(counts[0])} met the criteria and were compared: {numbers.whole(counts[1])} in "
        f"{scope.arms[0]} and {numbers.whole(counts[2])} in {scope.arms[1]}.",
        start,
        *counts,
    )


def _balance(scope: Scope) -> Iterator[Sentence]:
    numbers = scope.numbers
    rows = scope.select(adjustment=scope.unadjusted(), analysis="balance", statistic="smd", variable_level="")
    known = sorted((row for row in rows if row.value is not None), key=lambda row: -abs(row.value or 0.0))[:3]
    if known:
        parts = [f"{scope.label(row.variable)} ({numbers.number(row, 2)})" for row in known]
        yield say(
            f"Before adjustment the arms differed most, in standard deviations, in {'; '.join(parts)}.",
            *known,
        )
    for name, matching in scope.matchings().items():
        pairs = scope.find(adjustment=name, analysis="lost", statistic="pairs")
        largest = scope.find(adjustment=name, analysis="balance", statistic="largest_absolute_smd")
        if pairs is not None:
            kind = "matched set" if matching.sets else "pair"
            text = f"{matching.label}: {numbers.whole(pairs)} {f'{kind} was' if pairs.value == 1 else f'{kind}s were'} formed"
            partners, different = (
                scope.find(adjustment=name, analysis="lost", statistic=s, variable_level="")
                for s in ("partners_per_set", "distinct_partners")
            )
            if partners is not None and different is not None:
                text += f" with {numbers.whole(different)} different partners"
                text += f", {numbers.number(partners, 2)} a set on average" if matching.ratio > 1 else ""
            if largest is not None and largest.value is not None:
                text += f"; the largest standardised difference left, over covariates and levels, was {numbers.number(largest, 2)}"
            yield say(f"{text}.", pairs, partners, different, largest)
        yield from _by_stratum(scope, name, matching)
    yield from _weighted(scope)


def _by_stratum(scope: Scope, name: str, matching: Matching) -> Iterator[Sentence]:
    """Say how patients were divided who were not matched all at once."""
    both, one, parts = (
        scope.find(adjustment=name, analysis="lost", statistic=s) for s in ("strata", "strata_of_one_arm", "parts")
    )
    if both is None or one is None or parts is None:
        return
    numbers, alike = scope.numbers, listed([column.replace("_", " ") for column in matching.exact])
    how = (
        "together"
        if parts.value == 1
        else f"in {numbers.whole(parts)} parts, so that not all patients were in memory at once"
    )
    yield say(
        f"{matching.label}: partners were looked for within strata of {alike}, of which {numbers.whole(both)} had patients of both "
        f"arms and {numbers.whole(one)} of one arm; the strata were matched {how}.",
        both,
        one,
        parts,
    )


def _weighted(scope: Scope) -> Iterator[Sentence]:
    """Say what is left of each weighted sample."""
    numbers = scope.numbers
    for name, made in scope.weightings().items():
        here = {"adjustment": name, "analysis": "weights", "statistic": "effective_sample_size"}
        sizes = [scope.find(**here, arm=arm) for arm in scope.arms]
        largest = scope.find(adjustment=name, analysis="balance", statistic="largest_absolute_smd")
        if sizes[0] is None or sizes[1] is None or largest is None:
            continue
        yield say(
            f"{made.label} ({made.estimand}): the weights leave an effective sample size of {numbers.number(sizes[0], 1)} in "
            f"{scope.arms[0]} and {numbers.number(sizes[1], 1)} in {scope.arms[1]}; the largest standardised difference left, "
            f"over covariates and levels, was {numbers.number(largest, 2)}.",
            *sizes,
            largest,
        )


def _follow_up(scope: Scope) -> Iterator[Sentence]:
    here = {"adjustment": scope.unadjusted(), "analysis": "follow_up", "statistic": "median"}
    medians = [scope.find(**here, arm=arm) for arm in scope.arms]
    if all(median is not None and median.value is not None for median in medians):
        texts = [scope.numbers.duration(median) for median in medians]
        yield say(
            f"Median follow-up was {texts[0]} {scope.protocol.time_unit} in {scope.arms[0]} and {texts[1]} in "
            f"{scope.arms[1]}.",
            *medians,
        )


def _survival(scope: Scope, endpoint: str) -> Iterator[Sentence]:
    numbers, section = scope.numbers, scope.population.endpoints[endpoint]
    held = scope.results.select(
        population=scope.population.name, missing="", analysis="endpoint", endpoint=endpoint, statistic="held"
    )
    if held:
        reasons = "; ".join(f"{row.variable_level} ({numbers.whole(row)})" for row in held)
        yield say(
            f"{section.label} is not known for some patients, who are left out of its analyses: {reasons}.", *held
        )
    for name, adjustment in scope.marginal().items():
        here = {"analysis": "survival", "endpoint": endpoint, "adjustment": name}
        rows = [row for arm in scope.arms for row in scope.median(**here, arm=arm)]
        test = scope.first(**here, statistic="p_value")
        if rows[0] is None or rows[3] is None:
            continue
        medians = [numbers.with_interval(*(numbers.duration(row) for row in part)) for part in (rows[:3], rows[3:])]
        kind = "log-rank"
        if isinstance(adjustment, Matching | Weighting):
            kind = f"log-rank, {'weighted' if name in scope.weighted() else 'pairs ignored'},"
        tested = f" ({kind} {numbers.p_text(float(test.value))})" if test is not None and test.value is not None else ""
        yield say(
            f"{section.label}, {in_sentence(adjustment.label)}: median {medians[0]} {scope.protocol.time_unit} in "
            f"{scope.arms[0]} and {medians[1]} in {scope.arms[1]}{tested}.",
            *rows,
            test,
        )
    yield from incidence_text(scope, endpoint)
    for name in scope.population.adjustments:
        sentence = _hazard_sentence(scope, endpoint, name)
        if sentence:
            yield sentence


def _hazard_sentence(scope: Scope, endpoint: str, adjustment: str) -> Sentence | None:
    row = scope.first(
        adjustment=adjustment,
        analysis="hazard_ratio",
        endpoint=endpoint,
        arm=scope.contrast,
        variable="",
        statistic="hazard_ratio",
    )
    if row is None:
        return None
    numbers = scope.numbers
    made, label = scope.population.adjustments[adjustment], scope.population.endpoints[endpoint].label
    about = {
        Multivariable: "conditional on the covariates",
        Matching: f"among the matched, {made.answers}" if isinstance(made, Matching) else "",
        Weighting: f"weighted, {made.estimand}" if isinstance(made, Weighting) else "",
    }.get(type(made), "not adjusted")
    lead = f"{label}, {in_sentence(made.label)}: "
    kind = "cause-specific hazard ratio" if scope.population.endpoints[endpoint].competing else "hazard ratio"
    if row.value is None:
        return say(f"{lead}the {kind} is not estimable ({row.note}).", row)
    parts = effect(scope, row)
    interval = f"{scope.confidence} CI {numbers.limits(numbers.hazard(parts[1]), numbers.hazard(parts[2]))}"
    p = parts[3]
    tested = f"; {numbers.p_text(float(p.value))}" if p is not None and p.value is not None else ""
    return say(f"{lead}{kind} {numbers.hazard(row)} ({interval}{tested}), {scope.contrast}, {about}.", *parts)
