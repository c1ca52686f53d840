"""Partners agree on the declared columns, and a patient without a value has no partner."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.results.results import Results
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.study import run_study

EXACT = {
    'kind = "matching"': 'kind = "matching"\nexact = ["centre"]\ncaliper = "none"\n\n[output]\npatient_level = true'
}
COLUMN = {'sex = "text"\ndays': 'sex = "text"\ncentre = "text"\ndays'}


def run(folder: Path, rows: list[dict[str, str]]) -> Results:
    protocol = read_protocol(write_study(folder, rows, {**EXACT, **COLUMN}))
    return run_study(protocol, read_records(protocol, folder))


def with_centres(missing: int = 0) -> list[dict[str, str]]:
    return [{**row, "centre": "" if i < missing else "ABC"[i % 7 % 3]} for i, row in enumerate(patients(90))]


def pairs(results: Results) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in results.patients:
        if row.pair is not None:
            found.setdefault(row.pair, []).append(row.key)
    return found


def test_partners_share_their_centre(tmp_path: Path) -> None:
    rows = with_centres()
    centre = {row["id"]: row["centre"] for row in rows}
    found = pairs(run(tmp_path, rows))
    assert found
    assert all(len({centre[key] for key in keys}) == 1 for keys in found.values())


def test_the_pairs_are_those_of_the_kernel(tmp_path: Path) -> None:
    rows = with_centres()
    results = run(tmp_path, rows)
    by_key = {row.key: row for row in results.patients if row.adjustment == "matched"}
    assert len(by_key) == 2 * len(pairs(results))
    scores = {key: row.propensity for key, row in by_key.items()}
    keys = sorted(scores)
    arms = [by_key[key].arm == "New" for key in keys]
    centre = {row["id"]: row["centre"] for row in rows}
    again = match_nearest(
        score=[scores[key] for key in keys], focal=arms, key=keys, exact=[centre[key] for key in keys]
    )
    assert again.focal.size == sum(arms)  # nobody who found a partner loses him


def test_a_patient_without_a_centre_has_no_partner(tmp_path: Path) -> None:
    found = pairs(run(tmp_path, with_centres(missing=12)))
    matched = {key for keys in found.values() for key in keys}
    assert matched.isdisjoint({f"P{i:03d}" for i in range(12)})


def test_the_methods_say_so(tmp_path: Path) -> None:
    protocol = read_protocol(write_study(tmp_path, with_centres(), {**EXACT, **COLUMN}))
    said = " ".join(text for _, paragraphs in methods_text(protocol) for text in paragraphs)
    assert "among patients who agree in centre" in said


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ProtocolError, match=r"adjustments\.matched\.exact\.0  found \"centre\"; expected a declared column"
    ):
        read_protocol(write_study(tmp_path, None, EXACT))
