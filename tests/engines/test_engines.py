"""The same records as a Parquet file, as a folder and as a table: the same ledger, byte for byte, from few rows."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from spec_engines import (
    MATCHED,
    ODD,
    PLACES,
    VISITS,
    es_sclc,
    most_fetched,
    native,
    odd_values,
    on,
    outcome,
    protocol_on,
    rotterdam,
    rows_of,
    visits,
    write_folder,
)
from twoarm.errors import RecordsError
from twoarm.records.records import read_records

HERE = ("polars", "duckdb")


def test_rotterdam_is_the_same_on_every_engine(tmp_path: Path) -> None:
    text = rotterdam(tmp_path)
    _, expected = outcome(on("polars", text.replace("rotterdam.csv", "patients.parquet")), tmp_path)
    for engine in HERE:
        records, found = outcome(on(engine, text.replace('file = "rotterdam.csv"', 'folder = "patients"')), tmp_path)
        assert found == expected
        assert not records.in_memory
        assert most_fetched(records) <= 2982  # matched patients are told apart


def test_rotterdam_without_matching_is_the_same_on_every_engine(tmp_path: Path) -> None:
    text = rotterdam(tmp_path).replace('focal = "treated"\nscale = "logit"\n', "")
    start = text.index("caliper = {")
    text = text[:start] + text[text.index("[analyses.survival]") :]
    text = text.replace('[adjustments.matched]\nkind = "matching"', '[adjustments.weighted]\nkind = "weighting"')
    _, expected = outcome(on("polars", text.replace("rotterdam.csv", "patients.parquet")), tmp_path)
    different = pl.read_parquet(tmp_path / "patients.parquet").drop("pid").unique().height
    for engine in HERE:
        records, found = outcome(on(engine, text.replace('file = "rotterdam.csv"', 'folder = "patients"')), tmp_path)
        assert found == expected
        assert not records.in_memory
        assert most_fetched(records) <= different


def test_es_sclc_is_the_same_on_every_engine(tmp_path: Path) -> None:
    text, folders = es_sclc(tmp_path)
    _, expected = outcome(on("polars", text), tmp_path)
    for old, new in folders.items():
        text = text.replace(old, new)
    for engine in HERE:
        records, found = outcome(on(engine, text), tmp_path)
        assert found == expected
        rows = {
            name: pl.read_parquet(tmp_path / f"{name}.parquet").unique().height
            for name in ("patients", "responses", "adverse_events")
        }
        assert not records.in_memory
        for what, fetched in records.fetched:
            assert fetched <= rows.get(what.partition(":")[0], rows["patients"])


@pytest.mark.parametrize("engine", HERE)
def test_alike_patients_are_fetched_once(engine: str, tmp_path: Path) -> None:
    frame = native()
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    _, expected = outcome(protocol_on("polars", 'file = "patients.parquet"'), tmp_path)
    records, found = outcome(protocol_on(engine), tmp_path)
    assert found == expected
    different = frame.drop("id").unique().height
    assert not records.in_memory
    assert most_fetched(records) <= different
    assert different < frame.height / 2
    assert records.inputs[0].rows == frame.height


@pytest.mark.parametrize("engine", HERE)
def test_matched_patients_have_their_keys(engine: str, tmp_path: Path) -> None:
    frame = native()
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    _, expected = outcome(protocol_on("polars", 'file = "patients.parquet"', MATCHED), tmp_path)
    records, found = outcome(protocol_on(engine, more=MATCHED), tmp_path)
    assert found == expected
    assert rows_of(records, records.patients.frame)[":key"].to_list() == frame["id"].to_list()


def test_no_order_of_rows_or_files_matters(tmp_path: Path) -> None:
    texts = []
    for seed, parts in ((1, 2), (2, 5)):
        folder = tmp_path / str(seed)
        write_folder(native().sample(fraction=1, shuffle=True, seed=seed), folder / "patients", parts)
        texts += [outcome(protocol_on(engine), folder)[1] for engine in HERE]
    assert all(text == texts[0] for text in texts)


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("more", ["", MATCHED])
def test_values_keep_their_meaning(engine: str, more: str, tmp_path: Path) -> None:
    frame = odd_values()
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    expected = read_records(on("polars", ODD.format(source='file = "patients.parquet"') + more), tmp_path)
    found = read_records(on(engine, ODD.format(source='folder = "patients"') + more), tmp_path)
    tables = [rows_of(records, records.patients.frame).drop(PLACES, strict=False) for records in (expected, found)]
    assert_frame_equal(tables[1].select(tables[0].columns), tables[0], check_exact=True)
    rules = [
        sorted((one.rule, one.outcome, one.column, one.number) for one in records.findings)
        for records in (expected, found)
    ]
    assert rules[0] == rules[1]
    assert found.inputs[0].ignored_columns == ("unused",)


def test_a_table_of_duckdb_is_read_as_the_folder_is(tmp_path: Path) -> None:
    frame = native()
    write_folder(frame, tmp_path / "patients")
    with duckdb.connect(tmp_path / "study.duckdb") as connection:
        connection.register("frame", frame.to_arrow())
        connection.execute("CREATE SCHEMA cohort")
        connection.execute("CREATE TABLE cohort.patients AS SELECT * FROM frame ORDER BY days")
    _, expected = outcome(protocol_on("polars"), tmp_path)
    records, found = outcome(protocol_on("duckdb", 'table = "cohort.patients"\ndatabase = "study.duckdb"'), tmp_path)
    assert found == expected
    assert records.inputs[0].file == "study.duckdb (cohort.patients)"
    assert records.inputs[0].known_by == "content of the database's file"


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize(
    "keys",
    [
        ["Total", *map(str, range(1, 60))],
        [None, *map(str, range(1, 60))],
        ["1", *map(str, range(1, 60))],
        ["p1", "P1", *map(str, range(1, 59))],
        ["  1", *map(str, range(1, 60))],
    ],
)
def test_keys_that_are_none_are_told_by_patient(engine: str, keys: list[str | None], tmp_path: Path) -> None:
    frame = native(60).with_columns(pl.Series("id", keys, dtype=pl.String))
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    with pytest.raises(RecordsError) as expected:
        read_records(protocol_on("polars", 'file = "patients.parquet"'), tmp_path)
    with pytest.raises(RecordsError) as found:
        read_records(protocol_on(engine), tmp_path)
    assert [(one.rule, one.key) for one in found.value.problems] == [
        (one.rule, one.key) for one in expected.value.problems
    ]


@pytest.mark.parametrize("engine", HERE)
def test_keys_alike_but_for_zeros_are_warned_of(engine: str, tmp_path: Path) -> None:
    write_folder(native(60).with_columns(pl.Series("id", ["01", *map(str, range(1, 60))])), tmp_path / "patients")
    records = read_records(protocol_on(engine), tmp_path)
    assert [finding.rule for finding in records.findings] == ["leading_zeros"]
    write_folder(native(60).with_columns(pl.Series("id", [f"{i:03d}" for i in range(60)])), tmp_path / "patients")
    records = read_records(protocol_on(engine), tmp_path)
    assert records.findings == ()
    assert not records.in_memory


@pytest.mark.parametrize("engine", HERE)
def test_refused_cells_are_told_by_patient(engine: str, tmp_path: Path) -> None:
    frame = native(60).with_columns(pl.col("age").cast(pl.String))
    frame[7, "age"] = "many"
    write_folder(frame, tmp_path / "patients")
    with pytest.raises(RecordsError, match=r"patient P007.*\[not_an_integer\]"):
        read_records(protocol_on(engine), tmp_path)


@pytest.mark.parametrize("engine", HERE)
def test_held_cells_of_nameless_patients_have_no_made_up_keys(engine: str, tmp_path: Path) -> None:
    frame = native(60).with_columns(pl.col("age").cast(pl.String))
    frame[7, "age"] = "many"
    write_folder(frame, tmp_path / "patients")
    records = read_records(
        protocol_on(engine, replace={'age = "integer"': 'age = { type = "integer", on_invalid = "hold" }'}), tmp_path
    )
    (finding,) = records.findings
    assert finding.found() == "1 cells that are not whole numbers"


@pytest.mark.parametrize("engine", HERE)
def test_events_of_unknown_patients_are_not_fetched(engine: str, tmp_path: Path) -> None:
    write_folder(native(60), tmp_path / "patients")
    write_folder(visits(["P001", "P001", "X9", "X8", "P059"]), tmp_path / "visits", 2)
    records = read_records(protocol_on(engine, more=VISITS.format(source='folder = "visits"')), tmp_path)
    assert rows_of(records, records.events["visits"].frame)["id"].to_list() == ["P001", "P001", "P059"]
    (finding,) = records.findings
    assert (finding.rule, finding.outcome) == ("unknown_patient", "warned")
    assert finding.found() == "2 rows of patients who are not in patients"


@pytest.mark.parametrize("engine", HERE)
def test_events_whose_keys_must_be_cleaned_are_all_fetched(engine: str, tmp_path: Path) -> None:
    write_folder(native(60), tmp_path / "patients")
    write_folder(visits(["P001 ", "P001", "X9"]), tmp_path / "visits", 1)
    records = read_records(protocol_on(engine, more=VISITS.format(source='folder = "visits"')), tmp_path)
    assert rows_of(records, records.events["visits"].frame)["id"].to_list() == ["P001", "P001"]


@pytest.mark.parametrize("engine", HERE)
def test_events_of_a_folder_go_with_patients_of_a_file(engine: str, tmp_path: Path) -> None:
    native(60).write_csv(tmp_path / "patients.csv")
    write_folder(visits(["P001", "X9"]), tmp_path / "visits", 1)
    records = read_records(
        protocol_on(engine, 'file = "patients.csv"', VISITS.format(source='folder = "visits"')), tmp_path
    )
    assert rows_of(records, records.events["visits"].frame)["id"].to_list() == ["P001"]


@pytest.mark.parametrize("engine", HERE)
def test_numbers_as_keys(engine: str, tmp_path: Path) -> None:
    frame = native(60).with_columns(pl.int_range(60).alias("id"))
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    _, expected = outcome(protocol_on("polars", 'file = "patients.parquet"'), tmp_path)
    records, found = outcome(protocol_on(engine), tmp_path)
    assert found == expected
    assert not records.in_memory
    assert dict(records.fetched)["populations.study"] < 60


def test_rows_come_in_by_one_door() -> None:
    """No engine's rows reach Python but through ``fetch``, which counts them."""
    room = Path(__file__).parents[2] / "src" / "twoarm" / "records" / "engines"
    doors = re.compile(r"\.(collect|toArrow|toPandas|toLocalIterator|take|first|fetch\w+|pl|df|arrow|to_arrow\w*)\(")
    found = {(path.name, match[1]) for path in room.glob("*.py") for match in doors.finditer(path.read_text("utf-8"))}
    ours = {("spark_engine.py", "to_arrow")}  # a table that goes the other way
    assert found - ours == {("polars_engine.py", "collect"), ("spark_engine.py", "toArrow"), ("fetch.py", "collect")}


@pytest.mark.parametrize("engine", HERE)
def test_times_in_nanoseconds(engine: str, tmp_path: Path) -> None:
    nano = odd_values().with_columns(pl.col("time").cast(pl.Datetime("ns")))
    nano.write_parquet(tmp_path / "patients.parquet")
    write_folder(nano, tmp_path / "patients")
    expected = read_records(on("polars", ODD.format(source='file = "patients.parquet"') + MATCHED), tmp_path)
    found = read_records(on(engine, ODD.format(source='folder = "patients"') + MATCHED), tmp_path)
    times = [rows_of(records, records.patients.frame)["time"].to_list() for records in (expected, found)]
    assert times[0] == times[1]


@pytest.mark.parametrize("engine", HERE)
def test_there_may_be_no_events(engine: str, tmp_path: Path) -> None:
    write_folder(native(60), tmp_path / "patients")
    write_folder(visits(["P001"]).clear(), tmp_path / "visits", 1)
    records = read_records(protocol_on(engine, more=VISITS.format(source='folder = "visits"')), tmp_path)
    assert rows_of(records, records.events["visits"].frame).height == 0
    assert records.findings == ()
