"""The minutes of a spec on a clock that is never set: wall times, without a zone.

Matching and dates are cronsim's. What it lacks is added here: `L-3`. A wall time is three days before the last of
its month if three days later is the last day of that same month, so the library is asked for L, three days ahead.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from infra.scheduling.spec import Spec

GIVE_UP = timedelta(days=366 * 50)
"""The library's own patience. No date that comes at all is farther off: even 29 February is a Friday every 40 years."""

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


class Calendar:
    __slots__ = ("_branches",)

    def __init__(self, spec: Spec) -> None:
        self._branches = tuple(_branches(spec))

    def after(self, wall: datetime) -> Iterator[datetime]:
        """The spec's wall times after this one, ascending."""
        if len(self._branches) == 1:
            return self._branches[0].run(wall, reverse=False)
        return _distinct(heapq.merge(*(branch.run(wall, reverse=False) for branch in self._branches)))

    def until(self, wall: datetime) -> Iterator[datetime]:
        """The spec's wall times up to this one, descending."""
        if len(self._branches) == 1:
            return self._branches[0].run(wall, reverse=True)
        runs = (branch.run(wall, reverse=True) for branch in self._branches)
        return _distinct(heapq.merge(*runs, reverse=True))


@dataclass(frozen=True, slots=True)
class _Branch:
    """What one of the library's expressions gives, so many days earlier and only where the other expression agrees."""

    expression: str
    earlier: timedelta = timedelta()
    only: str = ""

    def run(self, wall: datetime, *, reverse: bool) -> Iterator[datetime]:
        try:
            # Going back, the library starts before the time that it is given: that one is to be included.
            start = wall + self.earlier + (INSTANT if reverse else timedelta())
            for found in CronSim(self.expression, start, reverse=reverse):
                if not self.earlier:
                    yield found
                    continue
                tick = found - self.earlier
                if abs(tick - wall) > GIVE_UP:
                    return
                if tick.month == found.month and (not self.only or _matches(self.only, tick)):
                    wall = tick
                    yield tick
        except CronSimError:
            return  # a day that no month has; the texts themselves are right, they were spelled by us
        except (OverflowError, ValueError):
            return  # the first or the last year that there is


def _branches(spec: Spec) -> Iterator[_Branch]:
    clock = f"{spec.minute.text} {spec.hour.text}"
    day, month, weekday = spec.day.text, spec.month.text, spec.weekday.text
    offsets = [offset for offset in spec.day.before_last if offset]
    if not offsets:
        yield _Branch(f"{clock} {day} {month} {weekday}")
        return
    alone = spec.either  # a day of either kind will do, so each kind is asked for by itself
    if day:
        yield _Branch(f"{clock} {day} {month} {'*' if alone else weekday}")
    if alone:
        yield _Branch(f"{clock} * {month} {weekday}")
    only = "" if alone or len(spec.weekday.values) == 7 else f"{clock} * {month} {weekday}"
    for offset in offsets:
        yield _Branch(f"{clock} L {month} *", timedelta(days=offset), only)


def _matches(expression: str, wall: datetime) -> bool:
    return next(CronSim(expression, wall - MINUTE)) == wall


def _distinct(ordered: Iterator[datetime]) -> Iterator[datetime]:
    last: datetime | None = None
    for wall in ordered:
        if wall != last:
            yield wall
        last = wall
