"""A second implementation of cron, to compare with: crontab(5) taken at its word, minute by minute.

It shares nothing with ours. A day is tested by itself, a time by looking at the clocks of the zone minute after
minute, and nothing is computed ahead. Slow, plain, and meant to be checked by reading.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Crontab5:
    def __init__(self, spec: str, zone: str) -> None:
        self.minute, self.hour, self.day, self.month, self.weekday = spec.lower().split()
        self.zone = ZoneInfo(zone)
        self.times = [
            (hour, minute)
            for hour in range(24)
            for minute in range(60)
            if allowed(self.hour, hour, 0, 23) and allowed(self.minute, minute, 0, 59)
        ]
        self.whole_day = {hour for hour, _ in self.times} == set(range(24))

    def is_on(self, day: date) -> bool:
        if not allowed(self.month, day.month, 1, 12, MONTHS):
            return False
        on_day = any(self._is_day_of_month(item, day) for item in self.day.split(","))
        on_weekday = any(self._is_weekday(item, day) for item in self.weekday.split(","))
        # The manual: if both fields are restricted, that is, neither starts with *, a day will do when either matches.
        if self.day.startswith("*") or self.weekday.startswith("*"):
            return on_day and on_weekday
        return on_day or on_weekday

    @staticmethod
    def _is_day_of_month(item: str, day: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        if item == "lw":
            workdays = [d for d in range(1, last + 1) if date(day.year, day.month, d).weekday() < 5]
            return day.day == workdays[-1]
        if item.startswith("l"):
            return day.day == last - int(item[2:] or 0)
        return allowed(item, day.day, 1, 31)

    @staticmethod
    def _is_weekday(item: str, day: date) -> bool:
        numbers = (0, 7) if day.isoweekday() == 7 else (day.isoweekday(),)
        if item.endswith("l"):
            item, this_one = item[:-1], (day + 7 * DAY).month != day.month
        elif "#" in item:
            item, which = item.split("#")
            this_one = (day.day - 1) // 7 + 1 == int(which)
        else:
            this_one = True
        return this_one and any(allowed(item, number, 0, 7, WEEKDAYS) for number in numbers)

    def days(self, first: date, last: date) -> Iterator[date]:
        while first <= last:
            if self.is_on(first):
                yield first
            first += DAY

    def ticks(self, first: date, last: date) -> list[datetime]:
        """The instants, in UTC, that belong to these days of the zone's calendar."""
        found: set[datetime] = set()
        for day in self.days(first, last):
            steady = steady_offset(self.zone, day)
            if steady is not None:
                midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - steady
                found.update(midnight + timedelta(hours=hour, minutes=minute) for hour, minute in self.times)
                continue
            shown = clock_around(self.zone, day)
            for hour, minute in self.times:
                wall = datetime(day.year, day.month, day.day, hour, minute)
                at = shown.get(wall, [])
                if self.whole_day:
                    found.update(at)  # follows the clock: as often as it shows this
                else:
                    found.add(at[0] if at else next(seen[0] for clock, seen in shown.items() if clock > wall))
        return sorted(found)


@lru_cache(maxsize=10_000)
def allowed(field: str, number: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    for item in field.split(","):
        span, _, step = item.partition("/")
        ends = [str(low), str(high)] if span == "*" else span.split("-")
        first, last = (names.index(end) if end in names else int(end) for end in (ends[0], ends[-1]))
        if len(ends) == 1 and step:
            last = high
        if ends[-1] == "sun" and first:
            last = 7
        if first <= number <= last and (number - first) % int(step or 1) == 0:
            return True
    return False


@cache
def steady_offset(zone: ZoneInfo, day: date) -> timedelta | None:
    """The offset, if the clocks are not set on this day or its neighbours."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY
    offsets = {(start + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(0, 73, 12)}
    return offsets.pop() if len(offsets) == 1 else None


@lru_cache(maxsize=64)
def clock_around(zone: ZoneInfo, day: date) -> dict[datetime, list[datetime]]:
    """What the clocks show about this day, minute after minute, and when they do."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY - timedelta(hours=3)
    shown: dict[datetime, list[datetime]] = {}
    for count in range(78 * 60):
        minute = start + count * MINUTE
        shown.setdefault(minute.astimezone(zone).replace(tzinfo=None, fold=0), []).append(minute)
    return shown
