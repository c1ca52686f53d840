"""Every figure of a population under a strategy, and how figures become files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from twoarm.figures.flow_diagram import flow_diagram
from twoarm.figures.forest_plot import effects_forest, model_forest, subgroup_forest
from twoarm.figures.kaplan_meier_plot import kaplan_meier_plot
from twoarm.figures.love_plot import love_plot
from twoarm.figures.propensity_plot import propensity_plot
from twoarm.figures.theme import style
from twoarm.protocol.choices import FigureFormat
from twoarm.tables.scope import Scope

_METADATA: dict[FigureFormat, dict[str, None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {"Software": None},
}


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """A figure, its file name, and what it shows in words."""

    name: str
    title: str
    draw: Callable[[], Figure | None]


def all_figures(scope: Scope) -> list[NamedFigure]:
    """Return the figures in the order of a paper; each is drawn when asked for."""
    return list(_figures(scope))


def _figures(scope: Scope) -> Iterator[NamedFigure]:
    labels = {name: made.label for name, made in scope.population.adjustments.items()}
    yield NamedFigure("flow", "Flow of patients", lambda: flow_diagram(scope))
    yield NamedFigure("love", "Balance of covariates before and after adjustment", lambda: love_plot(scope))
    for name in scope.matchings():
        yield NamedFigure(
            f"propensity_{name}",
            "Overlap of propensity scores",
            lambda name=name: propensity_plot(scope, name),
        )
    yield NamedFigure("hazard_ratios", f"Hazard ratios, {scope.contrast}", lambda: effects_forest(scope))
    for endpoint, section in scope.population.endpoints.items():
        for name in scope.marginal():
            yield NamedFigure(
                f"survival_{endpoint}_{name}",
                f"{section.label}, {labels[name].lower()}",
                lambda name=name, endpoint=endpoint: kaplan_meier_plot(scope, name, endpoint),
            )
        for name in scope.regressions():
            yield NamedFigure(
                f"forest_{endpoint}_{name}",
                f"{section.label}, {labels[name].lower()} model",
                lambda name=name, endpoint=endpoint: model_forest(scope, name, endpoint),
            )
        for name in scope.marginal():
            yield NamedFigure(
                f"subgroups_{endpoint}_{name}",
                f"{section.label} in subgroups, {labels[name].lower()}",
                lambda name=name, endpoint=endpoint: subgroup_forest(scope, name, endpoint),
            )


def render(figure: Figure, kind: FigureFormat) -> bytes:
    """Return a figure's file; the same figure gives the same bytes."""
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=300, metadata=_METADATA[kind])
    return out.getvalue()


def draw(named: NamedFigure, kinds: tuple[FigureFormat, ...]) -> dict[FigureFormat, bytes]:
    """Draw a figure and return its files; nothing where there is nothing to show."""
    with style():
        figure = named.draw()
        return {} if figure is None else {kind: render(figure, kind) for kind in kinds}
