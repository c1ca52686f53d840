"""Formats of dates: YYYY (or YY), MM and DD in any order, or the serial numbers of a spreadsheet."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from itertools import combinations

EXCEL = "excel"
_PART = re.compile(r"YYYY|YY|MM|DD")
_SAMPLES = [datetime.date(y, m, d) for y in (2001, 2011, 2012) for m in (1, 2, 11) for d in (3, 10, 12, 22)]


def is_format(text: str) -> bool:
    """Whether the text has a year, a month and a day once each, or is the word ``excel``.

    >>> is_format("DD.MM.YY"), is_format("MM/DD"), is_format("excel")
    (True, False, True)
    """
    return text == EXCEL or sorted(_PART.findall(text)) in (["DD", "MM", "YYYY"], ["DD", "MM", "YY"])


def two_digits(form: str) -> bool:
    """Whether years have two digits in this format."""
    return form != EXCEL and "YYYY" not in form


def date_pattern(form: str) -> str:
    """Return a regular expression with groups y, m and d; zeros may be left out where something stands between."""
    digits = "{2}" if re.search(r"(YY|MM|DD)(YY|MM|DD)", form.replace("YYYY", "YY")) else "{1,2}"
    pattern = re.escape(form)
    pattern = pattern.replace("YYYY", r"(?P<y>[0-9]{4})").replace("YY", r"(?P<y>[0-9]{2})")
    for part, group in (("MM", "m"), ("DD", "d")):
        pattern = pattern.replace(part, f"(?P<{group}>[0-9]{digits})")
    return f"^{pattern}$"


def conflicts(formats: Sequence[str], pivot: int | None) -> Iterator[tuple[str, str]]:
    """Yield pairs of formats that can read one cell as different days.

    >>> list(conflicts(["DD/MM/YYYY", "MM/DD/YYYY"], None))
    [('DD/MM/YYYY', 'MM/DD/YYYY')]
    """
    written = [form for form in formats if form != EXCEL]
    for first, second in combinations(written, 2):
        patterns = [re.compile(date_pattern(form)) for form in (first, second)]
        for form in (first, second):
            cells = [_written(form, day, wide) for day in _SAMPLES for wide in (True, False)]
            days = [{_read(pattern, cell, pivot) for pattern in patterns} - {None} for cell in cells]
            if any(len(found) > 1 for found in days):
                yield first, second
                break


def _written(form: str, day: datetime.date, wide: bool) -> str:
    text = form.replace("YYYY", f"{day.year:04d}").replace("YY", f"{day.year % 100:02d}")
    return text.replace("MM", f"{day.month:02d}" if wide else str(day.month)).replace(
        "DD", f"{day.day:02d}" if wide else str(day.day)
    )


def _read(pattern: re.Pattern[str], cell: str, pivot: int | None) -> datetime.date | None:
    found = pattern.match(cell)
    if found is None:
        return None
    year = int(found["y"])
    try:
        return datetime.date(full_year(year, pivot) if year < 100 else year, int(found["m"]), int(found["d"]))
    except ValueError:
        return None


def full_year(year: int, pivot: int | None) -> int:
    """Return a year of two digits in full: up to the pivot's last two digits in its century, else in the one before.

    >>> full_year(21, 2030), full_year(35, 2030)
    (2021, 1935)
    """
    if pivot is None:
        return 2000 + year
    century = pivot // 100 * 100
    return century + year - (100 if year > pivot % 100 else 0)
