"""Matched sets of small studies: options that go together, degenerate data, imputation, resamples, disclosure."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.results_text import results_text
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('method = "optimal"\nreplacement = true', "optimal matching has no replacement"),
        ('method = "optimal"\norder = "closest"', "order goes with nearest matching"),
        ('method = "optimal"\norder_column = "age"', "order_column goes with nearest matching"),
        ('replacement = true\norder = "largest"', "order goes with matching without replacement"),
        ("ratio = 2\nnaive_variance = true", "naive_variance goes with pairs"),
        ("replacement = true\nnaive_variance = true", "naive_variance goes with pairs"),
        ("replacement = true\nbootstrap = {}", "no bootstrap with replacement"),
        ("ratio = 0", "greater than or equal to 1"),
        ("ratio = 21", "less than or equal to 20"),
        ("ratio = 1.5", "ratio"),
        ('method = "best"', 'found "best"; expected one of nearest, optimal'),
    ],
)
def test_options_that_make_no_sense_together_are_named(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(message)):
        read_protocol(write_study(tmp_path, None, {'kind = "matching"': f'kind = "matching"\n{options}'}))


def run_small(folder: Path, rows: list[dict[str, str]], options: str, more: str = "") -> Results:
    path = write_study(folder, rows, {'kind = "matching"': f'kind = "matching"\n{options}'}, more)
    protocol = read_protocol(path)
    return run_study(protocol, read_records(protocol, folder))


SEVERAL = ("ratio = 3", "ratio = 3\nreplacement = true", 'ratio = 3\nmethod = "optimal"', "replacement = true")


@pytest.mark.parametrize("options", SEVERAL)
@pytest.mark.parametrize(
    "change",
    [
        "one focal patient",
        "nobody in the caliper",
        "more wishes than patients",
        "equal scores",
        "nothing special",
    ],
)
def test_at_the_edge_there_is_a_reason_or_a_number(tmp_path: Path, options: str, change: str) -> None:
    rows = patients(60)
    if change == "one focal patient":
        for i, row in enumerate(rows):
            row["arm"] = "new" if i == 7 else "old"
    if change == "more wishes than patients":
        options = options.replace("ratio = 3", "ratio = 20")
    if change == "equal scores":
        rows = [{**row, "age": "50", "sex": "fm"[i // 3 % 2]} for i, row in enumerate(rows)]
    if change == "nobody in the caliper":
        options += '\ncaliper = { width = 0.0000000001, unit = "absolute" }'
        rows = [{**row, "age": str(30 + i * i % 997)} for i, row in enumerate(rows)]
    results = run_small(tmp_path, rows, options)
    assert not [row for row in results.estimates if row.status == "failed"]
    ratio = results.select(adjustment="matched", analysis="hazard_ratio", statistic="hazard_ratio")[0]
    assert ratio.value is not None or ratio.note
    if change == "nobody in the caliper":
        assert ratio.note == "no pair within the caliper"


def test_exactly_k_partners_for_all_give_weights_of_one(tmp_path: Path) -> None:
    results = run_small(tmp_path, patients(90), 'ratio = 2\ncaliper = "none"', "\n[output]\npatient_level = true\n")
    rows = [row for row in results.patients if row.adjustment == "matched"]
    assert Counter(Counter(row.pair for row in rows).values()) == {3: 30}
    assert {row.weight for row in rows} == {1.0}


def test_pairs_without_replacement_are_not_weighted(tmp_path: Path) -> None:
    results = run_small(tmp_path, patients(90), "ratio = 1")
    methods = {row.method for row in results.select(adjustment="matched", analysis="survival", statistic="p_value")}
    assert methods == {"log-rank", "log-rank stratified by pair"}
    assert not results.select(adjustment="matched", analysis="weights")
    assert not results.select(adjustment="matched", analysis="lost", statistic="distinct_partners")


@pytest.mark.parametrize("options", SEVERAL)
def test_the_order_of_rows_does_not_matter(tmp_path: Path, options: str) -> None:
    rows = patients(80)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = run_small(tmp_path / "a", rows, options)
    second = run_small(tmp_path / "b", rows[::-1], options)
    assert first.estimates_json() == second.estimates_json()


@pytest.mark.parametrize("options", SEVERAL)
def test_small_cells_stay_hidden(tmp_path: Path, options: str) -> None:
    results = run_small(tmp_path, patients(90), options, "\n[disclosure]\nminimum_cell = 11\n")
    assert not [row for row in results.estimates if row.status == "failed"]
    lost = results.select(adjustment="matched", analysis="lost")
    told = ("sets_by_partners", "partners_per_set", "most_used_partner", "largest_partner_percent")
    assert all(row.value is None for row in lost if row.statistic in told)
    assert all(row.value is None for row in results.select(analysis="warning", statistic="reused_partners"))


@pytest.mark.parametrize("options", SEVERAL)
def test_sets_within_each_imputation(tmp_path: Path, options: str) -> None:
    rows = [{**row, "sex": "" if i % 9 == 4 else row["sex"]} for i, row in enumerate(patients(120))]
    more = '\n[missing.imputed]\nkind = "multiple_imputation"\nimputations = 3\niterations = 2\n'
    path = write_study(
        tmp_path,
        rows,
        {'kind = "matching"': f'kind = "matching"\n{options}', 'title = "A small study"': 'title = "A"\nseed = 7'},
        more,
    )
    protocol = read_protocol(path)
    results = run_study(protocol, read_records(protocol, tmp_path))
    assert not [row for row in results.estimates if row.status == "failed"]
    here = {"missing": "imputed", "adjustment": "matched"}
    ratio = results.select(**here, analysis="hazard_ratio", statistic="hazard_ratio")[0]
    assert ratio.value is not None
    assert "Rubin's rules" in ratio.method
    assert results.select(**here, analysis="lost", statistic="pairs")[0].value is not None
    for scope in scopes(protocol, results):
        assert all_tables(scope)
        assert results_text(scope)


@pytest.mark.parametrize("options", ["ratio = 2", 'method = "optimal"'])
def test_resamples_are_matched_anew(tmp_path: Path, options: str) -> None:
    path = write_study(
        tmp_path,
        patients(90),
        {
            'kind = "matching"': f'kind = "matching"\n{options}\nbootstrap = {{ replicates = 100 }}',
            'title = "A small study"': 'title = "A small study"\nseed = 5',
        },
    )
    protocol = read_protocol(path)
    results = run_study(protocol, read_records(protocol, tmp_path))
    clustered, resampled = results.select(adjustment="matched", analysis="hazard_ratio", statistic="hazard_ratio")
    assert clustered.value == resampled.value
    assert "100 resamples matched anew" in resampled.method


@pytest.mark.parametrize("options", SEVERAL)
def test_partners_share_their_stratum(tmp_path: Path, options: str) -> None:
    rows = [{**row, "centre": "ABCD"[i % 7 % 4]} for i, row in enumerate(patients(90))]
    rows = [{**row, "arm": "old" if row["centre"] == "D" else row["arm"]} for row in rows]  # a centre of one arm
    changes = {
        'kind = "matching"': f'kind = "matching"\n{options}\nexact = ["centre"]\n\n[output]\npatient_level = true',
        'sex = "text"\ndays': 'sex = "text"\ncentre = "text"\ndays',
    }
    protocol = read_protocol(write_study(tmp_path, rows, changes))
    results = run_study(protocol, read_records(protocol, tmp_path))
    centre = {row["id"]: row["centre"] for row in rows}
    sets: dict[int | None, set[str]] = {}
    for row in (row for row in results.patients if row.adjustment == "matched"):
        sets.setdefault(row.pair, set()).add(centre[row.key])
    assert sets
    assert all(len(found) == 1 and found != {"D"} for found in sets.values())
