"""Firing as tests speak of it: in this process, or in others that die at a chosen point. And what the ledger says."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from typing import Any

from infra.queue.broker import JobBroker
from infra.queue.cancel import cancel
from infra.scheduling import ledger
from infra.scheduling.declare import declare
from infra.scheduling.ledger import fire, fire_waiting
from infra.store.connections import DISCONNECTED, _Connection
from tests.support.queue import broker_on, rows
from tests.support.recurring import store_at
from tests.support.scheduler import INDIA, Job, declare_actors, shown

SIX = datetime(2026, 4, 1, 6, 30, tzinfo=INDIA)
SEVEN = datetime(2026, 4, 1, 7, tzinfo=INDIA)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

EVERY_POLICY = tuple(
    Job(f"{missed}-{overlap}", missed=missed, overlap=overlap)
    for missed in ("once", "all", "skip")
    for overlap in ("allow", "skip", "queue")
)


def given(broker: JobBroker, *jobs: Job) -> None:
    """Hourly jobs, known since half past six."""
    declare_actors(jobs)
    declare(broker, store_at(broker, SIX), complete=True)


def url_of(broker: JobBroker) -> str:
    return broker.store("common").url


def fired_at(broker: JobBroker, moment: datetime) -> int:
    return fire(store_at(broker, moment), broker)


def ledger_of(broker: JobBroker) -> dict[str, list[tuple[str, str]]]:
    """By job, when it was due and what became of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for job, due_at, outcome in rows(
        broker, "select name, due_at, outcome from {schema}.tick order by due_at"
    ):
        found.setdefault(job, []).append((shown(due_at), outcome))
    return found


def assert_ledger_and_queue_agree(broker: JobBroker) -> None:
    """A tick that was sent has one job, told for this moment; nothing else has one; and no tick comes again."""
    sent = rows(broker, "select message_id, due_at from {schema}.tick where outcome = 'sent'")
    jobs = rows(
        broker, "select message_id, (message->'kwargs'->>'scheduled_for')::timestamptz from {schema}.job"
    )
    assert sorted(sent) == sorted(jobs)
    again = "select name from {schema}.tick join {schema}.recurring using (name) where due_at >= next_at"
    assert rows(broker, again) == [], "a tick is in the ledger and will come"


def end_all(broker: JobBroker, actor_name: str) -> None:
    """The runs that this actor has end, one way or another."""
    found = rows(broker, "select message_id::text from {schema}.queue where actor_name = %s", actor_name)
    cancel(broker.store("common"), [message_id for (message_id,) in found], by="a test")


# -- processes that fire, and die of it

POINTS = (
    "before the ledger",  # the jobs are locked
    "after the ledger",  # the ticks are written
    "after the enqueue",  # so are the jobs
    "before the commit",
    "after the commit",  # nobody was told
)

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Firing:
    """What a process is to do: fire, at this moment of the store's clock, until nothing is due.

    Parameters:
      dies_at: kill -9 when it comes to this point for the `times`-th time.
      most: recurring jobs a transaction.
      patience: seconds for which it tries again while the database is away.
    """

    url: str
    moment: datetime
    jobs: tuple[Job, ...] = ()
    dies_at: str | None = None
    times: int = 1
    most: int = ledger.MOST
    patience: float = 0.0

    def start(self) -> BaseProcess:
        assert self.dies_at is None or self.dies_at in POINTS, self.dies_at
        process = _forks.Process(target=_fire, args=(self,), daemon=True)
        process.start()
        return process

    def run(self) -> bool:
        """Whether it lived."""
        return lived(self.start())


def lived(process: BaseProcess) -> bool:
    """Waits for its end. It may die by kill -9 only."""
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), f"a process that fires ended with {process.exitcode}"
    return process.exitcode == 0


def _fire(order: Firing) -> None:
    ledger.MOST = order.most
    if order.dies_at:
        _die_at(order.dies_at, order.times)
    with broker_on(order.url) as broker:
        declare_actors(order.jobs)
        store = store_at(broker, order.moment)
        deadline = time.monotonic() + order.patience
        while True:
            try:
                fire(store, broker)
                fire_waiting(store, broker)
                return
            except DISCONNECTED:
                store.pool.clear()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _die_at(point: str, times: int) -> None:
    """Arms this process."""
    left = [times]
    writing = [False]
    patched: Any = ledger
    write_ticks, put, commit = patched.write_ticks, patched.put, _Connection.commit

    def reached(at: str) -> None:
        if at == point:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    def dying_write_ticks(*args: Any) -> Any:
        reached("before the ledger")
        answer = write_ticks(*args)
        writing[0] = True
        reached("after the ledger")
        return answer

    def dying_put(*args: Any) -> Any:
        answer = put(*args)
        writing[0] = True
        reached("after the enqueue")
        return answer

    def dying_commit(self: Any) -> None:
        wrote, writing[0] = writing[0], False
        if wrote:
            reached("before the commit")
        commit(self)
        if wrote:
            reached("after the commit")

    patched.write_ticks, patched.put = dying_write_ticks, dying_put
    _Connection.commit = dying_commit  # type: ignore[method-assign]
