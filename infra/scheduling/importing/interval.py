"""Every so many minutes, counted from a start: as a cron spec, where that is exactly the same."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from infra.scheduling.importing.fields import clock
from infra.scheduling.importing.found import CannotBe, When, earlier

DAY = 24 * 60
WEEK = 7 * DAY


def every(minutes: int, start: datetime, zone: str) -> When:
    """For ever, from `start` on. Raises CannotBe unless the interval divides an hour or a day, or is a week.

    Such an interval goes on when clocks are set. Where they are, it is therefore said in UTC.
    """
    remarks: tuple[str, ...] = ()
    where = zone
    if not unchanging(zone):
        where, remarks = "UTC", (f"in UTC, as clocks in {zone} are set",)
    wall = start.astimezone(ZoneInfo(where))
    first = wall.hour * 60 + wall.minute
    remarks += earlier(wall.second)
    if minutes == WEEK:
        return When(f"{clock([first])} * * {wall.isoweekday() % 7}", where, remarks)
    if minutes <= 0 or DAY % minutes or (60 % minutes and minutes % 60):
        raise CannotBe(f"every {spoken(minutes)} divides neither an hour nor a day")
    times = {(first + passed) % DAY for passed in range(0, DAY, minutes)}
    return When(f"{clock(times)} * * *", where, remarks)


@cache
def unchanging(zone: str) -> bool:
    """Whether the zone's clocks are not set, as far as is known for our years."""
    there = ZoneInfo(zone)
    moments = (datetime(year, month, 15, tzinfo=UTC) for year in range(2020, 2038) for month in range(1, 13))
    return len({moment.astimezone(there).utcoffset() for moment in moments}) == 1


def spoken(minutes: int) -> str:
    """`90 minutes`, `2 days`."""
    for size, unit in ((DAY, "day"), (60, "hour")):
        if minutes >= size and minutes % size == 0:
            count = minutes // size
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{minutes} minute" + ("s" if minutes != 1 else "")
