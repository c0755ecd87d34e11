"""When the jobs of inventory run."""

from __future__ import annotations

from datetime import datetime

from actors.inventory import check_expiry_everywhere, check_low_stock_everywhere, report_stock_everywhere
from infra.scheduling import cron, recurring


# A missed check is made up for once: low stock is what is low now.
@recurring("check-low-stock-alerts", cron("0 9 * * *"), missed="once", overlap="skip")
def check_low_stock_alerts(scheduled_for: datetime) -> int:
    """Tell each society what is at or below its reorder level. Returns how many societies."""
    return check_low_stock_everywhere(scheduled_for)


# The report is of its own Friday, however late it runs, so after weeks of silence each of them is written.
@recurring("generate-stock-report", cron("0 17 * * 5"), missed="all", overlap="queue")
def generate_stock_report(scheduled_for: datetime) -> int:
    """Mail each society's treasurer the week's stock and its value. Returns how many societies."""
    return report_stock_everywhere(scheduled_for.date())


# The latest missed check finds all that expired before it.
@recurring("expire-items-check", cron("0 0 * * *"), missed="once", overlap="queue")
def expire_items_check(scheduled_for: datetime) -> int:
    """Set apart and write off what expired; tell of what will. Returns how many societies."""
    return check_expiry_everywhere(scheduled_for.date())
