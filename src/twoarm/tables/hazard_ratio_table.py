"""Hazard ratios of the arms under every adjustment, and the terms of the multivariable models."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.adjustment import Matching, Multivariable, Weighting
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.table import Footnotes, Row, Table, plain, quote

STATISTICS = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")


def hazard_ratio_table(scope: Scope) -> Table:
    """Return one line an endpoint and adjustment; what each estimates is said in the line."""
    marks, numbers, rows = Footnotes(), scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        rows.append(Row(plain(section.label), kind="heading"))
        for name, adjustment in scope.population.adjustments.items():
            here = {"adjustment": name, "analysis": "hazard_ratio", "endpoint": endpoint}
            n, events = (scope.find(**here, arm="all", statistic=s) for s in ("n", "events"))
            for headline in scope.select(**here, arm=scope.contrast, variable="", statistic="hazard_ratio"):
                parts = effect(scope, headline)
                text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
                mark = marks.mark(headline.method or headline.note)
                cells = (
                    quote(numbers.whole(n), n),
                    quote(numbers.whole(events), events),
                    quote(text + mark, *parts[:3]),
                    quote(numbers.probability(parts[3]), parts[3]),
                    *plain(_answers(adjustment)),
                )
                rows.append(Row((*plain(adjustment.label), *cells), indent=True))
    return Table(
        name="hazard_ratios",
        title=f"Hazard ratios, {scope.contrast}",
        columns=(
            "",
            "n",
            "Events",
            f"Hazard ratio ({scope.confidence} CI)",
            numbers.style.p_column,
            "What it compares",
        ),
        rows=tuple(rows),
        footnotes=("A hazard ratio below 1 favours " + scope.arms[0] + ".", *marks.lines(), *_draws(scope)),
    )


def _draws(scope: Scope) -> Iterator[str]:
    """What missing values cost, and what another seed would change."""
    here = {"analysis": "hazard_ratio", "arm": scope.contrast, "variable": ""}
    errors = [row for row in scope.select(**here, statistic="monte_carlo_error") if row.value is not None]
    missing = [row for row in scope.select(**here, statistic="fraction_missing_information") if row.value is not None]
    if not errors:
        return
    most = scope.numbers.fixed(max(float(row.value or 0) for row in errors), 3)
    if missing:
        share = scope.numbers.fixed(100 * max(float(row.value or 0) for row in missing), 1)
        yield (
            f"Fraction of missing information: at most {share}%. Monte Carlo error of a log hazard ratio, that is its "
            f"standard deviation over seeds: at most {most}."
        )
    else:
        yield f"Monte Carlo error of a standard error from resamples: at most {most} on the log scale."


def effect(scope: Scope, headline: Estimate) -> list[Estimate | None]:
    """Return hazard ratio, limits and p-value that belong to one hazard ratio's row."""
    return [
        scope.find(
            adjustment=headline.adjustment,
            analysis=headline.analysis,
            endpoint=headline.endpoint,
            arm=headline.arm,
            variable=headline.variable,
            variable_level=headline.variable_level,
            parameter=headline.parameter,
            method=headline.method,
            statistic=statistic,
        )
        for statistic in STATISTICS
    ]


def _answers(adjustment: object) -> str:
    if isinstance(adjustment, Multivariable):
        return "conditional on the covariates"
    if isinstance(adjustment, Matching):
        return f"marginal, {adjustment.answers} among the matched"
    if isinstance(adjustment, Weighting):
        return f"marginal, {adjustment.estimand}"
    return "marginal, not adjusted"


def model_table(scope: Scope, adjustment: str, endpoint: str) -> Table | None:
    """Return all terms of a multivariable model."""
    here = {"adjustment": adjustment, "analysis": "hazard_ratio", "endpoint": endpoint}
    terms = scope.select(**here, statistic="hazard_ratio")
    if not terms:
        return None
    n, events = (scope.find(**here, arm="all", variable="", statistic=s) for s in ("n", "events"))
    numbers, rows = scope.numbers, []
    for term in terms:
        parts = effect(scope, term)
        text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        rows.append(
            Row(
                (
                    *plain(term_label(scope, term)),
                    quote(text, *parts[:3]),
                    quote(numbers.probability(parts[3]), parts[3]),
                )
            )
        )
    label, made = scope.population.endpoints[endpoint].label, scope.population.adjustments[adjustment]
    return Table(
        name=f"model-{adjustment}-{endpoint}",
        title=f"{made.label} model of {in_sentence(label)} (n = {numbers.whole(n)}, events {numbers.whole(events)})",
        columns=("Term", f"Hazard ratio ({scope.confidence} CI)", numbers.style.p_column),
        rows=tuple(rows),
        footnotes=(f"{terms[0].method}. Continuous covariates: per unit, if nothing else is said.",),
    )


def term_label(scope: Scope, term: Estimate) -> str:
    """Return a term's name on paper: the contrast of arms, or the covariate and its levels."""
    if not term.variable:
        return scope.contrast
    label = scope.label(term.variable)
    if term.variable_level:
        return f"{label}: {term.variable_level}"
    return f"{label}, {scope.numbers.marked(term.parameter)}" if term.parameter else label
