"""What stood in a file of another scheduler: each line or trigger, translated, or why it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from infra.scheduling.cron import cron


class CannotBe(ValueError):
    """This line or trigger has no exact counterpart here; the message says why."""


class Unreadable(ValueError):
    """The whole file is not what it was said to be."""


@dataclass(frozen=True)
class When:
    """A schedule in our terms, and what is to be known about it."""

    spec: str
    zone: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    r"""One line of a crontab, or one trigger.

    Parameters:
      where: for people: `line 12`, `trigger nightly`.
      source: what stood there.
      jobs: the names under which the map may mean it: `\Dhanman\Backup`, `Backup`; none in a crontab.
      command: what it ran, as one line; empty where the old scheduler called a class.
      number: of several triggers of one job, from 1; 0 where there is one only.
      why_not: why it cannot be imported; else `when` is there.
      kwargs: what the job was given, by name.
      overlap: None where there is no counterpart, so that the map has to say it.
    """

    where: str
    source: str
    jobs: tuple[str, ...] = ()
    command: str = ""
    number: int = 0
    when: When | None = None
    why_not: str | None = None
    remarks: tuple[str, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    missed: str = "once"
    overlap: str | None = "allow"
    paused_reason: str | None = None


@dataclass(frozen=True)
class Legacy:
    """A file that was read: its lines or triggers, and what else is to be known about it."""

    found: tuple[Found, ...]
    notes: tuple[str, ...] = ()


def attempt(translate: Callable[[], When]) -> tuple[When | None, str | None]:
    """The schedule, or why there is none."""
    try:
        when = translate()
        cron(when.spec, when.zone)
    except (
        ValueError,
        OverflowError,
    ) as error:  # CannotBe, WrongSpec, UnknownZone; a number or date beyond all bounds
        return None, str(error)
    return when, None


def within(when: When, start: datetime | None, end: datetime | None, now: datetime) -> When:
    """The schedule with its bounds seen to. Raises CannotBe where it would run too early, or is over."""
    zone = ZoneInfo(when.zone)
    if end is not None:
        if end <= now:
            raise CannotBe(f"it ended on {end.astimezone(zone):%Y-%m-%d %H:%M}")
        until = f"it was to end on {end.astimezone(zone):%Y-%m-%d %H:%M}: pause it then"
        when = When(when.spec, when.zone, (*when.remarks, until))
    if start is not None and start > now:
        first = cron(when.spec, when.zone).next_after(now)
        if first is not None and first < start.replace(second=0, microsecond=0):
            raise CannotBe(
                f"it starts on {start.astimezone(zone):%Y-%m-%d %H:%M}, but would run here from "
                f"{first:%Y-%m-%d %H:%M} on: import it later"
            )
    return when


def earlier(seconds: int) -> tuple[str, ...]:
    """The remark on a time with seconds: ours are whole minutes."""
    return (f"{seconds} s earlier: schedules here are by the minute",) if seconds else ()
