"""Financial years, quarters and billing months, as counted in India (1 April to 31 March, Asia/Kolkata)."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")
_PERIOD = re.compile(r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])")


class PeriodError(ValueError):
    """A billing period that is not written YYYY-MM."""


def india_date(instant: datetime) -> date:
    """The calendar day in India at an instant (UTC +05:30, no daylight saving)."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone, so its day in India is unknown")
    return instant.astimezone(INDIA).date()


@dataclass(frozen=True, order=True)
class FinancialYear:
    """The year from 1 April of `start` to 31 March of the next."""

    start: int

    @classmethod
    def of(cls, day: date) -> FinancialYear:
        """The year a day falls in: 2026-03-31 → 2025-26, 2026-04-01 → 2026-27."""
        return cls(day.year if day.month >= 4 else day.year - 1)

    @classmethod
    def at(cls, instant: datetime) -> FinancialYear:
        """The year at an instant, by the calendar of India."""
        return cls.of(india_date(instant))

    @property
    def label(self) -> str:
        """For people: `2026-27`."""
        return f"{self.start}-{(self.start + 1) % 100:02d}"

    @property
    def short(self) -> str:
        """For invoice numbers: `2627`."""
        return f"{self.start % 100:02d}{(self.start + 1) % 100:02d}"

    @property
    def first_day(self) -> date:
        return date(self.start, 4, 1)

    @property
    def last_day(self) -> date:
        return date(self.start + 1, 3, 31)


@dataclass(frozen=True, order=True)
class Period:
    """One billing month, written `2026-04`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Period:
        found = _PERIOD.fullmatch(text)
        if not found:
            raise PeriodError(f"period {text!r} is not a month written YYYY-MM, such as 2026-04")
        return cls(int(found["year"]), int(found["month"]))

    @classmethod
    def of(cls, day: date) -> Period:
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def days(self) -> int:
        return monthrange(self.year, self.month)[1]

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.month, self.days)

    @property
    def label(self) -> str:
        """For people: `April 2026`."""
        return f"{self.first_day:%B %Y}"

    @property
    def financial_year(self) -> FinancialYear:
        return FinancialYear.of(self.first_day)

    @property
    def next(self) -> Period:
        return Period(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Period:
        return Period(self.year - (self.month == 1), self.month - 1 or 12)


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a financial year: Q1 is April to June, Q4 January to March."""

    year: FinancialYear
    number: int

    @classmethod
    def of(cls, day: date) -> Quarter:
        return cls(FinancialYear.of(day), (day.month - 4) % 12 // 3 + 1)

    @property
    def label(self) -> str:
        return f"Q{self.number} {self.year.label}"

    @property
    def months(self) -> tuple[Period, Period, Period]:
        first = Period(self.year.start, 4)
        for _ in range((self.number - 1) * 3):
            first = first.next
        return first, first.next, first.next.next
