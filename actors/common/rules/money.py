"""Rupees: rounding, the Indian grouping of digits, and amounts in words."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache

from babel.numbers import NumberPattern, parse_pattern

ZERO = Decimal("0.00")
PAISA = Decimal("0.01")
RUPEE = Decimal("1")

IN_SPREADSHEETS = "[>=10000000]##\\,##\\,##\\,##0.00;[>=100000]##\\,##\\,##0.00;##,##0.00"
"""The same grouping as a spreadsheet's number format; it has three parts, so negative amounts are grouped by three."""

_GROUPED: NumberPattern = parse_pattern("#,##,##0.00")
_CRORE, _LAKH, _THOUSAND, _HUNDRED = 1_00_00_000, 1_00_000, 1_000, 100


def to_paisa(amount: Decimal) -> Decimal:
    """The nearest paisa; a half goes up (away from zero)."""
    return amount.quantize(PAISA, ROUND_HALF_UP)


def down_to_paisa(amount: Decimal) -> Decimal:
    """The paisa below: for caps, which rounding must not exceed."""
    return amount.quantize(PAISA, ROUND_DOWN)


def to_rupee(amount: Decimal) -> Decimal:
    """The nearest whole rupee, still written with paise (9810.97 → 9811.00); a half goes up."""
    return amount.quantize(RUPEE, ROUND_HALF_UP).quantize(PAISA)


def grouped(amount: Decimal) -> str:
    """Thousands, then lakhs and crores: 1234567.89 → `12,34,567.89`."""
    return str(_GROUPED.apply(to_paisa(amount), "en_IN"))


def rupees(amount: Decimal) -> str:
    """With the rupee sign, the minus in front: `₹ 12,34,567.89`, `-₹ 0.25`."""
    amount = to_paisa(amount)
    return f"{'-' if amount < 0 else ''}₹ {grouped(abs(amount))}"


def in_words(amount: Decimal, *, hyphens: bool = False) -> str:
    """As it stands on a bill: 100000.00 → `Rupees One Lakh Only`.

    The wording is from memory of common practice; no law fixes it.

    Parameters:
      hyphens: `Eighty-Five`, as payslips have it, for `Eighty Five`.
    """
    amount = to_paisa(amount)
    whole, paise = divmod(int(abs(amount).scaleb(2)), 100)
    words = f"Rupees {_whole_in_words(whole)}"
    if paise:
        words += f" and Paise {_below_hundred(paise)}"
    if not hyphens:
        words = words.replace("-", " ")
    return f"{'Minus ' if amount < 0 else ''}{words} Only"


def _whole_in_words(number: int) -> str:
    words: list[str] = []
    if number >= _CRORE:
        words += [_whole_in_words(number // _CRORE), "Crore"]
    for size, name in ((_LAKH, "Lakh"), (_THOUSAND, "Thousand"), (_HUNDRED, "Hundred")):
        count = number % (_CRORE if size == _LAKH else _LAKH if size == _THOUSAND else _THOUSAND) // size
        if count:
            words += [_below_hundred(count), name]
    if number % _HUNDRED or not words:
        words.append(_below_hundred(number % _HUNDRED))
    return " ".join(words)


@cache
def _below_hundred(number: int) -> str:
    from num2words import num2words  # forty languages, 0.1 s: only for who writes words

    return str(num2words(number, lang="en_IN")).title()
