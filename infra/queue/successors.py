"""Successors: what follows when jobs end. Who waits for them goes on or is cancelled; workflows become complete.

The first half happens in the transaction that ends the jobs (`follow`), the second after its commit (`complete`): the
last member to commit sees that no other is left, and a lock on the workflow's row lets one caller say so. Where a
process dies in between, whoever rescues its jobs asks in its place (`sweep`).

Where a successor waits in another database, it is released there first: being released is a fact of its row, so a
second time changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

import psycopg2.errors

from infra.queue.errors import JobRefused, StoreUnavailable
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


class NotThereYet(StoreUnavailable):
    """What waits for a job in another database is not written yet, though it will be: see `follow`."""


class Reach:
    """Statements in the stores of any service: in one's own transaction where the database is the same, else committed
    there at once.

    Parameters:
      away: databases that did not answer, by URL, and are not asked again.
    """

    def __init__(
        self, url: str, cursor: Any, stores: Callable[[str], Store], away: set[str] | None = None
    ) -> None:
        self.url = url
        self._cursor = cursor
        self.store = stores
        self._away = set() if away is None else away

    def fetch(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Raises StoreUnavailable when another database is away."""
        store = self.store(service)
        statement = PLANNER + getattr(bound(store.schema), name)
        if self.holds(service):
            self._cursor.execute(statement, parameters)
            return self._cursor.fetchall() if self._cursor.description else []
        if store.url in self._away:
            raise StoreUnavailable(f"the job store {store.schema} on {shown(store.url)} is away")
        try:
            with store.pool.borrowed() as conn, conn.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        except DISCONNECTED as error:
            if statement_at_fault(error):
                raise
            raise _away(store, self._away, error) from None

    def holds(self, service: str) -> bool:
        """Whether statements there are part of one's own transaction."""
        return self.store(service).url == self.url


def follow(reach: Reach, ended: Iterable[Ended], worker_id: str, *, sure: bool = False) -> Touched:
    """Counts ended jobs in their workflows and lets their successors go on. Returns the workflows to ask about.

    A workflow that spans databases is committed in one after the other, and a job may run in between. Then what waits
    for it elsewhere is not known there: raises NotThereYet, unless the caller is `sure` that nothing will come.
    """
    ended = list(ended)
    _count(reach, ended, worker_id)
    touched = {(job.service, job.workflow_id) for job in ended if job.workflow_id}
    events = [
        _Event(job.message_id, job.state, job.result, tuple(job.followed_in.split(",")))
        for job in ended
        if job.followed_in
    ]
    if not sure:
        _refuse_unknown(reach, events)
    return touched | _settle(reach, events)


def look_again(reach: Reach, service: str, message_ids: list[str]) -> Touched:
    """These jobs are awaiting again: what they wait for may be done by now. Returns the workflows to ask about."""
    return _settle(reach, [_Event(message_id, "revived", None, (service,)) for message_id in message_ids])


def complete(reach: Reach, touched: Touched) -> Touched:
    """Completes those of the workflows of which nothing is active any more, and lets go on what waits for them.

    Returns those to ask about once this is committed: the ones around them, for of two that are completed at once
    neither sees the other one before; those of another database; and those for which something waits there, which is
    told of a completion that nothing can take back.
    """
    further = {one for one in touched if not reach.holds(one[0])}
    for service, ids in _by_service(touched - further).items():
        events: list[_Event] = []
        told: list[str] = []
        for row in reach.fetch(service, "complete", {"ids": sorted(ids)}):
            workflow_id, outcome, counts, followed_in, parent_id, parent_service, home, spans, untold = row
            if outcome is None and home != service:
                further.add((home, workflow_id))
                continue
            if outcome is None:
                found = _complete_across(reach, service, workflow_id, spans)
                if found is None:
                    continue
                outcome, counts, followed_in, parent_id, parent_service = found
            services = followed_in.split(",") if followed_in else []
            if not untold and not all(map(reach.holds, services)):
                reach.fetch(service, "set_untold", {"id": workflow_id, "counts": json.dumps(counts)})
                further.add((service, workflow_id))
                continue
            if services:
                events.append(
                    _Event(workflow_id, outcome, json.dumps([workflow_id, counts]), tuple(services))
                )
            if untold:
                told.append(workflow_id)
            if parent_id:
                further.add((parent_service, parent_id))
        if told and reach.fetch(service, "completed_lately", {"ids": told})[0][0]:
            _refuse_unknown(reach, [event for event in events if event.id in told])
        further |= _settle(reach, events)  # before others are looked at: what it releases may be theirs
        for workflow_id in told:
            reach.fetch(service, "set_untold", {"id": workflow_id, "counts": None})
    return further


