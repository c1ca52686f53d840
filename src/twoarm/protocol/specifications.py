"""The declared grid: the same study under every combination of choices that could have been made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from twoarm.protocol.adjustment import Caliper, Matching, Multivariable, Unadjusted, Weighting
from twoarm.protocol.choices import Focal, Order, Scale, WeightingEstimand, WeightingMethod
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.section import Name, Names, Section, Share

MOST = 200  # specifications of a study; each is an adjustment and a model of its own
ALL = "all"

Design = Unadjusted | Multivariable | Matching | Weighting


def _once(options: tuple[Any, ...]) -> tuple[Any, ...]:
    if not options:
        raise ValueError("expected an option or more")
    if len(set(options)) < len(options):
        raise ValueError("expected every option once")
    return options


Width = Annotated[float, Field(gt=0)] | Literal["none"]
Quantiles = tuple[Share, Share] | Literal["none"]
Widths = Annotated[tuple[Width, ...], AfterValidator(_once)]
Orders = Annotated[tuple[Order, ...], AfterValidator(_once)]
Scales = Annotated[tuple[Scale, ...], AfterValidator(_once)]
Focals = Annotated[tuple[Focal, ...], AfterValidator(_once)]
Methods = Annotated[tuple[WeightingMethod, ...], AfterValidator(_once)]
Estimands = Annotated[tuple[WeightingEstimand, ...], AfterValidator(_once)]
Truncations = Annotated[tuple[Quantiles, ...], AfterValidator(_once)]


class MatchingGrid(Section):
    """Matchings: every combination of these."""

    caliper: Widths = Field((0.2,), description='Widths in SD of the score, or "none".')
    order: Orders = ("closest",)
    scale: Scales = ("logit",)
    focal: Focals = ("treated",)

    def designs(self) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """Yield the choices in words and the options of each matching."""
        for width, order, scale, focal in product(self.caliper, self.order, self.scale, self.focal):
            shown = width if isinstance(width, str) else f"{width:g}"
            words = {"Adjustment": "matching", "Caliper": shown, "Order": order, "Scale": scale, "Focal arm": focal}
            caliper = width if isinstance(width, str) else Caliper(width=width)
            yield words, {"caliper": caliper, "order": order, "scale": scale, "focal": focal}


class WeightingGrid(Section):
    """Weightings: every combination of these."""

    method: Methods = ("propensity",)
    estimand: Estimands = ("ATE",)
    truncate_quantiles: Truncations = Field(("none",), description='Pairs of quantiles, or "none".')

    @model_validator(mode="after")
    def _combinations_exist(self) -> Self:
        for words, options in self.designs():
            try:
                Weighting(kind="weighting", **options)
            except ValidationError as error:
                said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
                chosen = ", ".join(list(words.values())[1:])
                raise ValueError(f"{chosen}: {said}; expected a block of its own for what goes together") from None
        return self

    def designs(self) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """Yield the choices in words and the options of each weighting."""
        for method, estimand, quantiles in product(self.method, self.estimand, self.truncate_quantiles):
            cut = None if isinstance(quantiles, str) else quantiles
            shown = "none" if cut is None else f"{cut[0]:g} to {cut[1]:g}"
            words = {"Adjustment": "weighting", "Weights": method, "Estimand": estimand, "Truncation": shown}
            yield words, {"method": method, "estimand": estimand, "truncate_quantiles": cut}


class Specifications(Section):
    """Endpoints, strategies for missing values, covariate sets and designs; all combinations are run."""

    endpoints: Annotated[Names, Field(min_length=1)] | None = Field(
        None, description="All that are no negative control by default."
    )
    missing: Annotated[Names, Field(min_length=1)] | None = Field(None, description="All of the population by default.")
    sets: dict[Name, Annotated[Names, Field(min_length=1)]] = Field(
        {}, description="Covariate sets by name; one of all covariates by default."
    )
    matching: tuple[MatchingGrid, ...] = ()
    weighting: tuple[WeightingGrid, ...] = ()
    multivariable: bool = Field(False, description="The outcome model with each covariate set, too.")
    unadjusted: bool = Field(False, description="The arms as they are, too.")

    @model_validator(mode="after")
    def _has_designs(self) -> Self:
        if not (self.matching or self.weighting or self.multivariable or self.unadjusted):
            raise ValueError("expected a block of matching or weighting, multivariable or unadjusted")
        if len(self.designs()) > MOST:
            raise ValueError(f"found {len(self.designs())} designs; expected at most {MOST}")
        return self

    def designs(self) -> dict[str, "DesignChoice"]:
        """Return every design once, by its name, which says its choices."""
        found = list(self._designs())
        return {choice.name: choice for choice in found}

    def _designs(self) -> Iterator["DesignChoice"]:
        if self.unadjusted:
            yield DesignChoice.of({"Adjustment": "unadjusted"}, Unadjusted(kind="unadjusted"))
        sets: dict[str, Names | None] = {**self.sets} or {ALL: None}
        for label, names in sets.items():
            chosen = {"Covariates": label.replace("_", " ")}
            if self.multivariable:
                words = {"Adjustment": "multivariable", **chosen}
                yield DesignChoice.of(words, Multivariable(kind="multivariable", covariates=names))
            for grid in self.matching:
                for words, options in grid.designs():
                    made: Design = Matching(kind="matching", covariates=names, **options)
                    yield DesignChoice.of({**words, **chosen}, made)
            for block in self.weighting:
                for words, options in block.designs():
                    made = Weighting(kind="weighting", covariates=names, **options)
                    yield DesignChoice.of({**words, **chosen}, made)

    def endpoints_of(self, endpoints: Mapping[str, Endpoint]) -> tuple[str, ...]:
        """Return those of a population's endpoints on which the grid is run."""
        if self.endpoints is not None:
            return tuple(name for name in self.endpoints if name in endpoints)
        return tuple(name for name, endpoint in endpoints.items() if not endpoint.negative_control)

    def missing_of(self, strategies: Iterable[str]) -> tuple[str, ...]:
        """Return those of a population's strategies under which the grid is run."""
        return tuple(name for name in strategies if self.missing is None or name in self.missing)


@dataclass(frozen=True, slots=True)
class DesignChoice:
    """One way of making the arms comparable: the choices in words, in order, and the section that says so."""

    choices: tuple[tuple[str, str], ...]
    section: Design

    @classmethod
    def of(cls, words: Mapping[str, str], section: Design) -> Self:
        """Return the choice."""
        return cls(tuple(words.items()), section)

    @property
    def kind(self) -> str:
        """Matching, weighting, multivariable or unadjusted."""
        return self.section.kind

    @property
    def name(self) -> str:
        """All choices in one line, such as ``matching, caliper 0.1, order closest``."""
        (_, first), *rest = self.choices
        return ", ".join([first, *(f"{key.lower()} {value}" for key, value in rest)])


def too_many(grid: Specifications, endpoints: Sequence[str], strategies: Sequence[str]) -> str:
    """Return what is wrong with a grid that is too large; nothing if it is not.

    >>> too_many(Specifications(unadjusted=True), ["os"], ["complete_case"])
    ''
    """
    designs = len(grid.designs())
    total = designs * len(endpoints) * len(strategies)
    if total <= MOST:
        return ""
    return (
        f"{total} specifications ({designs} designs, {len(endpoints)} endpoints, {len(strategies)} strategies for "
        f"missing values)"
    )
