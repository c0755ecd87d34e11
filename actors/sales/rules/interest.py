"""Simple interest on bills paid late, by the society's resolution and under the cap of the law."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from actors.common.rules.money import ZERO, to_paisa
from actors.common.rules.rates import RateBook
from actors.sales.rules import rates

PERCENT_DAYS = Decimal(36_500)
"""So many rupees x percent x days are one rupee of interest: a year has 365 days, leap years too."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Resolution:
    """What a general body resolved: percent a year and days of grace, from a day on; a later one ends an earlier."""

    effective_from: date
    effective_to: date | None
    percent: Decimal
    grace_days: int = 0


@dataclass(frozen=True)
class RateSpan:
    """Days on which one rate holds, both included; percent a year."""

    first: date
    last: date
    percent: Decimal


@dataclass(frozen=True)
class LateBill:
    """A bill's principal after its due date.

    Parameters:
      principal: Still owed of the bill; interest is never part of it, so nothing compounds.
      since: Day since which the principal is what it is: the due date, or the day of the last payment.
      settled: Interest up to `since`, rounded: a payment closes the stretch before it.
    """

    due: date
    grace_days: int
    principal: Decimal
    since: date
    settled: Decimal = ZERO

    @classmethod
    def of(cls, principal: Decimal, due: date, grace_days: int = 0) -> LateBill:
        """One of which nothing was paid yet."""
        return cls(due, grace_days, principal, due)

    def in_grace(self, day: date) -> bool:
        """Whether what is paid on that day bears nothing."""
        return (day - self.due).days <= self.grace_days

    def interest_to(self, day: date, spans: Sequence[RateSpan]) -> Decimal:
        """Interest from the day after the due date to `day`.

        Each stretch of one principal bears principal x rate x days / 365, days = day paid − due date, rounded once to
        the paisa, half up; nothing while `day` is in the grace. `day` may not lie before `since`. Bye-laws: simple
        interest, never compound.
        """
        if self.in_grace(day):
            return ZERO
        stretch = self.principal * percent_days(spans, self.since, day) / PERCENT_DAYS
        return self.settled + to_paisa(stretch)

    def moved_to(self, day: date, spans: Sequence[RateSpan]) -> LateBill:
        """The same bill, reckoned from `day` on, so that its principal may change then; not within the grace."""
        if self.in_grace(day) or day <= self.since:
            return self
        return replace(self, since=day, settled=self.interest_to(day, spans))

    def paid(self, amount: Decimal, day: date, spans: Sequence[RateSpan]) -> LateBill:
        """After a payment of principal on `day`, a negative one where a payment is undone.

        What is paid within the grace bears nothing, also when the rest is paid later.
        """
        moved = self.moved_to(day, spans)
        return replace(moved, principal=moved.principal - amount)


def rate_spans(
    resolutions: Iterable[Resolution], law: RateBook, first: date, last: date
) -> tuple[RateSpan, ...]:
    """The rate of each day from `first` to `last`: the resolution's, at most the law's cap of that day.

    A day without a resolution bears nothing: interest is due by resolution only. Raises MissingRate for a day with a
    resolution of which the law's cap is not on record.
    """
    ordered = sorted(resolutions, key=lambda resolution: resolution.effective_from, reverse=True)
    spans: list[RateSpan] = []
    day = first
    while day <= last:
        percent = _percent_on(day, ordered, law)
        if spans and spans[-1].percent == percent:
            spans[-1] = replace(spans[-1], last=day)
        else:
            spans.append(RateSpan(day, day, percent))
        day += ONE_DAY
    return tuple(spans)


def percent_days(spans: Sequence[RateSpan], after: date, until: date) -> Decimal:
    """Percent x days from the day after `after` to `until`."""
    total = Decimal(0)
    for span in spans:
        days = (min(span.last, until) - max(span.first, after + ONE_DAY)).days + 1
        if days > 0:
            total += span.percent * days
    return total


def grace_on(due: date, resolutions: Iterable[Resolution]) -> int:
    """The grace of a bill: that of the resolution in force on its due date."""
    found = _in_force(due, sorted(resolutions, key=lambda r: r.effective_from, reverse=True))
    return found.grace_days if found else 0


def tax_on_interest(interest: Decimal, cgst_rate: Decimal, sgst_rate: Decimal) -> tuple[Decimal, Decimal]:
    """CGST and SGST on interest that was received on a taxable bill, at the bill's rates.

    s. 15(2)(d) CGST Act: interest for late payment is part of the value; s. 13(6): due when it is received.
    """
    return to_paisa(interest * cgst_rate / 100), to_paisa(interest * sgst_rate / 100)


def _percent_on(day: date, ordered: Sequence[Resolution], law: RateBook) -> Decimal:
    resolution = _in_force(day, ordered)
    if resolution is None or not resolution.percent:
        return Decimal(0)
    return min(resolution.percent, law.on(day, rates.LATE_INTEREST_CAP))


def _in_force(day: date, ordered: Sequence[Resolution]) -> Resolution | None:
    for resolution in ordered:
        if resolution.effective_from <= day:
            ended = resolution.effective_to is not None and resolution.effective_to < day
            return None if ended else resolution
    return None
