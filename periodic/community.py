"""When the jobs of community run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet


@recurring("send-event-reminders", cron("0 8 * * *"), retry_policy=FAILS_AT_ONCE)
def send_event_reminders(scheduled_for: datetime) -> None:
    """Remind of today's and tomorrow's events."""
    not_built_yet(f"remind of today's and tomorrow's events ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("expire-visitor-passes", cron("*/30 * * * *"), retry_policy=FAILS_AT_ONCE)
def expire_visitor_passes(scheduled_for: datetime) -> None:
    """Expire one-time passes."""
    not_built_yet(f"expire one-time passes ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("maintenance-request-escalation", cron("0 */4 * * *"), retry_policy=FAILS_AT_ONCE)
def maintenance_request_escalation(scheduled_for: datetime) -> None:
    """Escalate requests that are past their time."""
    not_built_yet(f"escalate requests that are past their time ({scheduled_for:%Y-%m-%d %H:%M})")
