"""A believable year of a seeded society: billed each month; paid in time, late, in part or ahead; interest reckoned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import INDIA, Period
from actors.common.rules.money import ZERO, to_rupee
from actors.sales import bills, interest, payments
from actors.sales.payments import Payment
from actors.sales.seed import SeededSociety, resolve_late_interest
from actors.sales.store import statements
from infra.store.rows import all_rows

PAGE = 200
HABITS = {"IN_TIME": 76, "LATE": 13, "IN_PART": 8, "AHEAD": 3}
"""How members pay, of a hundred."""


@dataclass(frozen=True)
class SeededYear:
    """What this run put in: bills and receipts, and the days whose interest it reckoned; nought the second time."""

    bills: int
    receipts: int
    days: int


def seed_year(
    connection: Connection, society: SeededSociety, *, first: str, months: int = 12, seed_number: int = 2026
) -> SeededYear:
    """Bill and pay `months` months from `first` (YYYY-MM) on, day by day; a second run changes nothing.

    It goes the ways of the jobs, but sends no letters. Commits page by page: a year of 10,000 flats is
    too much for one transaction.
    """
    month = Period.parse(first)
    day, last = month.first_day, month
    for _ in range(months - 1):
        last = last.next
    with connection:
        resolve_late_interest(connection, society.community_id)
    habits = _habits(society, seed_number)
    ahead: dict[date, list[Payment]] = {}
    issued = receipts = days = 0
    while day <= last.last_day:
        if day.day == 1:
            period = str(Period.of(day))
            issued += _bill(connection, society, period)
            for payment in _payments(connection, society, period, habits, seed_number):
                ahead.setdefault(payment.day, []).append(payment)
        days += _reckon(connection, society, day)
        receipts += _take(connection, ahead.pop(day, []))
        day += timedelta(days=1)
    return SeededYear(issued, receipts, days)


def _habits(society: SeededSociety, seed_number: int) -> dict[UUID, str]:
    random = Random(f"{seed_number}/habits")
    return {unit_id: random.choices(list(HABITS), list(HABITS.values()))[0] for unit_id in society.unit_ids}


def _bill(connection: Connection, society: SeededSociety, period: str) -> int:
    issued = 0
    ids = [str(unit_id) for unit_id in society.unit_ids]
    for start in range(0, len(ids), PAGE):
        with connection:
            issued += len(bills.bill_page(connection, ids[start : start + PAGE], period).issued)
    return issued


def _payments(
    connection: Connection, society: SeededSociety, period: str, habits: dict[UUID, str], seed_number: int
) -> Iterator[Payment]:
    """What members pay for a month, from what their bills ask for; a habit is kept nine months out of ten."""
    with connection:
        rows = all_rows(
            connection,
            statements.asked_for,
            community_id=str(society.community_id),
            period=Period.parse(period).first_day,
        )
    for row in rows:
        random = Random(f"{seed_number}/{period}/{row.label}")
        habit = habits[UUID(row.unit_id)] if random.random() < 0.9 else "IN_TIME"
        if row.asked <= 0:
            continue
        amount, wait = row.asked, random.randrange(0, (row.due_date - row.invoice_date).days + 1)
        if habit == "LATE":
            wait = (row.due_date - row.invoice_date).days + random.randrange(3, 40)
        elif habit == "IN_PART":
            amount = to_rupee(row.asked * random.randrange(40, 95) / 100)
        elif habit == "AHEAD":
            amount = to_rupee(row.asked / 1000 + Decimal("0.5")) * 1000
        moment = time(random.randrange(7, 22), random.randrange(60))
        yield Payment(
            gateway="razorpay",
            reference=f"seed_{period}_{row.label}",
            unit_id=UUID(row.unit_id),
            amount=max(amount, ZERO + 1),
            received_at=datetime.combine(row.invoice_date + timedelta(days=wait), moment, INDIA),
            mode=random.choices(("UPI", "NETBANKING", "CARD", "NEFT", "CHEQUE"), (58, 18, 8, 10, 6))[0],
        )


def _reckon(connection: Connection, society: SeededSociety, day: date) -> int:
    with connection:
        while interest.mark_page(connection, day) == interest.PAGE:
            pass
        late = [each for each in interest.late_societies(connection) if each.id == society.community_id]
        missing = [d for each in late for d in interest.days_to_reckon(connection, each, day)]
        for missed in missing:
            interest.reckon(connection, late[0], missed)
    return len(missing)


def _take(connection: Connection, told: list[Payment]) -> int:
    """A flat may pay twice on a day; a page has each flat once."""
    receipts, waiting = 0, told
    while waiting:
        page: dict[UUID, Payment] = {}
        rest = []
        for payment in waiting:
            if payment.unit_id in page or len(page) == PAGE:
                rest.append(payment)
            else:
                page[payment.unit_id] = payment
        with connection:
            receipts += sum(taken.new for taken in payments.take(connection, list(page.values())))
        waiting = rest
    return receipts
