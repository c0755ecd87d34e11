"""A spec in words: "at 23:00 on the last day of the month". Different schedules never read the same."""

from __future__ import annotations

from collections.abc import Sequence

from infra.scheduling.spec import LAST, Part, Spec

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}

FEW = 6
"""So many times of the day are listed one by one."""


def in_words(spec: Spec) -> str:
    time = _time(spec.minute.values, spec.hour.values)
    day = _day(spec)
    if day == "every day" and time.startswith("every "):
        return time
    return f"{time} {day}"


def _time(minutes: tuple[int, ...], hours: tuple[int, ...]) -> str:
    if len(hours) == 24:
        return _within_every_hour(minutes)
    every = _step(hours, 24)
    if len(minutes) == 1 and every and len(hours) > 2:
        start = _clock(hours[0], minutes[0])
        return f"every {every} hours" + ("" if start == "00:00" else f" from {start}")
    if len(minutes) * len(hours) <= FEW:
        return "at " + _joined([_clock(hour, minute) for hour in hours for minute in minutes])
    pace = "every hour" if len(minutes) == 1 else _pace(minutes)
    if pace and _consecutive(hours):
        return f"{pace} from {_clock(hours[0], minutes[0])} to {_clock(hours[-1], minutes[-1])}"
    return f"at {_counted('minute', minutes)} of {_counted('hour', hours)}"


def _within_every_hour(minutes: tuple[int, ...]) -> str:
    if minutes == (0,):
        return "every hour"
    if pace := _pace(minutes):
        return pace if minutes[0] == 0 else f"{pace} from minute {minutes[0]}"
    return f"every hour at {_counted('minute', minutes)}"


def _pace(minutes: tuple[int, ...]) -> str:
    if len(minutes) == 60:
        return "every minute"
    every = _step(minutes, 60)
    return f"every {every} minutes" if every else ""


def _day(spec: Spec) -> str:
    day, weekday = spec.day, spec.weekday
    months = "" if len(spec.month.values) == 12 else _months(spec.month.values)
    if spec.every_day:
        return f"every day{_within(months)}"
    if len(day.values) == 31:
        return f"on {_weekdays(weekday, months)}"
    if len(weekday.values) == 7:
        return f"on {_days_of_month(day, months)}"
    if spec.either:
        return f"on {_days_of_month(day, months)} and on {_weekdays(weekday, months)}"
    fall = "fall" if weekday.values or len(weekday.nth) > 1 else "falls"
    return f"on {_weekdays(weekday, '')} that {fall} on {_days_of_month(day, months)}"


def _days_of_month(day: Part, months: str) -> str:
    named = [_counted("day", day.values)] if day.values else []
    if day.last_workday:
        named.append("the last workday")
    for offset in sorted(day.before_last, reverse=True):
        before = {0: "last day", 1: "day before the last"}.get(offset, f"day {offset} days before the last")
        named.append(f"the {before}")
    if not months:
        return f"{_joined(named)} of {'every' if day.values else 'the'} month"
    return f"{_joined(named)} of {'each month ' if months.startswith('from') else ''}{months}"


def _weekdays(weekday: Part, months: str) -> str:
    monday_first = sorted(weekday.values, key=lambda value: (value - 1) % 7)
    names = [f"{WEEKDAYS[value]}s" for value in monday_first]
    if len(names) > 2 and _consecutive([(value - 1) % 7 for value in monday_first]):
        names = [f"{names[0]} to {names[-1]}"]
    names += [f"the {ORDINALS[n]} {WEEKDAYS[value]} of the month" for value, n in weekday.nth]
    return f"{_joined(names)}{_within(months)}"


def _within(months: str) -> str:
    return f" {months}" if months.startswith("from") else f" in {months}" if months else ""


def _months(months: Sequence[int]) -> str:
    if len(months) > 2 and _consecutive(months):
        return f"from {MONTHS[months[0] - 1]} to {MONTHS[months[-1] - 1]}"
    return _joined([MONTHS[month - 1] for month in months])


def _counted(what: str, values: Sequence[int]) -> str:
    """So: day 1; days 1 and 15; days 1 to 7, 10 and 20; every 7th minute from 0 to 56."""
    every = values[1] - values[0] if len(values) > FEW else 1
    if every > 1 and list(values) == list(range(values[0], values[-1] + 1, every)):
        nth = {2: "2nd", 3: "3rd"}.get(every, f"{every}th")
        return f"every {nth} {what} from {values[0]} to {values[-1]}"
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    spans: list[str] = []
    for run in runs:
        spans += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(value) for value in run]
    return f"{what}{'' if len(values) == 1 else 's'} {_joined(spans)}"


def _step(values: Sequence[int], size: int) -> int:
    """The distance between neighbours, where it is the same all around the dial; else 0."""
    every, rest = divmod(size, len(values))
    regular = not rest and all(value == values[0] + index * every for index, value in enumerate(values))
    return every if regular and every > 1 and len(values) > 1 and values[0] < every else 0


def _consecutive(values: Sequence[int]) -> bool:
    return values[-1] - values[0] == len(values) - 1


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
