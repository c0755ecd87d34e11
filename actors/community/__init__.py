"""Community: events, visitors, complaints. These names are what other rooms may import."""

from actors.community.actors import (
    arrange_reminders,
    arrange_reminders_of_the_day,
    escalate_request,
    escalate_what_is_due,
    expire_passes,
    plan_escalation,
    remind_of_event,
    send_overstay_alert,
)

__all__ = [
    "arrange_reminders",
    "arrange_reminders_of_the_day",
    "escalate_request",
    "escalate_what_is_due",
    "expire_passes",
    "plan_escalation",
    "remind_of_event",
    "send_overstay_alert",
]
