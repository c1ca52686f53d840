"""Several files of one table: each hospital's names, codes and units -> one table, and findings by file and row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm.errors import ProtocolError, RecordsError
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import Records, read_records

PROTOCOL = """\
format_version = 1
title = "Two hospitals"

[data.patients]
key = "id"
{table}

[data.patients.columns]
id = "text"
arm = {{ type = "category", map = {{ new = "new", old = "old" }} }}
height = {{ type = "integer", minimum = 120, maximum = 220 }}
weight = "number"
smoker = "boolean"
start = "date"

[populations.study]
label = "Everybody"
arms = {{ column = "arm", treated = {{ value = "new", label = "New" }}, comparator = {{ value = "old", label = "Old" }} }}

[covariates]
height = {{ kind = "continuous" }}

[endpoints.os]
label = "Overall survival"
time = "height"
event = "smoker"
"""
HEADER = "id,arm,height,weight,smoker,start"
FIRST = f"{HEADER}\nA1,new,170,70.5,yes,2020-01-02\nA2,old,180,,no,\n"
NAMES = ("id", "arm", "height", "weight", "smoker", "start")


def read(folder: Path, own: str = "", second: str | bytes = FIRST.replace("A", "B"), first: str = FIRST) -> Records:
    """Read two hospitals: ``first`` in the table's own way, ``second`` as ``own`` declares."""
    (folder / "first.csv").write_text(first, "utf-8")
    (folder / "second.csv").write_bytes(second if isinstance(second, bytes) else second.encode())
    table = f'files = [{{ file = "first.csv" }}, {{ file = "second.csv"{", " if own else ""}{own} }}]'
    return read_records(parse_protocol(PROTOCOL.format(table=table)), folder)


def rows_of(records: Records) -> list[tuple[Any, ...]]:
    return records.patients.frame.select(*NAMES).rows()


@pytest.fixture
def pooled(tmp_path: Path) -> list[tuple[Any, ...]]:
    return rows_of(read(tmp_path))


