"""What counts as wages: Code on Wages 2019 s. 2(y), Code on Social Security 2020 s. 2(88)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from actors.common.rules.money import ZERO, to_paisa
from actors.payroll.rules.attendance import WORKING_DAYS, Basis, MonthOfWork, earned, overtime

OVERTIME = "OVERTIME"


class Treatment(Enum):
    """Whether a component is wages, or on the list of exclusions (rent, conveyance, overtime, commission, bonus)."""

    WAGE = "WAGE"
    EXCLUDED = "EXCLUDED"


@dataclass(frozen=True)
class Component:
    """A part of someone's salary.

    Parameters:
      rate: Rupees for a full month.
      basic: basic pay or dearness allowance, of which overtime and the minimum wage are reckoned.
    """

    code: str
    rate: Decimal
    treatment: Treatment = Treatment.WAGE
    basic: bool = False


@dataclass(frozen=True)
class Earning:
    """What a component came to in a month, in rupees."""

    component: str
    rate: Decimal
    amount: Decimal
    treatment: Treatment


def earnings(components: Iterable[Component], work: MonthOfWork, basis: Basis) -> tuple[Earning, ...]:
    """Every component for the days of a month, and overtime where hours were worked beyond the day."""
    of_pay = tuple(components)
    found = [Earning(c.code, c.rate, earned(c.rate, work, basis), c.treatment) for c in of_pay]
    if work.overtime_hours:
        full = basic_of(of_pay)
        found.append(Earning(OVERTIME, full, overtime(full, work.overtime_hours), Treatment.EXCLUDED))
    return tuple(found)


def full_month(components: Iterable[Component]) -> tuple[Earning, ...]:
    """Every component at its full rate, without overtime: what limits are compared with."""
    return tuple(Earning(c.code, c.rate, c.rate, c.treatment) for c in components)


def basic_of(components: Iterable[Component]) -> Decimal:
    """Basic and dearness allowance of a full month."""
    return sum((c.rate for c in components if c.basic), ZERO)


def gross_of(found: Iterable[Earning]) -> Decimal:
    return sum((earning.amount for earning in found), ZERO)


def code_wages(included: Decimal, excluded: Decimal, cap_percent: Decimal) -> Decimal:
    """Wages: what is included, and of the excluded what goes beyond the cap (50 % of both together).

    "Total remuneration" is not defined; gross without the employer's shares is taken.
    """
    return to_paisa(included + max(ZERO, excluded - (included + excluded) * cap_percent / 100))


def wages_of(found: Iterable[Earning], cap_percent: Decimal) -> Decimal:
    """`code_wages` of a month's earnings."""
    sums = {Treatment.WAGE: ZERO, Treatment.EXCLUDED: ZERO}
    for earning in found:
        sums[earning.treatment] += earning.amount
    return code_wages(sums[Treatment.WAGE], sums[Treatment.EXCLUDED], cap_percent)


def short_of_minimum(basic_and_dearness: Decimal, minimum_a_day: Decimal) -> Decimal:
    """By how much a full month's basic and dearness allowance fall short of the minimum wage × 26; a warning only."""
    return max(ZERO, to_paisa(minimum_a_day * WORKING_DAYS - basic_and_dearness))
