"""``study.toml`` -> Protocol, or every problem at once, each with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from twoarm.errors import Problem, ProtocolError, nearest
from twoarm.protocol.adjustment import DEFAULT_LABELS
from twoarm.protocol.misreference import Misreference
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.references import check_references
from twoarm.protocol.toml_positions import Path, Positions, scan_positions

MAXIMUM_SIZE = 1_000_000  # bytes; a protocol is a page or two


def read_protocol(path: str | FilePath) -> Protocol:
    """Read and check a protocol file.

    Raises:
        ProtocolError: with every problem found, each with file:line:column, what was found and what was expected.
    """
    file = FilePath(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ProtocolError([Problem(file.name, "cannot be read", error.strerror or "expected a file")]) from None
    if len(content) > MAXIMUM_SIZE:
        raise ProtocolError([Problem(file.name, f"{len(content)} bytes", f"expected at most {MAXIMUM_SIZE}")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProtocolError([Problem(file.name, "text that is not UTF-8", "save the file as UTF-8")]) from None
    return parse_protocol(text, file.name)


def parse_protocol(text: str, name: str = "study.toml") -> Protocol:
    """Check a protocol given as text; ``name`` stands in the messages."""
    text = text.replace("\r\n", "\n")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
        where = f"{name}:{place[1]}:{place[2]}" if place else name
        message = str(error).replace(place[0] if place else "", "")
        raise ProtocolError([Problem(where, message, "expected TOML")]) from None
    except (RecursionError, ValueError):
        raise ProtocolError([Problem(name, "nesting or a number beyond all bounds", "expected a protocol")]) from None
    if _depth(raw) > 12:
        raise ProtocolError([Problem(name, "tables nested more than 12 deep", "expected a protocol")])
    document = _with_labels(_as_tuples(raw))
    try:
        protocol = Protocol.model_validate(document)
    except ValidationError as error:
        whole, references = error.errors(), []
    else:
        sections = {key: getattr(protocol, key) for key in Protocol.model_fields if key in document}
        whole, references = [], check_references(sections, raw)
        if not references:
            return protocol
    positions = scan_positions(text)
    problems = [_from_reference(wrong, positions, name) for wrong in references]
    problems = problems or _problems_of_parts(document, raw, positions, name)
    problems = problems or [_from_pydantic(dict(item), document, positions, name) for item in whole]
    raise ProtocolError(sorted(dict.fromkeys(problems), key=_by_place))


def _problems_of_parts(document: dict[str, Any], raw: dict[str, Any], positions: Positions, name: str) -> list[Problem]:
    """Return what is wrong with the sections, each looked at by itself, and with what they say of each other."""
    sections, errors = _validate_parts(document)
    problems = [_from_pydantic(error, document, positions, name) for error in errors]
    references = check_references(sections, raw)
    if problems:  # a name that stands in for a missing one is no second problem
        references = [error for error in references if _raw_path(error.path, document)[1] is None]
    return [*problems, *(_from_reference(error, positions, name) for error in references)]


def _depth(value: Any) -> int:
    """Return how deep tables and lists are nested, without recursion."""
    depth, level = 0, [value]
    while level:
        level = (
            [
                inner
                for item in level
                for inner in (item.values() if isinstance(item, dict) else item)
                if isinstance(inner, dict | list)
            ]
            if depth < 100
            else []
        )
        depth += 1
    return depth


def _by_place(problem: Problem) -> tuple[int, ...]:
    return tuple(int(part) for part in problem.where.split(":")[-2:] if part.isdigit())


def _as_tuples(value: Any) -> Any:
    """Lists become tuples, so that sections are hashable and strict."""
    if isinstance(value, dict):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


def _with_labels(document: dict[str, Any]) -> dict[str, Any]:
    """Tell adjustments of one kind apart by their names where they have no label of their own."""
    adjustments = document.get("adjustments")
    if not isinstance(adjustments, dict):
        return document
    unnamed: dict[str, list[str]] = {}
    for name, section in adjustments.items():
        if isinstance(section, dict) and "label" not in section and str(section.get("kind")) in DEFAULT_LABELS:
            unnamed.setdefault(section["kind"], []).append(name)
    labelled = {
        name: {**adjustments[name], "label": f"{DEFAULT_LABELS[kind]} ({name.replace('_', ' ')})"}
        for kind, names in unnamed.items()
        if len(names) > 1
        for name in names
    }
    return {**document, "adjustments": {**adjustments, **labelled}} if labelled else document


def _validate_parts(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Validate key by key, and mappings entry by entry, so that one error does not hide another's neighbours."""
    sections: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for key in document:
        if key not in Protocol.model_fields:
            errors.append({"type": "extra_forbidden", "loc": (key,), "msg": "", "ctx": {}})
    for key, field in Protocol.model_fields.items():
        if key not in document:
            if field.is_required():
                errors.append({"type": "missing", "loc": (key,), "msg": "", "ctx": {}})
            continue
        part, found = _validate_part(key, field.rebuild_annotation(), document[key])
        errors += found
        if part is not None:
            sections[key] = part
    return sections, errors


