"""The whole protocol: checked, frozen, hashable, every default filled in."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from twoarm.protocol.adjustment import Adjustment, Matching, Multivariable, Unadjusted, Weighting
from twoarm.protocol.analysis import Analyses, Subgroups
from twoarm.protocol.choices import (
    DAYS_PER_UNIT,
    AnalysisName,
    DayCount,
    Dialect,
    EngineName,
    FlatEnd,
    FormatVersion,
    IntervalType,
    QuantileInterval,
    TableTest,
    Ties,
    TimeUnit,
    WarningName,
)
from twoarm.protocol.column import COLUMN_TYPES, IntegerColumn
from twoarm.protocol.covariate import Covariate
from twoarm.protocol.data import EventSource, Source
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.engine import Spark
from twoarm.protocol.expression import Node, Type
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.missing import CompleteCase, MissingStrategy, MultipleImputation
from twoarm.protocol.output import Disclosure, DisclosureRule, Output
from twoarm.protocol.population import Population
from twoarm.protocol.prognostic import Prognostic
from twoarm.protocol.response import Response
from twoarm.protocol.safety import Safety
from twoarm.protocol.section import ExpressionText, Label, Name, Section, Share
from twoarm.protocol.sensitivity import Centres, Sensitivity
from twoarm.protocol.specifications import MOST, Specifications, too_many
from twoarm.protocol.timeline import Timeline

ANALYSES: tuple[AnalysisName, ...] = get_args(AnalysisName)


@dataclass(frozen=True, slots=True)
class Conventions:
    """The conventions in which statistics packages differ."""

    interval: IntervalType
    quantile_intervals: tuple[QuantileInterval, ...]  # the headline first
    flat_end: FlatEnd
    ties: Ties
    table_test: TableTest

    @property
    def approximate_ties(self) -> Literal["efron", "breslow"]:
        """Ties of what has no exact form: tests of proportional hazards, residuals, predicted curves."""
        return "efron" if self.ties == "exact" else self.ties

    @property
    def yates(self) -> bool:
        """Whether tables of two by two are corrected for continuity."""
        return self.table_test == "yates"


CONVENTIONS: Mapping[Dialect | None, Conventions] = {
    None: Conventions("log-log", ("inverted",), "first", "efron", "pearson"),
    "r": Conventions("log", ("inverted",), "first", "efron", "yates"),
    "spss": Conventions("log-log", ("normal",), "first", "breslow", "pearson"),
    "sas": Conventions("log-log", ("inverted",), "not_estimable", "breslow", "pearson"),
    "stata": Conventions("log-log", ("inverted",), "first", "breslow", "pearson"),
}
"""What each dialect presets; an option that the protocol states wins."""


class Protocol(Section):
    """A two-arm, observational, time-to-event study."""

    format_version: FormatVersion
    title: Label
    engine: EngineName = Field("polars", description="What reads folders of Parquet files and tables of a catalogue.")
    spark: Spark | None = Field(None, description="Where Spark runs; needed by engine = spark.")
    data: dict[Name, Source] = Field(min_length=1, description="Tables with one row a patient; the first is the spine.")
    events: dict[Name, EventSource] = Field({}, description="Tables with many rows a patient, such as visits.")
    data_cutoff: datetime.date | None = Field(None, description="Nothing after this day counts.")
    seed: int | None = Field(None, ge=0, description="Needed by every random step.")
    confidence_level: Share = 0.95
    time_unit: TimeUnit = Field("months", description="Unit of times in tables and figures.")
    month_length: float = Field(30.4375, ge=28, le=31, description="Days in a month; a year has twelve.")
    day_count: DayCount = "end_minus_start"
    dialect: Dialect | None = Field(None, description="Presets the conventions of a statistics package.")
    derived: dict[Name, ExpressionText] = Field({}, description="Variables calculated from columns.")
    populations: dict[Name, Population] = Field(min_length=1, description="The study first; then sub-cohorts.")
    timeline: Timeline | None = Field(None, description="Dates by which the records are checked against themselves.")
    covariates: dict[Name, Covariate] = Field(min_length=1)
    endpoints: dict[Name, Endpoint] = Field(min_length=1)
    missing: dict[Name, MissingStrategy] = Field({"complete_case": CompleteCase()}, min_length=1)
    adjustments: dict[Name, Adjustment] = Field({}, description="The unadjusted comparison is always made.")
    analyses: Analyses = Analyses()
    subgroups: Subgroups | None = None
    response: Response | None = None
    safety: Safety | None = None
    prognostic: Prognostic | None = None
    centres: Centres | None = None
    sensitivity: Sensitivity = Sensitivity()
    specifications: Specifications | None = None
    disclosure: DisclosureRule = Disclosure()
    output: Output = Output()
    acknowledge: dict[WarningName, Label] = Field({}, description="Design warnings that the team has read, and why.")

    @model_validator(mode="after")
    def _has_one_primary_analysis(self) -> Self:
        primary = [name for name, endpoint in self.endpoints.items() if endpoint.primary]
        candidates = [name for name, endpoint in self.endpoints.items() if not endpoint.negative_control]
        if not candidates:
            raise ValueError("endpoints: found negative controls only; expected an endpoint that is none")
        if len(candidates) > 1 and len(primary) != 1:
            raise ValueError(f"endpoints: found {len(primary)} primary endpoints; expected one with primary = true")
        primaries = [name for name, adjustment in self.adjustments.items() if adjustment.primary]
        if len(primaries) > 1:
            raise ValueError(f"adjustments: found {len(primaries)} with primary = true; expected one at most")
        if self.output.patient_level and self.disclosure.minimum_cell > 1:
            raise ValueError("output: patient_level cannot go with suppression of small cells")
        return self

    @model_validator(mode="after")
    def _grid_can_be_run(self) -> Self:
        for population in self.plan() if self.specifications is not None else ():
            if self.specifications is None or "specifications" not in population.analyses:
                continue
            endpoints = self.specifications.endpoints_of(population.endpoints)
            problem = too_many(self.specifications, endpoints, self.specifications.missing_of(population.missing))
            if problem:
                raise ValueError(f"specifications: found {problem}; expected at most {MOST}")
        return self

    @property
    def primary_adjustment(self) -> str:
        """Name of the adjustment that carries the primary analysis: declared, or the first matching or weighting."""
        declared = [name for name, adjustment in self.adjustments.items() if adjustment.primary]
        made = self.adjustments.items()
        designed = [name for kind in (Matching, Weighting) for name, one in made if isinstance(one, kind)]
        return [*declared, *designed, *self.adjustments, "unadjusted"][0]

    @property
    def primary_endpoint(self) -> str:
        """Name of the primary endpoint."""
        return next(
            (name for name, endpoint in self.endpoints.items() if endpoint.primary),
            next(name for name, endpoint in self.endpoints.items() if not endpoint.negative_control),
        )

    @property
    def conventions(self) -> Conventions:
        """Stated options first, then the dialect's, then the defaults."""
        preset, stated = CONVENTIONS[self.dialect], self.analyses.survival
        return Conventions(
            interval=stated.interval or preset.interval,
            quantile_intervals=stated.quantile_interval or preset.quantile_intervals,
            flat_end=stated.flat_end or preset.flat_end,
            ties=self.analyses.hazard_ratio.ties or preset.ties,
            table_test=self.analyses.baseline.table_test or preset.table_test,
        )

    def under(self, dialect: Dialect) -> Self:
        """Return the protocol as it would be under the conventions of a package, whatever it states itself."""
        unstated = {"interval": None, "quantile_interval": None, "flat_end": None}
        analyses = self.analyses.model_copy(
            update={
                "survival": self.analyses.survival.model_copy(update=unstated),
                "hazard_ratio": self.analyses.hazard_ratio.model_copy(update={"ties": None}),
                "baseline": self.analyses.baseline.model_copy(update={"table_test": None}),
            }
        )
        return self.model_copy(update={"dialect": dialect, "analyses": analyses})

    @property
    def unit_days(self) -> float:
        """Days in the display unit."""
        return self.days_in(self.time_unit)

    def days_in(self, unit: TimeUnit) -> float:
        """Days in a unit."""
        years = {"months": self.month_length, "years": 12 * self.month_length}
        return {**DAYS_PER_UNIT, **years}[unit]

    def column_types(self) -> dict[str, Type]:
        """Return the type of every declared and derived column."""
        types = {
            name: COLUMN_TYPES[column.type] for source in self.data.values() for name, column in source.columns.items()
        }
        for name, text in self.derived.items():
            types[name] = parse_expression(text, types).type
        return types

    def event_sources(self) -> dict[str, EventSource]:
        """Return the tables of events; the grades of adverse events run from 1 to 5 whatever else is declared."""
        tables = dict(self.events)
        if self.safety is not None and self.safety.table in tables:
            table, grade = tables[self.safety.table], self.safety.grade
            column = table.columns[grade]
            assert isinstance(column, IntegerColumn), "the grade is a column of integers"
            low, high = max(1, column.minimum or 1), min(5, column.maximum or 5)
            bounded = column.model_copy(update={"minimum": low, "maximum": high})
            tables[self.safety.table] = table.model_copy(update={"columns": {**table.columns, grade: bounded}})
        return tables

    def tables(self) -> dict[str, Source | EventSource]:
        """Return every table by name: those of patients, and those of events as they are read."""
        return {**self.data, **self.event_sources()}

    def event_column_types(self, table: str) -> dict[str, Type]:
        """Return the type of every column of a table of events."""
        return {name: COLUMN_TYPES[column.type] for name, column in self.events[table].columns.items()}

    def parse(self, text: str) -> Node:
        """Return the tree of one of the protocol's own expressions."""
        return parse_expression(text, self.column_types())

    def plan(self) -> tuple["StudyPopulation", ...]:
        """Return each population with everything it is to go through, references resolved."""
        return tuple(self._resolve(name, section) for name, section in self.populations.items())

    def _resolve(self, name: str, section: Population) -> "StudyPopulation":
        def chosen(declared: Mapping[str, Any], names: tuple[str, ...] | None) -> dict[str, Any]:
            return {key: declared[key] for key in (declared if names is None else names) if key in declared}

        adjustments = chosen(self.adjustments, section.adjustments)
        if not any(isinstance(adjustment, Unadjusted) for adjustment in adjustments.values()):
            adjustments = {"unadjusted": Unadjusted(kind="unadjusted"), **adjustments}
        declared: dict[str, object] = {"subgroups": self.subgroups, "response": self.response, "safety": self.safety}
        declared |= {"prognostic": self.prognostic, "dialects": self.analyses.dialects or None}
        endpoints = chosen(self.endpoints, section.endpoints)
        declared["cumulative_incidence"] = next((one for one in endpoints.values() if one.competing), None)
        declared |= {"survival_difference": self.analyses.survival.landmarks or None}
        declared |= {"landmark": self.analyses.landmark.times or None}
        declared |= {"centres": self.centres, "unmeasured": self.sensitivity.unmeasured}
        declared |= {"specifications": self.specifications}
        possible = [word for word in ANALYSES if declared.get(word, self) is not None]
        wanted = possible if section.analyses is None else section.analyses
        return StudyPopulation(
            name=name,
            section=section,
            covariates=chosen(self.covariates, section.covariates),
            endpoints=endpoints,
            missing=chosen(self.missing, section.missing),
            adjustments=adjustments,
            offset=self.analyses.hazard_ratio.offset,
            analyses=tuple(word for word in possible if word in wanted),
        )


@dataclass(frozen=True, slots=True)
class StudyPopulation:
    """A population of the protocol with its covariates, endpoints, strategies, adjustments and analyses."""

    name: str
    section: Population
    covariates: Mapping[str, Covariate]
    endpoints: Mapping[str, Endpoint]
    missing: Mapping[str, CompleteCase | MultipleImputation]
    adjustments: Mapping[str, Unadjusted | Multivariable | Matching | Weighting]
    analyses: tuple[AnalysisName, ...]
    offset: str | None = None  # the covariate that Cox models take for known

    @property
    def model_covariates(self) -> tuple[str, ...]:
        """Covariates that an outcome model can hold: all but the offset."""
        return tuple(name for name in self.covariates if name != self.offset)

    @property
    def label(self) -> str:
        """Name on paper."""
        return self.section.label

    @property
    def treated(self) -> str:
        """Label of the treated arm."""
        return self.section.arms.treated.label

    @property
    def comparator(self) -> str:
        """Label of the comparator arm."""
        return self.section.arms.comparator.label
