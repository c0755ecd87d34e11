"""When the jobs of sales run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet
from pipelines.invoices import bill_every_society


@recurring("generate-monthly-invoices", cron("0 6 1 * *"), missed="once", overlap="skip")
def generate_monthly_invoices(scheduled_for: datetime) -> list[str]:
    """Bill every society for the month that began, a batch a society. Returns the batches' ids."""
    return bill_every_society(f"{scheduled_for:%Y-%m}")


@recurring("send-payment-reminders", cron("0 10 * * *"), retry_policy=FAILS_AT_ONCE)
def send_payment_reminders(scheduled_for: datetime) -> None:
    """Remind of what is due and overdue, by the ladder."""
    not_built_yet(f"remind of what is due and overdue, by the ladder ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("check-overdue-invoices", cron("0 * * * *"), retry_policy=FAILS_AT_ONCE)
def check_overdue_invoices(scheduled_for: datetime) -> None:
    """Mark invoices overdue."""
    not_built_yet(f"mark invoices overdue ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("calculate-late-fees", cron("0 0 * * *"), retry_policy=FAILS_AT_ONCE)
def calculate_late_fees(scheduled_for: datetime) -> None:
    """Charge interest by the society's rule."""
    not_built_yet(f"charge interest by the society's rule ({scheduled_for:%Y-%m-%d %H:%M})")
