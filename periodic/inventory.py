"""When the jobs of inventory run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet


@recurring("check-low-stock-alerts", cron("0 9 * * *"), retry_policy=FAILS_AT_ONCE)
def check_low_stock_alerts(scheduled_for: datetime) -> None:
    """List what is below its reorder level."""
    not_built_yet(f"list what is below its reorder level ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("generate-stock-report", cron("0 17 * * 5"), retry_policy=FAILS_AT_ONCE)
def generate_stock_report(scheduled_for: datetime) -> None:
    """Report stock and its value."""
    not_built_yet(f"report stock and its value ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("expire-items-check", cron("0 0 * * *"), retry_policy=FAILS_AT_ONCE)
def expire_items_check(scheduled_for: datetime) -> None:
    """Mark expired lots."""
    not_built_yet(f"mark expired lots ({scheduled_for:%Y-%m-%d %H:%M})")