def _validate_part(key: str, annotation: Any, value: Any) -> tuple[Any, list[dict[str, Any]]]:
    whole, errors = _validate(annotation, value, (key,))
    if not errors:
        return whole, errors
    if get_origin(_bare(annotation)) is not dict or not isinstance(value, dict):
        return None, errors
    entries = {name: _without_errors(annotation, key, {name: entry}) for name, entry in value.items()}
    return {name: entry[name] for name, entry in entries.items() if entry and name in entry}, errors


def _without_errors(annotation: Any, key: str, entry: dict[str, Any]) -> dict[str, Any] | None:
    """Return the entry with its erroneous values left out, so that its references are checked all the same."""
    for _ in range(3):
        part, errors = _validate(annotation, entry, (key,))
        if not errors:
            return dict(part)
        for error in errors:
            path, absent = _raw_path(error["loc"][1:], entry)
            entry = _edited(entry, path, absent if error["type"] == "missing" else None)
    return None


def _edited(value: Any, path: Path, absent: str | int | None) -> Any:
    """Return a copy without the value at ``path``, or with a placeholder for the key that is absent there."""
    if not path:
        return {**value, absent: "x"} if absent is not None and isinstance(value, dict) else value
    step, rest = path[0], path[1:]
    if isinstance(value, tuple) and isinstance(step, int) and step < len(value):
        inside = (_edited(value[step], rest, absent),) if rest or absent is not None else ()
        return (*value[:step], *inside, *value[step + 1 :])
    if not isinstance(value, dict) or step not in value:
        return value
    if rest or absent is not None:
        return {**value, step: _edited(value[step], rest, absent)}
    return {key: item for key, item in value.items() if key != step}


def _validate(annotation: Any, value: Any, prefix: Path) -> tuple[Any, list[dict[str, Any]]]:
    try:
        return TypeAdapter(annotation).validate_python(value, strict=True), []
    except ValidationError as error:
        return None, [{**item, "loc": (*prefix, *item["loc"])} for item in error.errors()]


