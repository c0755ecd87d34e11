"""When a member is reminded of a bill, and when not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from actors.common.rules.calendar import INDIA

QUIET_FROM = time(21, 0)
QUIET_UNTIL = time(8, 0)
BEFORE_DUE = "BEFORE_DUE"
"""The step one day before the due date."""


@dataclass(frozen=True)
class Standing:
    """What matters about an invoice when its reminder comes up."""

    balance: Decimal
    void: bool = False
    disputed: bool = False
    past_due: bool = False


def reminder_time(due: date) -> datetime:
    """24 hours before the due date begins, put off to the end of the quiet hours.

    Due 15 Apr → 14 Apr 08:00 IST. The moment and the quiet hours are our proposal: to confirm.
    """
    return outside_quiet_hours(datetime.combine(due, time(), INDIA) - timedelta(hours=24))


def outside_quiet_hours(moment: datetime) -> datetime:
    """The moment itself, or the next 08:00 IST if it falls in 21:00-08:00 (10 Apr 22:30 → 11 Apr 08:00)."""
    local = moment.astimezone(INDIA)
    if local.time() >= QUIET_FROM:
        return datetime.combine(local.date() + timedelta(days=1), QUIET_UNTIL, INDIA)
    if local.time() < QUIET_UNTIL:
        return datetime.combine(local.date(), QUIET_UNTIL, INDIA)
    return local


def reason_to_skip(invoice: Standing) -> str | None:
    """Why no reminder of a coming due date goes out, or None when it should. Asked again at sending.

    Void, disputed and paid bills are left in peace; a bill past its due date is for the later steps of the ladder.
    """
    if invoice.void:
        return "void"
    if invoice.disputed:
        return "disputed"
    if invoice.balance <= 0:
        return "paid"
    return "past due" if invoice.past_due else None
