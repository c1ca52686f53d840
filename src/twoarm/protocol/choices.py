"""Every option of the protocol, named once."""

from __future__ import annotations

from typing import Literal

FormatVersion = Literal[1]
EngineName = Literal["polars", "duckdb", "spark"]
TimeUnit = Literal["days", "weeks", "months", "years"]
DayCount = Literal["end_minus_start", "inclusive"]
Dialect = Literal["r", "spss", "sas", "stata"]

OnInvalid = Literal["refuse", "hold"]
DecimalMark = Literal[".", ","]
ThousandsMark = Literal[",", ".", " ", "'"]
Partial = Literal["hold", "first", "middle", "last"]
Placeholders = Literal["missing", "keep"]
Limits = Literal["hold", "limit"]
Percent = Literal["share", "number"]
IdenticalRows = Literal["refuse", "merge"]
KeyCase = Literal["exact", "fold"]
IfMissing = Literal["exclude", "keep", "refuse"]
OtherArms = Literal["refuse", "exclude"]

Focal = Literal["treated", "comparator", "smaller"]
Estimand = Literal["ATE", "ATT", "ATC", "ATO", "matched set"]
WeightingEstimand = Literal["ATE", "ATT", "ATC", "ATO"]
WeightingMethod = Literal["propensity", "entropy"]
Scale = Literal["logit", "probability"]
CaliperUnit = Literal["sd", "absolute"]
CaliperSd = Literal["all", "pooled"]
Order = Literal["closest", "largest", "smallest", "data", "random"]
MatchingMethod = Literal["nearest", "optimal"]

AnalysisName = Literal[
    "baseline",
    "balance",
    "lost",
    "weights",
    "follow_up",
    "survival",
    "cumulative_incidence",
    "survival_difference",
    "hazard_ratio",
    "proportional_hazards",
    "restricted_mean",
    "standardised_survival",
    "augmented_survival",
    "piecewise",
    "landmark",
    "subgroups",
    "response",
    "safety",
    "prognostic",
    "dialects",
    "e_value",
    "unmeasured",
    "centres",
    "specifications",
]
ContinuousSummary = Literal["median", "mean"]
FollowUpMethod = Literal["reverse_kaplan_meier", "observed", "event_free"]
IntervalType = Literal["log-log", "log", "plain", "logit", "arcsine"]
QuantileInterval = Literal["inverted", "normal"]
FlatEnd = Literal["first", "not_estimable"]
Ties = Literal["efron", "breslow", "exact"]
TableTest = Literal["pearson", "yates"]

ResponseCode = Literal["CR", "PR", "SD", "PD", "NE"]
Confirmation = Literal["not_required", "required", "both"]
ResponseDenominator = Literal["all", "evaluable"]
ProportionInterval = Literal["clopper-pearson", "wilson"]
DifferenceInterval = Literal["newcombe", "miettinen-nurminen"]
ArmChoice = Literal["all", "treated", "comparator"]
ScreenedBy = Literal["any_level", "global"]
ImputationMethod = Literal["pmm", "logistic", "polytomous", "ordinal"]

FigureFormat = Literal["svg", "pdf", "png", "tiff"]
DocumentFormat = Literal["docx", "pdf"]
PatientKeys = Literal["as_written", "keyed_hash"]
JournalStyle = Literal["plain", "jama", "lancet", "nejm"]

WarningName = Literal[
    "incomplete_matching",
    "larger_focal_arm",
    "imbalance",
    "extreme_weights",
    "follow_up_differs",
    "few_events",
    "broken_pairs",
    "reused_partners",
    "dropped_term",
    "non_proportional",
    "zero_follow_up",
    "immortal_time",
    "competing_censored",
    "one_event_day",
    "mostly_missing",
    "possible_duplicates",
    "few_centres",
    "negative_control",
    "adjustments_disagree",
]

DAYS_PER_UNIT = {"days": 1.0, "weeks": 7.0}
"""Months and years follow the protocol's month length."""
