"""Claim: one thread a database keeps the ready buffer fed, and no fuller than the threads can use.

How much to claim follows from how fast jobs finish: as many as the threads will start in the next 50 ms, so that short
jobs come in large batches and long ones one by one, and another worker's idle thread never waits for a job that lies
here. What lies in the buffer for longer than that, because all threads met long jobs, is given back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.buffer import ReadyBuffer
from infra.queue.outage import Outage
from infra.queue.run import Run
from infra.queue.statements import PLANNER, bound
from infra.store.connections import DISCONNECTED, Store

AHEAD = 0.05
"""Seconds of work to hold."""
LARGEST_CLAIM = 1_000
STALE_AFTER = 0.2
"""Seconds after which a buffered job is given back when every thread is busy."""

PUT_OFF = 5.0
"""Seconds a store that answers with an error is left alone."""

log = get_logger(__name__)


class StoreWatch:
    """What the claimer knows of one service's queue: whether to look, and when the next delayed job is due."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dirty = True
        self.barred_until = 0.0
        self.complained = False
        self.due_at = float("inf")  # by time.monotonic()
        self.lock = threading.Lock()

    def touched(self) -> None:
        self.dirty = True

    def unsure(self) -> None:
        """Notifications may have been missed."""
        with self.lock:
            self.dirty, self.due_at = True, 0.0

    def put_off(self, now: float, error: Exception) -> None:
        """A store that answers with an error, such as one not migrated yet, must not keep the others waiting."""
        self.dirty, self.due_at = False, float("inf")
        self.barred_until = now + PUT_OFF
        if not self.complained:
            self.complained = True
            log.error(
                "No jobs can be taken from %s: %s. Is it migrated?", self.store.schema, str(error).strip()
            )

    def due_in(self, seconds: float) -> None:
        with self.lock:
            self.due_at = min(self.due_at, time.monotonic() + max(0.0, seconds))

    def forget_due(self) -> None:
        with self.lock:
            self.due_at = float("inf")


