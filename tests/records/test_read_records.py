"""Files of every kind, frames of every library, and data that are refused or held."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import polars as pl
import pyreadstat
import pytest

from spec_study import PROTOCOL, csv_text, patients, write_study
from twoarm.errors import ProtocolError, RecordsError
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import Records, read_records


def read(study: Path) -> Records:
    return read_records(read_protocol(study), study.parent)


def columns_of(records: Records) -> dict[str, list[Any]]:
    names = ("id", "arm", "age", "sex", "days", "died")
    return {name: records.patients.frame.get_column(name).to_list() for name in names}


def native() -> dict[str, list[Any]]:
    rows = patients()
    typed: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in ("id", "arm", "sex")}
    typed["age"], typed["days"] = [int(row["age"]) for row in rows], [int(row["days"]) for row in rows]
    typed["died"] = [int(row["died"]) for row in rows]
    return typed


def write_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    data = native()
    sheet.append(list(data))
    for row in zip(*data.values(), strict=True):
        sheet.append(row)
    book.save(path)


WRITERS = {
    "patients.csv": lambda path: path.write_text(csv_text(patients()), "utf-8"),
    "patients.parquet": lambda path: pl.DataFrame(native()).write_parquet(path),
    "patients.xlsx": write_xlsx,
    "patients.sav": lambda path: pyreadstat.write_sav(pd.DataFrame(native()), str(path)),
    "patients.dta": lambda path: pyreadstat.write_dta(pd.DataFrame(native()), str(path)),
    "patients.xpt": lambda path: pyreadstat.write_xport(pd.DataFrame(native()), str(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_the_same_records(name: str, tmp_path: Path) -> None:
    expected = columns_of(read(write_study(tmp_path)))
    folder = tmp_path / "other"
    folder.mkdir()
    study = write_study(folder, replace={"patients.csv": name})
    WRITERS[name](folder / name)
    assert columns_of(read(study)) == expected


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_frames_give_the_same_records_as_files(library: str, tmp_path: Path) -> None:
    expected = columns_of(read(write_study(tmp_path)))
    frame = pl.DataFrame(native())
    made = {"polars": lambda: frame, "pandas": frame.to_pandas, "pyarrow": frame.to_arrow}[library]()
    protocol = parse_protocol(PROTOCOL.replace('file = "patients.csv"\n', ""))
    assert columns_of(read_records(protocol, frames={"patients": made})) == expected


def test_patients_come_in_the_order_of_their_keys_as_text(tmp_path: Path) -> None:
    rows = patients(12)
    for i, row in enumerate(rows):
        row["id"] = str(i)
    forward = read(write_study(tmp_path, rows))
    backward = read(write_study(tmp_path, rows[::-1]))
    assert columns_of(forward) == columns_of(backward)
    assert columns_of(forward)["id"][:4] == ["0", "1", "10", "11"]


def test_excel_dates_and_texts_in_one_column(tmp_path: Path) -> None:
    study = write_study(tmp_path, replace={"patients.csv": "patients.xlsx", 'days = "integer"': 'days = "date"',
                                           'time = "days"\nevent = "died"': 'start = "days"\nevents = ["days"]\ncensoring = ["days"]'})  # fmt: skip
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "arm", "age", "sex", "days", "died"])
    sheet.append(["A", "new", 30, "f", datetime.datetime(2020, 1, 2), 1])
    sheet.append(["B", "old", 31, "f", "2020-01-03", 0])
    book.save(tmp_path / "patients.xlsx")
    assert columns_of(read(study))["days"] == [datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)]


def changed(**cells: str) -> list[dict[str, str]]:
    rows = patients()
    rows[4].update(cells)
    return rows


@pytest.mark.parametrize(
    ("cells", "messages"),
    [
        (
            {"age": "SECRET"},
            ["patients.csv  age  1 cells that are not whole numbers (row 6, patient P004)", "on_invalid"],
        ),
        ({"died": "SECRET"}, ["died  1 cells outside the yes/no codes (row 6, patient P004)"]),
        ({"id": "P005"}, ["id  2 rows with a key that occurs more than once (1 patients) (row 6, patient P005; row 7"]),
        ({"id": ""}, ["id  1 rows without a patient key (row 6)", "totals and notes are not patients"]),
    ],
)
def test_refused_data_say_where_and_never_what(cells: dict[str, str], messages: list[str], tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        read(write_study(tmp_path, changed(**cells)))
    for message in messages:
        assert message in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_all_findings_come_at_once_and_long_lists_end_in_a_count(tmp_path: Path) -> None:
    rows = [{**row, "age": "x", "died": "?" if i == 3 else row["died"]} for i, row in enumerate(patients())]
    with pytest.raises(RecordsError) as caught:
        read(write_study(tmp_path, rows))
    assert len(caught.value.problems) == 2
    assert "and 40 more" in str(caught.value)


def test_a_held_cell_is_unknown_and_a_finding(tmp_path: Path) -> None:
    study = write_study(tmp_path, changed(age="SECRET"), {'key = "id"': 'key = "id"\non_invalid = "hold"'})
    records = read(study)
    (finding,) = records.findings
    assert (finding.outcome, finding.rows, finding.keys) == ("held", (6,), ("P004",))
    assert columns_of(records)["age"][4] is None
    assert records.patients.frame.get_column("held:age").to_list().count(True) == 1


def test_a_derived_variable_of_a_held_cell_is_held(tmp_path: Path) -> None:
    replace = {
        'key = "id"': 'key = "id"\non_invalid = "hold"',
        "[populations.study]": '[derived]\ndouble = "age * 2"\n[populations.study]',
    }
    records = read(write_study(tmp_path, changed(age="x"), replace))
    assert records.patients.frame.get_column("held:double").to_list()[4] is True


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"id,arm,age,sex,days,died\n", "no rows under the header"),
        (b"id,arm,age,sex,day,died\nA,new,1,f,1,1\n", "no column days; expected it in the header (did you mean day?)"),
        (b"id,arm,age,sex,days,days,died\nA,new,1,f,1,1,1\n", "headers that occur more than once (columns 5, 6)"),
        (
            b"id,arm,age,sex,days,died\nA,new,1,f,1,1,SECRET,2\n",
            "1 rows with fewer or more cells than the header's 6 (rows 2)",
        ),
        (
            b"id,arm,age,sex,days,died\nA,new,1,f,1,1\nB,old,1",
            "1 rows with fewer or more cells than the header's 6 (rows 3)",
        ),
        (b'id,arm,age,sex,days,died\n"A\nB",new,1,f,1,1\nC,"old"\n', "(rows 3)"),
        (b"\xef\xbb\xbf", "no header that can be read"),
        (b"id,arm,age,sex,days,died\nA,n\xe9w,1,f,1,1\n", "text that is not utf-8; declare the encoding"),
    ],
)
def test_a_file_that_cannot_be_used(content: bytes, message: str, tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "patients.csv").write_bytes(content)
    with pytest.raises(RecordsError) as caught:
        read(study)
    assert message in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("name", ["patients.xlsx", "patients.parquet", "patients.sav", "patients.dta", "patients.xpt"])
def test_a_file_that_is_not_what_its_name_says(name: str, tmp_path: Path) -> None:
    study = write_study(tmp_path, replace={"patients.csv": name})
    (tmp_path / name).write_bytes(b"not such a file at all, SECRET")
    with pytest.raises(RecordsError, match="content that is not") as caught:
        read(study)
    assert "SECRET" not in str(caught.value)


def test_a_file_of_another_kind_or_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"a \.ods file; expected one of \.csv, \.xlsx"):
        read(write_study(tmp_path, replace={"patients.csv": "patients.ods"}))
    study = write_study(tmp_path, replace={"patients.csv": "link.csv"})
    (tmp_path / "link.csv").symlink_to(tmp_path / "patients.csv")
    with pytest.raises(ProtocolError, match="leaves the protocol's folder"):
        read(study)


def test_bom_and_windows_line_ends(tmp_path: Path) -> None:
    expected = columns_of(read(write_study(tmp_path)))
    text = csv_text(patients()).replace("\n", "\r\n")
    (tmp_path / "patients.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert columns_of(read(tmp_path / "study.toml")) == expected


def test_a_second_table_is_joined_by_key(tmp_path: Path) -> None:
    study = write_study(tmp_path, replace={"[populations.study]": '[data.lab]\nfile = "lab.csv"\nkey = "id"\n[data.lab.columns]\n'
                                           'id = "text"\nldh = "integer"\n[populations.study]'})  # fmt: skip
    (tmp_path / "lab.csv").write_text("id,ldh\nP002,7\nP999,8\n")
    records = read(study)
    assert records.patients.frame.get_column("ldh").to_list()[:4] == [None, None, 7, None]
    assert len(records.patients.frame) == 60
    (finding,) = records.findings
    assert (finding.rule, finding.outcome, finding.keys) == ("unknown_patient", "warned", ("P999",))
