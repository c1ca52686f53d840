"""Tables of events, columns that two tables have, and frames in place of files: what is found, by file and row."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from spec_outcomes import FILES, PROTOCOL, write_outcomes
from twoarm.cohort.cohort import build_cohort
from twoarm.errors import RecordsError
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import Records, read_records

VISITS = FILES["visits.csv"]
ADVERSE = FILES["adverse.csv"]
CUTOFF = {'title = "Visits and adverse events"': 'title = "Events"\ndata_cutoff = 2020-12-31'}


def read(folder: Path, replace: dict[str, str] | None = None, **files: str) -> Records:
    study = write_outcomes(folder, replace, {f"{name}.csv": text for name, text in files.items()})
    return read_records(read_protocol(study), folder)


@pytest.mark.parametrize(
    ("table", "row", "rule", "column", "rows"),
    [
        ("visits", "9,2020-02-01,PR", "unknown_patient", "id", (3,)),
        ("visits", "2,2020-06-02,PR", "visit_after_death", "day", (3,)),
        ("visits", "1,2020-02-01,SD", "visits_differ", "day", (2, 3)),
        ("visits", "1,2021-01-01,SD", "after_cutoff", "day", (3,)),
        ("visits", "1,,SD", "visit_unknown", "day", (3,)),
        ("visits", "1,2020-03-01,", "visit_unknown", "day", (3,)),
        ("visits", ",,", "", "", ()),  # an empty row at the end is none
        ("visits", "2,2020-06-01,PD", "", "", ()),  # on the day of death
        ("visits", "1,2020-02-01,PR", "visits_unsorted", "day", (2, 3)),  # the same twice
        ("visits", "1,2019-12-15,SD", "visits_unsorted", "day", (3,)),  # a scan before time zero is usual
        ("adverse", "9,Rash,no,2,2020-01-05", "unknown_patient", "id", (3,)),
        ("adverse", "1,Rash,no,2,2019-12-31", "event_before_start", "onset", (3,)),
        ("adverse", "1,Rash,no,2,2021-01-01", "after_cutoff", "onset", (3,)),
        ("adverse", "1,,no,2,2020-01-05", "event_unknown", "onset", (3,)),
        ("adverse", "1,Rash,no,,2020-01-05", "event_unknown", "onset", (3,)),
        ("adverse", "1,Rash,no,2,", "event_unknown", "onset", (3,)),
        ("adverse", "1,Rash,,2,2020-01-05", "", "", ()),
    ],
)
def test_an_event_that_cannot_be_is_told_by_row(
    table: str, row: str, rule: str, column: str, rows: tuple[int, ...], tmp_path: Path
) -> None:
    records = read(tmp_path, CUTOFF, **{table: f"{FILES[f'{table}.csv']}{row}\n"})
    found = [(one.rule, one.outcome, one.file, one.column, one.rows) for one in records.findings]
    assert found == ([(rule, "warned", f"{table}.csv", column, rows)] if rule else [])
    for finding in records.findings:
        assert not any(cell in str(finding.problem()) for cell in ("Rash", "PR", "2020-06-02", "2019-12-31"))


def test_rows_of_unknown_patients_are_left_out(tmp_path: Path) -> None:
    records = read(tmp_path, visits=f"{VISITS}9,2020-02-01,CR\n")
    assert records.events["visits"].frame["response"].to_list() == ["PR"]


@pytest.mark.parametrize("table", ["visits", "adverse"])
def test_of_events_there_may_be_none_but_of_patients_not(table: str, tmp_path: Path) -> None:
    header = FILES[f"{table}.csv"].split("\n")[0]
    assert read(tmp_path, **{table: f"{header}\n"}).events[table].frame.shape[0] == 0
    with pytest.raises(RecordsError, match="no rows under the header"):
        read(tmp_path, patients=FILES["patients.csv"].split("\n")[0])
    with pytest.raises(RecordsError, match="an empty file"):
        read(tmp_path, **{table: ""})


def test_events_of_several_files(tmp_path: Path) -> None:
    own = 'columns = { day = { source = "Date", format = "YYYY/MM/DD" } }'
    files = f'files = [{{ file = "visits.csv" }}, {{ file = "more.csv", {own} }}]'
    replace = {'file = "visits.csv"': files}
    more = "id,Date,response\n2,2020/5/1,SD\n2,2020/7/1,PR\n"
    records = read(tmp_path, replace, more=more)
    assert records.events["visits"].frame["response"].to_list() == ["PR", "SD", "PR"]
    (finding,) = records.findings
    assert (finding.rule, finding.file, finding.column, finding.rows) == (
        "visit_after_death",
        "more.csv",
        "Date",
        (3,),
    )


SECOND = '\n[data.deaths]\nfile = "deaths.csv"\nkey = "pid"\n[data.deaths.columns]\npid = "text"\ndeath = {}\nsite = "text"\n\n[events.visits]\nfile = "visits.csv"'
DATE = '{ type = "date", source = "Died", on_invalid = "hold" }'


@pytest.mark.parametrize(
    ("first", "second", "death", "held", "rule"),
    [
        ("", "", None, False, ""),
        ("2020-06-01", "", "2020-06-01", False, ""),
        ("", "2020-06-01", "2020-06-01", False, ""),
        ("2020-06-01", "2020-06-01", "2020-06-01", False, ""),
        ("2020-06-01", "2020-06-02", None, True, "tables_differ"),
        ("2020-06-01", "2020-06-31", None, True, "no_such_day"),  # what cannot be read may differ
        ("", "2020-06-31", None, True, "no_such_day"),
    ],
)
def test_a_column_that_two_tables_have_is_one(
    first: str, second: str, death: str | None, held: bool, rule: str, tmp_path: Path
) -> None:
    replace = {'[events.visits]\nfile = "visits.csv"': SECOND.format(DATE)}
    people = (
        f"id,arm,start,progression,death,contact\n1,a,2020-01-01,,{first},2020-12-01\n2,b,2020-01-01,,,2020-12-01\n"
    )
    records = read(tmp_path, replace, patients=people, deaths=f"pid,Died,site\n1,{second},x\n")
    row = records.patients.frame.to_polars().row(0, named=True)
    assert (str(row["death"]) if row["death"] else None, row.get("held:death", False)) == (death, held)
    assert len(records.patients.frame) == 2
    assert [(one.rule, one.outcome) for one in records.findings] == ([(rule, "held")] if rule else [])


def test_a_conflict_is_told_by_the_row_of_the_first_table(tmp_path: Path) -> None:
    replace = {'[events.visits]\nfile = "visits.csv"': SECOND.format(DATE)}
    (finding,) = read(tmp_path, replace, deaths="pid,Died,site\n9,2020-01-01,\n2,2020-07-01,x\n").findings[1:]
    assert (finding.file, finding.column, finding.rows, finding.keys) == ("patients.csv", "death", (3,), ("2",))
    assert "differ from those in deaths.csv" in finding.what


def test_what_is_wrong_with_a_column_of_another_table_is_told_by_its_row(tmp_path: Path) -> None:
    replace = {
        '[events.visits]\nfile = "visits.csv"': SECOND.format(DATE),
        'arms = { column = "arm", treated = { value = "a"': 'arms = { column = "site", treated = { value = "x"',
    }
    deaths = "pid,Died,site\n9,,q\n4,,third\n1,,x\n2,,b\n3,,b\n"
    study = write_outcomes(tmp_path, replace, {"deaths.csv": deaths})
    protocol = read_protocol(study)
    with pytest.raises(RecordsError) as caught:
        build_cohort(protocol, protocol.plan()[0], read_records(protocol, tmp_path))
    (problem,) = caught.value.problems
    assert (problem.where, problem.key) == ("deaths.csv", "site")
    assert "1 patients with a third value (row 3, patient 4)" in problem.found


def frames(**changes: Any) -> dict[str, Any]:
    tables = {name: pl.read_csv(FILES[f"{name}.csv"].encode(), infer_schema=False) for name in ("patients", "visits", "adverse")}  # fmt: skip
    return {**tables, **changes}


def test_frames_stand_for_whole_tables(tmp_path: Path) -> None:
    files = 'files = [{ file = "a.csv", columns = { day = "Date" } }, { file = "b.csv" }]'
    protocol = parse_protocol(PROTOCOL.replace('file = "visits.csv"', files))
    expected = read(tmp_path)
    for library in (lambda frame: frame, lambda frame: frame.to_pandas(), lambda frame: frame.to_arrow()):
        records = read_records(protocol, frames={name: library(frame) for name, frame in frames().items()})
        assert records.events["visits"].frame["day"].to_list() == expected.events["visits"].frame["day"].to_list()
        assert records.patients.frame.get_column("start").to_list() == [datetime.date(2020, 1, 1)] * 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"visit": pl.DataFrame()}, "frames  a frame for visit; expected one of patients, visits, adverse (did you mean visits?)"),
        ({"visits": [1]}, "events.visits  a list; expected a Polars, pandas or pyarrow frame"),
        ({"visits": None}, "visits.csv  cannot be read"),
        ({"visits": pd.DataFrame([["1", "2"]], columns=["id", "id"])}, "events.visits  column names that occur more than once"),
        ({"visits": pl.DataFrame({"id": ["1"], "day": [None], " id": [""]})}, "events.visits  headers that occur more than once"),
        ({"visits": pd.DataFrame({"id": ["1", 2], "day": [1, "a"], "response": ""})}, "events.visits  id  a column of mixed types"),
        ({"visits": pl.DataFrame({"id": [["1"]], "day": [None], "response": [None]})}, "events.visits  id  a column of type List"),
        ({"visits": pl.DataFrame({"id": ["1"], "day": ["x"], "response": ["PR"]})}, "events.visits  day  1 cells that are not a date YYYY-MM-DD (row 1, patient 1)"),
        ({"patients": frames()["patients"].head(0)}, "data.patients  no rows under the header"),
    ],
)  # fmt: skip
def test_frames_that_cannot_be_used(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        read_records(parse_protocol(PROTOCOL), tmp_path, frames(**given))
    assert message in str(caught.value)


def test_a_table_with_neither_file_nor_frame() -> None:
    protocol = parse_protocol(PROTOCOL.replace('file = "visits.csv"\n', ""))
    with pytest.raises(RecordsError, match=r"events\.visits  no file and no frame; expected file or files, or frames="):
        read_records(protocol, frames=frames(visits=None))


def test_odd_frames_that_can_be_used() -> None:
    zoned = pd.to_datetime(pd.Series(["2020-02-01"])).dt.tz_localize("Asia/Shanghai")
    visits = pd.DataFrame({" id ": ["1"], "day": zoned, "response": ["PR"], "notes": [[1, 2]], 7: [1]})
    records = read_records(parse_protocol(PROTOCOL), frames=frames(visits=visits))
    assert records.events["visits"].frame["day"].to_list() == [datetime.date(2020, 2, 1)]  # the day as written