class Claimer(threading.Thread):
    """Fills the buffer from the stores of one database.

    Parameters:
      queues: the queue names this process consumes, asked at each claim.
      admit: takes the claimed runs; decides what is run and what is finished at once.
      give_back: takes runs whose claim is to be released.
    """

    def __init__(
        self,
        outage: Outage,
        stores: list[Store],
        buffer: ReadyBuffer,
        *,
        threads: int,
        worker_id: Callable[[Store], str],
        new_lease: Callable[[], str],
        queues: Callable[[], dict[str, int]],
        admit: Callable[[list[Run]], None],
        give_back: Callable[[list[Run]], None],
        poll_interval: float,
        server_timeout: float,
    ) -> None:
        super().__init__(name="claimer", daemon=True)
        self._outage = outage
        self.watches = {store.schema: StoreWatch(store) for store in stores}
        self._buffer = buffer
        self._threads = threads
        self._worker_id = worker_id
        self._new_lease = new_lease
        self._queues = queues
        self._admit = admit
        self._give_back = give_back
        self._poll_interval = poll_interval
        self._server_timeout = f"{server_timeout} seconds"
        self.claiming = False
        """Whether a claim is under way, so that there may be claims which nobody in this process knows of yet."""
        self._wake = threading.Event()
        self._running = True
        self._conn: Any = None
        self._failures = 0
        self._rate = 0.0
        self._rate_at = time.monotonic()
        self._rate_taken = 0
        self._stale_at = 0.0
        self._next_poll = 0.0

    def wake(self) -> None:
        """Something changed: room in the buffer, a notification, or the end."""
        if not self._wake.is_set():
            self._wake.set()

    def stop(self) -> None:
        self._running = False
        self._wake.set()

    def run(self) -> None:
        while self._running:
            try:
                wait = self._turn()
                self._failures = 0
            except DISCONNECTED as error:
                wait = self._went_away(error)
            except Exception:
                self._disconnect()
                log.exception("Claiming failed; it is tried again in a second.")
                wait = 1.0
            if wait > 0 and self._running:
                self._wake.wait(wait)
            self._wake.clear()
        self._disconnect()

    def _turn(self) -> float:
        """One round over the stores. Returns how long nothing will be to do unless someone wakes us."""
        self._measure()
        self._return_stale()
        now = time.monotonic()
        if now >= self._next_poll:
            self._next_poll = now + self._poll_interval
            self._ask([watch for watch in self.watches.values() if watch.barred_until <= now], now)
        self.claiming = True
        try:
            self._claim_from_all(now)
        finally:
            self.claiming = False
        return self._pause(now)

    def _claim_from_all(self, now: float) -> None:
        room = self._room()
        for watch in self._in_turn():
            try:
                runs, more = self._look(watch, now, room)
            except DISCONNECTED:
                raise
            except psycopg2.Error as error:
                watch.put_off(now, error)
                continue
            if runs:
                room -= len(runs)
                self._admit(runs)
            if more:
                watch.dirty = True

    def _look(self, watch: StoreWatch, now: float, room: int) -> tuple[list[Run], bool]:
        """Promotes what is due in one store and claims from it, if there is reason to."""
        if watch.barred_until > now:
            return [], False
        if watch.due_at <= now:
            watch.forget_due()
            if self._execute(bound(watch.store.schema).promote, None)[0][0]:
                watch.dirty = True
            self._ask([watch], now)
        if not watch.dirty or room <= 0:
            return [], watch.dirty
        watch.dirty = False
        claimed = self._claim(watch, room)
        watch.complained = False
        return claimed

    def _ask(self, watches: list[StoreWatch], now: float) -> None:
        """One statement asks stores whether they have ready jobs, and when the next delayed one is due."""
        if not watches:
            return
        for watch in watches:
            watch.forget_due()  # a notification that comes while we ask is not overwritten by the answer
        statement = " union all ".join(bound(watch.store.schema).look for watch in watches)
        try:
            rows = self._execute(statement, {"queues": list(self._queues())})
        except DISCONNECTED:
            raise
        except psycopg2.Error as error:
            if len(watches) == 1:
                watches[0].put_off(now, error)
            else:  # one store that errs must not hide the others
                for watch in watches:
                    self._ask([watch], now)
            return
        for schema, ready, due_in in rows:
            watch = self.watches[schema.strip('"')]
            watch.dirty = watch.dirty or ready
            if due_in is not None:
                watch.due_in(due_in)

    def _pause(self, now: float) -> float:
        if self._buffer.waiting and not self._buffer.idle:
            return STALE_AFTER / 2
        open_ = [watch for watch in self.watches.values() if watch.barred_until <= now]
        if any(watch.dirty for watch in open_):
            return AHEAD if self._room() <= 0 else 0.0
        soonest = min([self._next_poll, *(watch.due_at for watch in open_)])
        return max(0.0, soonest - now)

    def _in_turn(self) -> list[StoreWatch]:
        """The stores, a different one first each time, so that a full one does not always win."""
        order = list(self.watches.values())
        first = order.pop(0)
        self.watches = {w.store.schema: w for w in (*order, first)}
        return [*order, first]

    def _room(self) -> int:
        buffer = self._buffer
        target = min(LARGEST_CLAIM, int(self._rate * AHEAD))
        buffer.low_water = max(1, target // 2)
        return max(buffer.idle - buffer.waiting, target - buffer.waiting)

    def _measure(self) -> None:
        now = time.monotonic()
        elapsed = now - self._rate_at
        if elapsed < 0.02:
            return
        taken = self._buffer.taken
        rate = (taken - self._rate_taken) / elapsed
        if rate < 10 * self._threads:  # jobs of over 100 ms each: nothing is held ahead
            rate = 0.0
        self._rate = rate if rate < self._rate else (self._rate + rate) / 2 if self._rate else rate
        self._rate_at, self._rate_taken = now, taken

    def _return_stale(self) -> None:
        now = time.monotonic()
        if self._buffer.waiting and not self._buffer.idle and now - self._stale_at >= STALE_AFTER / 2:
            self._stale_at = now
            stale = self._buffer.take_back(older_than=STALE_AFTER)
            if stale:
                self._rate = 0.0
                self._give_back(stale)

    def _claim(self, watch: StoreWatch, room: int) -> tuple[list[Run], bool]:
        """Up to `room` jobs for each queue by its share. Second value: whether there may be more."""
        queues = self._queues()
        if not queues:
            return [], False
        total = sum(queues.values())
        counts = {name: max(1, min(room, -(-room * weight * 2 // total))) for name, weight in queues.items()}
        lease = self._new_lease()
        worker_id = self._worker_id(watch.store)
        rows = self._execute(
            bound(watch.store.schema).claim,
            {
                "queues": list(counts),
                "counts": list(counts.values()),
                "worker_id": worker_id,
                "lease": lease,
                "timeout": self._server_timeout,
            },
        )
        taken: dict[str, int] = {}
        for row in rows:
            taken[row[1]] = taken.get(row[1], 0) + 1
        more = any(taken.get(name, 0) >= count for name, count in counts.items())
        return [Run(watch.store, lease, worker_id, row) for row in rows], more

    def _execute(self, statement: str, parameters: Any) -> list[Any]:
        if self._conn is None:
            self._conn = self._outage.connect("dhanman-jobs claim")
            for watch in self.watches.values():
                watch.unsure()
        with self._conn.cursor() as cursor:
            cursor.execute(PLANNER + statement, parameters)
            rows: list[Any] = cursor.fetchall()
            return rows

    def _went_away(self, error: Exception) -> float:
        """Returns how long to wait: not at all before the first attempt to connect again."""
        if self._conn is not None and not self._conn.closed:
            log.error("Claiming failed: %s", str(error).strip())  # the server is there and says no
        self._disconnect()
        self._failures += 1
        return 0.0 if self._failures == 1 else min(0.25 * 2 ** min(self._failures, 10), 15.0)

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None
