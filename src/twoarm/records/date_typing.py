"""Cells -> calendar days: declared formats, serial numbers, partial days; what is no day is held or refused."""

from __future__ import annotations

import datetime

import polars as pl

from twoarm.protocol.column import DateColumn
from twoarm.protocol.date_format import EXCEL, date_pattern, full_year, two_digits
from twoarm.records.cell_text import no_such_day
from twoarm.records.typed_column import PARTIAL, CellRule, Sorting, TypedColumn, matching, nowhere

PLACEHOLDERS = [
    datetime.date(9999, 12, 31),
    datetime.date(1900, 1, 1),
    datetime.date(1970, 1, 1),
    datetime.date(1899, 12, 30),
]
_TIME = r"^(.*[0-9]日?)[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AaPp][Mm])?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?$"
_SERIAL = r"^[0-9]{1,3}(\.0*)?$|^[0-9]{5}(\.[0-9]+)?$"
_UNKNOWN = r"(?:UN|UNK|XX|NK|\?\?|--|__)"
_YEAR = rf"^(?:{_UNKNOWN}[-/. ]{_UNKNOWN}[-/. ])?([0-9]{{4}})(?:年|[-/. ]{_UNKNOWN}(?:[-/. ]{_UNKNOWN})?)?$"
_MONTHS = (
    rf"^([0-9]{{4}})[-/.年]([0-9]{{1,2}})(?:月|[-/. ]{_UNKNOWN})?$",
    rf"^(?:{_UNKNOWN}[-/. ])?([0-9]{{1,2}})[-/.]([0-9]{{4}})$",
)
_OTHER_CALENDAR = (
    r"^(民国|民國|令和|平成|昭和|大正|明治|[RHSrhs])\.? ?[0-9]{1,3}[-/.年]"
    r"|^1[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?$"
)
_DIGITS = r"^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}$"
_ORDER = r"^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}$"
_WESTERN = "write years of the western calendar; years of another are not converted"
_BUDDHIST = (2400, 2700)


def type_dates(raw: pl.Series, text: pl.Series, declared: DateColumn, fake: pl.Series, epoch_1904: bool) -> TypedColumn:
    """Return a column of days.

    Args:
        raw: cells as they came.
        text: the same as text, missing ones null.
        declared: formats and what becomes of partial days.
        fake: where a workbook has a serial number that is no day (0, 1, and 60, its 29 February 1900).
        epoch_1904: whether a workbook counts days from 1904.
    """
    if raw.dtype == pl.Date or isinstance(raw.dtype, pl.Datetime):
        values, sorting = _typed(raw, text)
    else:
        values, sorting = _written(text, declared, epoch_1904)
    if fake.any():
        values = values.set(fake, None)
        rules = {name: _without(rule, fake) for name, rule in sorting.rules.items()}
        sorting.rules = {name: rule for name, rule in rules.items() if rule.cells.any()}
        sorting.say("no_such_day", fake | _cells(sorting, "no_such_day"), "dates that do not exist", "held")
    year = pl.first().dt.year()
    buddhist, stands = (year >= _BUDDHIST[0]) & (year < _BUDDHIST[1]), pl.first().is_in(PLACEHOLDERS)
    strange = values.to_frame().select(buddhist=buddhist.fill_null(False), stands=stands.fill_null(False))
    if strange["buddhist"].any():
        cells = strange["buddhist"] | _cells(sorting, "other_calendar")
        sorting.say("other_calendar", cells, _OTHER, "refused", _WESTERN)
        values = values.set(strange["buddhist"], None)
    if declared.placeholders == "missing" and strange["stands"].any():
        what = "days that stand for no date (the first or last of a calendar)"
        remedy = 'counted as missing; placeholders = "keep" if they are real'
        sorting.say("placeholder", strange["stands"], what, "warned", remedy)
        values = values.set(strange["stands"], None)
    return TypedColumn(values, sorting.rules)


_OTHER = "dates that look like those of another calendar (ROC, Buddhist, an era)"


