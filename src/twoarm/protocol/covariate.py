"""What is measured at or before time zero and may differ between the arms."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from twoarm.protocol.section import Label, Name, Section, Value, tag_of


class Continuous(Section):
    """A number that enters models as it is."""

    kind: Literal["continuous"]
    label: Label | None = None
    source: Name | None = Field(None, description="Column or derived variable; the covariate's own name by default.")
    unit: str = ""
    per: float = Field(1.0, gt=0, description="Hazard ratios are given per so many units.")


class _Classes(Section):
    label: Label | None = None
    source: Name | None = None


class Cut(_Classes):
    """A number cut into classes: ``breaks = [18.5, 25]`` makes three, each from its break up to below the next."""

    kind: Literal["cut"]
    breaks: tuple[float, ...] = Field(min_length=1)
    labels: tuple[Label, ...]
    reference: Label | None = Field(None, description="Label of the class that others are compared with; the first.")
    unit: str = ""
    descending: bool = Field(False, description="The highest class stands first on paper.")

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if list(self.breaks) != sorted(set(self.breaks)):
            raise ValueError("breaks must rise")
        if len(self.labels) != len(self.breaks) + 1 or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"expected {len(self.breaks) + 1} different labels for {len(self.breaks)} breaks")
        if self.reference is not None and self.reference not in self.labels:
            raise ValueError("reference is not one of the labels")
        return self

    @property
    def level_labels(self) -> tuple[str, ...]:
        """Labels of the classes in order."""
        return self.labels

    @property
    def reference_index(self) -> int:
        """Position of the reference class."""
        return 0 if self.reference is None else self.labels.index(self.reference)


class Categorical(_Classes):
    """Declared levels; any other value is a finding and counts as missing."""

    kind: Literal["categorical"]
    levels: tuple[Value, ...] = Field(min_length=2, max_length=50)
    ordered: bool = Field(False, description="The levels rise; imputed by proportional odds.")
    labels: tuple[Label, ...] | None = Field(None, description="One a level, in the same order; the levels by default.")
    reference: Value | None = Field(None, description="Level that others are compared with; the first by default.")

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        texts = [level_text(level) for level in self.levels]
        if len(set(texts)) < len(texts):
            raise ValueError("levels names a level twice")
        if self.labels is not None and (
            len(self.labels) != len(self.levels) or len(set(self.labels)) < len(self.labels)
        ):
            raise ValueError(f"expected {len(self.levels)} different labels, one a level")
        if self.reference is not None and level_text(self.reference) not in texts:
            raise ValueError("reference is not one of the levels")
        return self

    @property
    def level_labels(self) -> tuple[str, ...]:
        """Labels of the levels in order."""
        return self.labels or tuple(level_text(level) for level in self.levels)

    @property
    def reference_index(self) -> int:
        """Position of the reference level."""
        texts = [level_text(level) for level in self.levels]
        return 0 if self.reference is None else texts.index(level_text(self.reference))


def covariate_label(name: str, covariate: Continuous | Cut | Categorical) -> str:
    """Return a covariate's name on paper, with its unit.

    >>> covariate_label("body_mass", Continuous(kind="continuous", unit="kg/m²"))
    'Body mass (kg/m²)'
    """
    label = covariate.label or name.replace("_", " ").capitalize()
    unit = "" if isinstance(covariate, Categorical) else covariate.unit
    return f"{label} ({unit})" if unit else label


def level_text(level: Value) -> str:
    """Return a level as the text that a cell of its column has once it is read.

    >>> level_text(True), level_text(3), level_text("<=20")
    ('true', '3', '<=20')
    """
    return str(level).lower() if isinstance(level, bool) else str(level)


Covariate = Annotated[
    Annotated[Continuous, Tag("continuous")] | Annotated[Cut, Tag("cut")] | Annotated[Categorical, Tag("categorical")],
    Discriminator(tag_of("kind")),
]
