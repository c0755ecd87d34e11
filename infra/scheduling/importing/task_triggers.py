"""Triggers of the Windows Task Scheduler, each as a cron spec where one means exactly the same.

The format: https://learn.microsoft.com/en-us/windows/win32/taskschd/task-scheduler-schema
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from infra.scheduling.importing import interval
from infra.scheduling.importing.fields import clock, spelled
from infra.scheduling.importing.found import CannotBe, When, earlier, within
from infra.scheduling.importing.texts import child, children, local, said
from infra.scheduling.spec import DAY, MONTH, WEEKDAY
from infra.scheduling.words import MONTHS, WEEKDAYS

NO_TIME = {
    "BootTrigger": "runs when the machine starts",
    "EventTrigger": "runs at an event of the machine",
    "IdleTrigger": "runs when the machine is idle",
    "LogonTrigger": "runs when somebody logs on",
    "RegistrationTrigger": "runs when the task is registered",
    "SessionStateChangeTrigger": "runs when a session is opened, locked or the like",
    "WnfStateChangeTrigger": "runs at an event of the machine",
}

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@dataclass(frozen=True)
class _Repetition:
    every: int
    """Minutes."""
    during: int | None
    """Minutes; None for ever."""


def translate(trigger: Element, zone: str, now: datetime) -> When:
    """The trigger's schedule. Raises CannotBe.

    Parameters:
      zone: that of the machine: the format's times are local where they have no offset.
    """
    kind = local(trigger)
    if kind in NO_TIME:
        raise CannotBe(f"it {NO_TIME[kind]}, which is no time")
    if kind not in {"CalendarTrigger", "TimeTrigger"}:
        raise CannotBe(f"a {kind} has no counterpart")
    start, end = (_moment(trigger, name) for name in ("StartBoundary", "EndBoundary"))
    if start is None:
        raise CannotBe("it has no StartBoundary, which says at what time it runs")
    local_start, local_end = (_localized(moment, zone) for moment in (start, end))
    assert local_start is not None
    repetition = _repetition(trigger)
    if kind == "TimeTrigger":
        when = _once(local_start, repetition, zone, now)
    else:
        when = _calendar(trigger, start, repetition, zone)
    remarks = (*when.remarks, *_not_carried_over(trigger))
    return within(When(when.spec, when.zone, remarks), local_start, local_end, now)


def _once(start: datetime, repetition: _Repetition | None, zone: str, now: datetime) -> When:
    if repetition is None:
        when = f"{start.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        raise CannotBe(
            f"it ran once, on {when}"
            if start < now
            else f"it runs once, on {when}: use `dhanman-jobs send --eta`"
        )
    if repetition.during is not None:
        raise CannotBe(f"it repeats for {interval.spoken(repetition.during)} after its start only")
    return interval.every(repetition.every, start, zone)


def _calendar(trigger: Element, start: datetime, repetition: _Repetition | None, zone: str) -> When:
    wall, where, remarks = _wall(trigger, start, zone)
    days, daily = _days(trigger)
    times, known = _times(wall.hour * 60 + wall.minute, repetition, daily=daily)
    return When(f"{clock(times)} {days}", where, (*remarks, *earlier(wall.second), *known))


def _wall(trigger: Element, start: datetime, zone: str) -> tuple[datetime, str, tuple[str, ...]]:
    """The start as clocks show it, and whose clocks. A time with an offset is the same moment in summer and winter."""
    if start.tzinfo is None:
        return start, zone, ()
    fixed = interval.unchanging(zone)
    where = zone if fixed else "UTC"
    wall = start.astimezone(ZoneInfo(where))
    dates = {start.date(), wall.date(), start.astimezone(ZoneInfo(zone)).date()}
    if child(trigger, "ScheduleByDay") is None and len(dates) > 1:
        raise CannotBe(
            f"{start.isoformat()} is another day in {zone}, and it is not documented whose day counts"
        )
    remarks = () if fixed else (f"in UTC, as its time has an offset and clocks in {zone} are set",)
    return wall.replace(tzinfo=None), where, remarks


def _days(trigger: Element) -> tuple[str, bool]:
    """The fields of day, month and weekday; and whether that is every day."""
    if (by_day := child(trigger, "ScheduleByDay")) is not None:
        every = said(by_day, "DaysInterval") or "1"
        if every != "1":
            raise CannotBe(
                f"every {every} days: a calendar cannot count so, as months are not a multiple of it"
            )
        return "* * *", True
    if (by_week := child(trigger, "ScheduleByWeek")) is not None:
        every = said(by_week, "WeeksInterval") or "1"
        if every != "1":
            raise CannotBe(
                f"every {every} weeks: a calendar cannot count so, as years are not a multiple of it"
            )
        weekdays = _weekdays(by_week)
        return f"* * {spelled(WEEKDAY, weekdays)}", len(weekdays) == 7
    if (by_month := child(trigger, "ScheduleByMonth")) is not None:
        return f"{_days_of_month(by_month)} {_months(by_month)} *", False
    if (by_weekday := child(trigger, "ScheduleByMonthDayOfWeek")) is not None:
        weeks = [said_of(week) for week in children(child(by_weekday, "Weeks"), "Week")]
        if not weeks or any(week not in {"1", "2", "3", "4", "last"} for week in weeks):
            raise CannotBe(f"the weeks {', '.join(weeks) or '(none)'}: 1 to 4 and Last are known")
        ends = ["L" if week == "last" else f"#{week}" for week in weeks]
        nth = ",".join(f"{day}{end}" for day in _weekdays(by_weekday) for end in ends)
        return f"* {_months(by_weekday)} {nth}", False
    raise CannotBe("it has no schedule that is known: by day, week, month, or weekday of the month")


def _weekdays(schedule: Element) -> list[int]:
    names = [local(day) for day in child(schedule, "DaysOfWeek") or () if local(day)]
    if not names or any(name not in WEEKDAYS for name in names):
        raise CannotBe(f"the days of the week {', '.join(names) or '(none)'} are not understood")
    return sorted({WEEKDAYS.index(name) for name in names})


def _days_of_month(schedule: Element) -> str:
    days = [said_of(day) for day in children(child(schedule, "DaysOfMonth"), "Day")]
    numbers = {int(day) for day in days if day.isdigit() and 1 <= int(day) <= 31}
    others = [day for day in days if not day.isdigit() or int(day) not in numbers]
    if not days or any(day != "last" for day in others):
        raise CannotBe(f"the days of the month {', '.join(days) or '(none)'} are not understood")
    return ",".join(([spelled(DAY, numbers)] if numbers else []) + (["L"] if others else []))


def _months(schedule: Element) -> str:
    names = [local(month) for month in child(schedule, "Months") or () if local(month)]
    if any(name not in MONTHS for name in names):
        raise CannotBe(f"the months {', '.join(names)} are not understood")
    return spelled(MONTH, {MONTHS.index(name) + 1 for name in names} or range(1, 13))


def _times(start: int, repetition: _Repetition | None, *, daily: bool) -> tuple[set[int], tuple[str, ...]]:
    """The minutes of the day at which it runs, and what is to be known about them."""
    if repetition is None:
        return {start}, ()
    every, during = repetition.every, repetition.during
    said_so = f"every {interval.spoken(every)} " + (
        "for ever" if during is None else f"for {interval.spoken(during)}"
    )
    if daily and (during is None or during > interval.DAY):
        if interval.DAY % every:
            raise CannotBe(f"{said_so}, begun anew each day: the interval does not divide the day")
        during = interval.DAY
    passed = range(0, interval.DAY if during is None else during, every)
    if not daily and (during is None or start + passed[-1] >= interval.DAY):
        raise CannotBe(f"{said_so}: it runs on into the next day, which need not be one of its own")
    assert during is not None
    remarks: tuple[str, ...] = ()
    if during % every == 0 and during < interval.DAY:
        last = (start + during) % interval.DAY
        remarks = (
            f"not at {last // 60:02}:{last % 60:02}, when its duration ends: whether it did is not documented",
        )
    return {(start + minutes) % interval.DAY for minutes in passed}, remarks


def _repetition(trigger: Element) -> _Repetition | None:
    repetition = child(trigger, "Repetition")
    every, during = said(repetition, "Interval"), said(repetition, "Duration")
    if not every:
        return None
    return _Repetition(_minutes(every), _minutes(during) if during else None)


def _minutes(text: str) -> int:
    parts = _DURATION.fullmatch(text)
    if parts is None or not any(parts.groups()):
        raise CannotBe(f"the duration {text!r} is not understood")
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    total = days * interval.DAY + hours * 60 + minutes
    if seconds % 60 or not total + seconds // 60:
        raise CannotBe(f"the duration {text}: schedules here are by the minute")
    return total + seconds // 60


def _not_carried_over(trigger: Element) -> tuple[str, ...]:
    remarks: tuple[str, ...] = ()
    if delay := said(trigger, "RandomDelay"):
        remarks += (f"RandomDelay {delay} is not carried over: it comes punctually",)
    if said(trigger, "Repetition", "StopAtDurationEnd").lower() == "true":
        remarks += ("StopAtDurationEnd is not carried over: a run goes on to its end",)
    return remarks


def _moment(trigger: Element, name: str) -> datetime | None:
    text = said(trigger, name)
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise CannotBe(f"{name} {text!r} is no date and time") from None


def _localized(moment: datetime | None, zone: str) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment if moment is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=ZoneInfo(zone))


def said_of(element: Element) -> str:
    return (element.text or "").strip().lower()
