"""Tax deducted at source from vendors' bills, when they are credited.

From 1 April 2026 s. 393 Income-tax Act 2025 (before: ss. 194C and 194J of 1961), s. 397(2) without PAN (206AA). GST
that the bill shows is no part of the base (CBDT circular 23/2017). Whole rupees, half up: our proposal, to confirm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from actors.common.rules.calendar import Period
from actors.common.rules.money import PAISA, RUPEE, ZERO, to_rupee
from actors.common.rules.rates import RateBook
from actors.purchase.rules import rates

_PAN = re.compile(r"[A-Z]{3}(?P<kind>[ABCFGHJLPT])[A-Z]\d{4}[A-Z]")
_INDIVIDUALS = frozenset("PH")
"""Fourth character of the PAN of an individual, or of a Hindu undivided family."""
_ACT_OF_2025 = date(2026, 4, 1)


class UnknownPan(ValueError):
    """A PAN whose form is not that of any: whether it is an individual's cannot be told."""


class Nature(StrEnum):
    """As what a payment is taxed."""

    NONE = "NONE"
    CONTRACTOR = "CONTRACTOR"
    PROFESSIONAL = "PROFESSIONAL"
    TECHNICAL = "TECHNICAL"


@dataclass(frozen=True)
class TdsYear:
    """A vendor's financial year under one section, in rupees without GST.

    Parameters:
      credited: all credits of the year.
      taxed: those on which tax was reckoned.
      deducted: the tax taken.
      short: tax that a credit was too small for, which the next one bears; negative: too much, since a bill is void.
    """

    credited: Decimal = ZERO
    taxed: Decimal = ZERO
    deducted: Decimal = ZERO
    short: Decimal = ZERO


@dataclass(frozen=True)
class Deduction:
    """What is kept back from one credit.

    Parameters:
      base: on how much tax is reckoned now; more than the credit where the year is caught up on.
      percent: the rate.
      tax: whole rupees kept back.
      short: what is added to the year's shortfall, or made up for where it is negative.
      year: the vendor's year with this credit in it.
    """

    base: Decimal
    percent: Decimal
    tax: Decimal
    short: Decimal
    year: TdsYear


def percent_of(nature: Nature, pan: str | None, day: date, book: RateBook) -> Decimal:
    """The rate for a payee. Contractors: 1 % individuals and HUF, 2 % others; professionals 10 %, technical services
    2 %; without PAN 20 %, or the section's rate where that is higher.

    Raises UnknownPan, MissingRate.
    """
    if nature is Nature.NONE:
        return ZERO
    own = f"TDS_{nature}"
    if nature is Nature.CONTRACTOR:
        individual = pan is not None and kind_of(pan) in _INDIVIDUALS
        own += "_INDIVIDUAL" if individual else "_OTHER"
    if pan is None:
        return max(book.on(day, rates.TDS_WITHOUT_PAN), book.on(day, own))
    kind_of(pan)
    return book.on(day, own)


def kind_of(pan: str) -> str:
    """The fourth character, which says what its holder is. Raises UnknownPan."""
    found = _PAN.fullmatch(pan)
    if not found:
        raise UnknownPan(f"{pan!r} has not the form of a PAN, such as ABCPK1234L")
    return found["kind"]


def deduct(
    *,
    nature: Nature,
    pan: str | None,
    bill: Decimal,
    credit: Decimal,
    gst: Decimal,
    year: TdsYear,
    day: date,
    book: RateBook,
) -> Deduction:
    """Tax on a credit, by the limits of the day.

    Contractors: on a bill above 30,000; when the year passes 1,00,000, on all of the year that was not taxed before.
    Professional and technical: likewise when the year passes 50,000. Tax beyond what the credit comes to waits for the
    next one: our proposal.

    Parameters:
      bill: the whole bill without GST, for the limit of a bill.
      credit: the part that is credited now, without GST.
      gst: its GST, which is owed to the vendor as well.
      year: before this credit.

    Raises UnknownPan, MissingRate.
    """
    percent = percent_of(nature, pan, day, book)
    credited = year.credited + credit
    if nature is Nature.NONE:
        return Deduction(ZERO, ZERO, ZERO, ZERO, year)
    base = ZERO
    if credited > book.on(day, f"TDS_{nature}_YEAR_LIMIT"):
        base = max(ZERO, credited - year.taxed)
    elif nature is Nature.CONTRACTOR and bill > book.on(day, "TDS_CONTRACTOR_BILL_LIMIT"):
        base = credit
    wanted = to_rupee(base * percent / 100) + year.short
    most = (credit + gst).quantize(RUPEE, ROUND_DOWN).quantize(PAISA)
    tax = min(max(wanted, ZERO), most)
    after = TdsYear(credited, year.taxed + base, year.deducted + tax, wanted - tax)
    return Deduction(base, percent, tax, after.short - year.short, after)


def deposit_due(month: Period) -> date:
    """The last day for paying a month's tax to the government: the 7th of the next; March: 30 April (old rule 30)."""
    following = month.next.first_day
    return following.replace(day=30 if month.month == 3 else 7)


def section(nature: Nature, day: date) -> str:
    """Under which section tax is deducted, for people; sites differ on the new codes."""
    if nature is Nature.NONE:
        return "none"
    if day >= _ACT_OF_2025:
        return "393(1)"
    return "194C" if nature is Nature.CONTRACTOR else "194J"
