"""Every figure of a population under a strategy; nothing is drawn here, and no drawing library is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from twoarm.figures.centre_forest import centre_forest
from twoarm.figures.cumulative_incidence_plot import cumulative_incidence_plot
from twoarm.figures.flow_diagram import flow_diagram
from twoarm.figures.forest_plot import effects_forest, model_forest, subgroup_forest
from twoarm.figures.kaplan_meier_plot import kaplan_meier_plot
from twoarm.figures.log_log_plot import log_log_plot
from twoarm.figures.love_plot import love_plot
from twoarm.figures.propensity_plot import propensity_plot
from twoarm.figures.restricted_mean_plot import restricted_mean_plot
from twoarm.figures.schoenfeld_plot import schoenfeld_plot
from twoarm.figures.specification_curve import specification_curve
from twoarm.figures.standardised_plot import standardised_plot
from twoarm.figures.weights_plot import weights_plot
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """A figure, its file name, and what it shows in words."""

    name: str
    title: str
    draw: Callable[[], Figure | None]
    adjustment: str = ""  # of the sample that it quotes; "" for more than one
    until: str = ""  # the last analysis of the sample that it quotes; "" for all of them

    @classmethod
    def of(
        cls,
        name: str,
        title: str,
        draw: Callable[..., Figure | None],
        scope: Scope,
        adjustment: str = "",
        *arguments: str,
        until: str = "",
    ) -> NamedFigure:
        """Bind what a drawing function is called with."""
        quoted = (adjustment, *arguments) if adjustment else ()
        return cls(name, title, partial(draw, scope, *quoted), adjustment, until)


def all_figures(scope: Scope) -> list[NamedFigure]:
    """Return the figures in the order of a paper; each is drawn when asked for."""
    return list(_figures(scope))


def survival_name(endpoint: str, adjustment: str) -> str:
    """Return the file name of the survival curves of a comparison."""
    return f"survival-{endpoint}-{adjustment}"


def incidence_name(endpoint: str, adjustment: str) -> str:
    """Return the file name of the cumulative incidences of a comparison."""
    return f"cumulative_incidence-{endpoint}-{adjustment}"


def _figures(scope: Scope) -> Iterator[NamedFigure]:
    primary = scope.protocol.primary_adjustment
    labels = {name: in_sentence(made.label) for name, made in scope.population.adjustments.items()}
    if not scope.imputed:
        yield NamedFigure.of("flow", "Flow of patients", flow_diagram, scope)
        yield NamedFigure.of("love", "Balance of covariates before and after adjustment", love_plot, scope)
    for name in () if scope.imputed else (*scope.matchings(), *scope.weightings()):
        if scope.curve(kind="histogram", adjustment=name, arm=scope.arms[0]) is not None:
            title = (
                "Overlap of propensity scores" if name in scope.matchings() else f"Overlap of scores, {labels[name]}"
            )
            yield NamedFigure.of(f"propensity-{name}", title, propensity_plot, scope, name)
        if scope.curve(kind="weights", adjustment=name, arm=scope.arms[0]) is not None:
            yield NamedFigure.of(f"weights-{name}", f"Weights, {labels[name]}", weights_plot, scope, name)
    yield NamedFigure.of("hazard_ratios", f"Hazard ratios, {scope.contrast}", effects_forest, scope)
    for endpoint, section in scope.population.endpoints.items():
        for name in scope.marginal():
            title = f"{section.label}, {labels[name]}"
            if section.competing:
                name_of, title = incidence_name(endpoint, name), f"Cumulative incidence: {title}"
                yield NamedFigure.of(name_of, title, cumulative_incidence_plot, scope, name, endpoint)
                continue
            what = survival_name(endpoint, name), title, kaplan_meier_plot
            yield NamedFigure.of(*what, scope, name, endpoint, until="hazard_ratio")
        for name in scope.regressions():
            title = f"{section.label}, {labels[name]} model"
            what = f"forest-{endpoint}-{name}", title, model_forest
            yield NamedFigure.of(*what, scope, name, endpoint, until="hazard_ratio")
            if scope.curve(kind="standardised", adjustment=name, endpoint=endpoint, arm=scope.arms[0]) is not None:
                title = f"{section.label}, standardised to all patients, {labels[name]} model"
                what = f"standardised-{endpoint}-{name}", title, standardised_plot
                yield NamedFigure.of(*what, scope, name, endpoint, until="standardised_survival")
        if endpoint == scope.protocol.primary_endpoint:
            yield from _time_figures(scope, endpoint, section.label, labels)
        for name in _subgroup_samples(scope, primary):
            title = f"{section.label} in subgroups, {labels[name]}"
            yield NamedFigure.of(f"subgroups-{endpoint}-{name}", title, subgroup_forest, scope, name, endpoint)
    yield from _sensitivity(scope, primary if primary in scope.marginal() else scope.unadjusted(), labels)


def _sensitivity(scope: Scope, sample: str, labels: Mapping[str, str]) -> Iterator[NamedFigure]:
    """Centres of the primary analysis's sample (the tables have every sample), and the grid of specifications."""
    for endpoint, section in scope.population.endpoints.items() if scope.protocol.centres is not None else ():
        title = f"{section.label} by centre, {labels[sample]}"
        yield NamedFigure.of(f"centres-{endpoint}-{sample}", title, centre_forest, scope, sample, endpoint)
    if scope.protocol.specifications is not None:
        title = "All specifications by hazard ratio"
        yield NamedFigure.of("specifications", title, specification_curve, scope)


def _time_figures(scope: Scope, endpoint: str, label: str, labels: Mapping[str, str]) -> Iterator[NamedFigure]:
    """What the effect does over time in the primary adjustment, or else unadjusted, as far as it was analysed."""
    if scope.imputed:
        return
    wanted, primary = scope.population.analyses, scope.protocol.primary_adjustment
    name = primary if primary in labels and scope.made(primary) else scope.unadjusted()
    title, marginal = f"{label}, {labels[name]}", name in scope.marginal()
    if "proportional_hazards" in wanted:
        if marginal and "survival" in wanted:
            what = f"loglog-{endpoint}-{name}", f"log(-log S) of the arms: {title}", log_log_plot
            yield NamedFigure.of(*what, scope, name, endpoint, until="proportional_hazards")
        what = f"schoenfeld-{endpoint}-{name}", f"Scaled Schoenfeld residuals of the arm: {title}", schoenfeld_plot
        yield NamedFigure.of(*what, scope, name, endpoint, until="proportional_hazards")
    if "restricted_mean" in wanted and "survival" in wanted and marginal:
        said = f"Area between the survival curves: {title}"
        what = f"restricted_mean-{endpoint}-{name}", said, restricted_mean_plot
        yield NamedFigure.of(*what, scope, name, endpoint, until="restricted_mean")


def _subgroup_samples(scope: Scope, primary: str) -> list[str]:
    """The declared samples, or that of the primary analysis (the tables have every sample)."""
    subgroups = scope.protocol.subgroups
    if subgroups is not None and subgroups.adjustments is not None:
        return [name for name in scope.marginal() if name in subgroups.adjustments]
    return [primary] if primary in scope.marginal() else [scope.unadjusted()]
