"""Sentences of the methods section about the Cox model: ties, and what is taken for known."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from twoarm.protocol.choices import AnalysisName, Ties
from twoarm.protocol.covariate import covariate_label
from twoarm.protocol.protocol import Protocol
from twoarm.report.sentences import listed

_TIES: dict[Ties, str] = {"efron": "Efron's", "breslow": "Breslow's", "exact": "exact"}
_WITHOUT: dict[AnalysisName, str] = {
    "proportional_hazards": "tests of proportional hazards and residuals",
    "standardised_survival": "standardised survival",
}


def ties_handling(protocol: Protocol) -> str:
    """Return how ties were handled, as ``Efron's handling of ties``."""
    return f"{_TIES[protocol.conventions.ties]} handling of ties"


def cox_methods(protocol: Protocol, wanted: Collection[AnalysisName]) -> Iterator[str]:
    """Return what must be said of exact ties and of an offset; nothing without them."""
    if protocol.conventions.ties == "exact":
        yield (
            "Exact ties compare the patients with the event at a time with all groups of as many at risk; the hazard ratio is "
            "then the ratio of the odds of the event in discrete time."
        )
        without = [words for name, words in _WITHOUT.items() if name in wanted]
        if without:
            yield f"For {listed(without)}, which have no exact form, ties were handled as Efron does."
    offset = protocol.analyses.hazard_ratio.offset
    if offset is not None:
        label = covariate_label(offset, protocol.covariates[offset])
        yield (
            f"{label} was an offset of every Cox model: it is added to the log hazard with coefficient 1, and so has no hazard "
            "ratio of its own. Curves, log-rank tests and subdistribution hazards do not know it."
        )
