"""Expressions that nobody would write: read or refused at a place, in a time that grows with their length."""

from __future__ import annotations

import datetime
import time
from functools import cache

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_fuzz import in_bounded_time, quick, thorough
from twoarm.protocol.expression import Type, column_names, in_words
from twoarm.protocol.expression_parser import ExpressionError, parse_expression
from twoarm.records.engine_ops import as_date, in_days
from twoarm.records.evaluation import evaluate

COLUMNS = {
    "whole": Type.NUMBER,
    "number": Type.NUMBER,
    "start": Type.DATE,
    "death": Type.DATE,
    "flag": Type.BOOLEAN,
    "年龄": Type.NUMBER,
    "word": Type.TEXT,
}
FRAME = in_days(
    nw.from_native(
        pl.DataFrame(
            {
                "whole": pl.Series([2**62, 0, -1, None], dtype=pl.Int64),
                "number": [1e300, -0.1, 0.0, None],
                "start": [datetime.date.min, datetime.date(2020, 2, 29), datetime.date.max, None],
                "death": [datetime.date.max, datetime.date(2021, 3, 1), datetime.date.min, None],
                "flag": [True, False, None, None],
                "年龄": pl.Series([18, 65, 120, None], dtype=pl.Int64),
                "word": ["", "x", "男", None],
            }
        ),
        eager_only=True,
    )
)

numbers = st.sampled_from(["whole", "number", "年龄", "0", "1", "2.5", "1e15", ".5", "-3", "year(start)"])
days = st.sampled_from(["death - start", "30 days", "99999 days", "8 months", "0 weeks"])
dates = st.sampled_from(["start", "death", "2020-01-01", "9999-12-31", "0001-01-01"])
words = st.sampled_from(["word", "'x'", '"男"', "''"])
conditions = st.sampled_from(["flag", "true", "false", "start is missing", "word in ('x', 'y')", "whole in (0, 2.5)"])
LEAVES = {"number": numbers, "duration": days, "date": dates, "text": words, "yes/no": conditions}


@cache
def grown(kind: str, depth: int) -> st.SearchStrategy[str]:
    """Expressions of one type, nested up to a depth; all of them can be read."""
    if not depth:
        return LEAVES[kind]
    n, t, d, c = (grown(k, depth - 1) for k in ("number", "duration", "date", "yes/no"))
    same = st.sampled_from(["number", "duration", "date"]).flatmap(
        lambda k: st.tuples(grown(k, depth - 1), grown(k, depth - 1), grown(k, depth - 1))
    )
    own = grown(kind, depth - 1)
    made = {
        "number": [
            st.tuples(n, st.sampled_from("+-*/"), n).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            st.tuples(n, st.integers(0, 9)).map(lambda p: f"round({p[0]}, {p[1]})"),
            st.tuples(t, t).map(lambda p: f"(({p[0]}) / ({p[1]}))"),
            st.tuples(st.sampled_from(["days", "weeks", "months", "years"]), t).map(lambda p: f"{p[0]}({p[1]})"),
            n.map(lambda x: f"log({x})"),
            d.map(lambda x: f"year({x})"),
        ],
        "duration": [
            st.tuples(d, d).map(lambda p: f"({p[0]} - {p[1]})"),
            st.tuples(t, st.sampled_from("*/"), n).map(lambda p: f"(({p[0]}) {p[1]} {p[2]})"),
            t.map(lambda x: f"abs({x})"),
        ],
        "date": [st.tuples(d, st.sampled_from("+-"), t).map(lambda p: f"({p[0]} {p[1]} ({p[2]}))")],
        "text": [],
        "yes/no": [
            same.map(lambda p: f"({p[0]}) between ({p[1]}) and ({p[2]})"),
            st.tuples(same, st.sampled_from(["==", "!=", "<", "<=", ">", ">="])).map(
                lambda p: f"{p[0][0]} {p[1]} {p[0][1]}"
            ),
            st.tuples(c, st.sampled_from(["and", "or"]), c).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
            c.map(lambda x: f"not ({x})"),
        ],
    }[kind]
    shared = [
        own,
        st.tuples(own, c, own).map(lambda p: f"({p[0]} if ({p[1]}) else {p[2]})"),
        st.lists(own, min_size=1, max_size=4).map(lambda xs: f"coalesce({', '.join(xs)})"),
    ]
    if kind in ("number", "duration", "date"):
        extreme = st.tuples(st.sampled_from(["min", "max"]), st.lists(own, min_size=1, max_size=4))
        shared.append(extreme.map(lambda p: f"{p[0]}({', '.join(p[1])})"))
    return st.one_of(*shared, *made)


