"""When the jobs of sales run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from actors.common.rules.calendar import india_date
from actors.sales import late_fees, remind
from infra.scheduling import cron, recurring
from pipelines.invoices import bill_every_society


@recurring("generate-monthly-invoices", cron("0 6 1 * *"), missed="once", overlap="skip")
def generate_monthly_invoices(scheduled_for: datetime) -> list[str]:
    """Bill every society for the month that began, a batch a society. Returns the batches' ids."""
    return bill_every_society(f"{scheduled_for:%Y-%m}")


# After days of silence the latest run says all: of steps that were missed, it takes the latest. Each step is taken
# once, so a run that waits for a slow one before it does no harm.
@recurring("send-payment-reminders", cron("0 10 * * *"), missed="once", overlap="queue")
def send_payment_reminders(scheduled_for: datetime) -> dict[str, Any]:
    """Remind of what is due and overdue, by the ladder. Returns decisions by step, letters on their way, and whom
    no reminder reached.
    """
    return remind(scheduled_for)


@recurring("check-overdue-invoices", cron("0 * * * *"), missed="once", overlap="skip")
def check_overdue_invoices(scheduled_for: datetime) -> dict[str, int]:
    """Mark bills overdue whose due date has ended in India by the hour of the run. Returns how many.

    Whatever was missed, one run makes up for: it marks all that is late.
    """
    return {"marked_overdue": late_fees.mark_overdue(india_date(scheduled_for))}


@recurring("calculate-late-fees", cron("0 0 * * *"), missed="once", overlap="skip")
def calculate_late_fees(scheduled_for: datetime) -> dict[str, Any]:
    """Reckon late interest up to the day of the run, and put a month that is over into the books.

    One run makes up for all missed days, in order; a second one beside it would only wait. Returns counts, rupees, and
    the societies that could not be reckoned, by name.
    """
    return late_fees.reckon(india_date(scheduled_for))
