"""What a claimer knows of the limited jobs of one store: under which limits there may be something to claim, and when.

A limit is looked at when something happened to it: a job was sent, a job of it ended, its rate lets the next one start.
A limit that is full is not looked at. Every poll looks at all of them, in case a word was missed.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

MOST = 500
"""Limits a look."""
QUIET = 0.05
"""Seconds a limit that was looked at in vain is left alone, whatever is sent: many sends are one look."""
NEVER = float("inf")
IN_VAIN, OUTRANKED = -1.0, -2.0
"""What claim_limited() says of a limit that is full, or whose jobs wait behind others of better priority."""


class Look(NamedTuple):
    """What to ask claim_limited() for.

    Parameters:
      keys: the limits to look at; None: all, from `after` on.
      freed: those of them under which a job of this process ended: nobody else knows of it.
    """

    keys: list[str] | None
    after: str
    freed: list[str]


class LimitWatch:
    """Told by the listener, the finisher and the claimer; asked by the claimer alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, bool] = {}  # in the order in which they came; whether a job ended here
        self._due: list[tuple[float, str]] = []  # a heap
        self._held: set[str] = set()  # those in it
        self._quiet_until: dict[str, float] = {}
        self._outranked: set[str] = set()
        self._all = False
        self._after = ""  # where the look at all of them has come to
        self._short = False  # it found more than there was room for
        self._asked_anew = False
        self._all_next = False

    def heard(self, keys: Iterable[str]) -> None:
        """Jobs may wait under these limits, or room have come up; an empty word means any."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                if not key:
                    self._all = self._asked_anew = True
                elif key in self._held:
                    pass  # it is looked at when it is due; none can start before
                elif self._quiet_until.get(key, 0.0) > now:
                    self._later(key, self._quiet_until[key])
                else:
                    self._wanted.setdefault(key, False)

    def freed(self, keys: Iterable[str]) -> None:
        """Jobs under these limits ended in this process."""
        with self._lock:
            for key in keys:
                self._wanted[key] = True

    def others_finished(self) -> None:
        """Jobs without a limit, of better priority, no longer stand before those under a limit."""
        if self._outranked:
            with self._lock:
                self._wanted.update((key, False) for key in self._outranked if key not in self._wanted)
                self._outranked.clear()

    def anything(self, now: float) -> bool:
        """Whether there is something to look at now."""
        return self._all or bool(self._wanted) or self.due_at <= now

    @property
    def due_at(self) -> float:
        """When the next limit is to be looked at, by time.monotonic()."""
        due = self._due
        return due[0][0] if due else NEVER

    def next(self, now: float, room: int) -> Look | None:
        """What to look at, with room for so many jobs. Without room only what others must be told of."""
        with self._lock:
            while self._due and self._due[0][0] <= now:
                _, key = heapq.heappop(self._due)
                self._held.discard(key)
                self._wanted.setdefault(key, False)
            if room <= 0:
                keys = list(islice((key for key, freed in self._wanted.items() if freed), MOST))
                for key in keys:
                    del self._wanted[key]
                return Look(keys, "", keys) if keys else None
            if self._wanted and not (self._all and self._all_next):
                self._all_next = True
                keys = list(islice(self._wanted, MOST))
                return Look(keys, "", [key for key in keys if self._wanted.pop(key)])
            if self._all:
                self._all_next = False
                if not self._after:
                    self._asked_anew = False
                return Look(None, self._after, [])
            return None

    def looked(self, look: Look, claimed: int, again: Iterable[tuple[str, float | None]], room: int) -> None:
        """What came of it.

        Parameters:
          claimed: how many jobs were claimed.
          again: limits that are to be looked at again, in so many seconds; or IN_VAIN, or OUTRANKED. None: the look at
            all is not at its end.
        """
        now = time.monotonic()
        stopped_at = ""
        with self._lock:
            for key, seconds in again:
                if seconds is None:
                    stopped_at = key
                elif seconds == OUTRANKED:
                    self._outranked.add(key)
                elif seconds == IN_VAIN:
                    self._quiet_until[key] = now + QUIET
                    if self._wanted.get(key) is False:  # it was heard of while we looked
                        self._later(key, now + QUIET)
                elif seconds > 0:
                    self._later(key, now + seconds)
                else:
                    self._wanted.setdefault(key, False)
            if len(self._quiet_until) > MOST:
                self._quiet_until = {k: until for k, until in self._quiet_until.items() if until > now}
            if look.keys is None:
                self._short = self._short or claimed >= room
                self._after = stopped_at
                if not stopped_at:
                    self._all, self._short = self._short or self._asked_anew, False

    def _later(self, key: str, at: float) -> None:
        if self._wanted.get(key) is False:
            del self._wanted[key]
        if key not in self._held:
            self._held.add(key)
            heapq.heappush(self._due, (at, key))
