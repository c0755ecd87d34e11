"""Employees' State Insurance: ESI Act 1948 and rules, continued by the Code on Social Security 2020.

Each share goes up to the next rupee. Contribution periods are April to September and October to March: who is within
the limit when one begins, or when they join, pays to its end on the actual wage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from enum import Enum

from actors.common.rules.money import PAISA, RUPEE, ZERO
from actors.payroll.rules.attendance import WORKING_DAYS
from actors.payroll.rules.stat_rates import StatRate


class EsiBase(Enum):
    """On which wage: that of the Code (from 21-11-2025, as ESIC asks) or gross. Dated data: the law is unsettled."""

    CODE_WAGES = "CODE_WAGES"
    GROSS = "GROSS"


@dataclass(frozen=True)
class EsiTerms:
    """Percents and rupees."""

    employee: Decimal
    employer: Decimal
    ceiling: Decimal
    ceiling_disabled: Decimal
    exempt_a_day: Decimal

    @classmethod
    def of(cls, rate: StatRate) -> EsiTerms:
        return cls(
            employee=rate.number("employee"),
            employer=rate.number("employer"),
            ceiling=rate.number("ceiling"),
            ceiling_disabled=rate.number("ceiling_disabled"),
            exempt_a_day=rate.number("exempt_a_day"),
        )


@dataclass(frozen=True)
class Esi:
    """An insured person's month; zero wages when not insured."""

    wages: Decimal = ZERO
    employee: Decimal = ZERO
    employer: Decimal = ZERO


def period_start(day: date) -> date:
    """First day of the contribution period: 1 April or 1 October."""
    if 4 <= day.month <= 9:
        return date(day.year, 4, 1)
    return date(day.year if day.month >= 10 else day.year - 1, 10, 1)


def is_covered(at_start: Decimal, now: Decimal, terms: EsiTerms, *, disabled: bool = False) -> bool:
    """Whether someone is insured, by the wage of a full month.

    Parameters:
      at_start: when the contribution period began, or on joining in it.
      now: in this month; who comes within the limit later is insured from then.
    """
    ceiling = terms.ceiling_disabled if disabled else terms.ceiling
    return min(at_start, now) <= ceiling


def contribution(wages: Decimal, full_month: Decimal, terms: EsiTerms) -> Esi:
    """Both shares on the actual wages. The employee's is nil at an average of 176 a day or less (rule 52), which is
    the full month's wage / 26 (rule 2(1-B)); the employer's is due all the same.
    """
    exempt = full_month / WORKING_DAYS <= terms.exempt_a_day
    return Esi(
        wages=wages,
        employee=ZERO if exempt else _up(wages * terms.employee / 100),
        employer=_up(wages * terms.employer / 100),
    )


def _up(amount: Decimal) -> Decimal:
    return amount.quantize(RUPEE, ROUND_CEILING).quantize(PAISA)
