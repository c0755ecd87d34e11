"""What a month's work earns: loss of pay, joiners and leavers, overtime (docs/domain.md, Payroll 1 to 4).

Code on Wages 2019: s. 20 (the cut for absence is not more than its share of the period), s. 14 (overtime at twice the
normal rate). Each component is rounded to the paisa, half up, by itself; gross is their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from actors.common.rules.money import ZERO, to_paisa

WORKING_DAYS = Decimal(26)
"""Days of work in a month, and eight hours each: rule 3 of the Central Wages Rules 2026."""
HOURS_A_DAY = Decimal(8)
OVERTIME_TIMES = Decimal(2)


class Basis(Enum):
    """How a monthly rate is shared out over days: over those of the calendar, or over 26."""

    CALENDAR = "CALENDAR"
    FIXED26 = "FIXED26"


class AttendanceError(ValueError):
    """More days than the month has, or negative hours."""


@dataclass(frozen=True)
class MonthOfWork:
    """A person's month in days; a half day counts 0.5.

    Parameters:
      days_in_month: 28 to 31.
      days_employed: of these, from the day of joining to the day of leaving.
      payable_days: present, paid leave, holiday, weekly off.
      weekly_offs: those among them that are weekly offs.
      overtime_hours: beyond the day's hours.
    """

    days_in_month: int
    days_employed: int
    payable_days: Decimal
    weekly_offs: int = 0
    overtime_hours: Decimal = ZERO

    def __post_init__(self) -> None:
        if not 0 <= self.payable_days <= self.days_employed <= self.days_in_month or self.overtime_hours < 0:
            raise AttendanceError(
                f"{self.payable_days} payable of {self.days_employed} days employed in a month of "
                f"{self.days_in_month}, {self.overtime_hours} hours of overtime"
            )

    @property
    def loss_of_pay(self) -> Decimal:
        """Days employed that are not paid."""
        return self.days_employed - self.payable_days

    @property
    def whole_month(self) -> bool:
        return self.days_employed == self.days_in_month


def earned(rate: Decimal, work: MonthOfWork, basis: Basis) -> Decimal:
    """What a monthly rate comes to, never below nought or above the rate."""
    if basis is Basis.CALENDAR:
        amount = rate * work.payable_days / work.days_in_month
    elif work.whole_month:
        amount = rate * (WORKING_DAYS - work.loss_of_pay) / WORKING_DAYS
    else:
        amount = rate * (work.payable_days - work.weekly_offs) / WORKING_DAYS
    return to_paisa(min(max(amount, ZERO), rate))


def overtime(basic_and_dearness: Decimal, hours: Decimal) -> Decimal:
    """Hours at twice the normal rate, which is the full month's basic and dearness allowance / 26 / 8."""
    return to_paisa(basic_and_dearness * OVERTIME_TIMES * hours / (WORKING_DAYS * HOURS_A_DAY))
