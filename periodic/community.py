"""When the jobs of community run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from actors.community import arrange_reminders_of_the_day, escalate_what_is_due, expire_passes
from infra.scheduling import cron, recurring


# A missed morning is made up for once: the run looks at all events ahead, and sends the latest reminder that is late.
@recurring("send-event-reminders", cron("0 8 * * *"), missed="once", overlap="skip")
def send_event_reminders(scheduled_for: datetime) -> int:
    """Arrange the reminders that are due until tomorrow at this time, each for its moment. Returns how many."""
    return arrange_reminders_of_the_day(scheduled_for)


# The latest missed run finds all that expired before it.
@recurring("expire-visitor-passes", cron("*/30 * * * *"), missed="once", overlap="skip")
def expire_visitor_passes(scheduled_for: datetime) -> dict[str, Any]:
    """Expire passes whose time is over, and alert for visitors who are inside still. Returns counts."""
    return expire_passes(scheduled_for)


# The steps have jobs of their own, at their moments: this finds what has none, so the latest missed run is enough.
@recurring("maintenance-request-escalation", cron("0 */4 * * *"), missed="once", overlap="skip")
def maintenance_request_escalation(scheduled_for: datetime) -> dict[str, Any]:
    """Plan and send the escalation of complaints that nobody planned or sent. Returns counts, and what is missing."""
    return escalate_what_is_due(scheduled_for)
