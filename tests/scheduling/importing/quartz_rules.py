"""Quartz's rules taken at their word, to compare with: does an expression match this minute of this day?

It shares nothing with the translation: each field is asked for one value, nothing is listed ahead.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def matches(expression: str, moment: datetime) -> bool:
    """Whether it fires in this minute."""
    _, minute, hour, day, month, weekday = expression.split()
    return (
        allowed(minute, moment.minute, 0, 59)
        and allowed(hour, moment.hour, 0, 23)
        and allowed(month, moment.month, 1, 12, MONTHS)
        and is_day_of_month(day, moment.date())
        and is_weekday(weekday, moment.date())
    )


def is_day_of_month(field: str, day: date) -> bool:
    last = monthrange(day.year, day.month)[1]
    if field == "?":
        return True
    if field == "LW" or field.endswith("W"):
        wanted = date(day.year, day.month, last if field == "LW" else min(int(field[:-1]), last))
        if field != "LW" and int(field[:-1]) > last:
            return False
        return day == nearest_workday(wanted)
    return any(
        day.day == last - int(item[2:] or 0) if item[0] == "L" else allowed(item, day.day, 1, 31)
        for item in field.split(",")
    )


def nearest_workday(day: date) -> date:
    """Friday before a Saturday, Monday after a Sunday, but never in another month."""
    step = {5: -1, 6: 1}.get(day.weekday(), 0)
    near = day + timedelta(days=step)
    return near if near.month == day.month else day - timedelta(days=2 * step)


def is_weekday(field: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    if field == "?":
        return True
    if field == "L":
        return number == 7
    if "#" in field:
        named, nth = field.split("#")
        return allowed(named, number, 1, 7, WEEKDAYS) and (day.day + 6) // 7 == int(nth)
    if field.endswith("L"):
        week_later = day + timedelta(days=7)
        return allowed(field[:-1], number, 1, 7, WEEKDAYS) and week_later.month != day.month
    return allowed(field, number, 1, 7, WEEKDAYS)


def allowed(field: str, value: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    return any(_item(item, value, low, high, names) for item in field.split(","))


def _item(item: str, value: int, low: int, high: int, names: tuple[str, ...]) -> bool:
    span, _, by = item.partition("/")
    start, _, end = span.partition("-")
    first = low if start in ("*", "") else _number(start, low, names)
    last = _number(end, low, names) if end else high if by or start == "*" else first
    size = high - low + 1
    passed, length = (value - first) % size, (last - first) % size
    if start in ("*", ""):
        length = size - 1
    return passed <= length and passed % int(by or 1) == 0


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    return names.index(text) + low if text in names else int(text)
