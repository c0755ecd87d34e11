"""An opened workflow: its figures, its cancellation, its retry; wherever its members are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.composition.errors import CompositionRefused, UnknownWorkflow
from infra.composition.progress import Progress
from infra.queue import operate
from infra.queue.enqueue import MISSING
from infra.queue.errors import JobRefused, StoreUnavailable
from infra.queue.operation import Operation, operation
from infra.queue.statements import PLANNER
from infra.queue.successors import Touched
from infra.settings import SERVICES
from infra.store.connections import DISCONNECTED, Store
from infra.store.sql import Statements, load

CHUNK = 5_000
"""Members a transaction, where not all must change at once."""


@dataclass(frozen=True)
class Failure:
    """A member that Failed or was Deleted.

    Parameters:
      error: the error's class and text; None where the attempts ended without one, as with a worker that died.
      reason: why it was not tried again.
    """

    message_id: str
    actor_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    error: str | None
    reason: str | None


@dataclass(frozen=True)
class Opened:
    """A workflow that is in its stores.

    Parameters:
      broker: anything whose `store(service)` says where a service's jobs are.
      home: the service in whose store the whole is kept.
    """

    broker: Any
    home: str
    id: str
    kind: str
    name: str

    def progress(self) -> Progress:
        """Raises UnknownWorkflow when it has expired."""
        services, outcome = self._spans()
        return Progress.of([self._ask(s, "progress", {"ids": [self.id]})[0] for s in services], outcome)

    def failures(self, limit: int) -> list[Failure]:
        """Members that ended as Failed or Deleted, nested ones included, the first to fail first."""
        found: list[tuple[Any, ...]] = []
        for service in self._spans()[0]:
            found += self._ask(service, "failures", {"ids": self._tree(service), "limit": limit})
        earliest = sorted(found, key=lambda row: row[-1])[:limit]
        return [Failure(row[0], row[1], tuple(row[2]), *row[3:6]) for row in earliest]

    def cancel(self, *, by: str, reason: str | None) -> int:
        """Cancels every unfinished member, in one transaction a store. Returns how many were cancelled or asked."""
        why = f"{self.kind} cancelled by {by}" + (f": {reason}" if reason else "")
        changed = 0
        touched: Touched = set()
        # Its home first: what was cancelled there takes no additions.
        for service in sorted(self._spans()[0], key=lambda s: s != self.home):
            with operation(self.broker.store(service)) as moving:
                changed += self._cancel_in(moving, why)
                touched |= moving.touched
                moving.touched = set()  # asked about once nothing is left anywhere that could go on after it
        with operation(self.broker.store(self.home)) as moving:
            moving.touched = touched
        return changed

    def _cancel_in(self, moving: Operation, why: str) -> int:
        """Its share in one store. All members are cancelled, so none is let go on or cancelled because of another."""
        service, sql = moving.store.service, statements(moving.store)
        ids: list[str] = []
        while (tree := self._tree_seen_by(moving.cursor, sql)) != ids:  # somebody added a workflow meanwhile
            ids = tree
            moving.cursor.execute(sql.cancel_workflows, {"ids": ids, "reason": why})
            moving.touched |= {(service, row[0]) for row in moving.cursor.fetchall()}
        moving.cursor.execute(sql.unfinished_members, {"ids": ids})
        members = [row[0] for row in moving.cursor.fetchall()]
        parameters = {"message_ids": members, "reason": why, "channel": moving.store.schema}
        rows = moving.fetch("cancel", parameters)
        moving.ended("cancelled", [(row[0], row[3], None) for row in rows if row[1] == "cancelled"])
        return len(rows)

    def retry_failed(self, *, by: str, reason: str | None, cancelled: bool) -> int:
        """Queues members again that ended without success. Raises CompositionRefused where its key is taken."""
        states = ["failed", "rejected", *(["cancelled"] if cancelled else [])]
        changed = 0
        if cancelled:  # first, so that they wait already when the last member succeeds
            self._revive_callbacks(by, reason)
        for service in self._spans()[0]:
            store: Store = self.broker.store(service)
            parameters = {"ids": self._tree(service), "states": states}
            members = [row[0] for row in store.fetch(statements(store).ended_members, parameters)]
            for start in range(0, len(members), CHUNK):
                changed += self._retry(store, members[start : start + CHUNK], by, reason)
        return changed

    def _revive_callbacks(self, by: str, reason: str | None) -> None:
        """What was cancelled because this was waits for it again."""
        for service in (self._ask(self.home, "followed_in", {"id": self.id})[0][0] or "").split(","):
            if service:
                store: Store = self.broker.store(service)
                rows = store.fetch(statements(store).cancelled_callbacks, {"id": self.id})
                self._retry(store, [row[0] for row in rows], by, reason)

    def _retry(self, store: Store, message_ids: list[str], by: str, reason: str | None) -> int:
        try:
            return sum(change.done for change in operate.retry(store, message_ids, by=by, reason=reason))
        except JobRefused as error:
            raise CompositionRefused(f"{self.kind} {self.name!r} ({self.id}): {error}") from None

    def _tree_seen_by(self, cursor: Any, sql: Statements) -> list[str]:
        cursor.execute(sql.workflow_tree, {"id": self.id})
        return [row[0] for row in cursor.fetchall()]

    def _spans(self) -> tuple[list[str], str | None]:
        rows = self._ask(self.home, "services_of", {"id": self.id})
        if not rows:
            raise UnknownWorkflow(f"no {self.kind} {self.id} in {self.home}_jobs; it may have expired")
        return rows[0]

    def _tree(self, service: str) -> list[str]:
        return [row[0] for row in self._ask(service, "workflow_tree", {"id": self.id})]

    def _ask(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return ask(self.broker.store(service), name, parameters)


def find_opened(broker: Any, workflow_id: str) -> Opened:
    """Looks in the store of every service. Raises UnknownWorkflow."""
    for home, kind, name in _rows_of(broker, workflow_id):
        return Opened(broker, home, workflow_id, kind, name)
    raise UnknownWorkflow(f"no workflow {workflow_id}; it may have expired")


def _rows_of(broker: Any, workflow_id: str) -> Iterator[tuple[Any, ...]]:
    if not _is_id(workflow_id):
        raise CompositionRefused(f"{workflow_id!r} is not the id of a workflow")
    away: Exception | None = None
    for service in SERVICES:
        store: Store = broker.store(service)
        try:
            rows = store.fetch(statements(store).find_workflow, {"id": workflow_id})
        except MISSING:  # a service that is not set up has no workflows
            continue
        except DISCONNECTED as error:
            away = StoreUnavailable(f"the job store {store.schema} is away: {str(error).strip()}")
            continue
        yield from rows
    if away is not None:
        raise away


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def ask(store: Store, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One of the statements beside this file, by the index that it names."""
    return store.fetch(PLANNER + getattr(statements(store), name), parameters)


def statements(store: Store) -> Statements:
    return load("infra.composition").bind(store.schema)