def _bare(annotation: Any) -> Any:
    """Strip ``Annotated``."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _raw_path(loc: tuple[str | int, ...], document: Any) -> tuple[Path, str | int | None]:
    """Follow a pydantic location through the document; union tags are no keys and are passed over.

    Returns the path as far as it exists, and the last key that does not exist.
    """
    path: Path = ()
    absent: str | int | None = None
    here = document
    for step in loc:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            absent = step
            continue
        path, absent = (*path, step), None
    return path, absent


def _from_pydantic(error: Mapping[str, Any], document: Mapping[str, Any], positions: Positions, name: str) -> Problem:
    kind, loc = str(error["type"]), tuple(error["loc"])
    path, absent = _raw_path(loc, document)
    if kind == "union_tag_invalid":
        path = (*path, *(tag for tag in ("kind", "type") if (*path, tag) in positions.values))
    place = positions.key(path) if kind in ("extra_forbidden", "missing") else positions.value(path)
    if loc and loc[-1] == "[key]":
        path, place = path[:-1] if path and path[-1] == "[key]" else path, positions.key(path)
    where = f"{name}:{place.line}:{place.column}"
    found, expected = _found_and_expected(kind, error, path, absent, loc)
    return Problem(where, found, expected, ".".join(str(part) for part in path))


def _found_and_expected(
    kind: str, error: Mapping[str, Any], path: Path, absent: str | int | None, loc: tuple[str | int, ...]
) -> tuple[str, str]:
    context = error.get("ctx") or {}
    value = error.get("input")
    shown = f'found "{value}"' if isinstance(value, str) else f"found {value!r}"
    if not isinstance(value, str | int | float | bool):
        shown = f"found {_kind_of(value)}"
    if kind == "extra_forbidden":
        known = _fields_at(loc[:-1])
        listed = ", ".join(sorted(known))
        return "unknown key", f"expected one of {listed}{nearest(str(path[-1]), known)}"
    if kind == "missing":
        return f"{absent} is missing", f"expected {absent}"
    if kind in ("literal_error", "union_tag_invalid"):
        options = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags")))
        options = options or [str(context.get("expected"))]
        if kind == "union_tag_invalid":
            shown = f'found "{context.get("tag")}"'
        word = str(context.get("tag", value))
        return (
            shown,
            f"expected {'one of ' if len(options) > 1 else ''}{', '.join(options)}{nearest(word, options)}",
        )
    if kind == "union_tag_not_found":
        return "no kind or type", f"expected {'type' if 'columns' in path else 'kind'}"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, "), ""
    if kind == "string_pattern_mismatch":
        return shown, "expected a name of letters, digits and underscores that starts with a letter"
    if kind in ("bool_type", "bool_parsing"):
        return shown, "expected true or false"
    expected = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value should have ")
    return shown, f"expected {expected}"


def _kind_of(value: Any) -> str:
    names = {dict: "a table", tuple: "a list", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"a {type(value).__name__}")


def _fields_at(loc: tuple[str | int, ...]) -> set[str]:
    """Return the keys that the section at a pydantic location accepts."""
    models: list[Any] = [Protocol]
    for step in loc:
        inside = [found for model in models for found in _step(model, step)]
        models = inside or [model for model in models if _tagged(model, step)] or models
    return {key for model in models if _is_section(model) for key in model.model_fields}


def _tagged(model: Any, tag: str | int) -> bool:
    """Whether a section is the alternative of a union that this word chooses."""
    fields = [model.model_fields[key] for key in ("kind", "type") if _is_section(model) and key in model.model_fields]
    return any(tag in get_args(field.annotation) for field in fields)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _step(annotation: Any, step: str | int) -> list[Any]:
    annotation = _bare(annotation)
    if _is_section(annotation):
        return _unwrap(annotation.model_fields[step].annotation) if step in annotation.model_fields else []
    origin = get_origin(annotation)
    if origin is dict:
        return _unwrap(get_args(annotation)[1])
    if origin is tuple:
        return _unwrap(get_args(annotation)[0])
    return []


def _unwrap(annotation: Any) -> list[Any]:
    """Return the alternatives of a union; a discriminated union's members carry their tags."""
    bare = _bare(annotation)
    if get_origin(bare) in (dict, tuple) or _is_section(bare):
        return [bare]
    return [part for argument in get_args(bare) for part in _unwrap(argument)]


def _from_reference(error: Misreference, positions: Positions, name: str) -> Problem:
    place = positions.value(error.path)
    column = place.column
    if error.offset is not None and place.plain:
        column += 1 + error.offset
    return Problem(f"{name}:{place.line}:{column}", error.found, error.expected, ".".join(map(str, error.path)))


def protocol_schema() -> dict[str, Any]:
    """Return the JSON Schema of a protocol, for editors that complete and check TOML."""
    schema = Protocol.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
