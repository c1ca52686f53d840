"""Names that point elsewhere in the protocol: columns, covariates, endpoints, adjustments, expressions."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twoarm.errors import nearest
from twoarm.protocol.covariate import Categorical, Continuous, Cut, level_text
from twoarm.protocol.data import COLUMN_TYPES
from twoarm.protocol.expression import Type
from twoarm.protocol.expression_parser import WORDS, ExpressionError, parse_expression
from twoarm.protocol.toml_positions import Path


@dataclass(frozen=True, slots=True)
class Misreference:
    """A value that names nothing, or the wrong kind of thing; offset is the place within an expression."""

    path: Path
    found: str
    expected: str
    offset: int | None = None


def check_references(sections: Mapping[str, Any], raw: Mapping[str, Any]) -> list[Misreference]:
    """Return every bad reference among the sections that could be read.

    Args:
        sections: validated parts by key; mappings hold the entries that are valid.
        raw: the document as written, for names whose own declaration is in error.
    """
    columns, problems = _columns(raw)
    known = {name: set(_mapping(raw.get(name))) for name in ("covariates", "endpoints", "adjustments", "missing")}
    known["missing"] |= {"complete_case"} if "missing" not in raw else set()
    known["adjustments"] |= {"unadjusted"}
    checks: tuple[Callable[..., Iterator[Misreference]], ...] = (
        _check_sources,
        _check_populations,
        _check_covariates,
        _check_endpoints,
        _check_adjustments,
        _check_subgroups,
        _check_labels,
        _check_populations_adjustments,
        _check_levels,
        _check_cutoff,
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
    keys: set[Any] = set()  # of the tables before, by which the next is joined
    for source, section in _mapping(raw.get("data")).items():
        for name, declared in _mapping(_mapping(section).get("columns")).items():
            if name in columns and not (name in keys and name == _mapping(section).get("key")):
                problems.append(Misreference(("data", source, "columns", name), "a name used before", "another name"))
            if name in WORDS:
                problems.append(
                    Misreference(("data", source, "columns", name), "a word of expressions", "another name")
                )
            kind = declared if isinstance(declared, str) else _mapping(declared).get("type")
            columns[name] = COLUMN_TYPES.get(str(kind), Type.ANY)
        keys.add(_mapping(section).get("key"))
    for name, text in _mapping(raw.get("derived")).items():
        if name in columns:
            problems.append(Misreference(("derived", name), "the name of a column", "another name"))
        tree = _parse(text, columns, ("derived", name)) if isinstance(text, str) else None
        if isinstance(tree, Misreference):
            problems.append(tree)
        columns[name] = tree if isinstance(tree, Type) else Type.ANY
    return columns, problems


def _parse(text: str, columns: Mapping[str, Type], path: Path) -> Type | Misreference:
    try:
        return parse_expression(text, columns).type
    except ExpressionError as error:
        found, _, expected = str(error).partition("; ")
        return Misreference(path, found, expected, error.offset)


def _one_of(name: str, names: Iterable[str], what: str, path: Path) -> Iterator[Misreference]:
    names = list(names)
    if name not in names:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        yield Misreference(path, f'found "{name}"', f"expected {what}: {listed or 'none'}{nearest(name, names)}")


def _column(name: str, columns: Mapping[str, Type], types: tuple[Type, ...], path: Path) -> Iterator[Misreference]:
    if name not in columns:
        yield Misreference(path, f'found "{name}"', f"expected a declared column{nearest(name, columns)}")
    elif columns[name] not in (*types, Type.ANY):
        wanted = " or ".join(str(kind) for kind in types)
        yield Misreference(path, f'found "{name}", a {columns[name]} column', f"expected a {wanted} column")


def _check_sources(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    for name, source in sections.get("data", {}).items():
        yield from _one_of(source.key, source.columns, "one of its columns", ("data", name, "key"))
        key = source.columns.get(source.key)
        if key is not None and key.type != "text":
            path = ("data", name, "columns", source.key)
            yield Misreference(path, f"a patient key of type {key.type}", "expected text (00123 is not 123)")


def _check_populations(
    sections: Mapping[str, Any], columns: Mapping[str, Type], known: Mapping[str, set[str]]
) -> Iterator[Misreference]:
    any_value = (Type.BOOLEAN, Type.NUMBER, Type.TEXT)
    for name, population in sections.get("populations", {}).items():
        path: Path = ("populations", name)
        yield from _column(population.arms.column, columns, any_value, (*path, "arms", "column"))
        yield from _arm_values(population.arms, columns, (*path, "arms"))
        if population.time_zero is not None:
            yield from _column(population.time_zero, columns, (Type.DATE,), (*path, "time_zero"))
        for i, criterion in enumerate(population.criteria):
            key = "include" if criterion.include else "exclude"
            tree = _parse(criterion.expression, columns, (*path, "criteria", i, key))
            if isinstance(tree, Misreference):
                yield tree
            elif tree not in (Type.BOOLEAN, Type.ANY):
                yield Misreference((*path, "criteria", i, key), f"found a {tree}", "expected a condition")
        for key in ("covariates", "endpoints", "missing", "adjustments"):
            for i, word in enumerate(getattr(population, key) or ()):
                yield from _one_of(word, sorted(known[key]), f"one of the {key}", (*path, key, i))


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
        yield from _column(covariate.source or name, columns, types, path)


def _check_endpoints(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Any) -> Iterator[Misreference]:
    wanted = {"time": (Type.NUMBER, Type.DURATION), "event": (Type.BOOLEAN,)}
    for name, endpoint in sections.get("endpoints", {}).items():
        if endpoint.time and columns.get(endpoint.time) is Type.DURATION and endpoint.unit != "days":
            yield Misreference(
                ("endpoints", name, "unit"), f'found "{endpoint.unit}"', "expected days: a duration has days"
            )
    for name, endpoint in sections.get("endpoints", {}).items():
        for key, column in endpoint.columns().items():
            yield from _column(column, columns, wanted.get(str(key[0]), (Type.DATE,)), ("endpoints", name, *key))
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
            yield from _one_of(word, sorted(known["covariates"]), "one of the covariates", (*path, "covariates", i))
        if name == "unadjusted" and adjustment.kind != "unadjusted":
            yield Misreference(path, f"kind {adjustment.kind} under the name unadjusted", "expected another name")
        if adjustment.kind != "matching":
            continue
        if adjustment.order_column is not None:
            yield from _column(adjustment.order_column, columns, (Type.NUMBER,), (*path, "order_column"))
        if adjustment.order == "random" and sections.get("seed") is None:
            yield Misreference((*path, "order"), 'found "random"', "expected a seed at the top of the protocol with it")


def _check_subgroups(sections: Mapping[str, Any], _: Any, known: Mapping[str, set[str]]) -> Iterator[Misreference]:
    subgroups = sections.get("subgroups")
    for i, word in enumerate(subgroups.variables if subgroups else ()):
        path: Path = ("subgroups", "variables", i)
        yield from _one_of(word, sorted(known["covariates"]), "one of the covariates", path)
        covariate = sections.get("covariates", {}).get(word)
        if isinstance(covariate, Continuous):
            yield Misreference(path, f'found "{word}", a continuous covariate', "expected one with levels (cut it)")


def _check_labels(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """Two things of one kind with one label could not be told apart on paper."""
    for kind in ("populations", "endpoints", "adjustments"):
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
