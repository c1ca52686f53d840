"""Methods of response, adverse events, prognostic factors and imputation, from the protocol."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.covariate import covariate_label
from twoarm.protocol.expression import in_words
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol
from twoarm.report.sentences import listed
from twoarm.tables.dialect_table import NAMES
from twoarm.tables.formats import Numbers

_INTERVALS = {"clopper-pearson": "Clopper-Pearson", "wilson": "Wilson"}
_DIFFERENCES = {"newcombe": "Newcombe's", "miettinen-nurminen": "Miettinen and Nurminen's"}


def response_methods(protocol: Protocol) -> Iterator[str]:
    """Return how visits become a best overall response, and how rates are compared."""
    response = protocol.response
    if response is None:
        return
    until = f" up to and including {response.progression.replace('_', ' ')}" if response.progression else ""
    confirmed = {
        "not_required": "No confirmation was required.",
        "required": f"CR and PR had to be confirmed by a visit at least {response.confirmation_days} days later.",
        "both": "No confirmation was required in the main analysis; beside it, CR and PR count only when confirmed by a "
        f"visit at least {response.confirmation_days} days later.",
    }[response.confirmation]
    stable = (
        f" Stable disease had to be seen {response.stable_disease_days} days or more after time zero."
        if response.stable_disease_days
        else " No minimum duration of stable disease was required."
    )
    who = "all patients, those not evaluable being no responders" if response.denominator == "all" else "the evaluable"
    yield (
        "Best overall response by RECIST 1.1 was the best of the dated assessments from time zero"
        f"{until}; later visits, visits after death and visits after the first progressive disease do not count. {confirmed}{stable} "
        f"{response.objective_response} is the share of complete and partial responses, {response.disease_control} that of these and stable "
        f"disease, among {who}, with {_INTERVALS[response.interval]} intervals. Unmatched arms were compared by {_DIFFERENCES[response.difference]} "
        "interval of the difference and by the test for categorical covariates; matched samples by the difference with its "
        "interval clustered by pair and by McNemar's exact test"
        f"{', with the tests that ignore the pairs beside them' if response.unpaired_tests else ''}."
    )


def safety_methods(protocol: Protocol) -> Iterator[str]:
    """Return how adverse events were counted."""
    safety = protocol.safety
    if safety is None:
        return
    last = f" to day {safety.last_day}" if safety.last_day is not None else ""
    yield (
        f"Adverse events were graded by CTCAE {safety.ctcae_version}. Onsets from day {safety.first_day}{last} after time zero "
        "count; each patient counts once in a row, at the worst grade among its events."
    )
    types = protocol.event_column_types(safety.table)
    rows = [
        f"{row.label} ({in_words(parse_expression(row.where, types))}{_grades(row.minimum_grade, row.maximum_grade)})"
        for row in safety.table_rows()
        if row.where is not None
    ]
    if rows:
        yield f"Rows of the table of adverse events: {'; '.join(rows)}."


def _grades(low: int, high: int) -> str:
    if (low, high) == (1, 5):
        return ""
    return f", grade {low} or more" if high == 5 else f", grade {low} to {high}" if high > low else f", grade {low}"


def prognostic_methods(protocol: Protocol) -> Iterator[str]:
    """Return which factors were looked at, where, and how they entered the model."""
    prognostic = protocol.prognostic
    if prognostic is None:
        return
    study = protocol.plan()[0]
    who = {"all": "all patients", "treated": study.treated, "comparator": study.comparator}[prognostic.arm]
    names = study.covariates if prognostic.covariates is None else prognostic.covariates
    text = (
        f"Prognostic factors ({listed([covariate_label(n, protocol.covariates[n]) for n in names])}) were studied in {who} by "
        "univariable and multivariable Cox regression; factors enter whole."
    )
    if prognostic.screening is not None:
        by = "any level" if prognostic.screening.by == "any_level" else "the global test"
        text += (
            f" Factors entered the multivariable model when the univariable P of {by} was below "
            f"{Numbers.of(protocol).general(prognostic.screening.p_below)}; screening by P makes its intervals too narrow."
        )
    yield text


def imputation_methods(strategy: MultipleImputation) -> str:
    """Return how missing covariates were drawn and how results were pooled."""
    return (
        f"{strategy.label}: missing covariates were drawn {strategy.imputations} times by chained equations ({strategy.iterations} "
        "rounds; predictive mean matching for numbers, which were drawn before they are cut, logistic, polytomous and "
        "proportional odds regression for levels), given all other covariates, the arm and, for each endpoint, the event "
        "indicator and the Nelson-Aalen cumulative hazard. Each completed data set was adjusted and analysed, matching "
        "included, and results were pooled by Rubin's rules with Barnard and Rubin's degrees of freedom on the log hazard, "
        "the logit and the difference, restricted means as they are and their ratio on the logarithm, curves on the complementary log-log scale, medians by inverting the pooled curve, "
        "chi-squared tests by D2; counts are means over the imputations."
    )


def dialect_methods(protocol: Protocol) -> Iterator[str]:
    """Return which other packages' conventions were tried."""
    if protocol.analyses.dialects:
        yield (
            "Medians, hazard ratios and tests of Table 1 were computed again under the conventions of "
            f"{listed([NAMES[dialect] for dialect in protocol.analyses.dialects])}; what would differ stands in a table."
        )
