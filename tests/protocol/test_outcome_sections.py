"""Response, safety, prognostic factors and imputation: what cannot be meant, with its exact place."""

from __future__ import annotations

import pytest

from spec_outcomes import PROTOCOL
from twoarm.errors import ProtocolError
from twoarm.protocol.read import parse_protocol

MORE = """
[prognostic]
arm = "treated"
screening = { p_below = 0.1 }

[missing.imputed]
kind = "multiple_imputation"
imputations = 5
"""
TEXT = PROTOCOL.replace("format_version = 1", "format_version = 1\nseed = 1") + MORE
VERSION = 'ctcae_version = "5.0"'


def problems(old: str, new: str) -> list[str]:
    """Return the problems as "place  found; expected", place without the file's name."""
    assert TEXT.count(old) >= 1, f"{old!r} stands in the protocol that a test changes"
    with pytest.raises(ProtocolError) as caught:
        parse_protocol(TEXT.replace(old, new, 1))
    return [str(problem).removeprefix("study.toml:") for problem in caught.value.problems]


def test_the_protocol_that_is_changed_is_valid() -> None:
    assert parse_protocol(TEXT).response is not None


@pytest.mark.parametrize(
    ("old", "new", "pointed", "message"),
    [
        ('table = "visits"', 'table = "visit"', '"visit"', 'response.table  found "visit"; expected one of the events tables: adverse, visits (did you mean visits?)'),
        ('date = "day"', 'date = "dya"', '"dya"', 'response.date  found "dya"; expected a declared column (did you mean day?)'),
        ('date = "day"', 'date = "response"', '"response"', 'response.date  found "response", a text column; expected a date column'),
        ('response = "response"', 'response = "respons"', '"respons"', 'response.response  found "respons"; expected a declared column (did you mean response?)'),
        ('death = "death"', 'death = "day"', '"day"', 'response.death  found "day"; expected a declared column'),
        ('death = "death"', 'death = "arm"', '"arm"', 'response.death  found "arm", a text column; expected a date column'),
        ('death = "death"', 'progresion = "death"', 'progresion = "', 'response.progresion  unknown key; expected one of'),
        ('death = "death"', 'confirmation = "yes"', '"yes"', 'response.confirmation  found "yes"; expected one of not_required, required, both'),
        ('death = "death"', 'confirmation_days = 0', '0', 'response.confirmation_days  found 0; expected greater than or equal to 1'),
        ('death = "death"', 'stable_disease_days = -1', '-1', 'response.stable_disease_days  found -1; expected'),
        ('death = "death"', 'denominator = "evaluble"', '"evaluble"', 'response.denominator  found "evaluble"; expected one of all, evaluable (did you mean evaluable?)'),
        ('NE = "NE"', 'NE = "na"', '{ type = "cate', 'events.visits.columns.response  codes na; expected type category with a map to CR, PR, SD, PD and NE'),
        ('response = { type = "category", map = { CR = "CR", PR = "PR", SD = "SD", PD = "PD", NE = "NE" } }', 'response = "text"', '"text"', 'events.visits.columns.response  a text column without a code map'),
        ('file = "visits.csv"', 'files = [{ file = "v.csv", columns = { response = { map = { "1" = "cr" } } } }]', '{ "1" = "cr" }', 'events.visits.files.0.columns.response.map  codes cr; expected CR, PR, SD, PD and NE'),
        ('time_zero = "start"', '', 'study]', 'populations.study  response without a time zero; expected time_zero here'),
        ('time_zero = "start"', '', 'study]', 'populations.study  safety without a time zero; expected time_zero here'),
        ('table = "adverse"', 'table = "visits"', '"term"', 'safety.term  found "term"; expected a declared column'),
        ('term = "term"', 'term = "trem"', '"trem"', 'safety.term  found "trem"; expected a declared column (did you mean term?)'),
        ('grade = "integer"', 'grade = "number"', '"number"', 'events.adverse.columns.grade  grades of type number; expected integer'),
        ('grade = "integer"', 'grade = "text"', '"grade"', 'safety.grade  found "grade", a text column; expected a number column'),
        ('grade = "integer"', 'grade = { type = "integer", minimum = 7 }', '{ type = "inte', 'events.adverse.columns.grade  a range without any grade from 1 to 5'),
        ('grade = "integer"', 'grade = { type = "integer", maximum = 0 }', '{ type = "inte', 'events.adverse.columns.grade  a range without any grade from 1 to 5'),
        ('ctcae_version = "5.0"', '', 'safety]', 'safety  ctcae_version is missing; expected ctcae_version'),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nfirst_day = 2\nlast_day = 1', 'safety]', 'safety  last_day is before first_day'),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R", where = "grad > 2" }]', 'grad > 2" }]', "safety.rows.0.where  found column 'grad'; expected a declared column (did you mean grade?)"),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R", where = "start > onset" }]', 'start > onset"', "safety.rows.0.where  found column 'start'; expected a declared column"),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R", where = "grade + 1" }]', '"grade + 1" }]', 'safety.rows.0.where  found a number; expected a condition'),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R", minimum_grade = 4, maximum_grade = 3 }]', '{ label = "R",', 'safety.rows.0  minimum_grade is above maximum_grade'),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R", maximum_grade = 6 }]', '6 }]', 'safety.rows.0.maximum_grade  found 6; expected less than or equal to 5'),
        ('ctcae_version = "5.0"', 'ctcae_version = "5.0"\nrows = [{ label = "R" }, { label = "r" }]', 'safety]', 'safety  rows: two rows have the same label'),
        ('arm = "treated"', 'arm = "treatd"', '"treatd"', 'prognostic.arm  found "treatd"; expected one of all, treated, comparator (did you mean treated?)'),
        ('arm = "treated"', 'covariates = ["arm_agian"]', '"arm_agian"]', 'prognostic.covariates.0  found "arm_agian"; expected one of the covariates: arm_again (did you mean arm_again?)'),
        ('arm = "treated"', 'covariates = []', '[]', 'prognostic.covariates'),
        ('arm = "treated"', 'endpoints = ["oss"]', '"oss"]', 'prognostic.endpoints.0  found "oss"; expected one of the endpoints: os (did you mean os?)'),
        ('p_below = 0.1', 'p_below = 1.0', '1.0 }', 'prognostic.screening.p_below  found 1.0; expected less than 1'),
        ('seed = 1', '', 'imputed]', 'missing.imputed  draws without a seed; expected a seed at the top of the protocol'),
        ('imputations = 5', 'imputations = 1', '1', 'missing.imputed.imputations  found 1; expected greater than or equal to 2'),
        ('imputations = 5', 'methods = { arm_agian = "logistic" }', '"logistic" }', 'missing.imputed.methods.arm_agian  found "arm_agian"; expected one of the covariates'),
        ('imputations = 5', 'methods = { arm_again = "logstic" }', '"logstic" }', 'missing.imputed.methods.arm_again  found "logstic"; expected one of pmm, logistic, polytomous, ordinal (did you mean logistic?)'),
        ('kind = "multiple_imputation"', 'kind = "multipel_imputation"', '"multipel_impu', 'missing.imputed.kind  found "multipel_imputation"; expected one of complete_case, multiple_imputation (did you mean multiple_imputation?)'),
        ('label = "Everybody"', 'label = "Everybody"\nanalyses = ["dialects"]', '"dialects"]', 'populations.study.analyses.0  found "dialects"; expected analyses.dialects with the packages to compare'),
        ('label = "Everybody"', 'label = "Everybody"\nanalyses = ["subgroups"]', '"subgroups"]', 'populations.study.analyses.0  found "subgroups"; expected a section [subgroups] that says how'),
    ],
)  # fmt: skip
def test_a_mistake_has_place_and_remedy(old: str, new: str, pointed: str, message: str) -> None:
    found = [problem.split("  ", 1) for problem in problems(old, new)]
    (place,) = [place for place, problem in found if problem.startswith(message)]
    line, column = (int(part) for part in place.split(":"))
    assert TEXT.replace(old, new, 1).split("\n")[line - 1][column - 1 :].startswith(pointed)


def test_what_stands_in_for_a_missing_name_is_no_second_problem() -> None:
    (problem,) = problems('file = "adverse.csv"\nkey = "id"', 'file = "adverse.csv"')
    assert problem.endswith("  events.adverse  key is missing; expected key")


def test_a_table_of_events_cannot_be_called_like_one_of_patients() -> None:
    text = TEXT.replace("[events.visits", "[events.patients").replace('table = "visits"', 'table = "patients"')
    with pytest.raises(
        ProtocolError, match=r"events\.patients  the name of a table of patients; expected another name"
    ):
        parse_protocol(text)
