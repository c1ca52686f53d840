"""Names within the sections of single analyses: subgroups, response, safety, prognostic factors, imputation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twoarm.protocol.column import COLUMN_TYPES
from twoarm.protocol.covariate import Categorical, Continuous
from twoarm.protocol.expression import Type
from twoarm.protocol.misreference import Misreference, column_of_type, one_of, parse_type
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.toml_positions import Path

Known = Mapping[str, set[str]]
RESPONSES = ("CR", "PR", "SD", "PD", "NE")
_WITH_SECTIONS = ("subgroups", "response", "safety", "prognostic", "centres", "specifications")


def check_subgroups(sections: Mapping[str, Any], _: Any, known: Known) -> Iterator[Misreference]:
    """Subgroups are levels of covariates, in samples that are declared."""
    subgroups = sections.get("subgroups")
    for i, word in enumerate(subgroups.variables if subgroups else ()):
        path: Path = ("subgroups", "variables", i)
        yield from one_of(word, sorted(known["covariates"]), "one of the covariates", path)
        covariate = sections.get("covariates", {}).get(word)
        if isinstance(covariate, Continuous):
            yield Misreference(path, f'found "{word}", a continuous covariate', "expected one with levels (cut it)")
    for i, word in enumerate((subgroups.adjustments or ()) if subgroups else ()):
        path = ("subgroups", "adjustments", i)
        yield from one_of(word, sorted(known["adjustments"]), "one of the adjustments", path)


def check_response(sections: Mapping[str, Any], columns: Mapping[str, Type], known: Known) -> Iterator[Misreference]:
    """The visits' table has a date and a column of RECIST codes; progression and death are dates of patients."""
    response = sections.get("response")
    if response is None:
        return
    yield from one_of(response.table, sorted(known["events"]), "one of the events tables", ("response", "table"))
    table = sections.get("events", {}).get(response.table)
    if table is not None:
        inside = {name: COLUMN_TYPES[column.type] for name, column in table.columns.items()}
        yield from column_of_type(response.date, inside, (Type.DATE,), ("response", "date"))
        yield from column_of_type(response.response, inside, (Type.TEXT,), ("response", "response"))
        codes = getattr(table.columns.get(response.response), "map", None)
        strange = sorted(set((codes or {}).values()) - set(RESPONSES))
        if response.response in table.columns and (codes is None or strange):
            found = f"codes {', '.join(strange)}" if strange else "a text column without a code map"
            expected = "expected type category with a map to CR, PR, SD, PD and NE"
            yield Misreference(("events", response.table, "columns", response.response), found, expected)
        for i, part in enumerate(table.files):
            own = part.columns.get(response.response)
            strange = sorted(set(((own.map if own else None) or {}).values()) - set(RESPONSES))
            if strange:
                path: Path = ("events", response.table, "files", i, "columns", response.response, "map")
                yield Misreference(path, f"codes {', '.join(strange)}", "expected CR, PR, SD, PD and NE")
    for key in ("progression", "death"):
        if getattr(response, key) is not None:
            yield from column_of_type(getattr(response, key), columns, (Type.DATE,), ("response", key))
    yield from _needs_time_zero(sections, "response")


def check_safety(sections: Mapping[str, Any], _: Any, known: Known) -> Iterator[Misreference]:
    """The table of adverse events has a term, a grade and an onset; each row's events are a condition on it."""
    safety = sections.get("safety")
    if safety is None:
        return
    yield from one_of(safety.table, sorted(known["events"]), "one of the events tables", ("safety", "table"))
    table = sections.get("events", {}).get(safety.table)
    path: Path
    if table is not None:
        inside = {name: COLUMN_TYPES[column.type] for name, column in table.columns.items()}
        for key, kind in (("term", Type.TEXT), ("grade", Type.NUMBER), ("onset", Type.DATE)):
            yield from column_of_type(getattr(safety, key), inside, (kind,), ("safety", key))
        grade = table.columns.get(safety.grade)
        path = ("events", safety.table, "columns", safety.grade)
        if grade is not None and grade.type == "number":
            yield Misreference(path, "grades of type number", "expected integer")
        low, high = getattr(grade, "minimum", None), getattr(grade, "maximum", None)
        if (low is not None and low > 5) or (high is not None and high < 1):
            yield Misreference(path, "a range without any grade from 1 to 5", "expected no range, or grades")
        for i, row in enumerate(safety.rows):
            path = ("safety", "rows", i, "where")
            tree = Type.BOOLEAN if row.where is None else parse_type(row.where, inside, path)
            if isinstance(tree, Misreference):
                yield tree
            elif tree not in (Type.BOOLEAN, Type.ANY):
                yield Misreference(path, f"found a {tree}", "expected a condition")
    yield from _needs_time_zero(sections, "safety")


def _needs_time_zero(sections: Mapping[str, Any], analysis: str) -> Iterator[Misreference]:
    for name, population in sections.get("populations", {}).items():
        asked = population.analyses is None or analysis in population.analyses
        if population.time_zero is None and asked:
            yield Misreference(("populations", name), f"{analysis} without a time zero", "expected time_zero here")


