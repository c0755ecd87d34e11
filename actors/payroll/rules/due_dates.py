"""By when dues of a month are paid and returns filed: dated rows of `stat_rate`, since the law moves them."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from actors.common.rules.calendar import Period, Quarter
from actors.payroll.rules.stat_rates import StatRate, StatRates


@dataclass(frozen=True)
class DueDate:
    """The last day, and what the source leaves open."""

    day: date
    note: str = ""


@dataclass(frozen=True)
class TaxReturn:
    """Under which section tax is deducted from salary, and the quarter's form with its last day."""

    section: str
    form: str
    quarter: Quarter
    due: date


def due_of_month(rates: StatRates, code: str, scope: str, period: Period) -> DueDate:
    """The last day for a month's dues, in the month after it. A day that it does not have is its last.

    Raises MissingRate, which names code, scope and day.
    """
    row = rates.on(period.last_day, code, scope)
    wanted = int(row.number("march" if period.month == 3 and "march" in row.payload else "day"))
    month = period.next
    return DueDate(
        date(month.year, month.month, min(wanted, monthrange(month.year, month.month)[1])),
        str(row.payload.get("note", "")),
    )


def tax_return(rates: StatRates, period: Period) -> TaxReturn:
    """The quarterly return that a month's tax belongs to. Raises MissingRate."""
    row: StatRate = rates.on(period.last_day, "TDS_RETURN")
    quarter = Quarter.of(period.first_day)
    month, day = map(int, row.payload["quarters"][quarter.number - 1].split("-"))
    return TaxReturn(
        section=row.payload["section"],
        form=row.payload["form"],
        quarter=quarter,
        due=date(quarter.months[-1].next.year, month, day),
    )
