"""Zones, and what becomes of a wall time in them.

When clocks go forward some wall times are left out (the gap); when they go back some come twice (the overlap). All
instants here are UTC: two times of the same zone compare by their wall clock, which runs backwards in an overlap.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

SECOND = timedelta(seconds=1)

MACHINE_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""They mean something else on each machine."""

USUAL = frozenset({"Asia/Kolkata", "UTC"})
"""They are there: looking through all the others takes 30 ms."""

COLLOQUIAL = {
    "IST": "Asia/Kolkata",
    "INDIA": "Asia/Kolkata",
    "BOMBAY": "Asia/Kolkata",
    "MUMBAI": "Asia/Kolkata",
}


class UnknownZone(ValueError):
    """No zone of this name is in the IANA database."""


@cache
def zone_named(name: str) -> ZoneInfo:
    """Raises UnknownZone, with the name that was probably meant."""
    if name in MACHINE_ZONES:
        raise UnknownZone(f"zone {name!r} is another one on each machine; name one such as 'Asia/Kolkata'")
    if name in USUAL or name in _known():
        return ZoneInfo(name)
    meant = _meant(name)
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    hint = f", did you mean {meant!r}?" if meant else "; a zone is named like 'Asia/Kolkata' or 'UTC'"
    raise UnknownZone(f"unknown zone {shown!r}{hint}")


@cache
def _known() -> frozenset[str]:
    """By exact name: some file systems would also find asia/kolkata."""
    return frozenset(available_timezones() - MACHINE_ZONES)


def _meant(name: str) -> str | None:
    name = name[:60].strip()
    if name.upper() in COLLOQUIAL:
        return COLLOQUIAL[name.upper()]
    known = sorted(_known())
    spellings = {zone.rpartition("/")[2].lower(): zone for zone in known} | {
        zone.lower(): zone for zone in known
    }
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), spellings, n=1, cutoff=0.8)
    return spellings[close[0]] if close else None


def instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """When the clocks there show this: once as a rule, never in a gap, twice in an overlap."""
    before = _offset(wall.replace(tzinfo=zone, fold=0))
    after = _offset(wall.replace(tzinfo=zone, fold=1))
    utc = wall.replace(tzinfo=UTC)
    if before == after:
        return (utc - before,)
    return () if before < after else (utc - before, utc - after)


def change_around(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks are set, by which this wall time is left out or comes twice."""
    offsets = [_offset(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)]
    utc = wall.replace(tzinfo=UTC, microsecond=0)
    before, after = utc - max(offsets), utc - min(offsets) + SECOND
    old = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def overlap_around(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The first wall time that comes twice and the end of those, if this instant is one whose wall time does."""
    wall = moment.astimezone(zone).replace(tzinfo=None)
    if len(instants(wall, zone)) != 2:
        return None
    change = change_around(wall, zone)
    before, after = (_offset(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    naive = change.replace(tzinfo=None)
    return naive + after, naive + before


def ascending(walls: Iterable[datetime], zone: ZoneInfo, *, every_pass: bool) -> Iterator[datetime]:
    """The instants of these ascending wall times.

    With `every_pass`, one for each time that the clocks show it. Without, exactly one: the first pass of an overlap,
    and for a time in a gap the gap's end; several of those fall together.
    """
    again: list[datetime] = []
    for wall in walls:
        shown = instants(wall, zone)
        if again and shown and again[0] < shown[0]:  # the second pass is over
            yield from again
            again = []
        if shown:
            yield shown[0]
            if every_pass:
                again += shown[1:]
        elif not every_pass:
            yield change_around(wall, zone)
    yield from again


def descending(walls: Iterable[datetime], zone: ZoneInfo, *, every_pass: bool) -> Iterator[datetime]:
    """As `ascending`, backwards."""
    first_pass: list[datetime] = []
    for wall in walls:
        shown = instants(wall, zone)
        if first_pass and shown and shown[-1] < first_pass[-1]:
            yield from first_pass
            first_pass = []
        if shown:
            yield shown[-1] if every_pass else shown[0]
            if every_pass:
                first_pass += shown[:-1]
        elif not every_pass:
            yield change_around(wall, zone)
    yield from first_pass


def on_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """The same instant as the zone's clocks show it, with the offset of then."""
    local = moment.astimezone(zone)
    return local.replace(tzinfo=timezone(_offset(local), local.tzname() or zone.key), fold=0)


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None
    return offset
