"""Who must approve a purchase order, and when they are told that it waits.

Limits, order of roles and times are our proposal: to confirm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from actors.common.rules.calendar import INDIA
from actors.common.rules.rates import RateBook
from actors.purchase.rules import rates

LADDER = ("MANAGER", "TREASURER", "SECRETARY", "COMMITTEE")
"""Roles that approve, the lowest first. Whoever may not approve is stood in for by the next."""
DIGEST_FROM = time(9, 0)
DIGEST_AFTER = timedelta(hours=24)
QUIET_FROM = time(21, 0)
QUIET_UNTIL = time(8, 0)


@dataclass(frozen=True)
class Requirement:
    """What an order needs before it may be placed.

    Parameters:
      roles: each must approve; in any order, by different people.
      quotes: how many vendors must have offered.
    """

    roles: tuple[str, ...]
    quotes: int = 0


@dataclass(frozen=True)
class Approver:
    """Who holds a role that approves."""

    name: str
    email: str
    role: str


@dataclass(frozen=True)
class WaitingOrder:
    """What the rules ask of an order that waits; `approved` is who approved this version: addresses by role."""

    amount: Decimal
    requested_by: str
    approved: dict[str, str]
    quotes: int


def requirement(amount: Decimal, day: date, book: RateBook) -> Requirement:
    """By the order's value without GST, limits of the day on which it began to wait.

    Up to 10,000 the manager; to 50,000 the treasurer; to 2,00,000 treasurer and secretary; above, the committee, with
    three quotes. Raises MissingRate.
    """
    limit = {role: book.on(day, code) for role, code in rates.ORDER_LIMITS.items()}
    if amount <= limit["MANAGER"]:
        return Requirement(("MANAGER",))
    if amount <= limit["TREASURER"]:
        return Requirement(("TREASURER",))
    if amount <= limit["SECRETARY"]:
        return Requirement(("TREASURER", "SECRETARY"))
    return Requirement(("COMMITTEE",), int(book.on(day, rates.QUOTES)))


def missing_roles(order: WaitingOrder, needed: Requirement) -> tuple[str, ...]:
    """Steps of the approval that are still to come."""
    return tuple(role for role in needed.roles if role not in order.approved)


def approvers(role: str, order: WaitingOrder, officers: Iterable[Approver]) -> tuple[Approver, ...]:
    """Who may take a step: holders of the role, but never who asked for the order nor who took another step of it.

    Where that leaves nobody, the next role of the ladder stands in; of the committee, any other officer.
    """
    barred = {order.requested_by, *order.approved.values()}
    free = [officer for officer in officers if officer.email not in barred]
    for standing_in in LADDER[LADDER.index(role) :]:
        found = tuple(officer for officer in free if officer.role == standing_in)
        if found:
            return found
    return tuple(free)


def missing_quotes(order: WaitingOrder, needed: Requirement) -> int:
    """How many vendors still have to be asked."""
    return max(0, needed.quotes - order.quotes)


def may_write(moment: datetime) -> bool:
    """Whether approvers may be written to: not in the quiet hours, 21:00-08:00 IST."""
    return QUIET_UNTIL <= moment.astimezone(INDIA).time() < QUIET_FROM


def is_time_for_digest(moment: datetime) -> bool:
    """From 09:00 IST on; that it goes out once a day is for its sender to see to."""
    return may_write(moment) and moment.astimezone(INDIA).time() >= DIGEST_FROM


def belongs_in_digest(waiting_since: datetime, moment: datetime) -> bool:
    """Orders that have waited for more than 24 hours."""
    return moment - waiting_since > DIGEST_AFTER