@pytest.mark.parametrize(
    ("own", "second"),
    [
        ("", f"{HEADER},note\nB1,new,170,70.5,yes,2020-01-02,x\nB2,old,180,,no,,y\n"),  # more columns
        ("", "start,smoker,weight,height,arm,id\n2020-01-02,yes,70.5,170,new,B1\n,no,,180,old,B2\n"),
        (
            'columns = { height = "Height (cm)", id = { source = "患者编号" } }',
            "患者编号,arm,Height (cm),weight,smoker,start\nB1,new,170,70.5,yes,2020-01-02\nB2,old,180,,no,\n",
        ),
        (
            'columns = { height = "身高(cm)" }',  # full-width brackets and spaces in the file
            "ｉｄ,arm, 身高（cm） ,\u200bweight,smoker,start\nB1,new,170,70.5,yes,2020-01-02\nB2,old,180,,no,\n",
        ),
        (
            "columns = { height = { multiply = 100 } }",
            f"{HEADER}\nB1,new,1.70,70.5,yes,2020-01-02\nB2,old,1.8,,no,\n",
        ),
        (
            "columns = { weight = { multiply = 0.001 } }",
            f"{HEADER}\nB1,new,170,70500,yes,2020-01-02\nB2,old,180,,no,\n",
        ),
        (
            'columns = { weight = { decimal = "," } }, delimiter = ";"',
            "id;arm;height;weight;smoker;start\nB1;new;170;70,5;yes;2020-01-02\nB2;old;180;;no;\n",
        ),
        (
            'columns = { arm = { map = { "1" = "new", "2" = "old" } }, smoker = { true = ["是"], false = ["否"] } }',
            f"{HEADER}\nB1,1,170,70.5,是,2020-01-02\nB2,２,180,,否,\n",
        ),
        (
            'columns = { start = { format = "DD.MM.YYYY" } }',
            f"{HEADER}\nB1,new,170,70.5,yes,2.1.2020\nB2,old,180,,no,\n",
        ),
        ('missing = ["", "NA"]', f"{HEADER}\nB1,new,170,70.5,yes,2020-01-02\nB2,old,180,NA,no,NA\n"),
        (
            'columns = { weight = { missing = ["-9"] } }',
            f"{HEADER}\nB1,new,170,70.5,yes,2020-01-02\nB2,old,180,-9,no,\n",
        ),
        ('encoding = "utf-16"', FIRST.replace("A", "B").encode("utf-16")),
        ('encoding = "gb18030"', FIRST.replace("A", "B").encode("gb18030")),
        ("", FIRST.replace("A", "B").replace("\n", "\r\n").encode("utf-8-sig")),
        ("", FIRST.replace("A", "B").replace("\n", "\n\n") + "\n\n"),  # empty lines
    ],
)
def test_what_a_file_does_differently(
    own: str, second: str | bytes, pooled: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    assert rows_of(read(tmp_path, own, second)) == pooled


def test_a_value_for_all_rows_and_a_column_that_is_absent(tmp_path: Path) -> None:
    own = 'columns = { arm = { value = "old" } }, absent = ["weight", "start"]'
    records = read(tmp_path, own, "id,height,smoker\nB1,170,yes\nB2,180,no\n")
    frame = records.patients.frame.to_polars()
    assert frame["arm"].to_list() == ["new", "old", "old", "old"]
    assert frame["weight"].to_list() == [70.5, None, None, None]
    assert records.findings == ()
    assert [(one.file, one.rows) for one in records.inputs] == [("first.csv", 2), ("second.csv", 2)]


@pytest.mark.parametrize(
    ("own", "second", "messages"),
    [
        ("", f"{HEADER}\nB1,new,1.7,,yes,\n", ["second.csv  height  1 cells that are not whole numbers (row 2, patient B1)"]),
        (
            'columns = { height = { source = "H", multiply = 100 } }',
            "id,arm,H,weight,smoker,start\nB1,new,1.7,,yes,\nB2,new,170,,yes,\nB3,new,1.675,,yes,\n",
            [
                "second.csv  H  1 cells that are not whole numbers when converted (row 4, patient B3)",
            ],
        ),
        (
            'columns = { id = "ID" }',
            FIRST.replace("id,", "ID,"),
            [
                "first.csv  id  2 rows with a key that occurs more than once (2 patients) (row 2, patient A1; row 3, patient A2)",
                "second.csv  ID  2 rows with a key that occurs more than once (2 patients) (row 2, patient A1; row 3, patient A2)",
            ],
        ),
        ("", f"{HEADER}\nＡ１,new,170,,yes,\n", ["row 2, patient A1", "row 2, patient A1"]),  # the same after normalisation
        ("", f"{HEADER}\n\nB1,new,170,,yes,\n,new,170,,yes,\n", ["second.csv  id  1 rows without a patient key (row 4)"]),
        (
            "",
            f"{HEADER}\n1.23E+11,new,170,,yes,\n",
            ["second.csv  id  1 keys that a spreadsheet shortened to a power of ten (row 2, patient 1.23E+11)"],
        ),
        ('columns = { height = "Height" }', FIRST, ["second.csv  no column Height; expected it in the header (did you mean height?)"]),
        ("", "a;b\n1;2\n", ["second.csv  none of the 6 declared columns in the header"]),
        ("", "", ["second.csv  an empty file"]),
        ("", "\n\n", ["second.csv  no header that can be read"]),
        ("", f"{HEADER}\n", ["second.csv  no rows under the header"]),
        ("", f"{HEADER}\n\nB1,new,170,,yes\n", ["(rows 3)"]),
        ("", FIRST.replace("new", "新").encode("gb18030"), ["second.csv  text that is not utf-8; declare the encoding"]),
        ("", f"{HEADER}\nB1,third,170,,yes,\n", ["second.csv  arm  1 cells outside the declared code map (row 2, patient B1)"]),
    ],
)  # fmt: skip
def test_a_file_is_refused_by_name_column_and_row(
    own: str, second: str | bytes, messages: list[str], tmp_path: Path
) -> None:
    with pytest.raises(RecordsError) as caught:
        read(tmp_path, own, second)
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == len(messages)
    for problem, message in zip(found, messages, strict=True):
        assert message in problem


def test_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        read(tmp_path, "", f"{HEADER}\nB1,new,low,,yes,\n", f"{HEADER}\nA1,new,x,,yes,\nA2,old,170,,maybe,\n")
    places = [(problem.where, problem.key) for problem in caught.value.problems]
    assert places == [("first.csv", "height"), ("first.csv", "smoker"), ("second.csv", "height")]


def test_keys_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordsError) as caught:
        read(tmp_path, "", f"{HEADER}\na1,new,170,,yes,\n")
    first, second = caught.value.problems
    assert (first.where, "(row 2, patient A1)" in first.found) == ("first.csv", True)
    assert (second.where, "(row 2, patient a1)" in second.found) == ("second.csv", True)


def test_a_cell_outside_the_range_is_held(tmp_path: Path) -> None:
    (finding,) = read(tmp_path, "", f"{HEADER}\nB1,new,17,,yes,\n").findings
    assert (finding.rule, finding.outcome, finding.file, finding.rows) == ("outside_range", "held", "second.csv", (2,))


