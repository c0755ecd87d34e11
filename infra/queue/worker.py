"""A worker process: the threads around dramatiq's worker that claim, listen, finish and keep the leases alive.

    claimer ──► ready buffer ──► dramatiq's worker threads ──► finisher
    listener wakes the claimer; heartbeat keeps the leases.

dramatiq's Worker makes its threads take jobs from `worker.work_queue`; we put the ready buffer there as it boots.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.maintenance.thread import Maintenance
from infra.queue import registry
from infra.queue.buffer import ReadyBuffer
from infra.queue.claim import Claimer
from infra.queue.finish import Finisher
from infra.queue.heartbeat import Heartbeat
from infra.queue.listen import Listener
from infra.queue.memory import share_one_heap
from infra.queue.outage import Outage
from infra.queue.run import CANCELLED, FAILED, GIVEN_BACK, RETRYING, Outcome, Run, Unreadable
from infra.queue.statements import bound
from infra.settings import Settings
from infra.store.connections import DISCONNECTED, Store

log = get_logger(__name__)

SHUTDOWN_WRITE_TIMEOUT = 30.0


class WorkerProcess:
    """The threads of one process; made when dramatiq's worker boots, stopped when it shuts down."""

    def __init__(self, broker: Any, stores: list[Store], threads: int, settings: Settings) -> None:
        self.broker = broker
        self.stores = stores
        self.threads = threads
        self.settings = settings
        self.cancellations = Cancellations()
        self.buffer = ReadyBuffer(dict(settings.jobs_queues), self._hungry, self._may_start)
        self._consumed: set[str] = set()
        self._identities = {store.schema: str(uuid.uuid4()) for store in stores}
        self._stopping = False
        # Noticed by another worker's next beat, so that a dead worker's jobs run again within the server timeout.
        timeout, interval = (
            settings.jobs_server_timeout.total_seconds(),
            settings.jobs_heartbeat_interval.total_seconds(),
        )
        silence = max(timeout - 1.1 * interval, timeout / 2)
        urls = list(dict.fromkeys(store.url for store in stores))
        outages = {url: Outage(url) for url in urls}
        on = {url: [store for store in stores if store.url == url] for url in urls}
        self.finishers = {
            url: Finisher(outages[url], broker, self._settled, patience=silence) for url in urls
        }
        self.claimers = {
            url: Claimer(
                outages[url],
                on[url],
                self.buffer,
                threads=threads,
                worker_id=self.identity,
                new_lease=lambda: str(uuid.uuid4()),
                queues=self._queues,
                declare=self._declare,
                admit=self._admit,
                give_back=self.give_back,
                poll_interval=settings.jobs_poll_interval.total_seconds(),
                server_timeout=silence,
            )
            for url in urls
        }
        self.maintenance = Maintenance(broker, stores, settings)
        self.heartbeat = Heartbeat(
            stores,
            outages=outages,
            identity=self.identity,
            held=self._held,
            claiming=lambda store: self.claimers[store.url].claiming,
            facts=self._facts,
            lost=self._lost,
            claimable=self._unsure,
            cancelled=self.cancellations.request,
            interval=settings.jobs_heartbeat_interval.total_seconds(),
            silence=silence,
            grace=settings.jobs_rescue_grace.total_seconds(),
            poll_cancellations=not settings.jobs_listen,
        )
        self.listeners = [
            Listener(
                (settings.jobs_listen_url if url == settings.jobs_database_url else None) or url,
                [store.schema for store in on[url]],
                self._heard,
                lambda url=url: self._connected(url),  # type: ignore[misc]
            )
            for url in urls
            if settings.jobs_listen
        ]

    def identity(self, store: Store) -> str:
        """This worker's id in one store: new at every boot, and after the store declared it dead."""
        return self._identities[store.schema]

    def start(self) -> None:
        share_one_heap()
        with contextlib.suppress(*DISCONNECTED):  # then the first beat that gets through registers
            self.heartbeat.register()
        for thread in self._threads():
            thread.start()

    def stop_claiming(self) -> None:
        """First half of a graceful stop: nothing new is taken, what waits is given back at once."""
        self._stopping = True
        self.maintenance.stop()
        for claimer in self.claimers.values():
            claimer.stop()
        for claimer in self.claimers.values():
            claimer.join(timeout=10)
        self.give_back(self.buffer.take_back())

    def stop(self) -> None:
        """Second half: outcomes are written; what still runs is given back, without costing an attempt."""
        for finisher in self.finishers.values():
            finisher.drain(SHUTDOWN_WRITE_TIMEOUT)
        self.give_back(run for run in list(self.buffer.held.values()) if run.outcome is None)
        for finisher in self.finishers.values():
            finisher.drain(SHUTDOWN_WRITE_TIMEOUT)
            finisher.stop()
        self.heartbeat.stop()
        self.heartbeat.join(timeout=10)  # a beat after the leave would register anew
        for listener in self.listeners:
            listener.stop()
        if not self.heartbeat.is_alive():  # else its connection is busy; the row goes stale and is rescued
            self.heartbeat.leave()

    def consume(self, queue_name: str) -> None:
        """Dramatiq opened a consumer for this queue."""
        self._consumed = self._consumed | {queue_name}
        for schema in self._identities:
            self._touch(schema)

    def finish(self, run: Run) -> None:
        """Hands in a run whose outcome is set."""
        if run.lost:
            if self.buffer.held.get(run.message_id) is run:  # the job may be here again, under a new lease
                del self.buffer.held[run.message_id]
                self.cancellations.forget(run.message_id)
            log.warning(
                "Job %s lost its lease while it ran; its outcome is dropped, another worker has it.",
                run.message_id,
            )
            return
        self.finishers[run.store.url].add(run)

    def give_back(self, runs: Iterable[Run]) -> None:
        for run in list(runs):
            run.outcome = GIVEN_BACK
            run.drop_consequences()
            self.finish(run)

    def _admit(self, runs: list[Run]) -> None:
        """Claimed jobs are read; those that cannot or must not run get their outcome at once."""
        if runs and runs[0].worker_id != self.identity(runs[0].store):
            return  # declared dead while the claim was under way: they are rescued, or will be
        ready = []
        actors = self.broker.actors
        for run in runs:
            self.cancellations.forget(run.message_id)  # what was asked of an earlier run that lost its lease
            try:
                run.read()
                if run.actor_name not in actors:
                    run.outcome = Outcome(
                        FAILED,
                        f"no actor {run.actor_name!r} is known to this worker: was it renamed or not deployed?",
                    )
                elif run.cancel_reason is not None:
                    run.outcome = Outcome(CANCELLED, run.cancel_reason)
                elif not self.broker.may_attempt(run):
                    run.outcome = self.broker.used_up(run)
            except Unreadable as error:
                run.outcome = Outcome(FAILED, str(error))
            except Exception as error:  # noqa: BLE001 - garbage may fail in any way, and must not stop the claimer
                run.outcome = Outcome(FAILED, f"the message makes no sense: {type(error).__name__}: {error}")
            if run.outcome is None:
                ready.append(run)
            else:
                self.buffer.held[run.message_id] = run
                self.finish(run)
        if self._stopping:
            self.give_back(ready)
        else:
            self.buffer.fill(ready)

    def _settled(self, runs: Sequence[Run], held: set[str]) -> None:
        freed: dict[Store, set[str]] = {}
        for run in runs:
            if self.buffer.held.get(run.message_id) is run:
                del self.buffer.held[run.message_id]
            if run.limit_key is not None:
                freed.setdefault(run.store, set()).add(run.limit_key)
            if run.outcome is not None and run.outcome.state == RETRYING:
                self._due(run.store.schema, time.time() + run.outcome.delay_ms / 1000)
            self.cancellations.forget(run.message_id)
            if run.message_id not in held:
                log.warning(
                    "Job %s lost its lease: its outcome was not written, another worker has it.",
                    run.message_id,
                )

        for store, limits in freed.items():
            self._freed(store, limits)

    def _freed(self, store: Store, limits: set[str]) -> None:
        """Jobs under these limits ended: others may start, here or elsewhere."""
        if self._stopping:  # then not here
            with contextlib.suppress(psycopg2.Error):
                store.fetch(bound(store.schema).tell_of_limits, {"keys": list(limits)})
            return
        claimer = self.claimers[store.url]
        claimer.watches[store.schema].limits.freed(limits)
        claimer.wake()

    def _declare(self, store: Store) -> None:
        registry.declare(self.broker, [store])

    def _queues(self) -> dict[str, int]:
        return {name: self.settings.jobs_queues.get(name, 1) for name in self._consumed}

    def _may_start(self, run: Run) -> bool:
        """A worker that was stopped, or cut off from its store, may have been called dead: what it has not started yet
        may have run elsewhere, so it is given back, which does nothing where the lease is lost.
        """
        run.started = time.perf_counter()  # before we look: what begins is sure to begin under its lease
        if time.monotonic() < self.heartbeat.sure_until[run.store.schema]:
            if run.last_chance and not self._begin_last(run):
                return False
            if run.start_by is None or time.perf_counter() <= run.start_by:
                return True
        self.give_back([run])
        return False

    def _begin_last(self, run: Run) -> bool:
        parameters = {"message_id": run.message_id, "lease": run.lease}
        try:
            if run.store.fetch(bound(run.store.schema).begin_last, parameters):
                return True
        except DISCONNECTED:
            pass
        self.give_back([run])
        return False

    def _hungry(self) -> None:
        for claimer in self.claimers.values():
            claimer.wake()

    def _heard(self, schema: str, payload: str) -> None:
        if payload.startswith("cancel:"):
            message_id = payload.removeprefix("cancel:")
            if message_id in self.buffer.held:
                self.cancellations.request([message_id])
        elif payload.startswith("@") and payload[1:].isdigit():
            self._due(schema, float(payload[1:]))
        elif payload.startswith("%"):
            for claimer in self.claimers.values():
                if schema in claimer.watches:
                    claimer.watches[schema].limits.heard([payload[1:]])
                    claimer.wake()
        elif payload in self._consumed or payload == "":
            self._touch(schema)

    def _due(self, schema: str, epoch: float) -> None:
        for claimer in self.claimers.values():
            if schema in claimer.watches:
                claimer.watches[schema].due_in(epoch - time.time())
                claimer.wake()

    def _touch(self, schema: str) -> None:
        for claimer in self.claimers.values():
            if schema in claimer.watches:
                claimer.watches[schema].touched()
                claimer.wake()

    def _unsure(self, store: Store) -> None:
        claimer = self.claimers[store.url]
        claimer.watches[store.schema].unsure()
        claimer.wake()

    def _connected(self, url: str) -> None:
        for watch in self.claimers[url].watches.values():
            watch.unsure()
        self.claimers[url].wake()
        self.heartbeat.check_cancellations()

    def _held(self, store: Store) -> list[str]:
        return [run.message_id for run in list(self.buffer.held.values()) if run.store is store]

    def _facts(self) -> dict[str, Any]:
        held = len(self.buffer.held) - self.buffer.waiting
        return {"queues": sorted(self._consumed), "threads": self.threads, "running": max(0, held)}

    def _lost(self, store: Store) -> None:
        self._identities[store.schema] = str(uuid.uuid4())
        waiting = self.buffer.take_back()
        self.buffer.fill(run for run in waiting if run.store is not store)
        for run in waiting:
            if run.store is store:
                self.buffer.held.pop(run.message_id, None)
        for run in list(self.buffer.held.values()):
            if run.store is store:
                run.lost = True
                self.cancellations.request([run.message_id])

    def _threads(self) -> list[threading.Thread]:
        return [
            *self.finishers.values(),
            *self.listeners,
            self.heartbeat,
            *self.claimers.values(),
            self.maintenance,
        ]


class Cancellations:
    """The ids of jobs that were asked to stop, as this process knows them."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._changed = threading.Condition()

    def request(self, message_ids: Iterable[str]) -> None:
        with self._changed:
            self._ids.update(message_ids)
            self._changed.notify_all()

    def forget(self, message_id: str) -> None:
        if message_id in self._ids:
            with self._changed:
                self._ids.discard(message_id)

    def requested(self, message_id: str) -> bool:
        return message_id in self._ids

    def wait_for_any(self, message_ids: Iterable[str], timeout: float) -> str | None:
        """The first of these ids that was asked to stop, waiting up to `timeout` seconds for one."""
        wanted = set(message_ids)
        with self._changed:
            self._changed.wait_for(lambda: not self._ids.isdisjoint(wanted), timeout)
            return next(iter(self._ids & wanted), None)
