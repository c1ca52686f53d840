"""Bad protocols: all problems at once, each with file:line:column, what was found, what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_study import PROTOCOL
from twoarm.errors import ProtocolError
from twoarm.protocol.protocol import CONVENTIONS, Protocol
from twoarm.protocol.read import parse_protocol, protocol_schema, read_protocol

EXAMPLE = Path(__file__).parents[2] / "examples" / "rotterdam" / "study.toml"


def problems(old: str, new: str) -> list[str]:
    assert old in PROTOCOL
    with pytest.raises(ProtocolError) as caught:
        parse_protocol(PROTOCOL.replace(old, new, 1))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'time_unit = "months"',
            'time_unit = "month"',
            'study.toml:3:13  time_unit  found "month"; expected one of days, weeks, months, years (did you mean months?)',
        ),
        ("format_version = 1", "format_version = 2", "study.toml:1:18  format_version  found 2; expected 1"),
        (
            'age = "integer"',
            'age = "integr"',
            'study.toml:12:7  data.patients.columns.age  found "integr"; '
            "expected one of text, category, integer, number, boolean, date (did you mean integer?)",
        ),
        (
            'column = "arm"',
            'column = "army"',
            'study.toml:21:10  populations.study.arms.column  found "army"; expected a declared column (did you mean arm?)',
        ),
        (
            "age >= 18",
            "agee >= 18",
            "study.toml:27:12  populations.study.criteria.0.include  found column 'agee'; "
            "expected a declared column (did you mean age?)",
        ),
        (
            "age >= 18",
            "age + 18",
            "study.toml:27:11  populations.study.criteria.0.include  found a number; expected a condition",
        ),
        (
            'event = "died"',
            'event = "days"',
            'study.toml:36:9  endpoints.os.event  found "days", a number column; expected a boolean column',
        ),
        (
            'kind = "matching"',
            'kind = "matched"',
            'study.toml:39:8  adjustments.matched.kind  found "matched"; '
            "expected one of unadjusted, multivariable, matching, weighting (did you mean matching?)",
        ),
        (
            'kind = "matching"',
            'kind = "matching"\nordr = "closest"',
            "study.toml:40:1  adjustments.matched.ordr  unknown key; expected one of bootstrap, caliper, covariates, estimand, "
            "exact, focal, kind, label, method, naive_variance, order, order_column, primary, ratio, replacement, scale (did "
            "you mean order?)",
        ),
        (
            'kind = "matching"',
            'kind = "matching"\norder = "random"',
            'study.toml:40:9  adjustments.matched.order  found "random"; expected a seed at the top of the protocol with it',
        ),
        (
            'kind = "matching"',
            'kind = "matching"\nestimand = "ATC"',
            "study.toml:38:14  adjustments.matched  estimand ATC does not follow from the focal arm, which gives ATT",
        ),
        (
            'file = "patients.csv"',
            'file = "../patients.csv"',
            "study.toml:6:8  data.patients.file  expected a relative path below the protocol's folder",
        ),
        (
            'id = "text"',
            'id = "integer"',
            "study.toml:10:6  data.patients.columns.id  a patient key of type integer; expected text (00123 is not 123)",
        ),
        (
            'labels = ["Female", "Male"]',
            'labels = ["Female"]',
            "study.toml:31:7  covariates.sex  expected 2 different labels, one a level",
        ),
        (
            'treated = { value = "new"',
            "treated = { value = 1",
            "study.toml:22:21  populations.study.arms.treated.value  found 1; expected a text, as arm holds",
        ),
        ('label = "Everybody"', "", "study.toml:17:14  populations.study  label is missing; expected label"),
        (
            "[endpoints.os]",
            "[endpoints.os]\nprimary = 1",
            "study.toml:34:11  endpoints.os.primary  found 1; expected true or false",
        ),
        ('title = "A small study"', "title = ", "study.toml:2:9  Invalid value; expected TOML"),
    ],
)
def test_a_mistake_has_place_and_remedy(old: str, new: str, message: str) -> None:
    assert message in problems(old, new)


def test_all_problems_come_at_once_in_order() -> None:
    text = PROTOCOL
    for old, new in (("months", "month"), ("age >= 18", "agge >= 18"), ('"matching"', '"match"'), ('"died"', '"dyed"')):
        text = text.replace(old, new, 1)
    with pytest.raises(ProtocolError) as caught:
        parse_protocol(text)
    lines = [int(problem.where.split(":")[1]) for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert len(lines) == 4


def test_two_endpoints_need_one_primary() -> None:
    more = '\n[endpoints.again]\nlabel = "Again"\ntime = "days"\nevent = "died"\n'
    with pytest.raises(ProtocolError, match="found 0 primary endpoints"):
        parse_protocol(PROTOCOL + more)


def test_dates_need_a_start() -> None:
    text = PROTOCOL.replace('days = "integer"', 'days = "date"').replace(
        'time = "days"\nevent = "died"', 'events = ["days"]\ncensoring = ["days"]'
    )
    with pytest.raises(ProtocolError, match="no date to start from; expected start here, or time_zero"):
        parse_protocol(text)


def test_a_file_that_is_no_protocol(tmp_path: Path) -> None:
    for content, message in ((b"\xff\xfe", "not UTF-8"), (b"x" * 1_000_001, "expected at most"), (b"", "is missing")):
        path = tmp_path / "study.toml"
        path.write_bytes(content)
        with pytest.raises(ProtocolError, match=message):
            read_protocol(path)
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_protocol(tmp_path / "none.toml")


def test_defaults_are_filled_in_and_the_protocol_is_frozen() -> None:
    protocol = read_protocol(EXAMPLE)
    (population,) = protocol.plan()
    assert list(population.adjustments) == ["unadjusted", "multivariable", "matched"]
    assert protocol.primary_endpoint == "os"
    assert protocol.primary_adjustment == "matched"
    assert protocol.conventions == CONVENTIONS[None]
    with pytest.raises(Exception, match="frozen"):
        protocol.title = "another"  # type: ignore[misc]


def test_a_stated_option_wins_over_the_dialect() -> None:
    text = PROTOCOL.replace('time_unit = "months"', 'dialect = "sas"') + '\n[analyses.survival]\ninterval = "plain"\n'
    conventions = parse_protocol(text).conventions
    assert (conventions.interval, conventions.flat_end, conventions.ties) == ("plain", "not_estimable", "breslow")


def test_the_schema_describes_the_example() -> None:
    schema = protocol_schema()
    assert set(schema["required"]) == {"format_version", "title", "data", "populations", "covariates", "endpoints"}
    assert set(schema["properties"]) == set(Protocol.model_fields)


def test_a_protocol_survives_json() -> None:
    protocol = read_protocol(EXAMPLE)
    assert Protocol.model_validate_json(protocol.model_dump_json(), strict=False) == protocol
