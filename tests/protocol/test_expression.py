"""Expressions: what is read, how it is worded, how three-valued logic answers, and where a mistake is shown."""

from __future__ import annotations

import datetime
from decimal import ROUND_HALF_UP, Decimal

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm.protocol.expression import Type, in_words
from twoarm.protocol.expression_parser import ExpressionError, parse_expression
from twoarm.records.engine_ops import as_date, in_days
from twoarm.records.evaluation import evaluate

COLUMNS = {
    "age": Type.NUMBER,
    "ecog": Type.NUMBER,
    "sex": Type.TEXT,
    "smoker": Type.BOOLEAN,
    "recur": Type.BOOLEAN,
    "start": Type.DATE,
    "death": Type.DATE,
}
DAY = datetime.date


def answers(text: str, **columns: list[object]) -> list[object]:
    schema = {"age": pl.Int64, "ecog": pl.Int64, "sex": pl.String, "smoker": pl.Boolean, "recur": pl.Boolean}
    schema |= {"start": pl.Date, "death": pl.Date}
    frame = pl.DataFrame({k: pl.Series(v, dtype=schema.get(k, pl.Boolean)) for k, v in columns.items()})
    table = in_days(nw.from_native(frame, eager_only=True))
    masks = [name for name in table.columns if name.startswith("held:")]
    node = parse_expression(text, COLUMNS)
    answer = as_date(nw.col(":answer")) if node.type is Type.DATE else nw.col(":answer")
    return evaluate(table, node, masks, ":answer").select(answer).get_column(":answer").to_list()


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("age >= 18", {"age": [17, 18, None]}, [False, True, None]),
        ("age != 18", {"age": [17, 18, None]}, [True, False, None]),
        ("ecog in (0, 1)", {"ecog": [0, 2, None]}, [True, False, None]),
        ("ecog not in (0, 1)", {"ecog": [0, 2, None]}, [False, True, None]),
        ("not (age > 20)", {"age": [10, 30, None]}, [True, False, None]),
        ("age between 18 and 20", {"age": [17, 18, 20, 21, None]}, [False, True, True, False, None]),
        ("sex == 'f'", {"sex": ["f", "m", None]}, [True, False, None]),
        ("smoker", {"smoker": [True, False, None]}, [True, False, None]),
        ("death is missing", {"death": [DAY(2020, 1, 1), None]}, [False, True]),
        ("death is not missing", {"death": [DAY(2020, 1, 1), None]}, [True, False]),
        ("start between 2019-03-01 and 2019-03-31", {"start": [DAY(2019, 3, 31), DAY(2019, 4, 1)]}, [True, False]),
        (
            "death - start >= 30 days",
            {"start": [DAY(2020, 2, 1)] * 3, "death": [DAY(2020, 3, 1), DAY(2020, 3, 2), None]},
            [False, True, None],
        ),
        ("start + 1 week", {"start": [DAY(2020, 2, 25)]}, [DAY(2020, 3, 3)]),
        ("death - start", {"start": [DAY(2020, 2, 1)], "death": [DAY(2020, 3, 1)]}, [29]),
        ("days(death - start) / 29", {"start": [DAY(2020, 2, 1)], "death": [DAY(2020, 3, 1)]}, [1.0]),
        ("year(start)", {"start": [DAY(2020, 2, 1)]}, [2020]),
        ("age / ecog", {"age": [10, 10], "ecog": [4, 0]}, [2.5, None]),
        ("-age + 2 * 3", {"age": [1]}, [5]),
        ("age if smoker else ecog", {"age": [1, 1, 1], "ecog": [2, 2, 2], "smoker": [True, False, None]}, [1, 2, None]),
        ("min(age, ecog)", {"age": [1, 5, None], "ecog": [2, 2, 2]}, [1, 2, None]),
        ("max(age, ecog)", {"age": [1, 5, None], "ecog": [2, 2, 2]}, [2, 5, None]),
        ("coalesce(age, ecog)", {"age": [1, None], "ecog": [2, 2]}, [1, 2]),
        ("abs(age - 3)", {"age": [1, 5]}, [2, 2]),
        ("round(age / 8, 0)", {"age": [4, 12, 20, 3, None]}, [1.0, 2.0, 3.0, 0.0, None]),  # halves away from zero
        ("round(-age / 8, 0)", {"age": [4, 12, 20, 3]}, [-1.0, -2.0, -3.0, 0.0]),
        ("round(age / 1000, 2)", {"age": [285, 1005, 2675, 284]}, [0.29, 1.01, 2.68, 0.28]),  # as on paper
        ("round(age / ecog, 1)", {"age": [1, 1], "ecog": [3, 0]}, [0.3, None]),
        ("round(age / 10, 1) == 24.9", {"age": [249, 250]}, [True, False]),
        ("age / 10 <= 0.3", {"age": [3, 4]}, [True, False]),
        ("years(death - start) >= 4", {"start": [DAY(2020, 1, 1)] * 2, "death": [DAY(2024, 1, 1), None]}, [True, None]),
        ("round(age, 0)", {"age": [-3, 0, 7]}, [-3.0, 0.0, 7.0]),
    ],
)
def test_an_expression_answers(text: str, columns: dict[str, list[object]], expected: list[object]) -> None:
    assert answers(text, **columns) == expected


