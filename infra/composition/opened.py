"""An opened workflow: its figures, its cancellation, its retry; wherever its members are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from infra.composition.errors import CompositionRefused, UnknownWorkflow
from infra.composition.progress import Progress
from infra.queue import operate
from infra.queue.operation import operation
from infra.queue.successors import complete
from infra.settings import SERVICES
from infra.store.connections import Store
from infra.store.sql import Statements, load

CHUNK = 5_000
"""Members a transaction, where not all must change at once."""


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
        figures = [self._ask(service, "progress", {"id": self.id})[0] for service in services]
        total, succeeded, failed, cancelled, running = (
            sum(column) for column in zip(*(row[:5] for row in figures), strict=True)
        )
        finished = succeeded + failed + cancelled
        rates = [row[5] for row in figures if row[5]]
        now, lasted = figures[0][6], max((row[7] for row in figures if row[7] is not None), default=None)
        rate, end = sum(rates) or None, None
        if outcome is not None:
            rate = finished / lasted if lasted and finished else None
        elif rate is not None:
            end = now + timedelta(seconds=(total - finished) / rate)
        waiting = max(0, total - finished - running)
        return Progress(total, waiting, running, succeeded, failed, cancelled, rate, end, outcome)

    def cancel(self, *, by: str, reason: str | None) -> int:
        """Cancels every unfinished member, in one transaction a store. Returns how many were cancelled or asked."""
        why = f"{self.kind} cancelled by {by}" + (f": {reason}" if reason else "")
        changed = 0
        for service in self._spans()[0]:
            store: Store = self.broker.store(service)
            sql = _statements(store)
            with operation(store) as moving:
                ids = self._tree(service)
                moving.cursor.execute(sql.cancel_workflows, {"ids": ids, "reason": why})
                moving.touched |= {(service, row[0]) for row in moving.cursor.fetchall()}
                moving.cursor.execute(sql.unfinished_members, {"ids": ids})
                members = [row[0] for row in moving.cursor.fetchall()]
                rows = moving.fetch(
                    "cancel", {"message_ids": members, "reason": why, "channel": store.schema}
                )
                moving.ended("cancelled", [(row[0], row[3], row[4]) for row in rows if row[1] == "cancelled"])
                changed += len(rows)
        return changed

    def retry_failed(self, *, by: str, reason: str | None, cancelled: bool) -> int:
        """Queues members again that ended without success. Raises CompositionRefused where its key is taken."""
        states = ["failed", "rejected", *(["cancelled"] if cancelled else [])]
        changed = 0
        for service in self._spans()[0]:
            store: Store = self.broker.store(service)
            parameters = {"ids": self._tree(service), "states": states}
            members = [row[0] for row in store.fetch(_statements(store).ended_members, parameters)]
            for start in range(0, len(members), CHUNK):
                chunk = members[start : start + CHUNK]
                changes = operate.retry(store, chunk, by=by, reason=reason)
                changed += sum(change.done for change in changes)
        return changed

    def ask_whether_complete(self) -> None:
        """For a workflow without members: nothing else will ask."""
        with operation(self.broker.store(self.home)) as moving:
            complete(moving.reach, {(self.home, self.id)})

    def _spans(self) -> tuple[list[str], str | None]:
        rows = self._ask(self.home, "services_of", {"id": self.id})
        if not rows:
            raise UnknownWorkflow(f"no {self.kind} {self.id} in {self.home}_jobs; it may have expired")
        return rows[0]

    def _tree(self, service: str) -> list[str]:
        return [row[0] for row in self._ask(service, "workflow_tree", {"id": self.id})]

    def _ask(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        store: Store = self.broker.store(service)
        return store.fetch(getattr(_statements(store), name), parameters)


def find_opened(broker: Any, workflow_id: str) -> Opened:
    """Looks in the store of every service. Raises UnknownWorkflow."""
    for home, kind, name in _rows_of(broker, workflow_id):
        return Opened(broker, home, workflow_id, kind, name)
    raise UnknownWorkflow(f"no workflow {workflow_id}; it may have expired")


def _rows_of(broker: Any, workflow_id: str) -> Iterator[tuple[Any, ...]]:
    if not _is_id(workflow_id):
        raise CompositionRefused(f"{workflow_id!r} is not the id of a workflow")
    config = getattr(broker, "config", None)
    for service in config.jobs_services if config is not None else SERVICES:
        store: Store = broker.store(service)
        yield from store.fetch(_statements(store).find_workflow, {"id": workflow_id})


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _statements(store: Store) -> Statements:
    return load("infra.composition").bind(store.schema)
