"""When those who registered for an event are reminded of it (DOMAIN A8, A4; our proposal)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from actors.common.rules.quiet_hours import outside_quiet_hours


class Step(StrEnum):
    """The reminders of an event, from the first to the last."""

    WEEK = "7d"
    DAY = "1d"
    HOURS = "2h"


BEFORE = {Step.WEEK: timedelta(days=7), Step.DAY: timedelta(days=1), Step.HOURS: timedelta(hours=2)}


@dataclass(frozen=True)
class Due:
    """A reminder that is to go out at a moment."""

    step: Step
    at: datetime


def reminder_time(starts_at: datetime, step: Step) -> datetime | None:
    """When a step goes out: before the start, put off to the end of the quiet hours.

    None where that would be no longer before the start: the reminder of an event at 08:00 is that of the day before.
    """
    at = outside_quiet_hours(starts_at - BEFORE[step])
    return at if at < starts_at else None


def steps_ahead(starts_at: datetime, now: datetime, until: datetime) -> list[Due]:
    """The reminders to arrange at `now` for the time until the next look at it.

    Of those whose time is past (nobody looked, or the event was moved), only the latest, and at once but for quiet
    hours; none once the event has begun.
    """
    if starts_at <= now:
        return []
    times = [Due(step, at) for step in Step if (at := reminder_time(starts_at, step)) is not None]
    late = [due for due in times if due.at <= now][-1:]
    at_once = outside_quiet_hours(now)
    made_up = [Due(due.step, at_once) for due in late if at_once < starts_at]
    return made_up + [due for due in times if now < due.at < until]


def reason_to_skip(*, email: str | None, registered_at: datetime, due: datetime) -> str | None:
    """Why somebody gets no reminder, or None: who came to it after the reminder was due knows of the event."""
    if registered_at > due:
        return "registered after this reminder was due"
    return None if email else "no mail address"
