"""Successors: what follows when jobs end. Who waits for them goes on or is cancelled; workflows become complete.

The first half happens in the transaction that ends the jobs (`follow`), the second after its commit (`complete`): the
last member to commit sees that no other is left, and a lock on the workflow's row lets one caller say so. Where a
process dies in between, whoever rescues its jobs asks in its place (`sweep`).

Where a successor waits in another database, it is released there first: being released is a fact of its row, so a
second time changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from infra.queue.errors import StoreUnavailable
from infra.queue.statements import PLANNER, bound
from infra.store.connections import DISCONNECTED, Store, shown, statement_at_fault

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Under this worker's id counts what operators do, and what follows from something else."""


class Ended(NamedTuple):
    """A job that reached its last state.

    Parameters:
      result: as JSON, what its successors are handed.
    """

    message_id: str
    service: str
    state: str
    workflow_id: str | None
    followed_in: str | None
    result: str | None = None


class _Event(NamedTuple):
    id: str
    state: str
    result: str | None
    services: tuple[str, ...]


Touched = set[tuple[str, str]]
"""(service, workflow id) of workflows that may be complete now."""


class Reach:
    """Statements in the stores of any service: in one's own transaction where the database is the same, else committed
    there at once.
    """

    def __init__(self, url: str, cursor: Any, stores: Callable[[str], Store]) -> None:
        self.url = url
        self._cursor = cursor
        self.store = stores

    def fetch(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Raises StoreUnavailable when another database is away."""
        store = self.store(service)
        statement = PLANNER + getattr(bound(store.schema), name)
        if store.url == self.url:
            self._cursor.execute(statement, parameters)
            return self._cursor.fetchall() if self._cursor.description else []
        try:
            with store.pool.borrowed() as conn, conn.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        except DISCONNECTED as error:
            if statement_at_fault(error):
                raise
            store.pool.clear()
            said = str(error).strip()
            raise StoreUnavailable(
                f"the job store {store.schema} on {shown(store.url)} is away: {said}"
            ) from None


def follow(reach: Reach, ended: Iterable[Ended], worker_id: str) -> Touched:
    """Counts ended jobs in their workflows and lets their successors go on. Returns the workflows to ask about."""
    ended = list(ended)
    _count(reach, ended, worker_id)
    touched = {(job.service, job.workflow_id) for job in ended if job.workflow_id}
    events = [
        _Event(job.message_id, job.state, job.result, tuple(job.followed_in.split(",")))
        for job in ended
        if job.followed_in
    ]
    return touched | _settle(reach, events)


def complete(reach: Reach, touched: Touched) -> None:
    """Completes those of the workflows of which nothing is active any more, with all that follows from it."""
    while touched:
        events: list[_Event] = []
        further: Touched = set()
        for service, ids in _by_service(touched).items():
            for row in reach.fetch(service, "complete", {"ids": sorted(ids)}):
                workflow_id, outcome, counts, followed_in, parent_id, parent_service, home, spans = row
                if outcome is None and home != service:
                    further.add((home, workflow_id))
                    continue
                if outcome is None:
                    found = _complete_across(reach, service, workflow_id, spans)
                    if found is None:
                        continue
                    outcome, counts, followed_in, parent_id, parent_service = found
                if followed_in:
                    handed_on = json.dumps([workflow_id, counts])
                    events.append(_Event(workflow_id, outcome, handed_on, tuple(followed_in.split(","))))
                if parent_id:
                    further.add((parent_service, parent_id))
        touched = further | _settle(reach, events)


def sweep(reach: Reach, service: str) -> None:
    """Completes workflows whose last member ended without anyone asking."""
    schema = reach.store(service).schema
    idle = reach.fetch(service, "idle_workflows", {"schema": schema})
    complete(reach, {(service, row[0]) for row in idle})


def reopen(reach: Reach, service: str, workflow_ids: Iterable[str]) -> None:
    """Takes back the completion of workflows and of those around them, because members are retried."""
    left: Touched = {(service, workflow_id) for workflow_id in workflow_ids}
    while left:
        around: Touched = set()
        for where, ids in _by_service(left).items():
            around |= {(s, i) for i, s in reach.fetch(where, "reopen", {"ids": sorted(ids)})}
        left = around


def count(
    reach: Reach,
    service: str,
    workflow_id: str,
    worker_id: str = NOBODY,
    *,
    added: int = 0,
    failed: int = 0,
    cancelled: int = 0,
) -> None:
    """Adds to one workflow's figures."""
    figures = {"added": [added], "succeeded": [0], "failed": [failed], "cancelled": [cancelled]}
    reach.fetch(service, "count_members", {"ids": [workflow_id], "worker_id": worker_id, **figures})


def _count(reach: Reach, ended: list[Ended], worker_id: str) -> None:
    columns = {"done": 0, "failed": 1, "rejected": 1, "cancelled": 2}
    by_service: dict[str, dict[str, list[int]]] = {}
    for job in ended:
        if job.workflow_id:
            of_service = by_service.setdefault(job.service, {})
            of_service.setdefault(job.workflow_id, [0, 0, 0])[columns[job.state]] += 1
    for service, counted in by_service.items():
        parameters = {
            "ids": list(counted),
            "worker_id": worker_id,
            "added": [0] * len(counted),
            "succeeded": [figures[0] for figures in counted.values()],
            "failed": [figures[1] for figures in counted.values()],
            "cancelled": [figures[2] for figures in counted.values()],
        }
        reach.fetch(service, "count_members", parameters)


def _settle(reach: Reach, events: list[_Event]) -> Touched:
    touched: Touched = set()
    while events:
        by_service: dict[str, list[_Event]] = {}
        for event in events:
            for service in event.services:
                by_service.setdefault(service, []).append(event)
        events = []
        for service in sorted(by_service, key=lambda s: (reach.store(s).url == reach.url, s)):
            found = by_service[service]
            parameters = {
                "ids": [event.id for event in found],
                "states": [event.state for event in found],
                "results": [event.result for event in found],
            }
            cancelled: list[Ended] = []
            for what, id_, workflow_id, elsewhere in reach.fetch(service, "settle", parameters):
                others = tuple(s for s in (elsewhere or "").split(",") if s and s != service)
                if what == "cancelled":
                    cancelled.append(Ended(id_, service, "cancelled", workflow_id, elsewhere))
                if workflow_id:
                    touched.add((service, workflow_id))
                if others:
                    events.append(_Event(id_, _PASSED_ON[what], None, others))
            _count(reach, cancelled, NOBODY)
    return touched


_PASSED_ON = {"cancelled": "cancelled", "opened": "opened", "cancelled workflow": "closed"}


def _complete_across(
    reach: Reach, home: str, workflow_id: str, spans: list[str]
) -> tuple[str, dict[str, int], str | None, str | None, str | None] | None:
    """Completes a workflow with members in several stores.

    No snapshot covers them all, so they are looked at twice: if nothing was active and no figure moved in between,
    there was a moment at which nothing was active anywhere.
    """
    revision = reach.fetch(home, "revision_of", {"id": workflow_id})
    if not revision:
        return None
    looks = [[reach.fetch(s, "look_across", {"id": workflow_id})[0] for s in spans] for _ in range(2)]
    if looks[0] != looks[1] or any(active for active, *_ in looks[0]):
        return None
    total, succeeded, failed, cancelled = (
        sum(column) for column in zip(*(look[1:] for look in looks[0]), strict=True)
    )
    counts = {"total": total, "succeeded": succeeded, "failed": failed, "cancelled": cancelled}
    rows = reach.fetch(home, "complete_across", {"id": workflow_id, "revision": revision[0][0], **counts})
    if not rows:
        return None
    _, outcome, followed_in, parent_id, parent_service = rows[0]
    return outcome, counts, followed_in, parent_id, parent_service


def _by_service(touched: Touched) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for service, workflow_id in sorted(touched):
        grouped.setdefault(service, []).append(workflow_id)
    return grouped
