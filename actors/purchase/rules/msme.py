"""When a vendor is to be paid at the latest, and what delay costs where it is a micro or small enterprise."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from actors.common.rules.calendar import FinancialYear, Period
from actors.common.rules.money import to_paisa
from actors.common.rules.rates import RateBook
from actors.purchase.rules import rates

PROTECTED = frozenset({"MICRO", "SMALL"})
"""Classes that ss. 15-24 MSMED Act and s. 43B(h) speak of; medium enterprises are not among them."""

STEPS = (("D-7", -7), ("D-3", -3), ("D", 0), ("D+1", 1))
"""Reminders of a payment by days from its last day. Our proposal: to confirm."""


def last_day(accepted_on: date, agreed_days: int | None, msme_class: str, book: RateBook) -> date:
    """The last day for paying.

    s. 15 MSMED Act for micro and small enterprises: as agreed, at most 45 days from acceptance; without agreement
    before the appointed day, which is the day after 15 days. Others: as agreed, else the society's own term.
    Accepted 10 Apr 2026: no agreement, 25 Apr; agreed on 60 days, 25 May. Raises MissingRate.
    """
    if msme_class not in PROTECTED:
        days = book.on(accepted_on, rates.PAYMENT_DAYS) if agreed_days is None else Decimal(agreed_days)
    elif agreed_days is None:
        days = book.on(accepted_on, rates.MSME_UNAGREED)
    else:
        days = min(Decimal(agreed_days), book.on(accepted_on, rates.MSME_AGREED))
    return accepted_on + timedelta(days=int(days))


def interest(amount: Decimal, last: date, until: date, book: RateBook) -> Decimal:
    """Interest on a late payment, s. 16 MSMED Act: three times the bank rate, compounded monthly.

    Months run from the day after the last day for paying; each bears a twelfth of the year's rate, rounded to the
    paisa and added. To confirm: that a begun month bears its days of 365, and that a month bears the bank rate of its
    first day. 56,260.00 at 3 × 5.50 %, 26 May to 25 Jul 2026: 773.58 + 784.21 = 1,557.79. Raises MissingRate.

    Parameters:
      until: the last day that bears interest, which is the day of payment.
    """
    owed, month, begins = amount, 0, last + timedelta(days=1)
    while begins <= until:
        month += 1
        ends = _months_later(last, month)
        percent = book.on(begins, rates.MSME_TIMES) * book.on(begins, rates.BANK_RATE)
        days, of_year = (1, 12) if ends <= until else ((until - begins).days + 1, 365)
        owed += to_paisa(owed * percent * days / (100 * of_year))
        begins = ends + timedelta(days=1)
    return owed - amount


def deducted_in(credited_on: date, last: date, paid_on: date | None, today: date) -> FinancialYear | None:
    """The year in whose income a micro or small enterprise's bill is deducted, s. 43B(h) Income-tax Act 1961.

    Paid in time, or still in time: the year of the credit; paid late: the year of payment; None while late and unpaid.
    """
    if (paid_on or today) <= last:
        return FinancialYear.of(credited_on)
    return FinancialYear.of(paid_on) if paid_on else None


def step_on(due_on: date, day: date) -> str | None:
    """The latest step of the ladder whose day has come."""
    reached = [step for step, days in STEPS if due_on + timedelta(days=days) <= day]
    return reached[-1] if reached else None


def overtaken(step: str) -> tuple[str, ...]:
    """The steps before this one."""
    names = tuple(name for name, _ in STEPS)
    return names[: names.index(step)]


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last day."""
    period = Period.of(day)
    for _ in range(months):
        period = period.next
    return period.first_day.replace(day=min(day.day, period.days))
