"""By when a complaint must be solved, and who hears of it if it is not (DOMAIN A8; our proposal)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from actors.common.rules.calendar import INDIA
from actors.common.rules.quiet_hours import outside_quiet_hours

LONGEST_SEARCH = timedelta(days=366)


class MissingSla(LookupError):
    """No steps or office hours are on record; they are never guessed."""


class Priority(StrEnum):
    """An emergency's clock runs day and night; any other's while the office is open."""

    NORMAL = "NORMAL"
    EMERGENCY = "EMERGENCY"


@dataclass(frozen=True)
class Step:
    """One level of escalation.

    Parameters:
      allowed: From the opening until this level hears of it: office time, or hours of the clock for an emergency.
      roles: Who hears of it.
    """

    level: int
    allowed: timedelta
    roles: tuple[str, ...]


@dataclass(frozen=True)
class OfficeHours:
    """When the office is open, by ISO weekday (1 Monday), but for holidays; usually Monday to Saturday, 09:00-19:00."""

    by_weekday: Mapping[int, tuple[time, time]]
    holidays: Collection[date] = frozenset()

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """Opening and closing of a day, or None when the office is shut."""
        hours = self.by_weekday.get(day.isoweekday())
        if hours is None or day in self.holidays:
            return None
        return datetime.combine(day, hours[0], INDIA), datetime.combine(day, hours[1], INDIA)

    def after(self, opened: datetime, allowed: timedelta) -> datetime:
        """The moment at which so much office time has passed. Fri 10 Apr 18:20 + 4 h → Sat 11 Apr 12:20.

        Raises MissingSla for an office that is hardly ever open.
        """
        local = opened.astimezone(INDIA)
        day, left = local.date(), allowed
        while day - local.date() < LONGEST_SEARCH:
            if hours := self.on(day):
                begins = max(hours[0], local)
                open_for = max(timedelta(0), hours[1] - begins)
                if left <= open_for:
                    return begins + left
                left -= open_for
            day += timedelta(days=1)
        raise MissingSla(f"the office is not open for {allowed} within a year of {local:%d %b %Y}")


def due_times(
    opened: datetime, priority: Priority, steps: Sequence[Step], office: OfficeHours
) -> dict[int, datetime]:
    """When each level hears of a complaint that is still open. Raises MissingSla where there are no steps."""
    if not steps:
        raise MissingSla(f"no escalation steps are on record for {priority} complaints of {opened:%d %b %Y}")
    if priority is Priority.EMERGENCY:
        return {step.level: opened.astimezone(INDIA) + step.allowed for step in steps}
    return {step.level: office.after(opened, step.allowed) for step in steps}


def earliest_letter(priority: Priority, now: datetime) -> datetime:
    """An emergency wakes people up; for the rest, a letter that is late waits for the end of the quiet hours."""
    return now if priority is Priority.EMERGENCY else outside_quiet_hours(now)
