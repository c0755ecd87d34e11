"""A cron spec, read and checked: five fields as in crontab(5), with names, L, LW, L-3, 5L, fri#2 and @weekly.

Whoever writes a wrong one is told which field is wrong and what is allowed there. The fields' texts are then
spelled in the one way that the calendar's library reads (`friL` as `5L`, `5/20` as `5-59/20`); their meaning is kept
as plain numbers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 500
"""Characters; every minute, hour, day and month written out one by one are 360."""

LAST = -1
"""Of weekday#n: the last one of the month."""

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class WrongSpec(ValueError):
    """It is no cron spec, or one that never comes."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int]


def _numbered(words: str, start: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(words.split(), start)}


MINUTE = Field("minute", 0, 59, {})
HOUR = Field("hour", 0, 23, {})
DAY = Field("day of month", 1, 31, {})
MONTH = Field("month", 1, 12, _numbered("jan feb mar apr may jun jul aug sep oct nov dec", 1))
WEEKDAY = Field("day of week", 0, 7, _numbered("sun mon tue wed thu fri sat", 0))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True, slots=True)
class Part:
    """One field: what it allows, and how the library is to read it."""

    text: str
    starred: bool
    values: tuple[int, ...]
    before_last: tuple[int, ...] = ()
    """Days before the last one of the month: L is 0, L-3 is 3."""
    last_workday: bool = False
    nth: tuple[tuple[int, int], ...] = ()
    """(weekday, which one of the month)"""


@dataclass(frozen=True, slots=True)
class Spec:
    text: str
    minute: Part
    hour: Part
    day: Part
    month: Part
    weekday: Part

    @property
    def either(self) -> bool:
        """Both kinds of day are restricted, so that a day of either kind will do.

        As cron has it, a field that starts with `*` is not restricted, not even `*/2`: then a day must be of both
        kinds.
        """
        return not (self.day.starred or self.weekday.starred)

    @property
    def every_day(self) -> bool:
        any_day, any_weekday = len(self.day.values) == 31, len(self.weekday.values) == 7
        return any_day or any_weekday if self.either else any_day and any_weekday

    @property
    def every_hour(self) -> bool:
        return len(self.hour.values) == 24

    @property
    def meaning(self) -> tuple[object, ...]:
        """Equal for specs that come at the same minutes, however they are spelled."""
        days: tuple[object, ...] = ("every day",)
        if not self.every_day:
            day, weekday = self.day, self.weekday
            days = (self.either, day.values, day.before_last, day.last_workday, weekday.values, weekday.nth)
        return self.minute.values, self.hour.values, self.month.values, days


def parse(text: str) -> Spec:
    """Raises WrongSpec, naming the field; TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"a cron spec is a text such as '0 6 1 * *', not {type(text).__name__}")
    if len(text) > LONGEST:
        raise WrongSpec(
            f"a cron spec has {LONGEST} characters at most, this one has {len(text):,}: {_shown(text)}"
        )
    words = [word for word in re.split(r"[ \t\r\n]+", text) if word]
    if not words:
        raise WrongSpec(f"an empty cron spec; {_five()}")
    tidy = " ".join(words)
    if tidy.startswith("@"):
        words = _named(tidy).split()
    if len(words) != len(FIELDS):
        why = "seconds and years are not supported" if len(words) in {6, 7} else f"it has {len(words)}"
        raise WrongSpec(f"{_five()}; {why}, in {_shown(tidy)}")
    try:
        return Spec(tidy, *(_part(field, word) for field, word in zip(FIELDS, words, strict=True)))
    except WrongSpec as error:
        raise WrongSpec(f"{error}, in {_shown(tidy)}") from None


def _named(text: str) -> str:
    spec = NAMED.get(text.lower())
    if spec is None:
        close = difflib.get_close_matches(text.lower(), NAMED, n=1)
        meant = f", did you mean {close[0]!r}?" if close else f"; there are {', '.join(NAMED)}"
        raise WrongSpec(f"unknown name {_shown(text)}{meant}")
    return spec


