"""What people do in a simulated year: residents pay, the treasurer pays vendors and taxes, the storekeeper moves goods,
guards let visitors in. They decide by dice that fall the same way in every run, and send jobs as a service would.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from dramatiq import Message

from actors.common.rules.calendar import INDIA, Period
from actors.inventory import issue_stock, receive_stock
from actors.purchase import deposit_tds, record_vendor_payment
from actors.sales import process_payment
from tests.simulation.installation import Installation

VISITS = UUID("5b7a2d8e-9c1f-4f0a-8d55-6f3f0f1f7a10")

DUES = """
    select u.id::text, u.label, coalesce(sum(i.total - i.paid_amount), 0)
    from sales.unit u
    left join sales.invoice i on i.unit_id = u.id and i.voided_at is null and i.posted_at is not null
    group by u.id, u.label order by u.label
"""
PAYABLE = """
    select vendor_id::text, sum(to_pay - paid) from purchase.payable
    where due_on <= %s and paid < to_pay and voided_on is null
    group by vendor_id order by vendor_id
"""
STOCK = """
    select id::text, code, quantity, pack, coalesce(peak_daily_use, 0), value
    from inventory.item where reordered order by code
"""
PASS = """
    insert into community.visitor_pass
        (id, community_id, host_id, visitor, valid_from, valid_to, status, checked_in_at, checked_out_at)
    select %s, community_id, id, %s, %s, %s, case when %s then 'USED' else 'ISSUED' end, %s, %s
    from community.person order by id offset %s limit 1
    on conflict do nothing
"""


def at_work(installation: Installation, day: date, community: UUID, seed: int) -> list[Message[Any]]:
    """The jobs that people send on a day. What guards note is written at once."""
    _visitors(installation, day, seed)
    return [
        *_residents(installation, day, seed),
        *_treasurer(installation, day, community),
        *_storekeeper(installation, day, seed),
    ]


def _residents(installation: Installation, day: date, seed: int) -> Iterator[Message[Any]]:
    """Most pay their bill before it is due, some late and some in part; one in forty pays too much."""
    for unit, label, owed in installation.ask(DUES):
        habit = Random(f"{seed}/{label}")
        pays_on = habit.choices(
            (habit.randint(3, 14), habit.randint(16, 26), habit.randint(27, 28)), (80, 14, 6)
        )[0]
        today = Random(f"{seed}/{label}/{day}")
        if day.day != pays_on or owed <= 0 or today.random() < 0.04:
            continue
        share = today.choices((Decimal(1), Decimal("0.5"), Decimal("1.1")), (92, 5, 3))[0]
        amount = (owed * share).quantize(Decimal("1"))
        moment = datetime.combine(day, time(11, today.randrange(60)), INDIA)
        yield process_payment.message("upi", f"{label}/{day}", unit, str(amount), moment.isoformat())
        if today.random() < 0.02:  # the gateway calls twice
            yield process_payment.message("upi", f"{label}/{day}", unit, str(amount), moment.isoformat())


def _treasurer(installation: Installation, day: date, community: UUID) -> Iterator[Message[Any]]:
    """On Fridays vendors are paid what is due within a week; on the 7th, in April on the 30th, last month's tax."""
    if day.weekday() == 4:
        for vendor, amount in installation.ask(PAYABLE, day + timedelta(days=7)):
            yield record_vendor_payment.message(
                vendor, str(amount), f"NEFT/{day}/{vendor[:8]}", day.isoformat()
            )
    month = Period.of(day.replace(day=1) - timedelta(days=1))
    if (day.day == 7 and month.month != 3) or (day.day == 30 and day.month == 4):
        yield deposit_tds.message(str(community), str(month), day.isoformat())


def _storekeeper(installation: Installation, day: date, seed: int) -> Iterator[Message[Any]]:
    """On Mondays and Thursdays goods are given out, and what ran low has come."""
    if day.weekday() not in (0, 3):
        return
    for item, code, quantity, pack, peak, value in installation.ask(STOCK):
        dice = Random(f"{seed}/{code}/{day}")
        needed = (peak * Decimal(dice.randint(1, 3))).quantize(Decimal("1"))
        if 0 < needed < quantity:
            yield issue_stock.message(item, str(needed), f"ISSUE/{day}/{code}", day.isoformat())
        elif peak > 0:
            many = max(pack, (peak * 30 // pack) * pack)
            price = (value / quantity if quantity else Decimal(50)) * Decimal(dice.randint(97, 106)) / 100
            cost = max(Decimal("1.00"), (many * price).quantize(Decimal("0.01")))
            yield receive_stock.message(
                item, str(many), str(cost), f"GRN/{day}/{code}", day.isoformat(), lot_number=f"{code}-{day}"
            )


def _visitors(installation: Installation, day: date, seed: int) -> None:
    dice = Random(f"{seed}/visitors/{day}")
    for number in range(dice.randint(2, 5)):
        begins = datetime.combine(day, time(dice.randint(11, 18), dice.randrange(60)), INDIA)
        ends = begins + timedelta(hours=4)
        came = dice.random() < 0.8
        arrived, left = begins + timedelta(minutes=5), begins + timedelta(minutes=95)
        installation.ask(
            PASS, str(uuid5(VISITS, f"{seed}/{day}/{number}")), f"Visitor {number + 1} of {day}", begins, ends,
            came, arrived if came else None, left if came else None, dice.randrange(200),
        )  # fmt: skip
