"""Two-arm, observational, time-to-event studies from one declared protocol."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twoarm.errors import (
        ArgumentError,
        NotEstimableError,
        OutputError,
        Problem,
        ProtocolError,
        RecordsError,
        TwoArmError,
    )
    from twoarm.notebook.comparisons import (
        chi_squared,
        count_test,
        fisher,
        kruskal_wallis,
        proportion,
        proportion_difference,
        t_test,
        wilcoxon,
    )
    from twoarm.notebook.competing import cumulative_incidence, fine_gray, gray
    from twoarm.notebook.design import logistic, match, standardised_differences
    from twoarm.notebook.sensitivity import e_value, leave_one_centre_out, pool_centres
    from twoarm.notebook.special_regressions import exact_cox, firth_cox, firth_logistic
    from twoarm.notebook.survival import cox, kaplan_meier, log_rank
    from twoarm.notebook.time_effects import piecewise_hazard_ratio, restricted_mean, survival_difference
    from twoarm.notebook.weighting import entropy_weights, propensity_weights, weighted_log_rank
    from twoarm.protocol.read import parse_protocol, read_protocol
    from twoarm.records.records import read_records
    from twoarm.report.publish import write_report
    from twoarm.results.results import Results, read_results
    from twoarm.study import run_study

_HOMES = {
    "__version__": "twoarm.version",
    "ArgumentError": "twoarm.errors",
    "NotEstimableError": "twoarm.errors",
    "OutputError": "twoarm.errors",
    "Problem": "twoarm.errors",
    "ProtocolError": "twoarm.errors",
    "RecordsError": "twoarm.errors",
    "Results": "twoarm.results.results",
    "TwoArmError": "twoarm.errors",
    "chi_squared": "twoarm.notebook.comparisons",
    "count_test": "twoarm.notebook.comparisons",
    "cox": "twoarm.notebook.survival",
    "cumulative_incidence": "twoarm.notebook.competing",
    "e_value": "twoarm.notebook.sensitivity",
    "fine_gray": "twoarm.notebook.competing",
    "fisher": "twoarm.notebook.comparisons",
    "gray": "twoarm.notebook.competing",
    "kaplan_meier": "twoarm.notebook.survival",
    "kruskal_wallis": "twoarm.notebook.comparisons",
    "leave_one_centre_out": "twoarm.notebook.sensitivity",
    "log_rank": "twoarm.notebook.survival",
    "logistic": "twoarm.notebook.design",
    "match": "twoarm.notebook.design",
    "pool_centres": "twoarm.notebook.sensitivity",
    "proportion": "twoarm.notebook.comparisons",
    "proportion_difference": "twoarm.notebook.comparisons",
    "piecewise_hazard_ratio": "twoarm.notebook.time_effects",
    "restricted_mean": "twoarm.notebook.time_effects",
    "standardised_differences": "twoarm.notebook.design",
    "survival_difference": "twoarm.notebook.time_effects",
    "t_test": "twoarm.notebook.comparisons",
    "wilcoxon": "twoarm.notebook.comparisons",
    "entropy_weights": "twoarm.notebook.weighting",
    "propensity_weights": "twoarm.notebook.weighting",
    "weighted_log_rank": "twoarm.notebook.weighting",
    "exact_cox": "twoarm.notebook.special_regressions",
    "firth_cox": "twoarm.notebook.special_regressions",
    "firth_logistic": "twoarm.notebook.special_regressions",
    "parse_protocol": "twoarm.protocol.read",
    "read_protocol": "twoarm.protocol.read",
    "read_records": "twoarm.records.records",
    "read_results": "twoarm.results.results",
    "run_study": "twoarm.study",
    "write_report": "twoarm.report.publish",
}

__all__ = [
    "ArgumentError",
    "NotEstimableError",
    "OutputError",
    "Problem",
    "ProtocolError",
    "RecordsError",
    "Results",
    "TwoArmError",
    "chi_squared",
    "count_test",
    "cox",
    "cumulative_incidence",
    "e_value",
    "entropy_weights",
    "exact_cox",
    "fine_gray",
    "firth_cox",
    "firth_logistic",
    "fisher",
    "gray",
    "kaplan_meier",
    "kruskal_wallis",
    "leave_one_centre_out",
    "log_rank",
    "logistic",
    "match",
    "parse_protocol",
    "piecewise_hazard_ratio",
    "pool_centres",
    "propensity_weights",
    "proportion",
    "proportion_difference",
    "read_protocol",
    "read_records",
    "read_results",
    "restricted_mean",
    "run_study",
    "standardised_differences",
    "survival_difference",
    "t_test",
    "weighted_log_rank",
    "wilcoxon",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that a command that needs little starts at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'twoarm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