KLEENE = [True, False, None]


@pytest.mark.parametrize("a", KLEENE)
@pytest.mark.parametrize("b", KLEENE)
def test_and_or_follow_kleene(a: bool | None, b: bool | None) -> None:
    both = False if False in (a, b) else (None if None in (a, b) else True)
    either = True if True in (a, b) else (None if None in (a, b) else False)
    assert answers("smoker and recur", smoker=[a], recur=[b]) == [both]
    assert answers("smoker or recur", smoker=[a], recur=[b]) == [either]


def test_a_held_cell_is_neither_missing_nor_there() -> None:
    columns = {"age": [None, None, 3], "held:age": [True, False, False]}
    assert answers("age is missing", **columns) == [None, True, False]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("age = 3", 4, "use == to compare"),
        ("agee > 3", 0, "did you mean age?"),
        ("sex > 3", 4, "cannot compare or combine text with number"),
        ("sex < 'f'", 0, "expected numbers, dates or durations"),
        ("age >", 5, "the expression ends here"),
        ("(age > 3", 8, "expected ')'"),
        ("sex == 'f", 7, "unclosed quotation mark"),
        ("age and smoker", 0, "expected a condition before and"),
        ("start - 3", 6, "cannot calculate date - number"),
        ("death - start > 30", 14, "write a duration as 30 days"),
        ("start > 2020-02-30", 8, "a day that exists"),
        ("age in (ecog)", 8, "expected a value"),
        ("age + 1 is missing", 0, "expected a column before is missing"),
        ("rund(age)", 0, "expected one of"),
        ("round(age)", 0, "how many decimals"),
        ("round(age, 10)", 0, "how many decimals"),
        ("round(age, -1)", 0, "how many decimals"),
        ("round(age, 1.0)", 0, "how many decimals"),
        ("round(age, true)", 0, "how many decimals"),
        ("round(age, '1')", 0, "how many decimals"),
        ("round(age, 1 day)", 0, "how many decimals"),
        ("round(age, ecog)", 0, "how many decimals"),
        ("round(age, 1, 2)", 0, "how many decimals"),
        ("round(sex, 1)", 0, "found a text"),
        ("round(death - start, 1)", 0, "found a duration"),
        ("age.real", 3, "found '.'"),
        ("__import__('os')", 0, "expected one of"),
        ("age > 3 age", 8, "expected the end or an operator"),
        ("(" * 40 + "age" + ")" * 40, 30, "nested more than 30 deep"),
        ("not " * 40 + "smoker", 120, "nested more than 30 deep"),
        ("", 0, "the expression ends here"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, COLUMNS)
    assert message in str(caught.value)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age >= 18 and ecog in (0, 1)", "age is at least 18 and ecog is one of 0, 1"),
        ("death is not missing", "not (death is missing)"),
        ("death - start >= 30 days", "death minus start is at least 30 days"),
        ("age > 3 and (smoker or recur)", "age is above 3 and (smoker or recur)"),
        ("age if recur else ecog", "age if recur, else ecog"),
        ("round(age / 3, 1) > 2", "age divided by 3, rounded to 1 decimal is above 2"),
        ("round(age, 0) > 2", "age, rounded to 0 decimals is above 2"),
    ],
)
def test_an_expression_is_worded(text: str, words: str) -> None:
    assert in_words(parse_expression(text, COLUMNS)) == words


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.integers(-(10**9), 10**9), st.integers(0, 3), st.integers(0, 4))
def test_rounding_is_that_of_decimals_on_paper(number: int, digits: int, shift: int) -> None:
    written = Decimal(number).scaleb(-digits - shift)
    expected = written.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    found = answers(f"round(age / {10 ** (digits + shift)}, {digits})", age=[number, number])
    assert found == [float(expected)] * 2


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(alphabet="age smokrndti()<>=!+-*/0123456789.,'\"é\n", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        node = parse_expression(text, COLUMNS)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
    else:
        assert in_words(node)