def complete_apart(
    transaction: Callable[[], AbstractContextManager[Any]],
    url: str,
    stores: Callable[[str], Store],
    touched: Touched,
) -> Touched:
    """`complete` in transactions of its own, until nothing more follows, one a database at a time. Where another
    database is away, one a workflow. Returns those that have to wait for it.

    Parameters:
      touched: emptied as they are dealt with; after an error, those that are to be asked about again.
    """
    away: set[str] = set()
    left: Touched = set()
    while touched:
        at = {one: stores(one[0]).url for one in touched}
        where = url if url in at.values() else min(at.values())
        here = {one for one in touched if at[one] == where}
        begin = transaction if where == url else partial(_transaction_on, stores(min(here)[0]), away)
        further: Touched = set()
        try:
            left |= _complete_here(begin, where, stores, here, away, further)
            touched -= here
        finally:
            touched |= further
    return left


def _complete_here(
    begin: Callable[[], AbstractContextManager[Any]],
    url: str,
    stores: Callable[[str], Store],
    touched: Touched,
    away: set[str],
    further: Touched,
) -> Touched:
    """Returns what has to wait for other databases. Adds to `further` what is to be asked about there: before the
    commit, of which the answer may be lost.
    """
    try:
        with begin() as cursor:
            further |= complete(Reach(url, cursor, stores, away), touched)
        return set()
    except StoreUnavailable:
        if len(touched) == 1:
            return touched
    return set().union(*(_complete_here(begin, url, stores, {one}, away, further) for one in sorted(touched)))


@contextmanager
def _transaction_on(store: Store, away: set[str]) -> Iterator[Any]:
    """In another database. Raises StoreUnavailable."""
    if store.url in away:
        raise StoreUnavailable(f"the job store {store.schema} on {shown(store.url)} is away")
    try:
        with store.transaction() as cursor:
            yield cursor
    except DISCONNECTED as error:
        if statement_at_fault(error):
            raise
        raise _away(store, away, error) from None


def _away(store: Store, away: set[str], error: Exception) -> StoreUnavailable:
    store.pool.clear()
    away.add(store.url)
    return StoreUnavailable(
        f"the job store {store.schema} on {shown(store.url)} is away: {str(error).strip()}"
    )


def idle(reach: Reach, service: str) -> Touched:
    """Workflows that may be complete though nobody asked: a process may have died before it did."""
    schema = reach.store(service).schema
    return {(service, row[0]) for row in reach.fetch(service, "idle_workflows", {"schema": schema})}


def reopen(reach: Reach, service: str, workflow_ids: Iterable[str]) -> Touched:
    """Takes back the completion of workflows and of those around them, because members are retried. Returns those that
    are kept in other databases.

    Raises JobRefused where another one has the workflow's key by now.
    """
    left: Touched = {(service, workflow_id) for workflow_id in workflow_ids}
    reopened: Touched = set()
    while left:
        around: Touched = set()
        for where, ids in _by_service(left).items():
            try:
                around |= {(s, i) for i, s in reach.fetch(where, "reopen", {"ids": sorted(ids)})}
            except psycopg2.errors.UniqueViolation:
                raise JobRefused(
                    "another workflow with the same key is open: its members cannot be retried beside it"
                ) from None
        reopened |= left
        left = around - reopened
    return {(where, id_) for where, id_ in reopened if reach.store(where).url != reach.url}


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


def _refuse_unknown(reach: Reach, events: list[_Event]) -> None:
    for service in sorted({s for event in events for s in event.services if not reach.holds(s)}):
        ids = [event.id for event in events if service in event.services]
        known = {row[0] for row in reach.fetch(service, "predecessors_among", {"ids": ids})}
        if unknown := sorted(set(ids) - known):
            raise NotThereYet(f"{service}_jobs does not know yet what waits for {unknown[0]}")


def _settle(reach: Reach, events: list[_Event]) -> Touched:
    touched: Touched = set()
    passed: set[tuple[str, str, str]] = set()
    while events:
        by_service: dict[str, list[_Event]] = {}
        for event in events:
            for service in event.services:
                if (event.id, event.state, service) not in passed:
                    passed.add((event.id, event.state, service))
                    by_service.setdefault(service, []).append(event)
        events = []
        for service in sorted(by_service, key=lambda s: (reach.holds(s), s)):
            found = by_service[service]
            parameters = {
                "ids": [event.id for event in found],
                "states": [event.state for event in found],
                "results": [event.result for event in found],
            }
            led_to = reach.fetch(service, "settle", parameters)
            if not reach.holds(service):  # it is committed; should we not be, all of it must come once more
                led_to += reach.fetch(service, "led_to", parameters)
            for what, id_, workflow_id, elsewhere in dict.fromkeys(led_to):
                others = tuple(s for s in (elsewhere or "").split(",") if s and s != service)
                if workflow_id:
                    touched.add((service, workflow_id))
                if others:
                    events.append(_Event(id_, _PASSED_ON[what], None, others))
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
