"""The jobs of purchase. Each may run twice and does its work once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from dramatiq import Actor
from psycopg2.errors import CheckViolation, RestrictViolation

from actors.common.reference import UnknownSociety
from actors.common.rules.calendar import INDIA, Period, PeriodError
from actors.common.rules.rates import MissingRate
from actors.purchase import approvals, due_letters, match_letters, matching, payments, store
from actors.purchase.matching import Matched, UnknownBill
from actors.purchase.payments import PaymentRefused, UnknownVendor
from infra.gateways.mail import MailRefused
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, enqueue_many

NAMED = 20
"""Bills named in a job's result; the letter names more."""

LETTERS = RetryPolicy(
    delays=OVER_HOURS,
    give_up_on=(MailRefused, MissingRate, UnknownSociety),
    at_end="fail",
)
"""A mail server may be away for hours; addresses that it refuses stay refused."""
BOOKS = RetryPolicy(
    delays=OVER_HOURS,
    give_up_on=(
        CheckViolation,
        MailRefused,
        MissingRate,
        PaymentRefused,
        PeriodError,
        RestrictViolation,
        UnknownBill,
        UnknownSociety,
        UnknownVendor,
    ),
    at_end="fail",
)
"""No retry opens a closed month or finds a missing rate: the job is Failed at once, with what is missing."""


@actor(queue_name="default", service="purchase", retry_policy=LETTERS)
def send_approval_requests(community_id: str, moment: str) -> dict[str, Any]:
    """Tell a society's approvers of the orders that wait for them: new ones at once, all of more than 24 hours in the
    digest of the day, none in the quiet hours. Returns how many letters went out, how many orders wait, those that
    nobody may approve, and addresses that were refused.
    """
    return asdict(approvals.send(community_id, store.moment_of(moment)))


@actor(queue_name="default", service="purchase", retry_policy=BOOKS)
def match_vendor_bills(community_id: str, day: str) -> dict[str, Any]:
    """Match a society's bills of until a day with orders and receipts, post what is payable, and write to treasurer and
    manager of what stands still. Returns counts by outcome, what was posted, and bills that were refused, by name.
    """
    on, run = date.fromisoformat(day), Matched()
    for run, total in matching.match_bills(community_id, on):
        current_job().progress(run.looked_at, total)
        if current_job().cancellation_requested():
            return _of(run)
    post = match_letters.send(community_id, on, run.refused)
    return {**_of(run), "letters": post.sent, "addresses_refused": list(post.refused)}


@actor(queue_name="default", service="purchase", retry_policy=LETTERS)
def list_due_payments(community_id: str, monday: str) -> dict[str, Any]:
    """Propose a week's payments to the treasurer, with a spreadsheet. Returns how many, their sum, what is late under
    the MSMED Act, and vendors without a bank account, by name.
    """
    return asdict(due_letters.send_week(community_id, date.fromisoformat(monday)))


@actor(queue_name="default", service="purchase", retry_policy=LETTERS)
def remind_of_payments(community_id: str, day: str) -> dict[str, Any]:
    """Remind the treasurer of payments 7 and 3 days before their last day, on it, and the day after; each step once, of
    several that came together the latest. Returns as `list_due_payments`.
    """
    return asdict(due_letters.send_reminders(community_id, date.fromisoformat(day)))


@actor(queue_name="default", service="purchase", retry_policy=BOOKS)
def record_vendor_payment(vendor_id: str, amount: str, reference: str, paid_on: str) -> str:
    """Record and post what a vendor was paid; the bank's reference is recorded once. Returns the payment's id.

    Parameters:
      amount: rupees, as `56260.00`.
      paid_on: the day, as `2026-05-25`.
    """
    with store.transaction() as purchase:
        payment, new = payments.record_payment(
            purchase, vendor_id, Decimal(amount), reference, date.fromisoformat(paid_on)
        )
    if not new:
        current_job().log(f"{reference} was recorded before: nothing to do")
    return str(payment)


@actor(queue_name="default", service="purchase", retry_policy=BOOKS)
def deposit_tds(community_id: str, month: str, paid_on: str) -> str:
    """Record and post that a month's tax was paid to the government; once a month. Returns what was posted now."""
    with store.transaction() as purchase:
        return str(
            payments.deposit_tds(purchase, community_id, Period.parse(month), date.fromisoformat(paid_on))
        )


def for_every_society(job: Actor[[str, str], Any], when: str) -> list[str]:
    """Enqueue one of the jobs above for each society. Returns the societies' names."""
    with store.transaction() as purchase:
        societies = store.societies(purchase)
    _enqueue((job, society.id, when, None) for society in societies)
    return [society.name for society in societies]


def remind_all_week(monday: date) -> None:
    """Enqueue the reminders of a week, for 09:00 of each of its days after Monday, of each society."""
    with store.transaction() as purchase:
        societies = store.societies(purchase)
    days = [monday + timedelta(days=ahead) for ahead in range(1, 7)]
    _enqueue((remind_of_payments, society.id, day.isoformat(), day) for society in societies for day in days)


def _enqueue(jobs: Iterable[tuple[Actor[[str, str], Any], UUID, str, date | None]]) -> None:
    from datetime import datetime, time

    messages = []
    for job, community_id, when, day in jobs:
        options: dict[str, Any] = {"unique_key": f"{job.actor_name}/{community_id}/{when}"}
        if day is not None:
            options["eta"] = datetime.combine(day, time(9), INDIA)
        messages.append(job.message_with_options(args=(str(community_id), when), **options))
    enqueue_many(messages)


def _of(run: Matched) -> dict[str, Any]:
    return {
        "outcomes": dict(run.outcomes),
        "bills": run.looked_at,
        "posted": run.posted,
        "payable": str(run.payable),
        "tds": str(run.tds),
        "refused": [str(bill) for bill in run.refused[:NAMED]],
        "refused_in_all": len(run.refused),
    }
