"""The overview: what waits in each queue of a store, who works on it, and how queues are paused and resumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from infra.queue.limits import Rate
from infra.queue.statements import bound
from infra.store.connections import Store

MOST = 1_000_000
"""Jobs are counted up to this many a queue; more are shown as that many and a plus."""
MOST_DELAYED = 100_000
MOST_LIMITS = 1_000
MOST_UNDER_A_LIMIT = 100_000
LATEST = 5_000
"""Finished jobs that latency is taken from."""


@dataclass(frozen=True)
class QueueFacts:
    """One queue of one service.

    Parameters:
      ready: those of limited actors among them.
      limited: the ready jobs of limited actors, which wait for room under their limits.
      oldest: seconds since the first of the other ready jobs could have started.
      latency_p50, latency_p95: seconds that recently finished jobs had waited.
      weight: by JOBS_QUEUES; None where that does not name the queue.
    """

    name: str
    service: str
    ready: int = 0
    limited: int = 0
    running: int = 0
    delayed: int = 0
    oldest: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    weight: int | None = None
    paused_by: str | None = None
    paused_at: datetime | None = None
    paused_because: str | None = None


@dataclass(frozen=True)
class LimitFacts:
    """One limit of one service.

    Parameters:
      name: the actor's, and after a colon the value that is limited for itself.
      started: how many started within the time of `rate`.
    """

    name: str
    service: str
    actor: str
    running: int
    max_running: int | None
    waiting: int
    started: int
    rate: str | None


@dataclass(frozen=True)
class WorkerFacts:
    """One worker process.

    Parameters:
      heartbeat_age: seconds since it last said that it lives, in the store where that is longest ago.
      alive: whether that is less than JOBS_SERVER_TIMEOUT.
    """

    name: str
    services: tuple[str, ...]
    queues: tuple[str, ...]
    threads: int
    running: int
    heartbeat_age: float
    alive: bool
    memory_bytes: int | None
    since: datetime


def queue_depths(store: Store, weights: Mapping[str, int]) -> list[QueueFacts]:
    """Every queue that is configured, declared, paused or has jobs."""
    sql = bound(store.schema)
    ready = {row[0]: row[1:] for row in store.fetch(sql.ready_by_queue, {"most": MOST})}
    limited = dict(store.fetch(sql.limited_by_queue, {"most": MOST}))
    running = dict(store.fetch(sql.running_by_queue))
    delayed = dict(store.fetch(sql.delayed_by_queue, {"most": MOST_DELAYED}))
    latency = {row[0]: row[1:] for row in store.fetch(sql.latency_by_queue, {"latest": LATEST})}
    pauses = {row[0]: row[1:] for row in store.fetch(sql.pauses)}
    declared = {row[0] for row in store.fetch(sql.queues_of_actors)}
    names = list(weights) + sorted({*ready, *limited, *running, *delayed, *pauses, *declared} - set(weights))
    return [
        replace(
            QueueFacts(name, store.service, running=running.get(name, 0), delayed=delayed.get(name, 0)),
            limited=limited.get(name, 0),
            ready=ready.get(name, (0, None))[0] + limited.get(name, 0),
            oldest=ready.get(name, (0, None))[1],
            **dict(zip(("latency_p50", "latency_p95"), latency.get(name, ()), strict=False)),
            **dict(zip(("paused_by", "paused_at", "paused_because"), pauses.get(name, ()), strict=False)),
            weight=weights.get(name),
        )
        for name in names
    ]


def queue_names(store: Store, weights: Mapping[str, int]) -> set[str]:
    """Every queue that is configured, declared, paused or has ready jobs."""
    sql = bound(store.schema)
    ready = [
        *store.fetch(sql.ready_by_queue, {"most": 1}),
        *store.fetch(sql.limited_by_queue, {"most": 1}),
    ]
    return {
        *weights,
        *(row[0] for row in (*ready, *store.fetch(sql.queues_of_actors), *store.fetch(sql.pauses))),
    }


def limits(store: Store) -> list[LimitFacts]:
    """Those that hold for all jobs of an actor, and those under which something waits, runs or started of late."""
    rows = store.fetch(bound(store.schema).limits, {"limits": MOST_LIMITS, "most": MOST_UNDER_A_LIMIT})
    return [
        LimitFacts(
            name,
            store.service,
            actor,
            running,
            most,
            waiting,
            started,
            None if count is None else str(Rate(count, milliseconds)),
        )
        for name, actor, most, count, milliseconds, running, started, waiting in rows
    ]


def pause_queue(store: Store, name: str, *, by: str, reason: str | None = None) -> bool:
    """Jobs of the queue wait from now on; those that run go on. False: it was paused already."""
    parameters = {"queue": name, "by": by, "reason": reason, "channel": store.schema}
    return bool(store.fetch(bound(store.schema).pause_queue, parameters))


def resume_queue(store: Store, name: str) -> bool:
    """False: it was not paused."""
    return bool(store.fetch(bound(store.schema).resume_queue, {"queue": name, "channel": store.schema}))


def workers(stores: Iterable[Store], server_timeout: timedelta) -> list[WorkerFacts]:
    """The worker processes, each once, though it has a row in the store of every service it works for."""
    found: list[WorkerFacts] = []
    for store in stores:
        for row in store.fetch(bound(store.schema).workers):
            _, name, _, _, queues, threads, running, memory, since, age = row
            alive = age <= server_timeout.total_seconds()
            here = WorkerFacts(
                name, (store.service,), tuple(queues), threads, running, age, alive, memory, since
            )
            same = next((i for i, other in enumerate(found) if _same_process(other, here)), None)
            if same is None:
                found.append(here)
            else:
                found[same] = _merged(found[same], here)
    return sorted(found, key=lambda worker: worker.since)


def _same_process(one: WorkerFacts, other: WorkerFacts) -> bool:
    """A container's worker may bear the name of its predecessor, but starts at another time."""
    return (
        one.name == other.name
        and not set(one.services) & set(other.services)
        and abs((one.since - other.since).total_seconds()) < 60
    )


def _merged(one: WorkerFacts, other: WorkerFacts) -> WorkerFacts:
    return replace(
        one,
        services=one.services + other.services,
        queues=tuple(sorted({*one.queues, *other.queues})),
        running=max(one.running, other.running),
        heartbeat_age=max(one.heartbeat_age, other.heartbeat_age),
        alive=one.alive and other.alive,
        since=min(one.since, other.since),
    )
