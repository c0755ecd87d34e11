"""The jobs of the reminder ladder. Each may run twice and does its work once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dramatiq import Message
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.reference import UnknownSociety
from actors.common.rules.calendar import india_date
from actors.common.rules.rates import MissingRate
from actors.sales import reminder_letters, reminders, store
from actors.sales.letters import NotIssued
from actors.sales.rules.reminders import Step, reminder_time
from infra.gateways.mail import AddressRefused, MailRefused
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, enqueue_many, transaction

NAMED = 50
"""Flats named in a job's result; the office's letter names more."""
LETTERS = RetryPolicy(
    delays=OVER_HOURS,
    give_up_on=(
        MailRefused,
        MissingRate,
        NotIssued,
        UnknownSociety,
        reminders.UnknownLetter,
        store.UnknownInvoice,
    ),
    at_end="fail",
)
"""A mail server may be away for hours. A letter that fails in the end stays open: the next day's run sends it again, or
the ladder's next step overtakes it. An address that the server refuses is skipped, and the office told.
"""


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_invoice_reminder(invoice_id: str) -> str:
    """Remind of a bill one day before it is due, together with the member's other bills of that day; the ladder's step,
    whoever takes it first. Not when it is paid, void, disputed, or past its due date. In the quiet hours it puts itself
    off to their end. Returns what was done.
    """
    try:
        with store.transaction() as sales:
            later = _quiet_until(sales)
            if later is None:
                letter_id = reminders.letter_before_due(sales, invoice_id)
                return "decided before" if letter_id is None else reminders.deliver(sales, letter_id)
    except AddressRefused:
        with store.transaction() as sales:
            letter_id = reminders.letter_before_due(sales, invoice_id)
            if letter_id is not None:
                reminders.give_up(sales, letter_id)
        raise
    enqueue_many([_reminder_job(invoice_id, later)])
    return f"put off to {later:%d %b %Y, %H:%M} IST"


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_reminder_letter(letter_id: str) -> str:
    """Send a letter that the day's run planned, as far as it still holds: what was paid, voided or disputed meanwhile
    is left out. In the quiet hours it puts itself off to their end. Returns what was done.
    """
    try:
        with store.transaction() as sales:
            later = _quiet_until(sales)
            if later is None:
                return reminders.deliver(sales, letter_id)
    except AddressRefused:
        with store.transaction() as sales:
            reminders.give_up(sales, letter_id)
        raise
    enqueue_many([_letter_job(letter_id, later)])
    return f"put off to {later:%d %b %Y, %H:%M} IST"


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def report_unreached_members(community_id: str, day: str) -> str:
    """Tell a society's office of the members whom reminders did not reach, as of a day's run; once. Returns what was
    done.
    """
    on = date.fromisoformat(day)
    with store.transaction() as sales:
        news = reminders.unreached(sales, on, UUID(community_id))
        told = bool(news) and reminder_letters.tell_office(sales, community_id, on, news)
    return "sent" if told else "nothing to tell" if not news else "sent before"


def remind(scheduled_for: datetime) -> dict[str, Any]:
    """A day's run of the ladder: decides every step whose day has come, and sends the open letters on their way.

    Of several steps that came together, as after an outage, the latest is taken. Returns decisions by step, letters on
    their way, and by flat the bills whose reminders reached nobody, of which the office is told once.
    """
    day = india_date(scheduled_for)
    decided = reminders.plan(day, scheduled_for)
    letters = _send_open_letters()
    with store.transaction() as sales, transaction(sales):
        reminders.note_unreached(sales, day)
        news = reminders.unreached(sales, day)
        enqueue_many(
            [
                report_unreached_members.message_with_options(
                    args=(community_id, day.isoformat()), unique_key=f"unreached/{community_id}/{day}"
                )
                for community_id in dict.fromkeys(str(bill.community_id) for bill in news)
            ]
        )
    named = [f"{bill.unit_label} {bill.resident}, {bill.number}: {bill.reason}" for bill in news[:NAMED]]
    return {"decided": decided, "letters": letters, "unreached": len(news), "unreached_bills": named}


def arrange_reminders(sales: Connection, bills_due: Sequence[tuple[UUID, date]]) -> None:
    """Enter the step before the due date of each of these bills (id, due date), and send its job ahead to its day."""
    store.schedule_reminders(
        sales, [(invoice_id, Step.BEFORE_DUE.value, reminder_time(due)) for invoice_id, due in bills_due]
    )
    enqueue_many([_reminder_job(invoice_id, reminder_time(due)) for invoice_id, due in bills_due])


def _send_open_letters() -> int:
    """A job for each open letter, a page a transaction; one that waits already is not sent twice."""
    sent, after = 0, reminders.FIRST
    while not current_job().cancellation_requested():
        with store.transaction() as sales, transaction(sales):
            page = reminders.open_letters(sales, after)
            later = _quiet_until(sales)
            enqueue_many([_letter_job(letter_id, later) for letter_id in page])
        sent += len(page)
        if len(page) < reminders.PAGE:
            break
        after = page[-1]
    return sent


def _quiet_until(sales: Connection) -> datetime | None:
    """The end of the quiet hours, while they last."""
    later = reminders.letter_time(sales)
    return later if later > reference.now(sales, "sales") else None


def _reminder_job(invoice_id: UUID | str, when: datetime) -> Message[str]:
    return send_invoice_reminder.message_with_options(
        args=(str(invoice_id),), eta=when, unique_key=f"{Step.BEFORE_DUE}/{invoice_id}"
    )


def _letter_job(letter_id: UUID | str, when: datetime | None) -> Message[str]:
    options: dict[str, Any] = {} if when is None else {"eta": when}
    return send_reminder_letter.message_with_options(
        args=(str(letter_id),), unique_key=f"reminder/{letter_id}", **options
    )
