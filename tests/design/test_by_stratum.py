"""Matching a few strata at a time says what matching all patients at once says, and fetches no more than a part."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from spec_counted import assert_same
from spec_engines import BY_SITE, MATCHED, on, write_folder
from spec_registry import DATED, registry
from twoarm.cohort import roster
from twoarm.errors import RecordsError
from twoarm.protocol.protocol import Protocol
from twoarm.records import memory
from twoarm.records.records import Records, read_records
from twoarm.report.results_text import results_text
from twoarm.results.results import Results
from twoarm.study import design_summary, run_study
from twoarm.tables.scope import scopes

OF_STRATA = ("strata", "strata_of_one_arm", "parts")


def protocol(more: str, source: str = 'file = "registry.parquet"', engine: str = "polars"):
    return on(engine, DATED.replace('file = "registry.csv"', source) + more)


def write(folder: Path, seed: int, n: int = 420) -> int:
    frame = registry(seed, n)
    frame.write_parquet(folder / "registry.parquet")
    write_folder(frame.sample(fraction=1, shuffle=True, seed=seed), folder / "registry")
    return frame.height


def without_strata(results: Results) -> Results:
    rows = [row for row in results.estimates if row.statistic not in OF_STRATA]
    return Results.of(rows, results.curves)


def prose(study: Protocol, results: Results) -> str:
    return " ".join(sentence.text for part in results_text(scopes(study, results)[0]) for sentence in part)


def one_by_one(records: Records) -> Records:
    return replace(records, one_by_one=True)


def _of(settings: str) -> str:
    return (MATCHED if "exact" in settings else BY_SITE) + settings


SETTINGS = [
    "",
    'order = "largest"\nfocal = "smaller"\n',
    'order = "smallest"\nfocal = "comparator"\ncaliper = "none"\n',
    "caliper = { width = 0.05, unit = 'absolute' }\nscale = 'probability'\n",
    "caliper = { width = 0.3, sd = 'pooled' }\nratio = 3\n",
    'method = "optimal"\nratio = 2\n',
    'method = "optimal"\nnaive_variance = true\n',
    'covariates = ["old", "age"]\nnaive_variance = true\n',
    'exact = ["site", "sex", "stage"]\nfocal = "smaller"\n',
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_ledger_is_that_of_matching_all_at_once(settings, seed, tmp_path, monkeypatch):
    write(tmp_path, seed)
    study = protocol(_of(settings))
    records = read_records(study, tmp_path)
    assert not records.one_by_one
    wanted = run_study(study, one_by_one(records))
    for most, parts in ((2_000_000, 1), (100, 2)):
        monkeypatch.setattr(roster, "MOST_AT_A_TIME", most)
        found = run_study(study, records)
        assert_same(without_strata(found), wanted)
        told = [row.value for row in found.estimates if row.statistic == "parts"]
        assert min(told) == max(told) == parts if most > 100 else min(told) >= parts
    assert any(row.statistic == "pairs" and row.value > 10 for row in found.estimates)


@pytest.mark.parametrize(
    ("more", "apart"),
    [
        (BY_SITE, False),
        (MATCHED, True),
        (f"{BY_SITE}replacement = true\n", True),
        (f"{BY_SITE}bootstrap = {{ replicates = 100 }}\n", True),
        (f'{BY_SITE}order = "random"\n', True),
        (f'{BY_SITE}order = "data"\norder_column = "age"\n', True),
        (f"{BY_SITE}{MATCHED.replace('matched', 'anybody')}", True),
        (f"{BY_SITE}\n[output]\npatient_level = true\n", True),
    ],
)
def test_who_must_be_told_apart(more, apart, tmp_path):
    write(tmp_path, 1)
    study = on("polars", f"seed = 1\n{DATED}{more}".replace('file = "registry.csv"', 'folder = "registry"'))
    with read_records(study, tmp_path) as records:
        assert records.one_by_one is apart


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_each_part_is_fetched_alone(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "MOST_AT_A_TIME", 100)
    n = write(tmp_path, 1)
    study = protocol(BY_SITE, 'folder = "registry"', engine)
    with read_records(study, tmp_path) as records:
        results = run_study(study, records)
        parts = [rows for what, rows in records.fetched if what.startswith("adjustments.matched: part ")]
        rest = [rows for what, rows in records.fetched if not what.startswith("adjustments.matched: part ")]
    assert len(parts) == sum(row.value for row in results.estimates if row.statistic == "parts") > 2
    assert max(parts) < n / 2
    assert max(rest) < n
    assert re.search(
        r"were matched in \d parts, so that not all patients were in memory at once\.", prose(study, results)
    )


def test_a_stratum_that_memory_cannot_hold_is_refused_before_it_is_fetched(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr(memory, "LEAST_ROWS", 2)
    monkeypatch.setenv("TWOARM_MEMORY", "0.000001")
    study = protocol(BY_SITE, 'folder = "registry"')
    with read_records(study, tmp_path) as records:
        with pytest.raises(
            RecordsError, match=r"2.. patients to be matched together need about 0.0 GB .* name more columns"
        ):
            run_study(study, records)
        assert not [what for what, _ in records.fetched if "part" in what]


def test_matching_by_stratum_is_the_remedy_for_too_many_patients(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr(memory, "LEAST_ROWS", 2)
    monkeypatch.setenv("TWOARM_MEMORY", "0.000001")
    remedy = "let partners agree in columns .exact., so that they are matched by stratum"
    with pytest.raises(RecordsError, match=remedy):
        read_records(protocol(MATCHED, 'folder = "registry"'), tmp_path)
    listed = f"{MATCHED}\n[output]\npatient_level = true\n"
    with pytest.raises(RecordsError, match="declare fewer columns, take a larger machine"):
        read_records(protocol(listed, 'folder = "registry"'), tmp_path)


def test_patients_who_are_not_those_who_were_counted_are_refused(tmp_path, monkeypatch):
    write(tmp_path, 1)
    study = protocol(BY_SITE)
    records, whole = read_records(study, tmp_path), Records.collect

    def one_less(self, frame, what):
        found = whole(self, frame, what)
        return found[1:] if "part" in what else found

    monkeypatch.setattr(Records, "collect", one_less)
    with pytest.raises(RecordsError, match="changed while it was read: patients of a stratum are not those"):
        run_study(study, records)


def test_strata_of_one_arm_are_not_fetched_and_are_told_of(tmp_path):
    frame = registry(1)
    split = pl.when(pl.col("arm") == "new").then(pl.lit("north")).otherwise(pl.lit("south"))
    frame = frame.with_columns(site=pl.when(pl.col("site") == "A").then(pl.lit("A")).otherwise(split))
    frame.write_parquet(tmp_path / "registry.parquet")
    study = protocol(BY_SITE)
    records = read_records(study, tmp_path)
    results = run_study(study, records)
    assert_same(without_strata(results), run_study(study, one_by_one(records)))
    told = {(row.population, row.statistic): row.value for row in results.estimates if row.statistic in OF_STRATA}
    assert told["study", "strata"] == 1
    assert told["study", "strata_of_one_arm"] == 2
    text = prose(study, results)
    within = "within strata of site, of which 1 had patients of both arms and 2 of one arm; the strata were matched"
    assert f"{within} together." in text


def test_no_stratum_with_both_arms_leaves_no_pair(tmp_path):
    registry(1).with_columns(site="arm").write_parquet(tmp_path / "registry.parquet")
    study = protocol(BY_SITE)
    results = run_study(study, read_records(study, tmp_path))
    reasons = {row.note for row in results.estimates if row.analysis == "adjustment" and row.adjustment == "matched"}
    assert reasons == {"no pair within the caliper"}


def test_check_tells_the_pairs(tmp_path):
    write(tmp_path, 1)
    study = protocol(BY_SITE, 'folder = "registry"')
    with read_records(study, tmp_path) as records:
        lines = list(design_summary(study, records))
    assert lines == list(design_summary(study, one_by_one(read_records(protocol(BY_SITE), tmp_path))))
    assert any("pairs" in line for line in lines)
