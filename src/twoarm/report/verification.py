"""Whether an output folder is what its manifest says, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twoarm.errors import OutputError
from twoarm.report.audit_trail import FILE as AUDIT
from twoarm.report.audit_trail import broken_links

TOLERANCE = 1e-10  # relative; two runs on machines of different arithmetic agree to ten digits


@dataclass(frozen=True, slots=True)
class Moved:
    """A number of two runs that is not the same; None where a run has no such row, or no value in it."""

    id: str
    before: float | None
    after: float | None
    what: str  # "value", "status", "appeared", "disappeared"

    @property
    def size(self) -> float:
        """Relative change, for sorting; what has no number before or after comes first."""
        if self.before is None or self.after is None:
            return float("inf")
        return abs(self.after - self.before) / max(abs(self.before), abs(self.after), 1e-300)


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the manifest of an output folder.

    Raises:
        OutputError: the folder is no output of twoarm.
    """
    try:
        manifest = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise OutputError(f"{folder}: no manifest.json that can be read; is it an output folder?") from None
    if not isinstance(manifest, dict) or not _is_whole(manifest):
        raise OutputError(f"{folder}: manifest.json is not one of twoarm's")
    return manifest


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Whether everything is there that the commands read."""
    kinds = {"outputs": dict, "protocol": dict, "versions": dict, "inputs": list, "amendments": list}
    if not all(isinstance(manifest.get(name), kind) for name, kind in kinds.items()):
        return False
    wanted = {"source": str, "file": str, "sha256": str, "rows": int}
    return all(
        isinstance(one, dict) and all(isinstance(one.get(name) or kind(), kind) for name, kind in wanted.items())
        for one in manifest["inputs"]
    )


def manifest_text(content: Mapping[str, Any]) -> str:
    """Return a manifest as it is written, with a hash of itself at the end, by which a later edit is found."""
    rest = {name: part for name, part in content.items() if name != _OWN}
    own = hashlib.sha256(_as_text(rest).encode("utf-8")).hexdigest()
    return _as_text({**rest, _OWN: own})


_OWN = "manifest_sha256"


def _as_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def verify(folder: str | Path) -> Iterator[str]:
    """Yield every file that is not as the manifest says: changed, missing, or not listed; and a manifest that changed.

    The hashes tell an edit, not a forgery: who writes new hashes, too, is found by ``reproduce`` alone.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    outputs: Mapping[str, str] = manifest["outputs"]
    if (place / "manifest.json").read_bytes() != manifest_text(manifest).encode("utf-8"):
        yield "manifest.json: changed since it was written"
    for name, expected in outputs.items():
        path = place / name
        if not path.is_file() or path.is_symlink():
            yield f"{name}: missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            yield f"{name}: changed since it was written"
    yield from _broken_trail(place / AUDIT)
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if (not path.is_dir() or path.is_symlink()) and name != "manifest.json" and name not in outputs:
            yield f"{name}: not among the outputs"


def _broken_trail(path: Path) -> Iterator[str]:
    """Yield where the audit trail was changed, which its own hashes tell whatever the manifest says."""
    if path.is_file() and not path.is_symlink():
        yield from (f"{path.name}: {said}" for said in broken_links(path.read_text("utf-8", "replace")))


def moved_numbers(before: str | Path, after: str | Path) -> list[Moved]:
    """Return the ledger rows of two output folders that differ, the largest change first."""
    old, new = _ledger(before), _ledger(after)
    moved = []
    for name in [*old, *(name for name in new if name not in old)]:
        first, second = old.get(name), new.get(name)
        if first is None or second is None:
            what = "appeared" if first is None else "disappeared"
            values = [None if one is None else one["value"] for one in (first, second)]
            moved.append(Moved(name, values[0], values[1], what))
        elif not _same(first["value"], second["value"]):
            moved.append(Moved(name, first["value"], second["value"], "value"))
        elif first["status"] != second["status"]:
            moved.append(Moved(name, first["value"], second["value"], "status"))
    return sorted(moved, key=lambda one: (-one.size, one.id))


def reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs between two manifests that can move numbers: protocol, data, seed, versions."""
    found = [f"protocol: {change}" for change in changes(before["protocol"], after["protocol"])]
    old, new = ({(one["source"], one["file"]): one for one in manifest["inputs"]} for manifest in (before, after))
    for key in sorted(old.keys() | new.keys()):
        name = f"data: {key[1]}"
        if key not in old or key not in new:
            found.append(f"{name} {'added' if key not in old else 'taken out'}")
        elif old[key]["sha256"] != new[key]["sha256"]:
            found.append(f"{name} changed ({old[key]['rows']:,} rows, now {new[key]['rows']:,})")
    versions = (before["versions"], after["versions"])
    for name in sorted(versions[0].keys() | versions[1].keys()):
        first, second = (version.get(name, "none") for version in versions)
        if first != second:
            found.append(f"version: {name} {first}, now {second}")
    return found


def changes(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the places where two protocols differ, with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inside = f"{path}.{key}" if path else str(key)
            if key not in before:
                yield f"{inside} added: {_shown(after[key])}"
            elif key not in after:
                yield f"{inside} taken out: {_shown(before[key])}"
            else:
                yield from changes(before[key], after[key], inside)
    elif before != after:
        yield f"{path} was {_shown(before)}, is {_shown(after)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= TOLERANCE * max(abs(first), abs(second))


def _ledger(folder: str | Path) -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads((Path(folder) / "results.json").read_text("utf-8"))
        ledger = {str(row["id"]): row for row in rows}
        if all(isinstance(row["value"], float | int | None) and isinstance(row["status"], str) for row in rows):
            return ledger
        raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise OutputError(f"{folder}: no results.json that can be read") from None
