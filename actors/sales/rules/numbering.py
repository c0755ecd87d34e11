"""The serial number of an invoice."""

from __future__ import annotations

import re

from actors.common.rules.calendar import FinancialYear

_ALLOWED = re.compile(r"[A-Za-z0-9/-]{1,16}", re.ASCII)
_SERIES = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


class NumberingError(ValueError):
    """A number the law does not allow."""


def invoice_number(series: str, year: FinancialYear, sequence: int) -> str:
    """The number of the `sequence`-th document of a series and year: `GV/2627/000123`.

    Rule 46(b), CGST Rules: consecutive, at most 16 letters, digits, `-` and `/`, unique for a financial
    year; more than one series is allowed. The form (series / year / six digits, from 1 again every 1 April)
    is our proposal.
    """
    if not _SERIES.fullmatch(series):
        raise NumberingError(f"series {series!r} has other characters than letters, digits and '-'")
    if sequence < 1:
        raise NumberingError(f"series {series}: numbers start at 1, not {sequence}")
    number = f"{series}/{year.short}/{sequence:06d}"
    if not is_lawful(number):
        raise NumberingError(f"{number!r} is longer than the 16 characters of rule 46(b)")
    return number


def is_lawful(number: str) -> bool:
    """Whether rule 46(b) allows the characters and the length."""
    return _ALLOWED.fullmatch(number) is not None
