"""Find and show jobs: what the command line and the dashboard read of them.

A job is shown with its arguments by name; those named in `redact` are shown as ***, as in the logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from infra.queue import registry
from infra.queue.run import redacted
from infra.queue.statements import bound
from infra.queue.states import NAMES
from infra.queue.waiting import Neighbour, Node, blockers, neighbours, reason_of, workflow_node
from infra.store.connections import Store

SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Filter:
    """Which jobs. An empty filter means all.

    Parameters:
      states: the store's states; empty means every state.
      older, newer: enqueued at least, or at most, so long ago.
      arguments: values by parameter name, whether given by position or by keyword.
    """

    states: tuple[str, ...] = ()
    actor: str | None = None
    queue: str | None = None
    older: timedelta | None = None
    newer: timedelta | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        return {
            "states": list(self.states or NAMES),
            "actor": self.actor,
            "queue": self.queue,
            "older": self.older,
            "newer": self.newer,
            "arguments": json.dumps(dict(self.arguments)),
        }


@dataclass(frozen=True)
class Job:
    """A job as operators see it.

    Parameters:
      state: the operators' name.
      age: seconds since it was enqueued.
      reason: why it is in this state; of an Awaiting job, what it waits for.
      held_up_by: what that is, the gravest first.
    """

    id: str
    service: str
    queue: str
    state: str
    actor: str
    arguments: dict[str, Any]
    priority: int
    eta: datetime | None
    attempts: int
    worker: str | None
    enqueued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    unique_key: str | None
    progress: tuple[int, int] | None
    reason: str | None
    error: str | None
    age: float
    held_up_by: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Moment:
    """A step in a job's life: the state it went into, and why."""

    at: datetime
    state: str
    attempt: int
    worker: str | None
    duration_ms: float | None
    reason: str | None
    error: str | None
    traceback: str | None


@dataclass(frozen=True)
class LogLine:
    at: datetime
    attempt: int
    line: str


@dataclass(frozen=True)
class JobDetail:
    """One job with its whole story.

    Parameters:
      workflow: what it is a member of.
      before, after: what it waits or waited for, and what waits or waited for it; up to 20 of each.
    """

    job: Job
    result: Any
    timeline: list[Moment]
    log: list[LogLine]
    workflow: Node | None = None
    before: tuple[Neighbour, ...] = ()
    after: tuple[Neighbour, ...] = ()


def find(store: Store, wanted: Filter, *, limit: int = 50, redact: tuple[str, ...] = ()) -> list[Job]:
    """Up to `limit` jobs, the latest change first."""
    cap = None if wanted.arguments else limit
    rows = store.fetch(bound(store.schema).find, {**wanted.parameters(), "limit": limit, "cap": cap})
    names = registry.known(store) if rows else {}
    return _with_reasons(store, [_job(store, row, names, redact) for row in rows])


def find_ids(store: Store, wanted: Filter) -> list[str]:
    """The ids of all jobs that the filter means."""
    return [row[0] for row in store.fetch(bound(store.schema).find_ids, wanted.parameters())]


def ids_like(store: Store, prefix: str) -> list[str]:
    """Up to five ids that begin so. Raises ValueError for what cannot be the beginning of an id."""
    return [row[0] for row in store.fetch(bound(store.schema).ids_between, id_range(prefix))]


def id_range(prefix: str) -> dict[str, str]:
    """The first and the last id that begin so. Raises ValueError for what cannot be the beginning of an id."""
    digits = prefix.replace("-", "").lower()
    if not SHORTEST_PREFIX <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise ValueError(
            f"{prefix!r} is not an id: give all of it, or its first {SHORTEST_PREFIX} characters or more"
        )
    return {"first": digits.ljust(32, "0"), "last": digits.ljust(32, "f")}


def show(store: Store, message_id: str, *, redact: tuple[str, ...] = ()) -> JobDetail | None:
    """One job with its timeline, log lines and result; None where the store does not know it."""
    sql = bound(store.schema)
    one = {"message_id": message_id}
    rows = store.fetch(sql.job, one)
    if not rows:
        return None
    *row, result, workflow_id, followed_in = rows[0]
    worker_name = store.fetch(sql.worker_name, {"worker_id": row[8]})
    job = _job(store, row, registry.known(store), redact, worker_name)
    before, after = neighbours(store, message_id, followed_in)
    return JobDetail(
        job=_with_reasons(store, [job])[0],
        result=_redacted(result, redact),
        timeline=[Moment(row[0], NAMES[row[1]], *row[2:]) for row in store.fetch(sql.timeline, one)],
        log=[LogLine(*row) for row in store.fetch(sql.log_lines, one)],
        workflow=workflow_node(store, workflow_id) if workflow_id else None,
        before=tuple(before),
        after=tuple(after),
    )


def _with_reasons(store: Store, jobs: list[Job]) -> list[Job]:
    """Says of each awaiting job what it waits for."""
    held_up = blockers(store, [job.id for job in jobs if job.state == NAMES["awaiting"]])
    return [
        replace(job, reason=reason_of(held_up[job.id]) or job.reason, held_up_by=tuple(held_up[job.id][:5]))
        if job.id in held_up
        else job
        for job in jobs
    ]


def _job(
    store: Store,
    row: Sequence[Any],
    parameters: Mapping[str, list[dict[str, Any]]],
    redact: tuple[str, ...],
    worker_name: Sequence[tuple[Any, ...]] = (),
) -> Job:
    (
        message_id,
        queue,
        state,
        actor,
        message,
        priority,
        eta,
        attempts,
        worker_id,
        enqueued_at,
        started_at,
        finished_at,
        unique_key,
        progress_done,
        progress_total,
        reason,
        error,
        age,
    ) = row
    return Job(
        id=message_id,
        service=store.service,
        queue=queue,
        state=NAMES[state],
        actor=actor,
        arguments=arguments_of(message, parameters.get(actor, []), redact),
        priority=priority,
        eta=eta,
        attempts=attempts,
        worker=worker_name[0][0] if worker_name else worker_id,
        enqueued_at=enqueued_at,
        started_at=started_at,
        finished_at=finished_at,
        unique_key=unique_key,
        progress=None if progress_total is None else (progress_done, progress_total),
        reason=reason,
        error=error,
        age=age,
    )


def arguments_of(
    message: Any, parameters: list[dict[str, Any]], redact: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A message's arguments by name; by position where no name is known. Nothing for what is not a message."""
    if not isinstance(message, dict):
        return {}
    args, kwargs = message.get("args"), message.get("kwargs")
    names = [p["name"] for p in parameters if not p["name"].startswith("*")]
    named = {
        names[i] if i < len(names) else f"#{i}": v
        for i, v in enumerate(args if isinstance(args, list) else [])
    }
    named |= kwargs if isinstance(kwargs, dict) else {}
    in_order = (*(n for n in names if n in named), *(n for n in named if n not in names))
    return redacted({name: named[name] for name in in_order}, redact)


def _redacted(value: Any, words: tuple[str, ...]) -> Any:
    return redacted({"": value}, words)[""]