def _part(field: Field, text: str) -> Part:
    if not text.isascii():
        raise _wrong(field, f"{_shown(text)} has characters that are not ASCII")
    values: set[int] = set()
    before_last: set[int] = set()
    nth: set[tuple[int, int]] = set()
    last_workday = False
    spelled: list[str] = []
    for item in text.lower().split(","):
        if field is DAY and item == "lw":
            last_workday = True
            spelled.append("LW")
        elif field is DAY and item.startswith("l"):
            offset = _before_last(item)
            before_last.add(offset)
            spelled += [] if offset else ["L"]  # the library knows L only; the calendar adds the rest
        elif field is WEEKDAY and (item.endswith("l") or "#" in item):
            one = _nth_weekday(item)
            nth.add(one)
            spelled.append(f"{one[0]}L" if one[1] == LAST else f"{one[0]}#{one[1]}")
        else:
            first, last, step = _range(field, item)
            values.update(range(first, last + 1, step))
            spelled.append(_spelled(item, first, last, step))
    if field is WEEKDAY:
        values = {value % 7 for value in values}
        nth = {(weekday, n) for weekday, n in nth if weekday not in values}
    if field is DAY and len(values) == 31:
        before_last, last_workday = set(), False
        spelled = ["*" if text.startswith("*") else "1-31"]  # `L-3,*` must not come to start with a star
    return Part(
        text=",".join(dict.fromkeys(spelled)),
        starred=text.startswith("*"),
        values=tuple(sorted(values)),
        before_last=tuple(sorted(before_last)),
        last_workday=last_workday,
        nth=tuple(sorted(nth)),
    )


def _range(field: Field, item: str) -> tuple[int, int, int]:
    """First, last and step of `*`, `5`, `1-5`, `*/2`, `5/2` (from 5 on) or `1-5/2`."""
    span, slash, by = item.partition("/")
    step = 1
    if slash:
        step = _digits(by) or 0
        if not 1 <= step <= field.high:
            raise _wrong(field, f"a step of {_shown(by)} is not between 1 and {field.high}")
    if span == "*":
        return field.low, field.high, step
    start, dash, end = span.partition("-")
    if dash and not start and _digits(end) is not None:
        number = span if len(span) <= 20 else _shown(span)
        raise _wrong(
            field, f"{number} is not between {field.low} and {field.high}; a range has a value on each side"
        )
    first = _value(field, start, item)
    if not dash:
        return first, field.high if slash else first, step
    last = _value(field, end, item)
    if field is WEEKDAY and end == "sun" and start != "sun":
        last = 7  # sat-sun is the week-end
    if last < first:
        raise _wrong(field, f"{_shown(span)} runs backwards; write it as two, separated by a comma")
    return first, last, step


def _spelled(item: str, first: int, last: int, step: int) -> str:
    if item.startswith("*"):
        return item  # 1-31 is not spelled as a star, which would change what the day of the week means
    span = f"{first}" if first == last else f"{first}-{last}"
    return span if step == 1 or first == last else f"{span}/{step}"


def _before_last(item: str) -> int:
    if item == "l":
        return 0
    offset = _digits(item[2:]) if item.startswith("l-") else None
    if offset is None:
        raise _wrong(
            DAY,
            f"{_shown(item)} is not understood; there are L (the last day), L-3 and LW (the last workday)",
        )
    if not 1 <= offset <= 30:
        raise _wrong(DAY, f"L-{item[2:]}: the days before the last one are between 1 and 30")
    return offset


def _nth_weekday(item: str) -> tuple[int, int]:
    weekday, sharp, which = item.partition("#")
    if not sharp:
        if item == "l":
            raise _wrong(WEEKDAY, "L needs a day: 5L or friL is the last Friday of the month")
        return _value(WEEKDAY, item[:-1], item) % 7, LAST
    n = _digits(which)
    if n is None or not 1 <= n <= 5:
        raise _wrong(
            WEEKDAY, f"{_shown(item)}: which one of the month is between 1 and 5, or L for the last (friL)"
        )
    return _value(WEEKDAY, weekday, item) % 7, n


def _value(field: Field, text: str, item: str) -> int:
    if text in field.names:
        return field.names[text]
    number = _digits(text)
    allowed = f"between {field.low} and {field.high}"
    if number is not None:
        if field.low <= number <= field.high:
            return number
        raise _wrong(field, f"{text if len(text) <= 20 else _shown(text)} is not {allowed}")
    if not text:
        raise _wrong(
            field, "nothing stands between two commas" if not item else f"{_shown(item)} is incomplete"
        )
    if text == "?":
        raise _wrong(field, "'?' is not supported; write '*'")
    if text.endswith("w"):
        raise _wrong(field, f"{_shown(text)} is not supported; LW, the last workday of the month, is")
    if not field.names:
        raise _wrong(field, f"{_shown(text)} is not a number {allowed}")
    meant = [text[:3]] if text[:3] in field.names else difflib.get_close_matches(text, field.names, n=1)
    hint = f", did you mean {meant[0]!r}?" if meant else f" ({', '.join(field.names)})"
    raise _wrong(field, f"{_shown(text)} is neither a number {allowed} nor a name{hint}")


def _digits(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]+", text) else None


def _wrong(field: Field, why: str) -> WrongSpec:
    return WrongSpec(f"{field.name}: {why}")


def _five() -> str:
    return f"a cron spec has five fields ({', '.join(field.name for field in FIELDS)})"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