def _without(rule: CellRule, cells: pl.Series) -> CellRule:
    return CellRule(rule.what, rule.cells & ~cells, rule.outcome, rule.remedy)


def _cells(sorting: Sorting, rule: str) -> pl.Series:
    return sorting.rules[rule].cells if rule in sorting.rules else nowhere(len(sorting.left))


def _typed(raw: pl.Series, text: pl.Series) -> tuple[pl.Series, Sorting]:
    absent = no_such_day(raw)
    raw = raw.set(absent, None)
    zoned = isinstance(raw.dtype, pl.Datetime) and raw.dtype.time_zone is not None
    local = raw.dt.replace_time_zone(None) if zoned else raw  # the calendar day as written
    days, sorting = local.cast(pl.Date), Sorting(text)
    if raw.dtype != pl.Date:
        _say_time(sorting, (local != days.cast(local.dtype)).fill_null(False))
    sorting.say("no_such_day", absent, "dates that do not exist", "held")
    return days.set(text.is_null(), None), sorting


def _say_time(sorting: Sorting, timed: pl.Series) -> None:
    sorting.say("time_of_day", timed, "dates with a time of day", "normalised", "the calendar day as written")
    sorting.say("time_dropped", timed, "dates whose time of day is not used", "warned", "is the column the right one?")


def _written(text: pl.Series, declared: DateColumn, epoch_1904: bool) -> tuple[pl.Series, Sorting]:
    sorting = Sorting(text)
    days = pl.Series([None], dtype=pl.Date).new_from_index(0, len(text))
    absent = nowhere(len(text))
    for position, form in enumerate(declared.formats):
        days, absent = _by_format(sorting, days, absent, form, position, declared, epoch_1904)
        if sorting.done:
            break
    timed = nowhere(len(text)) if sorting.done else matching(sorting.left, _TIME)
    if timed.any():
        before = sorting.left
        stripped = sorting.left.set(~timed, None).str.replace(_TIME, "${1}")
        again, rest = _written(stripped, declared, epoch_1904)
        read = again.is_not_null()
        days = pl.select(pl.coalesce(days, again)).to_series()
        absent = absent | _cells(rest, "no_such_day")
        sorting.left = before.set(read | _cells(rest, "no_such_day"), None)
        _say_time(sorting, read)
    sorting.say("no_such_day", absent, "dates that do not exist", "held")
    if not sorting.done:
        days = _partial(sorting, days, declared)
        _say_unread(sorting, declared)
    return days, sorting


def _by_format(
    sorting: Sorting,
    days: pl.Series,
    absent: pl.Series,
    form: str,
    position: int,
    declared: DateColumn,
    epoch_1904: bool,
) -> tuple[pl.Series, pl.Series]:
    """Read what one format can read of the cells that are left."""
    if form == EXCEL:
        fits = matching(sorting.left, _SERIAL)
        found, timed = _serials(sorting.left.set(~fits, None), epoch_1904)
        _say_time(sorting, timed & found.is_not_null())
        what, remedy = "serial numbers of a spreadsheet", "read as days, as excel is among the formats"
        sorting.say("serial_number", found.is_not_null(), what, "normalised", remedy)
    else:
        fits = matching(sorting.left, date_pattern(form))
        found = _parsed(sorting.left.set(~fits, None), form, declared.pivot)
        if position:
            what = f"dates in another declared format ({form})"
            sorting.say(f"format_{position + 1}", found.is_not_null(), what, "normalised", "read by that format")
    read = found.is_not_null()
    days = found if position == 0 else pl.select(pl.coalesce(days, found)).to_series()
    sorting.take(fits)
    return days, absent | (fits & ~read)


def _parsed(text: pl.Series, form: str, pivot: int | None) -> pl.Series:
    if not two_digits(form):
        directives = form.replace("YYYY", "%Y").replace("MM", "%m").replace("DD", "%d")
        return text.str.to_date(directives, strict=False)
    parts = text.str.extract_groups(date_pattern(form)).struct.unnest()
    years = {f"{year:02d}": str(full_year(year, pivot)) for year in range(100)}
    year = parts["y"].replace_strict(years, default=None, return_dtype=pl.String)
    return (year + "-" + parts["m"] + "-" + parts["d"]).str.to_date("%Y-%m-%d", strict=False)