def check_prognostic(sections: Mapping[str, Any], _: Any, known: Known) -> Iterator[Misreference]:
    """Factors and endpoints are declared."""
    prognostic = sections.get("prognostic")
    for key in ("covariates", "endpoints") if prognostic else ():
        for i, word in enumerate(getattr(prognostic, key) or ()):
            yield from one_of(word, sorted(known[key]), f"one of the {key}", ("prognostic", key, i))
            endpoint = sections.get("endpoints", {}).get(word) if key == "endpoints" else None
            if endpoint is not None and endpoint.negative_control:
                found = f'found "{word}", a negative control'
                yield Misreference(("prognostic", key, i), found, "expected an endpoint that is none")


def check_imputation(sections: Mapping[str, Any], _: Any, known: Known) -> Iterator[Misreference]:
    """Imputation is random and needs a seed; a method must go with its covariate."""
    for name, strategy in sections.get("missing", {}).items():
        if not isinstance(strategy, MultipleImputation):
            continue
        if sections.get("seed") is None:
            yield Misreference(("missing", name), "draws without a seed", "expected a seed at the top of the protocol")
        for word, method in strategy.methods.items():
            path: Path = ("missing", name, "methods", word)
            yield from one_of(word, sorted(known["covariates"]), "one of the covariates", path)
            covariate = sections.get("covariates", {}).get(word)
            number = covariate is not None and not isinstance(covariate, Categorical)
            two = isinstance(covariate, Categorical) and len(covariate.levels) == 2
            fits = method == "pmm" or (isinstance(covariate, Categorical) and (method != "logistic" or two))
            if covariate is not None and not fits:
                kind = "a number, drawn before it is cut" if number else f"{len(covariate.levels)} levels"
                yield Misreference(path, f'found "{method}" for {kind}', "expected a method that goes with it")


def check_names_of_analyses(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """A population that asks for an analysis needs the section that says how."""
    for name, population in sections.get("populations", {}).items():
        for i, word in enumerate(population.analyses or ()):
            path: Path = ("populations", name, "analyses", i)
            if word in _WITH_SECTIONS and sections.get(word) is None:
                yield Misreference(path, f'found "{word}"', f"expected a section [{word}] that says how")
            endpoints = sections.get("endpoints", {})
            if word == "cumulative_incidence" and not any(endpoint.competing for endpoint in endpoints.values()):
                expected = "expected competing events in an endpoint that it is estimated for"
                yield Misreference(path, f'found "{word}"', expected)
            analyses = sections.get("analyses")
            if word == "dialects" and (analyses is None or not analyses.dialects):
                yield Misreference(path, f'found "{word}"', "expected analyses.dialects with the packages to compare")
            if word == "survival_difference" and (analyses is None or not analyses.survival.landmarks):
                yield Misreference(path, f'found "{word}"', "expected analyses.survival.landmarks with its times")
            if word == "landmark" and (analyses is None or not analyses.landmark.times):
                yield Misreference(path, f'found "{word}"', "expected analyses.landmark.times")
            sensitivity = sections.get("sensitivity")
            if word == "unmeasured" and (sensitivity is None or sensitivity.unmeasured is None):
                expected = "expected a section [sensitivity.unmeasured] that says of which confounder"
                yield Misreference(path, f'found "{word}"', expected)
            if word in ("e_value", "unmeasured") and "hazard_ratio" not in (population.analyses or ()):
                yield Misreference(path, f'found "{word}"', "expected hazard_ratio with it")


def check_centres(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Known) -> Iterator[Misreference]:
    """The centre is a column of the patients."""
    if sections.get("centres") is not None:
        kinds = (Type.TEXT, Type.NUMBER, Type.BOOLEAN)
        yield from column_of_type(sections["centres"].column, columns, kinds, ("centres", "column"))


def check_specifications(sections: Mapping[str, Any], _: Any, known: Known) -> Iterator[Misreference]:
    """The grid names what is declared, and random orders need a seed."""
    grid = sections.get("specifications")
    if grid is None:
        return
    for key in ("endpoints", "missing"):
        for i, word in enumerate(getattr(grid, key) or ()):
            yield from one_of(word, sorted(known[key]), f"one of the {key}", ("specifications", key, i))
    for label, names in grid.sets.items():
        for i, word in enumerate(names):
            path: Path = ("specifications", "sets", label, i)
            yield from one_of(word, sorted(known["covariates"]), "one of the covariates", path)
            for name, population in sections.get("populations", {}).items():
                asked = population.analyses is None or "specifications" in population.analyses
                here = population.covariates
                if asked and here is not None and word in known["covariates"] and word not in here:
                    yield Misreference(
                        path, f'"{word}" is no covariate of populations.{name}', "expected one of its own"
                    )
    for i, block in enumerate(grid.matching):
        if "random" in block.order and sections.get("seed") is None:
            place: Path = ("specifications", "matching", i, "order")
            yield Misreference(place, 'found "random"', "expected a seed at the top of the protocol with it")


def check_timeline(sections: Mapping[str, Any], columns: Mapping[str, Type], _: Known) -> Iterator[Misreference]:
    """A timeline names columns of the patients that are as they came, not derived."""
    timeline = sections.get("timeline")
    kinds = {"death_flag": (Type.BOOLEAN,), "age": (Type.NUMBER,), "sex": (Type.TEXT, Type.NUMBER, Type.BOOLEAN)}
    for key, name in (timeline.columns() if timeline is not None else {}).items():
        yield from column_of_type(name, columns, kinds.get(key, (Type.DATE,)), ("timeline", key))
        if name in sections.get("derived", {}):
            yield Misreference(
                ("timeline", key), f'found "{name}", a derived variable', "expected a column of the data"
            )
