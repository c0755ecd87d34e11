"""When the jobs of purchase run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet


@recurring("send-po-approvals", cron("0 */2 * * *"), retry_policy=FAILS_AT_ONCE)
def send_po_approvals(scheduled_for: datetime) -> None:
    """Send pending purchase orders to their approvers."""
    not_built_yet(f"send pending purchase orders to their approvers ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("check-grn-matching", cron("0 9 * * *"), retry_policy=FAILS_AT_ONCE)
def check_grn_matching(scheduled_for: datetime) -> None:
    """Match orders, receipts and bills, and list the exceptions."""
    not_built_yet(
        f"match orders, receipts and bills, and list the exceptions ({scheduled_for:%Y-%m-%d %H:%M})"
    )


@recurring("vendor-payment-reminders", cron("0 9 * * 1"), retry_policy=FAILS_AT_ONCE)
def vendor_payment_reminders(scheduled_for: datetime) -> None:
    """List the week's payments to vendors, with MSME dates."""
    not_built_yet(f"list the week's payments to vendors, with MSME dates ({scheduled_for:%Y-%m-%d %H:%M})")