def _serials(text: pl.Series, epoch_1904: bool) -> tuple[pl.Series, pl.Series]:
    """Return days and where a serial number has a time of day; 0, 1 and 60 are no days."""
    number = text.cast(pl.Float64, strict=False)
    whole = number.floor().cast(pl.Int64, strict=False)
    timed = (number != whole).fill_null(False)
    zero = datetime.date(1904, 1, 1) if epoch_1904 else datetime.date(1899, 12, 30)
    since_1970 = whole + (zero - datetime.date(1970, 1, 1)).days
    if not epoch_1904:
        since_1970 = since_1970 + (whole < 60).cast(pl.Int64)  # Excel counts a 29 February 1900
    fake = whole.is_in([0, 1] if epoch_1904 else [0, 1, 60]).fill_null(False)
    return since_1970.set(fake, None).cast(pl.Int32).cast(pl.Date), timed


def _partial(sorting: Sorting, days: pl.Series, declared: DateColumn) -> pl.Series:
    """A month or a year alone: held, or a day of it by the declared rule."""
    year = sorting.left.str.extract(_YEAR, 1)
    month = sorting.left.str.extract(_MONTHS[0], 2)
    turned = sorting.left.str.extract(_MONTHS[1], 1)
    month_year = pl.select(
        pl.coalesce(sorting.left.str.extract(_MONTHS[0], 1), sorting.left.str.extract(_MONTHS[1], 2))
    ).to_series()
    month = pl.select(pl.coalesce(month, turned)).to_series()
    partial = year.is_not_null() | month.is_not_null()
    if not partial.any():
        return days
    if declared.partial == "hold":
        remedy = 'held: counts as unknown; or declare partial = "first", "middle" or "last"'
        sorting.say(PARTIAL, partial, "dates without a day or a month", "held", remedy)
        sorting.take(partial)
        return days
    of_year = {"first": "-01-01", "middle": "-07-01", "last": "-12-31"}[declared.partial]
    day = {"first": "-01", "middle": "-15", "last": "-01"}[declared.partial]
    by_month = (month_year + "-" + month + day).str.to_date("%Y-%m-%d", strict=False)
    if declared.partial == "last":
        by_month = by_month.dt.month_end()
    found = pl.select(pl.coalesce((year + of_year).str.to_date("%Y-%m-%d", strict=False), by_month)).to_series()
    absent = partial & found.is_null()
    sorting.say("no_such_day", absent | _cells(sorting, "no_such_day"), "dates that do not exist", "held")
    remedy = f'imputed: the {declared.partial} day of the month or year (partial = "{declared.partial}")'
    sorting.say(PARTIAL, found.is_not_null(), "dates without a day or a month", "normalised", remedy)
    sorting.take(partial)
    return pl.select(pl.coalesce(days, found)).to_series()


def _say_unread(sorting: Sorting, declared: DateColumn) -> None:
    """Say what cells look like that no declared format reads, and how to declare them."""
    formats = " or ".join(declared.formats)
    sorting.rule("other_calendar", _OTHER_CALENDAR, _OTHER, "refused", _WESTERN)
    if EXCEL not in declared.formats:
        remedy = 'declare them: "excel" among the formats of the column'
        sorting.rule(
            "undeclared_serial", r"^[0-9]{5}(\.[0-9]+)?$", "cells that look like serial numbers of days", None, remedy
        )
    if not any(two_digits(form) for form in declared.formats):
        remedy = "declare them: a format with YY, and pivot"
        sorting.rule("undeclared_century", _DIGITS, "dates whose year has two digits", None, remedy)
    remedy = "declare which: a format such as DD/MM/YYYY or MM/DD/YYYY"
    sorting.rule("undeclared_order", _ORDER, f"dates that are not {formats}, day or month first", None, remedy)
    sorting.rule("not_a_date", "", f"cells that are not a date {formats}")
