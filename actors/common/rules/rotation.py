"""Which backups are kept: sons, fathers and grandfathers. Our own proposal; the numbers are settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.common.rules.calendar import INDIA

RECENT = timedelta(hours=24)


@dataclass(frozen=True)
class Rotation:
    """Of so many days, ISO weeks and months, those that have a backup, the last one of each is kept."""

    days: int
    weeks: int
    months: int

    def expired(self, taken: Mapping[str, datetime], verified: Collection[str] = ()) -> set[str]:
        """The ids of a database's backups that may go.

        Days are India's. All of the 24 hours before the newest one stay too, and so does the newest of all and the
        newest of those that were restored for a test, whatever the numbers say.

        Parameters:
          taken: when each complete backup was taken, by id.
          verified: ids of those that were restored.
        """
        newest_first = sorted(taken, key=lambda each: (taken[each], each), reverse=True)
        if not newest_first:
            return set()
        newest = newest_first[0]
        kept = {newest} | {each for each in newest_first if taken[newest] - taken[each] < RECENT}
        kept |= set([each for each in newest_first if each in verified][:1])
        for count, period in ((self.days, "%Y-%m-%d"), (self.weeks, "%G-%V"), (self.months, "%Y-%m")):
            last_of: dict[str, str] = {}
            for each in newest_first:
                last_of.setdefault(taken[each].astimezone(INDIA).strftime(period), each)
            kept |= set(list(last_of.values())[:count])
        return set(taken) - kept