def test_empty_rows_between_others_are_told_and_skipped(tmp_path: Path) -> None:
    records = read(tmp_path, "", f"{HEADER}\nB1,new,170,,yes,\n\n,,,,,\nB2,new,170,,yes,\n\n\n")
    (finding,) = records.findings
    assert (finding.rule, finding.file, finding.rows) == ("blank_row", "second.csv", (3, 4))
    assert len(records.patients.frame) == 4


def test_two_sheets_of_one_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, key, smoker in (("North", "N1", "yes"), ("South", "S1", "perhaps")):
        sheet = book.create_sheet(name)
        sheet.append(HEADER.split(","))
        sheet.append([key, "new", 170, 70.5, smoker, None])
    book.save(tmp_path / "both.xlsx")
    table = 'files = [{ file = "both.xlsx", sheet = "North" }, { file = "both.xlsx", sheet = "South" }]'
    with pytest.raises(RecordsError) as caught:
        read_records(parse_protocol(PROTOCOL.format(table=table)), tmp_path)
    assert [problem.where for problem in caught.value.problems] == ["both.xlsx (South)"]


@pytest.mark.parametrize(
    ("own", "place", "message"),
    [
        ('columns = { hieght = "H" }', "files.1.columns.hieght", "(did you mean height?)"),
        ('columns = { smoker = { multiply = 2 } }', "files.1.columns.smoker.multiply", "for a column of type boolean"),
        ('columns = { arm = { map = { a = "new", A = "old" } } }', "files.1.columns.arm", "differ only in case"),
        ('columns = { start = { format = "YY" } }', "files.1.columns.start", "YYYY, MM and DD once each"),
        ('columns = { arm = { value = "nwe" } }', "files.1.columns.arm.value", "(did you mean new?)"),
        ('columns = { id = { value = "B1" } }', "files.1.columns.id.value", "one patient key for all rows"),
        ('columns = { arm = { source = "a", value = "new" } }', "files.1.columns.arm", "either source or value"),
        ('columns = { height = { multiply = 0 } }', "files.1.columns.height.multiply", "greater than 0"),
        ('columns = { height = { soruce = "H" } }', "files.1.columns.height.soruce", "(did you mean source?)"),
        ('absent = ["id"]', "files.1.absent.0", "the patient key"),
        ('absent = ["wieght"]', "files.1.absent.0", "(did you mean weight?)"),
        ('columns = { weight = "W" }, absent = ["weight"]', "files.1.absent.0", "which the file's columns describe"),
        ('shet = "A"', "files.1.shet", "(did you mean sheet?)"),
        ('encoding = "gbk"', "files.1.encoding", "gb18030"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_a_file_is_told_at_its_place(own: str, place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(tmp_path, own)
    (problem,) = caught.value.problems
    assert problem.key == f"data.patients.{place}"
    assert problem.where.startswith("study.toml:6:")
    assert message in str(problem)


@pytest.mark.parametrize("again", ["first.csv", "./first.csv", "a/../first.csv"])
def test_a_file_cannot_stand_twice(again: str) -> None:
    table = f'files = [{{ file = "first.csv" }}, {{ file = "{again}" }}]'
    with pytest.raises(ProtocolError, match=r"second time|relative path"):
        parse_protocol(PROTOCOL.format(table=table))


def test_file_and_files_exclude_each_other() -> None:
    with pytest.raises(ProtocolError, match="expected either file or files"):
        parse_protocol(PROTOCOL.format(table='file = "a.csv"\nfiles = [{ file = "b.csv" }]'))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_one_file_split_into_several_gives_the_same_records(hospitals: list[int], data: st.DataObject) -> None:
    cells = [
        (f"P{i:02d}", *(data.draw(st.sampled_from(c)) for c in (["new", "old"], ["", "170"], ["", "70.5"], ["yes", "no"])), "")
        for i in range(len(hospitals))
    ]  # fmt: skip
    lines = [",".join(row) for row in cells]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "whole.csv").write_text("\n".join([HEADER, *lines, ""]), "utf-8")
        parts = sorted(set(hospitals))
        for part in parts:
            own = [line for line, hospital in zip(lines, hospitals, strict=True) if hospital == part]
            (folder / f"part{part}.csv").write_text("\n".join([HEADER, *own, ""]), "utf-8")
        files = ", ".join(f'{{ file = "part{part}.csv" }}' for part in parts)
        split = read_records(parse_protocol(PROTOCOL.format(table=f"files = [{files}]")), folder)
        whole = read_records(parse_protocol(PROTOCOL.format(table='file = "whole.csv"')), folder)
    assert rows_of(split) == rows_of(whole)
