"""What the options of Cox regression go with: exact ties, and a covariate as offset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twoarm.protocol.adjustment import Matching, Multivariable, Weighting
from twoarm.protocol.covariate import Continuous
from twoarm.protocol.misreference import Misreference, one_of
from twoarm.protocol.toml_positions import Path

_TIES: Path = ("analyses", "hazard_ratio", "ties")
_OFFSET: Path = ("analyses", "hazard_ratio", "offset")
_NO_EXACT = 'expected "efron" or "breslow": exact ties have no weights and no robust variance'
_ONE_PLACE = "expected it left out: the offset enters every Cox model with coefficient 1"


def check_hazard_ratio(sections: Mapping[str, Any], _: Any, known: Mapping[str, set[str]]) -> Iterator[Misreference]:
    """Exact ties go with neither matching nor weighting; an offset is a number and no term of a model."""
    analyses = sections.get("analyses")
    if analyses is None:
        return
    if analyses.hazard_ratio.ties == "exact":
        yield from _designs(sections)
    if analyses.hazard_ratio.offset is not None:
        yield from _offset(analyses.hazard_ratio.offset, sections, known)


def _designs(sections: Mapping[str, Any]) -> Iterator[Misreference]:
    """Name every matching and weighting that a population goes through."""
    adjustments = sections.get("adjustments", {})
    used = [
        word
        for population in sections.get("populations", {}).values()
        for word in (adjustments if population.adjustments is None else population.adjustments)
    ]
    for word in dict.fromkeys(used):
        if isinstance(adjustments.get(word), Matching | Weighting):
            yield Misreference(_TIES, f'found "exact" with adjustments.{word}, a {adjustments[word].kind}', _NO_EXACT)
    grid = sections.get("specifications")
    for kind in ("matching", "weighting"):
        if grid is not None and getattr(grid, kind):
            yield Misreference(_TIES, f'found "exact" with specifications.{kind}', _NO_EXACT)


def _offset(name: str, sections: Mapping[str, Any], known: Mapping[str, set[str]]) -> Iterator[Misreference]:
    yield from one_of(name, sorted(known["covariates"]), "one of the covariates", _OFFSET)
    covariate = sections.get("covariates", {}).get(name)
    if covariate is not None and not isinstance(covariate, Continuous):
        yield Misreference(_OFFSET, f'found "{name}", a covariate with levels', "expected a continuous one")
    for word, population in sections.get("populations", {}).items():
        here = population.covariates
        if here is not None and name not in here:
            found = f'"{name}" is not among them, but analyses.hazard_ratio.offset names it'
            yield Misreference(("populations", word, "covariates"), found, "expected it here")
    yield from _terms(name, sections, known)


def _terms(name: str, sections: Mapping[str, Any], known: Mapping[str, set[str]]) -> Iterator[Misreference]:
    """The offset is no term beside itself, and leaves a multivariable model something to hold."""
    listed: list[tuple[Path, Any]] = []
    for word, adjustment in sections.get("adjustments", {}).items():
        if isinstance(adjustment, Multivariable):
            listed.append((("adjustments", word, "covariates"), adjustment.covariates))
            if adjustment.covariates is None and known["covariates"] == {name}:
                found = "a multivariable model without a covariate but the offset"
                yield Misreference(("adjustments", word), found, "expected another covariate")
    prognostic, grid = sections.get("prognostic"), sections.get("specifications")
    listed.append((("prognostic", "covariates"), prognostic.covariates if prognostic else None))
    for label, names in grid.sets.items() if grid is not None and grid.multivariable else ():
        listed.append((("specifications", "sets", label), names))
    for path, names in listed:
        for i, word in enumerate(names or ()):
            if word == name:
                yield Misreference((*path, i), f'found "{name}", the offset', _ONE_PLACE)
