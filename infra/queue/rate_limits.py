"""dramatiq's rate limiters on Postgres:

    from dramatiq.rate_limits import ConcurrentRateLimiter
    from infra.queue.rate_limits import PostgresRateLimits

    one_at_a_time = ConcurrentRateLimiter(PostgresRateLimits(), "gst-portal", limit=1, ttl=60_000)

They limit a part of a job, or anything else; a job that finds its limiter taken fails, or waits in its thread. Where
whole jobs are to be limited, `max_running` and `rate` let them wait in the queue: see limits.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from dramatiq.rate_limits import RateLimiterBackend

from infra.queue.statements import bound
from infra.store.connections import Store, store_of

MOST = 2**62
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two looks of a caller that waits: the longer it waits, the seldomer."""


class PostgresRateLimits(RateLimiterBackend):
    """Counters in a job store, which expire by the database's clock.

    Parameters:
      store: whose; default that of `common`. Limiters with one key limit one another only if they are in one store.

    Its methods raise psycopg2.Error when the store is away.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = store_of("common")
        return self._store

    def add(self, key: str, value: int, ttl: int) -> bool:
        return self._did("add_counter", {"key": key, "value": value, "ttl": ttl})

    def incr(self, key: str, amount: int, maximum: int, ttl: int) -> bool:
        return self._did("move_counter", _move(key, amount, -MOST, maximum, ttl))

    def decr(self, key: str, amount: int, minimum: int, ttl: int) -> bool:
        return self._did("move_counter", _move(key, -amount, minimum, MOST, ttl))

    def incr_and_sum(
        self, key: str, keys: Callable[[], Iterable[str]], amount: int, maximum: int, ttl: int
    ) -> bool:
        """One caller at a time for counters of one name, which is what stands before the last @ of their keys."""
        sql = bound(self.store.schema)
        names = sorted({one.rpartition("@")[0] or one for one in (key, *keys())})
        with self.store.transaction() as cursor:
            cursor.execute(sql.lock_counters, {"names": names})
            cursor.execute(
                sql.sum_counters, {"keys": list(keys())}
            )  # asked anew: the lock may have taken time
            [(total,)] = cursor.fetchall()
            if total + amount > maximum:
                return False
            cursor.execute(sql.move_counter, _move(key, amount, -MOST, maximum, ttl))
            return bool(cursor.fetchall())

    def wait(self, key: str, timeout: int | None) -> bool:
        """Asks now and then, which a pooler in between does not mind, and between two looks the thread can be
        interrupted by a time limit or a cancellation. Without a timeout it waits for as long as it takes.
        """
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        pause = FIRST_PAUSE
        while True:
            if self.store.fetch(bound(self.store.schema).has_counter, {"key": key})[0][0]:
                return True
            left = LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def wait_notify(self, key: str, ttl: int) -> None:
        """Whoever begins to wait within the time to live is let through too."""
        self.add(key, 1, ttl)

    def _did(self, name: str, parameters: dict[str, Any]) -> bool:
        return bool(self.store.fetch(getattr(bound(self.store.schema), name), parameters))


def _move(key: str, amount: int, least: int, most: int, ttl: int) -> dict[str, Any]:
    return {"key": key, "amount": amount, "least": least, "most": most, "ttl": ttl}
