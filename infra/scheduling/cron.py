"""`cron("0 6 1 * *")`: when a recurring job is due, in a zone of its own. docs/scheduling.md says what a spec may hold.

Which wall times match, and which come next, is cronsim's business (`calendar`). What becomes of them when the clocks
are set is decided here and carried out in `zones`:

- A job of certain hours comes once for each of its wall times: in an overlap on the first pass, in a gap at its end.
- A job of every hour (`*/15 * * * *`) follows the clock as it runs: it comes on both passes, and not for a minute that
  is left out, because its next one is near.

Periodiq asks three things of a spec: `validate`, `next_valid_date` and its text. A Cron answers them for the job's own
zone. It does not inherit from periodiq's CronSpec: there is nothing in it that could be used, and importing it costs
70 ms in every worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from infra.scheduling.calendar import INSTANT, Calendar
from infra.scheduling.spec import Spec, WrongSpec, parse
from infra.scheduling.words import in_words
from infra.scheduling.zones import ascending, descending, on_clock, overlap_around, zone_named

DEFAULT_ZONE = "Asia/Kolkata"

EVE_OF_LEAP_DAY = datetime(2000, 2, 28, 23, 59)  # noqa: DTZ001 - a wall time
"""A search from here meets the rarest dates at once."""


def cron(spec: str, zone: str | ZoneInfo = DEFAULT_ZONE) -> Cron:
    """When a job is due: five fields as in crontab(5), or a name such as @daily, on the clocks of a zone.

    Raises WrongSpec, naming the field and what is allowed, also for a spec that never comes; UnknownZone; TypeError for
    what is no text.
    """
    if isinstance(zone, ZoneInfo):
        zone = zone.key
    if not isinstance(zone, str):
        raise TypeError(f"a zone is a name such as {DEFAULT_ZONE!r}, not {type(zone).__name__}")
    if not isinstance(spec, str):
        parse(spec)  # raises: what is no text need not be hashable either
    return _cron(spec, zone)


@lru_cache(maxsize=4096)
def _cron(spec: str, zone: str) -> Cron:
    return Cron(parse(spec), zone_named(zone))


class Cron:
    """Made by `cron()`. Two of the same meaning and zone are equal, however they are written."""

    __slots__ = ("_calendar", "_known", "_parsed", "_zone")

    def __init__(self, parsed: Spec, zone: ZoneInfo) -> None:
        self._parsed = parsed
        self._zone = zone
        self._calendar = Calendar(parsed)
        self._known: tuple[datetime, datetime] | None = None
        if next(self._calendar.after(EVE_OF_LEAP_DAY), None) is None:
            raise WrongSpec(f"never comes: none of these months has such a day, in {parsed.text!r}")

    @property
    def spec(self) -> str:
        return self._parsed.text

    @property
    def zone(self) -> ZoneInfo:
        return self._zone

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time due after this one, by the clocks of the job's zone; None when the calendar ends before it.

        It carries the zone's offset of that moment, not the zone: two times of a ZoneInfo compare by their wall clocks,
        so that 01:15 of an overlap's second pass would stand before 01:45 of its first.
        """
        at = _utc(moment)
        known = self._known  # a scheduler asks for the same one again and again
        if known is None or not known[0] <= at < known[1]:
            tick = next(self._after(at), None)
            if tick is None:
                return None
            known = self._known = at, tick
        return on_clock(known[1], self._zone)

    def latest_before(self, moment: datetime) -> datetime | None:
        """The last time due before this one."""
        return self.latest_until(_utc(moment) - INSTANT)

    def latest_until(self, moment: datetime) -> datetime | None:
        """The last time due before this one or exactly then."""
        tick = next(self._until(_utc(moment)), None)
        return None if tick is None else on_clock(tick, self._zone)

    def ticks_between(self, after: datetime, until: datetime, limit: int | None = None) -> Iterator[datetime]:
        """The times due after the one and up to the other (included), in order; the first `limit` of them."""
        end = _utc(until)
        ticks = islice(self._after(_utc(after)), limit)
        return (on_clock(tick, self._zone) for tick in takewhile(lambda tick: tick <= end, ticks))

    def words(self) -> str:
        """As `at 06:00 on day 1 of every month`; the zone is not said."""
        return in_words(self._parsed)

    def validate(self, date: datetime) -> bool:
        """Periodiq's question at each waking: is it due in this minute?"""
        minute = _utc(_utc(date).astimezone(self._zone).replace(second=0, microsecond=0))
        tick = self.next_after(minute - INSTANT)
        return tick == minute

    def next_valid_date(self, last: datetime) -> datetime:
        """Periodiq's other question: the time due after this one, of the asker's type (pendulum's).

        In UTC: periodiq sorts the answers.
        """
        tick = self.next_after(last)
        if tick is None:
            raise LookupError(f"{self!r} does not come any more after {last}")
        return type(last).fromtimestamp(tick.timestamp(), tz=UTC)

    def _after(self, at: datetime) -> Iterator[datetime]:
        """UTC, ascending, each once."""
        overlap = overlap_around(at, self._zone)
        start = overlap[0] - INSTANT if overlap else _wall(at, self._zone)
        last = at
        for tick in ascending(self._calendar.after(start), self._zone, every_pass=self._parsed.every_hour):
            if tick > last:
                last = tick
                yield tick

    def _until(self, at: datetime) -> Iterator[datetime]:
        """UTC, descending."""
        overlap = overlap_around(at, self._zone)
        start = overlap[1] - INSTANT if overlap else _wall(at, self._zone)
        for tick in descending(self._calendar.until(start), self._zone, every_pass=self._parsed.every_hour):
            if tick <= at:
                yield tick

    def __str__(self) -> str:
        return self.spec

    def __repr__(self) -> str:
        zone = self.zone.key
        return f"cron({self.spec!r})" if zone == DEFAULT_ZONE else f"cron({self.spec!r}, {zone!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cron):
            return NotImplemented
        return self.zone.key == other.zone.key and self._parsed.meaning == other._parsed.meaning

    def __hash__(self) -> int:
        return hash((self.zone.key, self._parsed.meaning))

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return cron, (self.spec, self.zone.key)


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no zone: which moment is meant?")
    utc = moment.astimezone(UTC)
    if type(utc) is datetime:
        return utc
    return datetime.combine(utc.date(), utc.time(), UTC)  # pendulum's arithmetic is slow


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
