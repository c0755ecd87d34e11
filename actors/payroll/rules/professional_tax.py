"""Professional tax: each State's own Act, on the month's gross; at most 2,500 a year (Constitution, art. 276).

A State without the tax has a row that says so. Chennai takes it by the half-year, on the income of the half-year.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

from actors.common.rules.money import ZERO
from actors.payroll.rules.epf import age
from actors.payroll.rules.stat_rates import StatRate, StatRates, figure_of

CODE = "PT"


class Sex(Enum):
    """As Maharashtra's slabs ask."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"


def rate_for(rates: StatRates, scope: str, sex: Sex, day: date) -> StatRate:
    """The row for someone who works in `scope`: that of their sex, if the State makes a difference, else the State's.

    Who is neither has the men's row there. Raises MissingRate.
    """
    own = "F" if sex is Sex.FEMALE else "M"
    return rates.on(day, CODE, f"{scope}/{own}", scope)


def is_half_yearly(rate: StatRate) -> bool:
    return bool(rate.payload.get("half_year"))


def half_year_start(day: date) -> date:
    """1 April or 1 October."""
    return date(day.year - (day.month < 4), 4 if 4 <= day.month <= 9 else 10, 1)


def professional_tax(
    gross: Decimal,
    rate: StatRate,
    day: date,
    birth_date: date,
    *,
    earned_before: Decimal = ZERO,
    leaving: bool = False,
) -> Decimal:
    """The tax of a month that ends on `day`.

    Parameters:
      gross: of the month, arrears included.
      earned_before: gross of the half-year's months before, for half-yearly taxes; these are taken in September and
        March, or with a leaver's last pay.
    """
    if "none" in rate.payload:
        return ZERO
    exempt_from = rate.payload.get("exempt_from_age")
    if exempt_from is not None and age(birth_date, day) >= int(exempt_from):
        return ZERO
    if is_half_yearly(rate):
        if day.month not in (3, 9) and not leaving:
            return ZERO
        return figure_of(rate.slabs(), gross + earned_before)
    tax = figure_of(rate.slabs(), gross)
    if day.month == 2 and tax and "february" in rate.payload:
        return rate.number("february") if tax == rate.slabs()[-1].figure else tax
    return tax
