"""Find workflows: what the command line and the dashboard read of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.composition.opened import ask
from infra.composition.progress import Progress
from infra.queue import registry
from infra.queue.find import arguments_of, id_range
from infra.queue.states import NAMES, WORKFLOW_NAMES
from infra.store.connections import Store

KINDS = ("batch", "group", "pipeline", "workflow")
MOST = 100_000
"""A list looks no further back than so many workflows."""

Stores = Callable[[str], Store]
"""Where a service's jobs are."""


@dataclass(frozen=True)
class WorkflowFacts:
    """A batch, group, pipeline or workflow as operators see it.

    Parameters:
      service: where it is kept as a whole; `services` are all that have members.
      state: Awaiting, Open, Cancelling, Complete, Failed or Cancelled.
      reason: why it was cancelled.
      age: in seconds since it was made.
      parent: the workflow that it is a member of.
      followed_in: the services in which jobs or workflows wait for it.
    """

    id: str
    kind: str
    name: str
    service: str
    services: tuple[str, ...]
    state: str
    reason: str | None
    key: str | None
    created_at: datetime
    opened_at: datetime | None
    completed_at: datetime | None
    age: float
    parent: str | None
    followed_in: tuple[str, ...]
    progress: Progress


@dataclass(frozen=True)
class Member:
    """A job of a workflow.

    Parameters:
      state: in the operators' words; "" when it has expired.
      workflow: what it is a member of; a callback is a member of what is around its workflow, if anything.
    """

    id: str
    service: str
    actor: str
    state: str
    attempts: int
    arguments: dict[str, Any]
    error: str | None
    reason: str | None
    workflow: str | None


@dataclass(frozen=True)
class Callback:
    """A job that follows when a workflow is complete. `condition`: "success", or "finished" whatever the outcome."""

    job: Member
    condition: str
    met: bool


def list_workflows(
    store: Store,
    at: Stores,
    *,
    kinds: Iterable[str] = (),
    open_only: bool = False,
    nested: bool = False,
    name: str | None = None,
    newer: timedelta | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[WorkflowFacts]:
    """Workflows that are kept in this store, the latest first.

    Parameters:
      kinds: empty means all.
      nested: those that are members of others, too.
      name: a part of it, in whatever case.
      before: the moment and id of the last one that was seen.
    """
    before_at, before_id = before or (None, None)
    parameters = {
        "service": store.service,
        "kinds": list(kinds) or None,
        "open_only": open_only,
        "nested": nested,
        "name": name,
        "newer": newer,
        "before_at": before_at,
        "before_id": before_id,
        "most": MOST,
        "limit": limit,
    }
    return _with_figures(store, at, ask(store, "workflows", parameters))


def workflows(store: Store, at: Stores, ids: Sequence[str]) -> list[WorkflowFacts]:
    """Those of these workflows that are kept in this store, in order of their making."""
    parameters = {"ids": list(ids), "service": store.service}
    return _with_figures(store, at, ask(store, "workflows_of", parameters))


def workflow_ids_like(store: Store, prefix: str) -> list[str]:
    """Up to five ids that begin so. Raises ValueError for what cannot be the beginning of an id."""
    parameters = {**id_range(prefix), "service": store.service}
    return [row[0] for row in ask(store, "workflow_ids_between", parameters)]


def failed_members(
    facts: WorkflowFacts, at: Stores, *, nested: bool = True, limit: int = 20, redact: tuple[str, ...] = ()
) -> list[Member]:
    """Some of the members that are Failed or Deleted; `nested`: those of workflows inside it, too."""
    found: list[Member] = []
    for service in facts.services:
        store = at(service)
        tree = [facts.id]
        if nested:
            tree = [row[0] for row in ask(store, "workflow_tree", {"id": facts.id})]
        rows = ask(store, "failed_members", {"ids": tree, "limit": limit - len(found)})
        found += members(store, rows, redact)
        if len(found) >= limit:
            break
    return found


def callbacks(facts: WorkflowFacts, at: Stores, *, redact: tuple[str, ...] = ()) -> list[Callback]:
    """The jobs that follow when the workflow is complete."""
    found = []
    for service in facts.followed_in:
        store = at(service)
        edges = ask(store, "callbacks", {"id": facts.id, "limit": 100})
        jobs = {job.id: job for job in jobs_of(store, [edge[0] for edge in edges], redact)}
        found += [Callback(jobs[id_], condition, met) for id_, condition, met in edges if id_ in jobs]
    return found


def jobs_of(store: Store, ids: Sequence[str], redact: tuple[str, ...]) -> list[Member]:
    """Those of these jobs that this store knows."""
    if not ids:
        return []
    return members(store, ask(store, "drawn_jobs", {"ids": list(ids)}), redact)


def members(store: Store, rows: Iterable[Sequence[Any]], redact: tuple[str, ...]) -> list[Member]:
    """From (id, actor, state, attempts, message, error, reason, workflow)."""
    rows = list(rows)
    known = registry.known(store) if rows else {}
    return [
        Member(
            id=id_,
            service=store.service,
            actor=actor,
            state=NAMES[state],
            attempts=attempts,
            arguments=arguments_of(message, known.get(actor, []), redact),
            error=error,
            reason=reason,
            workflow=workflow_id,
        )
        for id_, actor, state, attempts, message, error, reason, workflow_id in rows
    ]


def _with_figures(store: Store, at: Stores, rows: list[tuple[Any, ...]]) -> list[WorkflowFacts]:
    """The figures of all in one statement a store."""
    by_service: dict[str, list[str]] = {}
    for row in rows:
        for service in row[4] or (store.service,):
            by_service.setdefault(service, []).append(row[0])
    shares: dict[str, list[Sequence[Any]]] = {}
    for service, ids in by_service.items():
        other = at(service)
        for share in ask(other, "progress", {"ids": ids}):
            shares.setdefault(share[0], []).append(share)
    return [
        WorkflowFacts(
            id=id_,
            kind=kind,
            name=name,
            service=home,
            services=tuple(spans or (home,)),
            state=WORKFLOW_NAMES[state],
            reason=reason,
            key=key,
            created_at=created_at,
            opened_at=opened_at,
            completed_at=completed_at,
            age=age,
            parent=parent,
            followed_in=tuple(after.split(",")) if after else (),
            progress=Progress.of(shares[id_], outcome),
        )
        for (
            id_, kind, name, home, spans, parent, _, key, created_at, opened_at, completed_at, reason, outcome, after,
            state, age,
        ) in rows
    ]  # fmt: skip
