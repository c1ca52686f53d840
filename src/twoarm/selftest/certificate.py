"""Run the known answers with the installed kernels, and say what came out: a certificate as text and as JSON."""

from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from twoarm.selftest import comparisons, curves, regressions
from twoarm.selftest.known_answers import REQUIRED_DIGITS, KnownAnswer, KnownSample, read_known_answers
from twoarm.version import __version__

MOST_DIGITS = 15.0  # a float holds between 15 and 17
PACKAGES = ("numpy", "scipy")

Calculation = Callable[[Mapping[str, Any]], Iterator[tuple[str, float]]]

CALCULATIONS: dict[str, Calculation] = {
    "six_rows": regressions.six_rows,
    "late_entries": regressions.late_entries,
    "weighted_rows": regressions.weighted_rows,
    "freireich": curves.freireich,
    "aml": curves.aml,
    "flat_half": curves.flat_half,
    "half_missed_by_rounding": curves.half_missed_by_rounding,
    "late_entry": curves.late_entry,
    "entry_at_an_event": curves.entry_at_an_event,
    "time_zero": curves.time_zero,
    "float_ties": regressions.float_ties,
    "separated": regressions.separated,
    "separated_level": regressions.separated_level,
    "firth_logistic": regressions.firth_logistic,
    "endometrial": regressions.endometrial,
    "competing": curves.competing,
    "pairs": regressions.pairs,
    "untied": regressions.untied,
    "ovarian": regressions.ovarian,
    "two_by_two": comparisons.two_by_two,
    "two_samples": comparisons.two_samples,
    "proportions": comparisons.proportions,
    "rubin": comparisons.rubin,
    "bcg": comparisons.bcg,
    "e_values": comparisons.e_values,
    "standard_deviations": comparisons.standard_deviations,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One quantity: expected, found, digits of agreement."""

    sample: str
    answer: KnownAnswer
    found: float | None  # None where the calculation failed; NaN where it is not estimable
    digits: float
    passed: bool
    failure: str  # why nothing was found

    @property
    def required(self) -> str:
        """What is asked of this quantity, in words."""
        needed, printed = REQUIRED_DIGITS[self.answer.kind], self.answer.printed_digits
        if self.answer.kind == "exact" or math.isnan(self.answer.value):
            return "exact"
        return f"all {printed} printed" if printed is not None and printed <= needed else f"{needed}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a machine's installation answered, and when."""

    date: str
    versions: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]
    samples: tuple[KnownSample, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """Quantities that miss what is required."""
        return tuple(check for check in self.checks if not check.passed)


def run_selftest(*, date: str) -> Certificate:
    """Calculate every known answer on this machine.

    A calculation that raises fails the quantities that it had not answered, and no other.
    """
    samples = read_known_answers()
    checks = tuple(check for sample in samples for check in _check_sample(sample))
    return Certificate(date=date, versions=_versions(), checks=checks, samples=samples)


def _check_sample(sample: KnownSample) -> Iterator[Check]:
    found: dict[str, float] = {}
    failure = "not calculated"
    try:
        for name, value in CALCULATIONS[sample.name](sample.columns):
            found[name] = value
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    for answer in sample.answers:
        if answer.name not in found:
            yield Check(sample.name, answer, None, 0.0, False, failure)
        else:
            value = found.pop(answer.name)
            yield Check(sample.name, answer, value, agreement(value, answer.value), _passes(value, answer), "")
    assert not found, f"every quantity that is calculated has a known answer; {sample.name}: {', '.join(found)}"


def agreement(found: float, expected: float) -> float:
    """Return the digits of agreement min(15, -log10(|c - t| / |t|)), not below 0; -log10 |c| where t is 0.

    Source: the LRE of the NIST Statistical Reference Datasets.

    >>> agreement(1.001, 1.0).__round__(3)
    3.0
    """
    if math.isnan(found) or math.isnan(expected):
        return MOST_DIGITS if math.isnan(found) and math.isnan(expected) else 0.0
    gap = abs(found - expected) / (abs(expected) if expected else 1.0)
    return MOST_DIGITS if gap == 0 else min(MOST_DIGITS, max(0.0, -math.log10(gap)))


def _passes(found: float, answer: KnownAnswer) -> bool:
    if answer.kind == "exact" or math.isnan(answer.value) or math.isnan(found):
        return found == answer.value or (math.isnan(found) and math.isnan(answer.value))
    printed, required = answer.printed_digits, REQUIRED_DIGITS[answer.kind]
    if printed is not None and 0 < printed <= required:
        unit = Decimal(1).scaleb(int(Decimal(answer.expected).as_tuple().exponent))
        return abs(Decimal(found) - Decimal(answer.expected)) <= unit / 2
    return agreement(found, answer.value) >= required


def _versions() -> tuple[tuple[str, str], ...]:
    versions = [
        ("twoarm", __version__),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("platform", f"{sys.platform} {platform.machine()}, {platform.system()} {platform.release()}"),
    ]
    for package in PACKAGES:
        try:
            versions.append((package, version(package)))
        except PackageNotFoundError:
            versions.append((package, "unknown"))
    return tuple(versions)


def failure_line(check: Check) -> str:
    """Return one line on a quantity that misses what is required."""
    place = f"{check.sample}.{check.answer.name}"
    if check.found is None:
        return f"{place}: nothing found ({check.failure})"
    return (
        f"{place}: found {_number(check.found)}, expected {check.answer.expected}, "
        f"{check.digits:.1f} digits, required {check.required}"
    )


def verdict(certificate: Certificate) -> str:
    """Return the result in one line."""
    total, failed = len(certificate.checks), len(certificate.failures)
    return f"{total} quantities, all as required." if not failed else f"{total} quantities, {failed} FAILED."


def certificate_text(certificate: Certificate) -> str:
    """Return the certificate for people."""
    lines = ["twoarm self-test: known answers on this machine", "", f"date      {certificate.date}"]
    lines += [f"{name:<9} {found}" for name, found in certificate.versions]
    lines += ["", f"Result: {verdict(certificate)}"]
    lines += [f"  {failure_line(check)}" for check in certificate.failures]
    lines += [
        "",
        "Digits are min(15, -log10(|found - expected| / |expected|)). Required: " + _required_in_words() + ".",
        "Where a constant is printed with no more digits than that, all printed digits are required.",
    ]
    for sample in certificate.samples:
        lines += ["", f"{sample.name}: {sample.about}", f"  {sample.source}"]
        lines.append(f"  {'quantity':<36}{'expected':>22}{'found':>24}{'digits':>8}{'required':>16}")
        lines += [_row(check) for check in certificate.checks if check.sample == sample.name]
    sources = sorted({check.answer.source for check in certificate.checks})
    return "\n".join(
        [*lines, "", "Origins of the constants (per quantity in the JSON):", *(f"  {s}" for s in sources), ""]
    )


def _required_in_words() -> str:
    words = {"std_error": "standard error", "survival": "survival, incidence and mean", "p_value": "p-value"}
    return (
        ", ".join(f"{words.get(kind, kind)} {digits}" for kind, digits in REQUIRED_DIGITS.items() if kind != "exact")
        + ", counts and medians exact"
    )


def _row(check: Check) -> str:
    found = "-" if check.found is None else _number(check.found)
    mark = "" if check.passed else "  FAILED"
    return (
        f"  {check.answer.name:<36}{check.answer.expected:>22}{found:>24}{check.digits:>8.1f}{check.required:>16}{mark}"
    )


def _number(value: float) -> str:
    return "not estimable" if math.isnan(value) else f"{value:.15g}"


def certificate_json(certificate: Certificate) -> str:
    """Return the certificate for machines; what is not estimable is null."""
    about = {sample.name: {"about": sample.about, "source": sample.source} for sample in certificate.samples}
    content = {
        "date": certificate.date,
        "versions": dict(certificate.versions),
        "passed": not certificate.failures,
        "quantities": len(certificate.checks),
        "failed": len(certificate.failures),
        "samples": about,
        "checks": [
            {
                "sample": check.sample,
                "quantity": check.answer.name,
                "kind": check.answer.kind,
                "expected": check.answer.expected,
                "found": None if check.found is None or not math.isfinite(check.found) else check.found,
                "digits": round(check.digits, 2),
                "required": check.required,
                "passed": check.passed,
                "failure": check.failure,
                "origin": check.answer.source,
            }
            for check in certificate.checks
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
