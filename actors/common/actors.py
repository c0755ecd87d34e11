"""The jobs of common. Each may run twice and does its work once."""

from __future__ import annotations

from datetime import date
from typing import Any

from dramatiq.errors import Retry

from actors.common import analytics, notifications
from actors.common.rules.calendar import INDIA
from infra.gateways import mail
from infra.gateways.messages import GatewayAway, MessageRefused
from infra.gateways.templates import text_and_html
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor

NOTIFICATIONS = RetryPolicy(
    delays=OVER_HOURS,
    give_up_on=(
        mail.MailRefused,
        MessageRefused,
        notifications.UnknownRecipient,
        notifications.WrongNotification,
    ),
    at_end="fail",
)
"""A gateway may be away for hours; what it refuses stays refused."""
LONGEST_WAIT = 6 * 3_600.0
"""Seconds that a gateway is granted when it asks to be left alone."""

REPORTS = RetryPolicy(delays=OVER_HOURS, at_end="fail")
"""A mail server or a database may be away for hours; who has their letter does not get it again."""


@actor(
    queue_name="default",
    service="common",
    retry_policy=RetryPolicy(give_up_on=(mail.MailRefused,), at_end="fail"),
)
def send_welcome_email(email: str, name: str) -> None:
    """Welcome a new user. A repetition is the same letter, by its Message-ID."""
    subject = "Welcome to Dhanman"
    text, html = text_and_html("actors.common", "welcome", name=name, subject=subject)
    mail.send(
        mail.compose(
            key=f"common/welcome/{email.strip().lower()}",
            to=email.strip(),
            name=name,
            subject=subject,
            text=text,
            html=html,
        )
    )


@actor(queue_name="default", service="common", retry_policy=NOTIFICATIONS)
def send_notification(
    key: str, recipient: str, channel: str, subject: str, body: str, priority: str = "NORMAL"
) -> str:
    """Tell a person something by mail, SMS or push, once for each key. Returns what was done.

    Between 21:00 and 08:00 in India only what is urgent goes out; the rest waits until 08:00, as a job of its own.

    Parameters:
      key: what it is about, such as `visitors/gate/<visit>`.
      recipient: a user's Auth0 id; or an address for `email`, a telephone number with + for `sms`.
      channel: `email`, `sms` or `push`.
      priority: URGENT or NORMAL.
    """
    later = notifications.may_go_out(key, channel, body, priority)
    if later is not None:
        send_notification.send_with_options(
            args=(key, recipient, channel, subject, body, priority),
            eta=later,
            unique_key=f"notification/{key}",
        )
        return f"put off until {later.astimezone(INDIA):%d %b %Y, %H:%M} IST"
    try:
        sent = notifications.deliver_once(key, recipient, channel, subject, body)
    except GatewayAway as error:
        if error.retry_after is None:
            raise
        raise Retry(str(error), delay=int(min(error.retry_after, LONGEST_WAIT) * 1000)) from error
    return "sent" if sent else "sent before"


@actor(queue_name="low-priority", service="common")
def update_analytics(events: list[list[str]]) -> dict[str, Any]:
    """Count events by society and day, each once by its id. Returns counts, and the events that cannot be read.

    Parameters:
      events: some hundred of [event id, what happened, community id, day YYYY-MM-DD].
    """
    return analytics.count_events(events)


@actor(queue_name="default", service="common", retry_policy=REPORTS, time_limit=3_600_000)
def send_daily_reports(community_ids: list[str], day: str) -> dict[str, Any]:
    """Mail the officers of some societies the figures of a day (YYYY-MM-DD), once.

    Returns counts, the services without figures by society, and the addresses that were refused.
    """
    from actors.common.reports import daily

    return daily.report(community_ids, date.fromisoformat(day))
