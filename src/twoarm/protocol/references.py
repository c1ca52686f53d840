"""Names that point elsewhere in the protocol: columns, covariates, endpoints, adjustments, expressions."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twoarm.protocol.analysis_references import (
    check_centres,
    check_imputation,
    check_names_of_analyses,
    check_prognostic,
    check_response,
    check_safety,
    check_specifications,
    check_subgroups,
    check_timeline,
)
from twoarm.protocol.column import COLUMN_TYPES
from twoarm.protocol.covariate import Categorical, Continuous, Cut, level_text
from twoarm.protocol.engine_references import check_engine
from twoarm.protocol.expression import Type
from twoarm.protocol.expression_parser import WORDS
from twoarm.protocol.hazard_ratio_references import check_hazard_ratio
from twoarm.protocol.misreference import Misreference, column_of_type, one_of, parse_type
from twoarm.protocol.source_references import check_sources
from twoarm.protocol.toml_positions import Path

_NAMED = ("covariates", "endpoints", "adjustments", "missing", "events")


def check_references(sections: Mapping[str, Any], raw: Mapping[str, Any]) -> list[Misreference]:
    """Return every bad reference among the sections that could be read.

    Args:
        sections: validated parts by key; mappings hold the entries that are valid.
        raw: the document as written, for names whose own declaration is in error.
    """
    columns, problems = _columns(raw)
    known = {name: set(_mapping(raw.get(name))) for name in _NAMED}
    known["missing"] |= {"complete_case"} if "missing" not in raw else set()
    known["adjustments"] |= {"unadjusted"}
    checks: tuple[Callable[..., Iterator[Misreference]], ...] = (
        check_sources,
        check_engine,
        _check_populations,
        _check_covariates,
        _check_endpoints,
        _check_adjustments,
        check_subgroups,
        check_response,
        check_safety,
        check_prognostic,
        check_centres,
        check_specifications,
        check_imputation,
        check_names_of_analyses,
        check_hazard_ratio,
        _check_labels,
        _check_populations_adjustments,
        _check_levels,
        _check_cutoff,
        check_timeline,
    )
    for check in checks:
        problems += check(sections, columns, known)
    return problems


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _columns(raw: Mapping[str, Any]) -> tuple[dict[str, Type], list[Misreference]]:
    """Collect all columns; one in error counts with type ANY, so that it is not reported twice."""
    problems: list[Misreference] = []
    columns: dict[str, Type] = {}
    keys: set[str] = set()  # of the tables before, by which the next is joined
    for source, section in _mapping(raw.get("data")).items():
        for name, declared in _mapping(_mapping(section).get("columns")).items():
            kind = COLUMN_TYPES.get(str(declared if isinstance(declared, str) else _mapping(declared).get("type")))
            if columns.get(name, kind) not in (kind, Type.ANY) and name not in keys:
                found = "a name used before for another type"
                problems.append(Misreference(("data", source, "columns", name), found, "another name"))
            if name in WORDS:
                problems.append(
                    Misreference(("data", source, "columns", name), "a word of expressions", "another name")
                )
            columns.setdefault(name, kind or Type.ANY)
        keys.add(str(_mapping(section).get("key")))
    for name, text in _mapping(raw.get("derived")).items():
        if name in columns:
            problems.append(Misreference(("derived", name), "the name of a column", "another name"))
        tree = parse_type(text, columns, ("derived", name)) if isinstance(text, str) else None
        if isinstance(tree, Misreference):
            problems.append(tree)
        columns[name] = tree if isinstance(tree, Type) else Type.ANY
    return columns, problems


def _check_populations(
    sections: Mapping[str, Any], columns: Mapping[str, Type], known: Mapping[str, set[str]]
) -> Iterator[Misreference]:
    any_value = (Type.BOOLEAN, Type.NUMBER, Type.TEXT)
    for name, population in sections.get("populations", {}).items():
        path: Path = ("populations", name)
        yield from column_of_type(population.arms.column, columns, any_value, (*path, "arms", "column"))
        yield from _arm_values(population.arms, columns, (*path, "arms"))
        if population.time_zero is not None:
            yield from column_of_type(population.time_zero, columns, (Type.DATE,), (*path, "time_zero"))
        for i, criterion in enumerate(population.criteria):
            key = "include" if criterion.include else "exclude"
            tree = parse_type(criterion.expression, columns, (*path, "criteria", i, key))
            if isinstance(tree, Misreference):
                yield tree
            elif tree not in (Type.BOOLEAN, Type.ANY):
                yield Misreference((*path, "criteria", i, key), f"found a {tree}", "expected a condition")
        for key in ("covariates", "endpoints", "missing", "adjustments"):
            for i, word in enumerate(getattr(population, key) or ()):
                yield from one_of(word, sorted(known[key]), f"one of the {key}", (*path, key, i))


def _arm_values(arms: Any, columns: Mapping[str, Type], path: Path) -> Iterator[Misreference]:
    accepted = {Type.BOOLEAN: bool, Type.NUMBER: int, Type.TEXT: str}
    kind = columns.get(arms.column, Type.ANY)
    for key in ("treated", "comparator"):
        value = getattr(arms, key).value
        if kind in accepted and type(value) is not accepted[kind]:
            yield Misreference((*path, key, "value"), f"found {value!r}", f"expected a {kind}, as {arms.column} holds")


def _check_covariates(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Any) -> Iterator[Misreference]:
    for name, covariate in sections.get("covariates", {}).items():
        path: Path = ("covariates", name, "source") if covariate.source else ("covariates", name)
        numeric = isinstance(covariate, Continuous | Cut)
        types = (Type.NUMBER, Type.DURATION) if numeric else (Type.TEXT, Type.NUMBER, Type.BOOLEAN)
        yield from column_of_type(covariate.source or name, columns, types, path)


def _check_endpoints(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Any) -> Iterator[Misreference]:
    wanted = {"time": (Type.NUMBER, Type.DURATION), "event": (Type.BOOLEAN,)}
    flags = {**wanted, "competing": (Type.BOOLEAN,)}
    for name, endpoint in sections.get("endpoints", {}).items():
        if endpoint.time and columns.get(endpoint.time) is Type.DURATION and endpoint.unit != "days":
            yield Misreference(
                ("endpoints", name, "unit"), f'found "{endpoint.unit}"', "expected days: a duration has days"
            )
    for name, endpoint in sections.get("endpoints", {}).items():
        for key, column in endpoint.columns().items():
            types = (wanted if endpoint.from_dates else flags).get(str(key[0]), (Type.DATE,))
            yield from column_of_type(column, columns, types, ("endpoints", name, *key))
        for i, column in enumerate(endpoint.competing):
            if column in (*endpoint.events, endpoint.event, *endpoint.competing[:i]):
                found = f'found "{column}", which the endpoint names before'
                yield Misreference(("endpoints", name, "competing", i), found, "expected another column")
        populations = sections.get("populations", {})
        without = [
            label
            for label, population in populations.items()
            if population.time_zero is None
            and name in (population.endpoints if population.endpoints is not None else (name,))
        ]
        if endpoint.from_dates and endpoint.start is None and without:
            where = f"expected start here, or time_zero in populations.{without[0]}"
            yield Misreference(("endpoints", name), "no date to start from", where)


def _check_adjustments(
    sections: Mapping[str, Any], columns: Mapping[str, Type], known: Mapping[str, set[str]]
) -> Iterator[Misreference]:
    for name, adjustment in sections.get("adjustments", {}).items():
        path: Path = ("adjustments", name)
        for i, word in enumerate(getattr(adjustment, "covariates", None) or ()):
            yield from one_of(word, sorted(known["covariates"]), "one of the covariates", (*path, "covariates", i))
        if name == "unadjusted" and adjustment.kind != "unadjusted":
            yield Misreference(path, f"kind {adjustment.kind} under the name unadjusted", "expected another name")
        if getattr(adjustment, "bootstrap", None) is not None and sections.get("seed") is None:
            where = "expected a seed at the top of the protocol"
            yield Misreference((*path, "bootstrap"), "resamples without a seed", where)
        if adjustment.kind != "matching":
            continue
        for i, word in enumerate(adjustment.exact):
            yield from column_of_type(word, columns, (Type.TEXT, Type.NUMBER, Type.BOOLEAN), (*path, "exact", i))
        if adjustment.order_column is not None:
            yield from column_of_type(adjustment.order_column, columns, (Type.NUMBER,), (*path, "order_column"))
        if adjustment.order == "random" and sections.get("seed") is None:
            yield Misreference((*path, "order"), 'found "random"', "expected a seed at the top of the protocol with it")


def _check_labels(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """Two things of one kind with one label could not be told apart on paper."""
    for kind in ("populations", "endpoints", "adjustments", "missing"):
        seen: set[str] = set()
        for name, section in sections.get(kind, {}).items():
            if section.label.casefold() in seen:
                yield Misreference(
                    (kind, name), f'label "{section.label}" is used before', "expected a label of its own"
                )
            seen.add(section.label.casefold())


def _check_populations_adjustments(
    sections: Mapping[str, Any], _: Any, known: Mapping[str, set[str]]
) -> Iterator[Misreference]:
    """An adjustment cannot use a covariate that its population leaves out."""
    for name, population in sections.get("populations", {}).items():
        if population.covariates is None:
            continue
        here = population.adjustments if population.adjustments is not None else sections.get("adjustments", {})
        for word in here:
            adjustment = sections.get("adjustments", {}).get(word)
            needed = set(getattr(adjustment, "covariates", None) or ()) & known["covariates"]
            for absent in sorted(needed - set(population.covariates)):
                found = f'"{absent}" is not among them, but adjustments.{word} uses it'
                yield Misreference(
                    ("populations", name, "covariates"), found, "expected it here, or another adjustment"
                )


def _check_levels(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Any) -> Iterator[Misreference]:
    """Levels are of the kind that their column holds, and differ as cells are compared."""
    kinds: dict[Type, type | tuple[type, ...]] = {Type.BOOLEAN: bool, Type.NUMBER: int, Type.TEXT: (str, int)}
    for name, covariate in sections.get("covariates", {}).items():
        if not isinstance(covariate, Categorical):
            continue
        path: Path = ("covariates", name, "levels")
        kind = columns.get(covariate.source or name, Type.ANY)
        wanted = kinds.get(kind)
        levels = covariate.levels
        if wanted and not all(isinstance(v, wanted) and (kind is Type.BOOLEAN) == isinstance(v, bool) for v in levels):
            yield Misreference(path, "levels of another type than the column", f"expected {kind} values, as it holds")
        if len({unicodedata.normalize("NFKC", level_text(level)).strip() for level in levels}) < len(levels):
            yield Misreference(path, "two levels that differ only in width or space", "expected one of them")


def _check_cutoff(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """A data cut-off can only cut a duration back from a known time zero."""
    if sections.get("data_cutoff") is None:
        return
    for name, endpoint in sections.get("endpoints", {}).items():
        for label, population in sections.get("populations", {}).items():
            used = population.endpoints is None or name in population.endpoints
            if not endpoint.from_dates and used and population.time_zero is None:
                where = f"expected time_zero in populations.{label}, or the endpoint from dates"
                yield Misreference(("endpoints", name), "a duration, which data_cutoff cannot cut back", where)
