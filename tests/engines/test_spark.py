"""Spark on this machine: the ledger that Polars and DuckDB give, byte for byte. Run by make test-spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from spec_engines import (
    BY_SITE,
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
from spec_registry import with_events, with_events_protocol
from twoarm.commands.running import published_notes
from twoarm.errors import RecordsError
from twoarm.protocol.engine import Spark
from twoarm.records.engines.source import EngineReader
from twoarm.records.records import read_records, refuse_changed

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]  # pyspark warns of pandas and of sockets


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session as a notebook has one, which the study uses and leaves open; to start one takes long."""
    from pyspark.sql import SparkSession

    place = tmp_path_factory.mktemp("warehouse")
    builder = SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", str(place))
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    made = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "4").getOrCreate()
    yield made
    made.stop()


def test_rotterdam_is_the_same(session: Any, tmp_path: Path) -> None:
    text = rotterdam(tmp_path)
    _, expected = outcome(on("polars", text.replace("rotterdam.csv", "patients.parquet")), tmp_path)
    records, found = outcome(on("spark", text.replace('file = "rotterdam.csv"', 'folder = "patients"')), tmp_path)
    assert found == expected
    assert not records.in_memory
    assert most_fetched(records) <= 2982


def test_es_sclc_is_the_same(session: Any, tmp_path: Path) -> None:
    text, folders = es_sclc(tmp_path)
    _, expected = outcome(on("polars", text), tmp_path)
    for old, new in folders.items():
        text = text.replace(old, new)
    records, found = outcome(on("spark", text), tmp_path)
    assert found == expected
    assert not records.in_memory
    rows = {
        name: pl.read_parquet(tmp_path / f"{name}.parquet").height
        for name in ("patients", "responses", "adverse_events")
    }
    for what, fetched in records.fetched:
        assert fetched <= rows.get(what.partition(":")[0], rows["patients"])


@pytest.mark.parametrize("more", ["", BY_SITE])
def test_a_registry_is_the_same(more: str, session: Any, tmp_path: Path) -> None:
    tables = with_events(3)
    for name, table in tables.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
        write_folder(table, tmp_path / name)
    of_files, expected = outcome(on("polars", with_events_protocol('file = "{}.parquet"') + more), tmp_path)
    records, found = outcome(on("spark", with_events_protocol('folder = "{}"') + more), tmp_path)
    assert found == expected
    assert not records.in_memory
    assert most_fetched(records) <= max(table.height for table in tables.values())
    assert published_notes(records) == [note.replace(".parquet", "") for note in published_notes(of_files)]


def test_alike_patients_are_fetched_once(session: Any, tmp_path: Path) -> None:
    frame = native()
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    _, expected = outcome(protocol_on("polars", 'file = "patients.parquet"'), tmp_path)
    records, found = outcome(protocol_on("spark"), tmp_path)
    assert found == expected
    different = frame.drop("id").unique().height
    assert not records.in_memory
    assert most_fetched(records) <= different
    assert different < frame.height / 2


@pytest.mark.parametrize("more", ["", MATCHED])
def test_values_keep_their_meaning(more: str, session: Any, tmp_path: Path) -> None:
    frame = odd_values()
    frame.write_parquet(tmp_path / "patients.parquet")
    write_folder(frame, tmp_path / "patients")
    expected = read_records(on("polars", ODD.format(source='file = "patients.parquet"') + more), tmp_path)
    found = read_records(on("spark", ODD.format(source='folder = "patients"') + more), tmp_path)
    tables = [rows_of(records, records.patients.frame).drop(PLACES, strict=False) for records in (expected, found)]
    assert_frame_equal(tables[1].select(tables[0].columns), tables[0], check_exact=True)


def test_times_in_nanoseconds_are_refused(session: Any, tmp_path: Path) -> None:
    write_folder(odd_values().with_columns(pl.col("time").cast(pl.Datetime("ns"))), tmp_path / "patients")
    with pytest.raises(RecordsError, match=r"patients  cannot be read by spark \(\w+\)"):
        read_records(on("spark", ODD.format(source='folder = "patients"')), tmp_path)


def test_events_of_unknown_patients_are_not_fetched(session: Any, tmp_path: Path) -> None:
    write_folder(native(60), tmp_path / "patients")
    write_folder(visits(["P001", "P001", "X9", "X8", "P059"]), tmp_path / "visits", 2)
    records = read_records(protocol_on("spark", more=VISITS.format(source='folder = "visits"')), tmp_path)
    assert rows_of(records, records.events["visits"].frame)["id"].to_list() == ["P001", "P001", "P059"]
    assert [finding.found() for finding in records.findings] == ["2 rows of patients who are not in patients"]


def test_a_table_of_the_catalogue(session: Any, tmp_path: Path) -> None:
    frame = native()
    frame.write_parquet(tmp_path / "patients.parquet")
    _, expected = outcome(protocol_on("polars", 'file = "patients.parquet"'), tmp_path)
    session.read.parquet(str(tmp_path / "patients.parquet")).write.mode("overwrite").saveAsTable("cohort")
    protocol = protocol_on("spark", 'table = "default.cohort"')
    records, found = outcome(protocol, tmp_path)
    assert found == expected
    (described,) = records.inputs
    assert described.file == "default.cohort"
    assert described.known_by.startswith("240 rows, whose hashes (xxhash64) add up to ")
    refuse_changed(protocol, records, tmp_path)
    session.sql("INSERT INTO cohort SELECT 'Q', arm, age, sex, days, died FROM cohort LIMIT 1")
    with pytest.raises(RecordsError, match=r"default\.cohort  a source that changed during the run"):
        refuse_changed(protocol, records, tmp_path)
    with pytest.raises(RecordsError, match=r"nowhere  cannot be read by spark \(AnalysisException\)"):
        read_records(protocol_on("spark", 'table = "nowhere"'), tmp_path)


def test_a_folder_with_a_strange_name(session: Any, tmp_path: Path) -> None:
    home = tmp_path / "a[1]{2} *?%41#x'y"
    write_folder(native(), home / "p[0] *")
    assert read_records(protocol_on("spark", 'folder = "p[0] *"'), home).inputs[0].rows == 240


def test_a_session_elsewhere_is_not_used(session: Any, tmp_path: Path) -> None:
    write_folder(native(), tmp_path / "patients")
    protocol = protocol_on("spark")
    elsewhere = protocol.model_copy(update={"spark": Spark(master="local[3]")})
    with pytest.raises(RecordsError, match=r"a Spark session on local\[2\]; expected none, or one on local\[3\]"):
        read_records(elsewhere, tmp_path)


def test_the_session_is_as_it_was(session: Any, tmp_path: Path) -> None:
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    write_folder(native(), tmp_path / "patients")
    read_records(protocol_on("spark"), tmp_path).close()
    assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    assert session.sql("SELECT 1").first()[0] == 1


def test_a_session_of_our_own(session: Any, tmp_path: Path) -> None:
    session.stop()
    write_folder(native(), tmp_path / "patients")
    with EngineReader(protocol_on("spark"), tmp_path) as reader:
        configured = dict(reader.engine.session.sparkContext.getConf().getAll())  # type: ignore[attr-defined]
        assert configured["spark.master"] == "local[2]"
        assert configured["spark.driver.host"] == configured["spark.driver.bindAddress"] == "127.0.0.1"
        assert configured["spark.ui.enabled"] == "false"
    with read_records(protocol_on("spark"), tmp_path) as records:
        assert records.inputs[0].rows == 240
    from pyspark.sql import SparkSession

    assert SparkSession.getActiveSession() is None
