"""Sentences of the methods section about weights and resamples."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.protocol.adjustment import Bootstrap, Multivariable, Weighting
from twoarm.protocol.covariate import covariate_label
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.report.sentences import listed
from twoarm.tables.formats import Numbers

_FORMULAS = {
    "ATE": "1 / score in {treated} and 1 / (1 - score) in {comparator}",
    "ATT": "1 in {treated} and score / (1 - score) in {comparator}",
    "ATC": "(1 - score) / score in {treated} and 1 in {comparator}",
    "ATO": "1 - score in {treated} and the score in {comparator} (overlap weights)",
}
_ESTIMANDS = {
    "ATE": "the effect in all patients (ATE)",
    "ATT": "the effect in the treated (ATT)",
    "ATC": "the effect in the comparator arm (ATC)",
    "ATO": "the effect in patients who might have had either treatment (ATO)",
}
_TARGETS = {"ATE": "all patients", "ATT": "the treated", "ATC": "the comparator arm"}


def weighting_methods(population: StudyPopulation, weighting: Weighting, numbers: Numbers) -> str:
    """Return how the weights were made, what became of large ones, and what they estimate."""
    names = population.covariates if weighting.covariates is None else weighting.covariates
    labels = listed([covariate_label(name, population.covariates[name]) for name in names])
    if weighting.method == "entropy":
        what = "means" if weighting.moments == 1 else "means and variances"
        text = (
            f"{weighting.label}: by entropy balancing (Hainmueller) patients were weighted as evenly as possible such that the {what} "
            f"of {labels} in each arm equal those of {_TARGETS[weighting.estimand]}."
        )
    else:
        formula = _FORMULAS[weighting.estimand].format(treated=population.treated, comparator=population.comparator)
        times = ", times the share of the arm (stabilised)" if weighting.stabilises else ""
        text = (
            f"{weighting.label}: the propensity score was the probability of {population.treated} by logistic regression (maximum "
            f"likelihood) on {labels}. Patients were weighted by {formula}{times}."
        )
    text += _truncation(weighting, numbers)
    return (
        f"{text} The estimand is {_ESTIMANDS[weighting.estimand]}. Weighted curves, tests and models have robust variances, which take "
        f"the weights for known.{bootstrap_methods(weighting.bootstrap, 'weights')}"
    )


def _truncation(weighting: Weighting, numbers: Numbers) -> str:
    if weighting.truncate_quantiles:
        low, high = (numbers.general(share) for share in weighting.truncate_quantiles)
        return f" Weights outside their quantiles {low} and {high} were moved to these."
    if weighting.truncate_at:
        low, high = (numbers.general(weight) for weight in weighting.truncate_at)
        return f" Weights outside {low} to {high} were moved to these limits."
    return ""


def adjusted_survival_methods(protocol: Protocol) -> Iterator[str]:
    """Yield how survival was standardised and augmented, where it was."""
    wanted = protocol.plan()[0].analyses
    models = [one for one in protocol.adjustments.values() if isinstance(one, Multivariable)]
    if "standardised_survival" in wanted and models:
        yield (
            "Survival was standardised to all patients (g-formula): predicted by the multivariable Cox model for every patient "
            "in each arm, and averaged; standard errors count the estimation of coefficients, baseline hazard and average."
        )
    weightings = [one for one in protocol.adjustments.values() if isinstance(one, Weighting)]
    doubly = any(one.method == "propensity" and one.estimand == "ATE" for one in weightings)
    if "augmented_survival" in wanted and doubly and protocol.analyses.survival.landmarks:
        yield (
            "Beside the weighted curves, survival at the landmarks was estimated by augmented inverse probability weighting: it "
            "combines the untruncated scores with Cox models of the event and of censoring on the same covariates and is "
            "consistent if the model of the score is right, or those of the event and of censoring."
        )


def bootstrap_methods(bootstrap: Bootstrap | None, what: str) -> str:
    """Return what was resampled; nothing without resamples."""
    if bootstrap is None:
        return ""
    return (
        f" Beside it, hazard ratios have normal intervals with the standard deviation of the log hazard ratio over "
        f"{bootstrap.replicates:,} resamples of all patients, in each of which scores and {what} were made anew."
    )
