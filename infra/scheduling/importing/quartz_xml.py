"""Quartz.NET's job files (`quartz_jobs.xml`, job-scheduling-data 2.0): cron, simple and calendar-interval triggers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from infra.scheduling.importing import interval
from infra.scheduling.importing.found import (
    CannotBe,
    Found,
    Legacy,
    Unreadable,
    When,
    attempt,
    earlier,
    within,
)
from infra.scheduling.importing.quartz_cron import translate
from infra.scheduling.importing.texts import child, children, documents, local, said
from infra.scheduling.importing.windows_zones import iana

ROOT = "job-scheduling-data"

MISSED = {
    "smartpolicy": "once",
    "fireoncenow": "once",
    "fireandproceed": "once",
    "firenow": "once",
    "reschedulenowwithexistingrepeatcount": "once",
    "reschedulenowwithremainingrepeatcount": "once",
    "donothing": "skip",
    "reschedulenextwithexistingcount": "skip",
    "reschedulenextwithremainingcount": "skip",
    "ignoremisfirepolicy": "all",
}
"""By the misfire instruction. SmartPolicy of a simple trigger without end is to go on with the next."""

FOR_EVER = {"-1", "repeatindefinitely"}
NORMAL_PRIORITY = "5"


def read(text: str, zone: str, now: datetime) -> Legacy:
    """The triggers of a job file. Raises Unreadable.

    Parameters:
      zone: that of the machine, for triggers that name none.
    """
    root = documents(text)[0]
    if local(root) != ROOT:
        raise Unreadable(f"the file's root is <{local(root)}>, not <{ROOT}>")
    jobs: dict[tuple[str, str], Element] = {}
    triggers: list[Element] = []
    for schedule in children(root, "schedule"):
        jobs |= {_key(job, "name", "group"): job for job in children(schedule, "job")}
        for holder in children(schedule, "trigger"):
            triggers += [trigger for trigger in holder if local(trigger)]
    several = Counter(_key(trigger, "job-name", "job-group") for trigger in triggers)
    counted: Counter[tuple[str, str]] = Counter()
    found = []
    for trigger in triggers:
        key = _key(trigger, "job-name", "job-group")
        counted[key] += 1
        found.append(
            _trigger(trigger, key, jobs.get(key), counted[key] if several[key] > 1 else 0, zone, now)
        )
    idle = [".".join(key) for key in jobs if not counted[key]]
    return Legacy(tuple(found), tuple(f"job {name} has no trigger" for name in idle))


def _key(element: Element, name: str, group: str) -> tuple[str, str]:
    return said(element, group) or "DEFAULT", said(element, name)


def _trigger(
    trigger: Element, key: tuple[str, str], job: Element | None, number: int, zone: str, now: datetime
) -> Found:
    kind = local(trigger)
    instruction = (
        said(trigger, "misfire-instruction").lower().replace("misfire_instruction_", "").replace("_", "")
    )
    missed = MISSED.get(instruction or "smartpolicy")
    if kind == "simple" and instruction in {"", "smartpolicy"}:
        missed = "skip"

    def translated() -> When:
        if said(trigger, "calendar-name"):
            raise CannotBe(f"it leaves out what the calendar {said(trigger, 'calendar-name')} excludes")
        if missed is None:
            raise CannotBe(f"unknown misfire-instruction {said(trigger, 'misfire-instruction')!r}")
        when = _when(trigger, kind, zone, now)
        start, end = (_moment(said(trigger, name), zone) for name in ("start-time", "end-time"))
        return within(when, start, end, now)

    when, why_not = attempt(translated)
    remarks: tuple[str, ...] = () if job is not None else ("the file has no such job",)
    if said(trigger, "priority") not in {"", NORMAL_PRIORITY}:
        remarks += (f"priority {said(trigger, 'priority')} is not carried over: the actor has one",)
    group, name = key
    return Found(
        where=f"trigger {said(trigger, 'name') or number or 1}",
        source=_source(trigger, kind),
        jobs=(name, f"{group}.{name}"),
        number=number,
        when=when,
        why_not=why_not,
        remarks=remarks,
        kwargs=_data(job) | _data(trigger),
        missed=missed or "once",
    )


def _when(trigger: Element, kind: str, zone: str, now: datetime) -> When:
    named = said(trigger, "time-zone")
    if kind == "cron":
        spec, remarks = translate(said(trigger, "cron-expression"))
        return When(spec, iana(named) if named else zone, remarks)
    if kind == "simple":
        return _simple(trigger, zone, now)
    if kind == "calendar-interval":
        return _calendar_interval(trigger, iana(named) if named else zone, now)
    raise CannotBe(f"a trigger of the kind <{kind}> has no counterpart")


def _simple(trigger: Element, zone: str, now: datetime) -> When:
    count = said(trigger, "repeat-count").lower() or "0"
    if count not in FOR_EVER:
        times = "once" if count == "0" else f"{count} times more"
        raise CannotBe(f"it does not repeat for ever (repeat-count {count}: {times}): use `{_SEND}`")
    milliseconds = _whole(trigger, "repeat-interval")
    if milliseconds % 60_000:
        raise CannotBe(f"every {milliseconds / 1000:g} s: schedules here are by the minute")
    return _counted(trigger, milliseconds // 60_000, zone, now)


_SEND = "dhanman-jobs send --eta"


def _counted(trigger: Element, minutes: int, zone: str, now: datetime) -> When:
    """Every so many minutes from the start-time; without one, from whenever the old scheduler had started."""
    start = _moment(said(trigger, "start-time"), zone)
    if start is not None:
        return interval.every(minutes, start, zone)
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    when = interval.every(minutes, midnight, zone)
    return When(
        when.spec, when.zone, (*when.remarks, "it counted from the scheduler's start; here from midnight")
    )


def _calendar_interval(trigger: Element, zone: str, now: datetime) -> When:
    unit, count = said(trigger, "repeat-interval-unit").lower(), _whole(trigger, "repeat-interval")
    if unit in {"minute", "hour"}:
        return _counted(trigger, count * (60 if unit == "hour" else 1), zone, now)
    start = _moment(said(trigger, "start-time"), zone)
    if start is None:
        raise CannotBe("without a start-time it counts from the day on which it was first loaded")
    wall = start.astimezone(ZoneInfo(zone))
    clock, remarks = f"{wall.minute} {wall.hour}", earlier(wall.second)
    if count == 1 and unit == "day":
        return When(f"{clock} * * *", zone, remarks)
    if count == 1 and unit == "week":
        return When(f"{clock} * * {wall.isoweekday() % 7}", zone, remarks)
    if unit == "year" and count == 1 and (wall.month, wall.day) != (2, 29):
        return When(f"{clock} {wall.day} {wall.month} *", zone, remarks)
    if unit == "month" and count and 12 % count == 0 and wall.day not in {29, 30}:
        months = (
            "*"
            if count == 1
            else ",".join(map(str, sorted({(wall.month - 1 + n) % 12 + 1 for n in range(0, 12, count)})))
        )
        return When(f"{clock} {'L' if wall.day == 31 else wall.day} {months} *", zone, remarks)
    raise CannotBe(f"every {count} {unit or '?'}(s) from {wall:%Y-%m-%d} on: no calendar field counts so")


def _moment(text: str, zone: str) -> datetime | None:
    """The file's time, on the clocks of the zone where it names no offset."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CannotBe(f"{text!r} is no date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _whole(trigger: Element, name: str) -> int:
    text = said(trigger, name)
    if not text.isdigit() or int(text) == 0:
        raise CannotBe(f"{name} {text!r} is no whole number above 0")
    return int(text)


def _data(holder: Element | None) -> dict[str, str]:
    """The job-data-map."""
    return {
        said(entry, "key"): said(entry, "value") for entry in children(child(holder, "job-data-map"), "entry")
    }


def _source(trigger: Element, kind: str) -> str:
    if kind == "cron":
        return said(trigger, "cron-expression")
    unit = said(trigger, "repeat-interval-unit").lower() or "ms"
    return (
        f"{kind} {said(trigger, 'repeat-interval')} {unit}, repeat-count {said(trigger, 'repeat-count') or '-'}"
        if kind == "simple"
        else f"{kind} {said(trigger, 'repeat-interval')} {unit}"
    )
