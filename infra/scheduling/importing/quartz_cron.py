"""Quartz's cron expressions: seconds first, weekdays from 1 = Sunday, `?`, and a year that may follow.

What is read as what comes from the documentation of Quartz.NET's CronTrigger and, where that is silent, from what
its parser does: https://www.quartz-scheduler.net/documentation/quartz-3.x/tutorial/crontriggers.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.scheduling import spec as ours
from infra.scheduling.importing.fields import spelled
from infra.scheduling.importing.found import CannotBe, earlier


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    steps: int
    names: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.high - self.low + 1


SECOND = _Field("second", 0, 59, 59)
MINUTE = _Field("minute", 0, 59, 59)
HOUR = _Field("hour", 0, 23, 23)
DAY = _Field("day of month", 1, 31, 31)
MONTH = _Field("month", 1, 12, 12, ours.MONTH.names)
WEEKDAY = _Field("day of week", 1, 7, 7, {name: number + 1 for name, number in ours.WEEKDAY.names.items()})

LONG_MONTHS = {1, 3, 5, 7, 8, 10, 12}
SHORT_MONTHS = {4, 6, 9, 11}

_ITEM = re.compile(r"(\*|(\d+|[a-z]{3})(?:-(\d+|[a-z]{3}))?)?(?:/(\d+))?")
_NEAREST = re.compile(r"(\d+)w")
_NTH = re.compile(r"(\d|[a-z]{3})#(\d)")
_LAST_WEEKDAY = re.compile(r"(\d|[a-z]{3})l")


def translate(expression: str) -> tuple[str, tuple[str, ...]]:
    """Our spec for an expression, and what is to be known about it. Raises CannotBe, naming the field."""
    words = expression.lower().split()
    if len(words) not in {6, 7}:
        raise CannotBe(
            f"a Quartz expression has six fields, or seven with the year; this one has {len(words)}"
        )
    seconds = _values(SECOND, words[0])
    if len(seconds) > 1:
        raise CannotBe(f"second: it runs {len(seconds)} times a minute, and schedules here are by the minute")
    if words[6:] not in ([], ["*"]):
        raise CannotBe(f"year: it runs in {words[6]} only, and schedules here know no years")
    minutes, hours, months = (
        _values(field, word) for field, word in ((MINUTE, words[1]), (HOUR, words[2]), (MONTH, words[4]))
    )
    day, weekday, remarks = _days(words[3], words[5], months)
    clock = f"{spelled(ours.MINUTE, minutes)} {spelled(ours.HOUR, hours)}"
    return f"{clock} {day} {spelled(ours.MONTH, months)} {weekday}", (*remarks, *earlier(min(seconds)))


def _days(day: str, weekday: str, months: set[int]) -> tuple[str, str, tuple[str, ...]]:
    """The two kinds of day. Quartz wants one of them to be `?`, so that ours never has to choose between them."""
    if day == weekday == "?":
        raise CannotBe("day of month and day of week are both '?', which Quartz refuses")
    if weekday == "?":
        return _days_of_month(day, months), "*", ()
    if day == "?":
        return "*", _weekdays(weekday), ()
    remark = ("no field of the days is '?', which Quartz refuses; read as if one were",)
    if day == "*":
        return "*", _weekdays(weekday), remark
    if weekday == "*":
        return _days_of_month(day, months), "*", remark
    raise CannotBe(
        "day of month and day of week are both restricted, which Quartz refuses: are both meant, or either?"
    )


def _days_of_month(text: str, months: set[int]) -> str:
    if text == "lw":
        return "LW"
    if nearest := _NEAREST.fullmatch(text):
        return _nearest(int(nearest[1]), months)
    if "w" in text:
        raise CannotBe(f"day of month: {text!r}: of the workdays only LW, the last, can be said")
    last = [item.upper() for item in text.split(",") if item.startswith("l")]
    if len(last) > 1 or any(not re.fullmatch(r"L(-\d+)?", item) for item in last):
        raise CannotBe(f"day of month: {text!r} has more than one L, or what Quartz does not know")
    days = [item for item in text.split(",") if not item.startswith("l")]
    last = ["L" if re.fullmatch("L-0+", item) else item for item in last]
    return ",".join(([spelled(ours.DAY, _values(DAY, ",".join(days)))] if days else []) + last)


def _nearest(day: int, months: set[int]) -> str:
    """The workday nearest to a day: where that is the month's last, it is LW; else no field can say it."""
    if (day == 31 and months <= LONG_MONTHS) or (day == 30 and months <= SHORT_MONTHS):
        return "LW"
    around = f"{max(1, day - 1)}-{min(31, day + 1)}" if day > 1 else "1-3"
    raise CannotBe(
        f"day of month: {day}W, the workday nearest to it, cannot be said in one schedule; let the job run on "
        f"days {around} and decide itself"
    )


def _weekdays(text: str) -> str:
    if text == "l":
        return "6"  # by itself it is the last day of the week, Saturday
    if nth := _NTH.fullmatch(text):
        if not "1" <= nth[2] <= "5":
            raise CannotBe(f"day of week: {text!r}: which one of the month is between 1 and 5")
        return f"{_value(WEEKDAY, nth[1], text) - 1}#{nth[2]}"
    if last := _LAST_WEEKDAY.fullmatch(text):
        return f"{_value(WEEKDAY, last[1], text) - 1}L"
    if "#" in text or re.search(r"l(,|$)", text):
        raise CannotBe(f"day of week: {text!r}: Quartz knows # and L only by themselves, not in a list")
    return spelled(ours.WEEKDAY, {value - 1 for value in _values(WEEKDAY, text)})


def _values(field: _Field, text: str) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        values |= _range(field, item)
    return values


def _range(field: _Field, item: str) -> set[int]:
    parts = _ITEM.fullmatch(item)
    if parts is None or not item:
        raise CannotBe(f"{field.name}: {item!r} is not understood")
    span, start, end, by = parts.groups()
    named = [text for text in (start, end) if text and not text.isdigit()]
    if named and (by or (end and len(named) == 1)):
        raise CannotBe(
            f"{field.name}: {item!r}: Quartz's versions differ in how they read it; write it in numbers"
        )
    step = int(by) if by else 1
    if not 1 <= step <= field.steps:
        raise CannotBe(f"{field.name}: a step of {step} is not between 1 and {field.steps}")
    if span in {"*", None}:
        return set(range(field.low, field.high + 1, step))
    first = _value(field, start, item)
    last = _value(field, end, item) if end else field.high if by else first
    if last < first:  # around the dial, as Quartz does
        last += field.size
    return {(value - field.low) % field.size + field.low for value in range(first, last + 1, step)}


def _value(field: _Field, text: str, item: str) -> int:
    value = int(text) if text.isdigit() else field.names.get(text)
    if value is None:
        raise CannotBe(
            f"{field.name}: {item!r} is neither a number nor a name such as {next(iter(field.names), '5')}"
        )
    if not field.low <= value <= field.high:
        raise CannotBe(f"{field.name}: {value} is not between {field.low} and {field.high}")
    return value
