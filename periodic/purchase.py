"""When the jobs of purchase run. Each sends a job a society, so that one that fails does not stop the others."""

from __future__ import annotations

from datetime import datetime

from actors.purchase import (
    for_every_society,
    list_due_payments,
    match_vendor_bills,
    remind_all_week,
    send_approval_requests,
)
from infra.scheduling import cron, recurring


# A run looks at what waits by now, so the latest of several missed ones says all. What they send is sent once anyway,
# so two runs may overlap.
@recurring("send-po-approvals", cron("0 */2 * * *"), missed="once", overlap="allow")
def send_po_approvals(scheduled_for: datetime) -> list[str]:
    """Tell approvers of the orders that wait for them.

    08:00 to 20:00, every two hours: orders that are new to the approver. The first run from 09:00 on, at 10:00, once a
    day: the digest of orders that wait for more than 24 hours. 22:00 to 06:00: nobody is written to. Returns the
    societies.
    """
    return for_every_society(send_approval_requests, scheduled_for.isoformat())


# A day's run matches all that came in until then, so the latest missed one makes up for those before it; bills are
# credited on the day that was due. Two runs wait for each other at the society's row.
@recurring("check-grn-matching", cron("0 9 * * *"), missed="once", overlap="allow")
def check_grn_matching(scheduled_for: datetime) -> list[str]:
    """Match orders, receipts and bills, post what is payable, and list the exceptions. Returns the societies."""
    return for_every_society(match_vendor_bills, f"{scheduled_for:%Y-%m-%d}")


# Missed for weeks, only the latest Monday's list is of use: it has all that is overdue.
@recurring("vendor-payment-reminders", cron("0 9 * * 1"), missed="once", overlap="allow")
def vendor_payment_reminders(scheduled_for: datetime) -> list[str]:
    """List the week's payments to vendors with MSME dates, interest and tax; and arrange the reminders of the week's
    other days, each for its 09:00. Returns the societies.
    """
    names = for_every_society(list_due_payments, f"{scheduled_for:%Y-%m-%d}")
    remind_all_week(scheduled_for.date())
    return names