valid = st.sampled_from(list(LEAVES)).flatmap(lambda kind: grown(kind, 2))
pieces = st.sampled_from(
    ["and", "or", "not", "in", "between", "is", "missing", "if", "else", "true", "false", "round(", "min(", "year(", "log(", "coalesce(", "days(", "(", ")", ",", "==", "!=", "<", "<=", ">", ">=", "=", "+", "-", "*", "/", "30", "days", "2020-01-01", "2020-02-30", "1e15", "1e16", "9e999", "'x'", '"', "'", "whole", "start", "flag", "word", "年龄", "__import__", "lambda", ".", "[", "]", "{", "}", ";", ":", "**", "//", "%", "&", "|", "~", "@", "\\", "\x00"]
)  # fmt: skip
soup = st.one_of(st.lists(pieces, max_size=40).map(" ".join), st.text(max_size=80))


def read_and_answered(text: str) -> None:
    node = parse_expression(text, COLUMNS)
    assert column_names(node) <= set(COLUMNS)
    assert isinstance(in_words(node), str)
    answer = evaluate(FRAME, node, frozenset(), ":answer")
    if node.type is Type.DATE:
        answer = answer.with_columns(as_date(nw.col(":answer")))
    assert answer.columns == [*FRAME.columns, ":answer"]
    values = answer.get_column(":answer").to_list()
    assert len(values) == len(FRAME)
    if node.type is Type.BOOLEAN:
        assert {type(value) for value in values} <= {bool, type(None)}
    if node.type is Type.DATE:
        assert {type(value) for value in values} <= {datetime.date, type(None)}


@in_bounded_time()
def read_or_refused(text: str) -> None:
    try:
        parse_expression(text, COLUMNS)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
    else:
        read_and_answered(text)


@quick(60)
@given(valid)
def test_what_is_right_has_an_answer(text: str) -> None:
    read_or_refused(text)  # some are too long, too deep, or compare what cannot be compared


@quick(150)
@given(soup)
def test_what_is_wrong_is_refused_at_its_place(text: str) -> None:
    read_or_refused(text)


@pytest.mark.slow
@thorough(200)
@given(valid)
def test_what_is_right_has_an_answer_thoroughly(text: str) -> None:
    read_or_refused(text)


@pytest.mark.slow
@thorough(2000)
@given(soup)
def test_what_is_wrong_is_refused_at_its_place_thoroughly(text: str) -> None:
    read_or_refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "round(" * 28 + "number" + ", 1)" * 28,
        f"min({', '.join(['whole'] * 250)}) > 3",
        " + ".join(["whole"] * 200),
        "(1 if " * 28 + "flag" + " else 2) > 1" * 28,
        "(3 / " * 28 + "number" + ")" * 28,
        " - ".join(["(death - start)"] * 100),
        "not " * 25 + "flag",
    ],
    ids=["round", "min", "sum", "if", "divide", "durations", "not"],
)
def test_an_operand_is_calculated_once_however_deep_it_stands(text: str) -> None:
    begin = time.process_time()
    read_and_answered(text)
    assert time.process_time() - begin < 3  # seconds; written out in full it would be years


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("whole + whole", [None, 0, -2, None]),  # 2**63 would wrap round to a negative number
        ("-whole - whole - whole", [None, 0, 3, None]),
        ("2000000000 + 2000000000", [4_000_000_000] * 4),
        ("number * number", [None, 0.010000000000000002, 0.0, None]),
        ("number * number > 1", [None, False, False, None]),
        ("round(number, 9)", [1e300, -0.1, 0.0, None]),
        ("start + 30 days * number", [None, datetime.date(2020, 2, 26), datetime.date.max, None]),
        ("start - 1 days", [None, datetime.date(2020, 2, 28), datetime.date(9999, 12, 30), None]),
        ("year(start + 99999 days)", [274, 2293, None, None]),
        ("min(whole, number, 年龄)", [18.0, -0.1, -1.0, None]),
    ],
)
def test_what_overflows_is_missing(text: str, expected: list[object]) -> None:
    node = parse_expression(text, COLUMNS)
    answer = as_date(nw.col(":answer")) if node.type is Type.DATE else nw.col(":answer")
    found = evaluate(FRAME, node, frozenset(), ":answer").select(answer)
    assert found.get_column(":answer").to_list() == expected
