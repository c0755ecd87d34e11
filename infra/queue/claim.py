"""Claim: one thread a database keeps the ready buffer fed, and no fuller than the threads can use.

How much to claim follows from how fast jobs finish: as many as the threads will start in the next 50 ms, so that short
jobs come in large batches and long ones one by one, and another worker's idle thread never waits for a job that lies
here. What lies in the buffer for longer than that, because all threads met long jobs, is given back.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.buffer import ReadyBuffer
from infra.queue.limit_watch import Look
from infra.queue.outage import Outage
from infra.queue.run import Run
from infra.queue.statements import PLANNER, bound
from infra.queue.store_watch import StoreWatch
from infra.store.connections import DISCONNECTED, Store

AHEAD = 0.05
"""Seconds of work to hold."""
LARGEST_CLAIM = 1_000
START_WITHIN = 0.25
"""Seconds from its claim in which a job under a rate must start: its rate counts it from the claim on."""
STALE_AFTER = 0.2
"""Seconds after which a buffered job is given back when every thread is busy."""

log = get_logger(__name__)


class Claimer(threading.Thread):
    """Fills the buffer from the stores of one database.

    Parameters:
      queues: the queue names this process consumes, asked at each claim.
      declare: writes this code's actors, with their limits, into a store; called before its limited jobs are claimed.
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
        declare: Callable[[Store], object],
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
        self._declare = declare
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
        self._limited_order = -(2**62)

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
            watches = [watch for watch in self.watches.values() if watch.barred_until <= now]
            for watch in watches:
                watch.ask_for_limited = True
            self._ask(watches, now)
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
                room -= self._look(watch, now, room)
            except DISCONNECTED:
                raise
            except psycopg2.Error as error:
                watch.put_off(now, error)

    def _look(self, watch: StoreWatch, now: float, room: int) -> int:
        """Promotes what is due in one store and claims from it, if there is reason to. Returns how much it claimed."""
        if watch.barred_until > now:
            return 0
        if watch.due_at <= now:
            watch.forget_due()
            promoted, limits, _ = self._execute(bound(watch.store.schema).promote, None)[0]
            if promoted:
                watch.dirty = True
            if limits:
                watch.limits.heard(limits)
            self._ask([watch], now)
        runs: list[Run] = []
        try:
            if watch.limits.anything(now):
                runs += self._claim_limited(watch, now, self._share_of_limited(watch, room))
            runs += self._claim(watch, room)
        finally:
            if runs:
                self._admit(runs)
        return len(runs)

    def _share_of_limited(self, watch: StoreWatch, room: int) -> int | None:
        """Neither the limited jobs nor the others keep the others waiting: where both are there, every second time half
        the room is for the limited ones.
        """
        if not watch.dirty or room <= 0:
            return room
        watch.limited_turn = not watch.limited_turn
        return -(-room // 2) if watch.limited_turn else None

    def _ask(self, watches: list[StoreWatch], now: float) -> None:
        """One statement asks stores whether they have ready jobs, and when the next delayed one is due."""
        if not watches:
            return
        about_limited = {watch.store.schema for watch in watches if watch.ask_for_limited}
        for watch in watches:  # what comes in while we ask is not overwritten by the answer
            watch.forget_due()
            watch.ask_for_limited = False
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
                    watch.ask_for_limited = watch.store.schema in about_limited
                    self._ask([watch], now)
            return
        for schema, ready, due_in, limited in rows:
            watch = self.watches[schema.strip('"')]
            watch.dirty = watch.dirty or ready
            if limited and watch.store.schema in about_limited:
                watch.limits.heard([""])
            if due_in is not None:
                watch.due_in(due_in)

    def _pause(self, now: float) -> float:
        if self._buffer.waiting and not self._buffer.idle:
            return STALE_AFTER / 2
        open_ = [watch for watch in self.watches.values() if watch.barred_until <= now]
        if self._queues() and any(watch.has_work(now) for watch in open_):
            return AHEAD if self._room() <= 0 else 0.0
        soonest = min(
            [self._next_poll, *(watch.due_at for watch in open_), *(watch.limits.due_at for watch in open_)]
        )
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

    def _claim(self, watch: StoreWatch, room: int) -> list[Run]:
        """Up to `room` jobs for each queue by its share, if there may be any."""
        if not watch.dirty or room <= 0:
            return []
        watch.dirty = False
        queues = self._queues()
        if not queues:
            return []
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
        watch.complained = False
        taken = Counter(row[1] for row in rows)
        more = [name for name, count in counts.items() if taken[name] >= count]
        watch.dirty = watch.dirty or bool(more)
        watch.backlog({name: max(row[5] for row in rows if row[1] == name) for name in more})
        return [Run(watch.store, lease, worker_id, row) for row in rows]

    def _claim_limited(self, watch: StoreWatch, now: float, room: int | None) -> list[Run]:
        """Up to `room` jobs of limited actors, from all queues."""
        queues = self._queues()
        look: Look | None = watch.limits.next(now, room) if queues and room is not None else None
        if look is None or room is None:
            return []
        if not watch.actors_declared:  # a limit that is not known there would not hold
            self._declare(watch.store)
            watch.actors_declared = True
        room = max(room, 0)
        lease = self._new_lease()
        worker_id = self._worker_id(watch.store)
        asked_at = time.perf_counter()
        rows = self._execute(
            bound(watch.store.schema).claim_limited,
            {
                "queues": list(queues),
                "lowest": [watch.lowest.get(name) for name in queues],
                "room": room,
                "worker_id": worker_id,
                "lease": lease,
                "timeout": self._server_timeout,
                "keys": look.keys,
                "after": look.after,
                "freed": look.freed,
                "within": f"{START_WITHIN} seconds",
            },
        )
        watch.complained = False
        runs = []
        again = []
        for *job, seconds, counts_until in rows:
            if job[0] is None:
                again.append((job[-1], seconds))
                continue
            run = Run(watch.store, lease, worker_id, tuple(job))
            run.order = self._limited_order = self._limited_order + 1  # it has waited for its place already
            if counts_until is not None:
                run.counts_until, run.start_by = counts_until, asked_at + START_WITHIN
            runs.append(run)
        watch.limits.looked(look, len(runs), again, room)
        return runs

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
