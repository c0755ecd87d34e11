"""Heartbeat: a worker process says that it lives, gives back claims it does not know of, and rescues the jobs of
workers that stopped answering. One thread a process, one round an interval over its stores.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.memory import give_back_unused, resident_bytes
from infra.queue.operation import operation
from infra.queue.outage import Outage
from infra.queue.statements import PLANNER, bound
from infra.queue.successors import idle
from infra.store.connections import DISCONNECTED, Store

SWEEP = 60.0
"""Seconds between two looks for workflows that are complete though nobody said so."""

log = get_logger(__name__)


class Heartbeat(threading.Thread):
    """Parameters:
    outages: by URL, through which to connect.
    identity: this worker's id in a store now.
    held: the message ids this process has claims on.
    claiming: whether a claim is under way, so that it may have more than it knows of.
    facts: queues, threads and running count, for the row that operators see.
    lost: called when a store no longer knows this worker: its leases there are lost, a new identity is due.
    claimable: called when a store may have jobs for this worker that it could not claim a moment ago.
    silence: seconds without a beat after which a worker counts as dead.
    cancelled: called with ids of running jobs that were asked to stop: at each beat, and more often where there is no
      LISTEN.
    """

    def __init__(
        self,
        stores: list[Store],
        *,
        outages: Mapping[str, Outage],
        identity: Callable[[Store], str],
        held: Callable[[Store], list[str]],
        claiming: Callable[[Store], bool],
        facts: Callable[[], dict[str, Any]],
        lost: Callable[[Store], None],
        claimable: Callable[[Store], None],
        cancelled: Callable[[list[str]], None],
        interval: float,
        silence: float,
        grace: float,
        poll_cancellations: bool,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.stores = stores
        self._outages = outages
        self._identity = identity
        self._held = held
        self._claiming = claiming
        self._facts = facts
        self._lost = lost
        self._claimable = claimable
        self._cancelled = cancelled
        self._interval = interval
        self._silence = silence
        self._timeout = f"{silence} seconds"
        self._grace = f"{grace} seconds"
        self._poll_cancellations = poll_cancellations
        self._stop_event = threading.Event()
        self._connections: dict[str, Any] = {}
        self._registered: set[tuple[str, str]] = set()
        self._reached_at: dict[str, float] = {}
        self._swept_at: dict[str, float] = {}
        self.sure_until = {store.schema: 0.0 for store in stores}
        """By schema: the moment, by time.monotonic(), until which nobody can have called this worker dead."""

    def register(self) -> None:
        """Introduces this worker to each store. Raises psycopg2.OperationalError when one is away."""
        for store in self.stores:
            try:
                self._register(store)
            except DISCONNECTED:
                raise
            except psycopg2.Error as error:
                said = str(error).strip()
                log.error("This worker cannot introduce itself to %s: %s", store.schema, said)  # noqa: TRY400

    def stop(self) -> None:
        self._stop_event.set()

    def leave(self) -> None:
        """Takes the worker's rows away: it has nothing left."""
        for store in self.stores:
            with contextlib.suppress(psycopg2.Error):  # then the row goes stale, and a rescuer takes it away
                self._execute(
                    store, bound(store.schema).leave, {"worker_id": self._identity(store)}, fetch=False
                )
        for conn in self._connections.values():
            conn.close()
        self._connections.clear()

    def run(self) -> None:
        while not self._wait():
            give_back_unused()
            away: set[str] = set()
            for store in self.stores:
                if store.url in away:
                    continue
                try:
                    self._beat_or_reconnect(store)
                except DISCONNECTED:
                    self._forget(store.url)
                    away.add(store.url)
                except Exception:
                    self._forget(store.url)
                    log.exception("The heartbeat to %s failed.", store.schema)

    def _beat_or_reconnect(self, store: Store) -> None:
        connected = store.url in self._connections
        try:
            self._beat(store)
        except DISCONNECTED:
            self._forget(store.url)
            if not connected:
                raise
            self._beat(store)  # a connection that broke since the last beat is no reason to miss this one

    def _beat(self, store: Store) -> None:
        sql = bound(store.schema)
        identity = self._identity(store)
        if (store.schema, identity) not in self._registered:
            self._register(store)
        began = time.monotonic()
        claiming, held = self._claiming(store), self._held(store)
        known, has_unknown, has_dead, asked_to_stop = self._execute(
            store,
            sql.beat,
            {
                "worker_id": identity,
                "held": held,
                "grace": self._grace,
                "timeout": self._timeout,
                **self._facts_row(),
            },
        )[0]
        if not known:
            log.error(
                "This worker was declared dead by %s: its claims are lost, it goes on as a new one.",
                store.schema,
            )
            self.sure_until[store.schema] = 0.0
            self._lost(store)
            self._register(store)
            return
        self._beaten(store, began)
        if asked_to_stop:
            self._cancelled(asked_to_stop)
        freed = (
            has_unknown
            and not claiming
            and self._execute(
                store, sql.give_back_unknown, {"worker_id": identity, "grace": self._grace, "held": held}
            )
        )
        rescued = has_dead and self._rescue(store)
        if freed or rescued:
            self._claimable(store)
        if time.monotonic() - self._swept_at[store.schema] > SWEEP:
            self._sweep(store)

    def _rescue(self, store: Store) -> list[Any]:
        # Where the database was away, so it was for all: let the living beat first before anyone is called dead.
        if time.monotonic() - self._reached_at[store.url] < 1.2 * self._interval:
            return []
        # Before the dead worker's row goes: whoever dies here leaves it to be found again.
        self._sweep(store)
        parameters = {"timeout": self._timeout, "channel": store.schema}
        with operation(store) as moving:
            rows = moving.fetch("rescue", parameters)
            moving.ended("cancelled", [(row[0], row[4], row[5]) for row in rows if row[6]])
        rescued = [row for row in rows if not row[6]]
        for message_id, _, attempt, *_ in rescued:
            log.warning("Rescued job %s of a dead worker after attempt %d.", message_id, attempt)
        return rescued

    def _sweep(self, store: Store) -> None:
        """Completes workflows of which a process ended the last member and died before it could say so, or which had to
        wait for another database.
        """
        self._swept_at[store.schema] = time.monotonic()
        with operation(store) as moving:
            moving.touched |= idle(moving.reach, store.service)

    def _beaten(self, store: Store, began: float) -> None:
        was_sure = began < self.sure_until[store.schema]
        self.sure_until[store.schema] = began + self._silence
        if not was_sure:  # claims were refused meanwhile
            self._claimable(store)

    def _wait(self) -> bool:
        """Until the next beat, a tenth earlier or later so that workers do not beat in step. True: it is over."""
        until = time.monotonic() + self._interval * (0.9 + 0.2 * (time.monotonic() % 1))
        while (left := until - time.monotonic()) > 0:
            if self._stop_event.wait(min(left, 2.0) if self._poll_cancellations else left):
                return True
            if self._poll_cancellations:
                self.check_cancellations()
        return self._stop_event.is_set()

    def check_cancellations(self) -> None:
        """Asks the stores which running jobs should stop; for what notifications did not tell."""
        for store in self.stores:
            if not self._held(store):
                continue
            try:
                rows = store.fetch(bound(store.schema).cancel_requests, {"worker_id": self._identity(store)})
            except DISCONNECTED:
                continue
            if rows:
                self._cancelled([row[0] for row in rows])

    def _facts_row(self) -> dict[str, Any]:
        return {**self._facts(), "memory_bytes": resident_bytes()}

    def _register(self, store: Store) -> None:
        facts = self._facts()
        identity = self._identity(store)
        began = time.monotonic()
        self._execute(
            store,
            bound(store.schema).register,
            {
                "worker_id": identity,
                "name": f"{socket.gethostname()}:{os.getpid()}",
                "hostname": socket.gethostname(),
                "pid": os.getpid(),
                "queues": facts["queues"],
                "threads": facts["threads"],
            },
            fetch=False,
        )
        self._registered.add((store.schema, identity))
        self._beaten(store, began)
        self._sweep(store)

    def _execute(self, store: Store, statement: str, parameters: Any, *, fetch: bool = True) -> list[Any]:
        conn = self._connections.get(store.url)
        if conn is None or conn.closed:
            conn = self._connections[store.url] = self._outages[store.url].connect("dhanman-jobs heartbeat")
            self._reached_at[store.url] = time.monotonic()
        with conn.cursor() as cursor:
            cursor.execute(PLANNER + statement, parameters)
            return cursor.fetchall() if fetch else []

    def _forget(self, url: str) -> None:
        conn = self._connections.pop(url, None)
        if conn is not None:
            conn.close()
