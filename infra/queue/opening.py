"""Opening: a workflow enters the stores whole, or not at all.

Its row, its members, what waits for it, and the edges between them are written in one transaction; where it spans
databases, in one a database, its home's last. Its id makes a second writing a no-op.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dramatiq import Message

from infra.queue.enqueue import CHUNK, MISSING, not_migrated, put, put_chunks
from infra.queue.errors import JobRefused, StoreUnavailable
from infra.queue.message import Envelope, seal
from infra.queue.statements import bound
from infra.queue.successors import NOBODY
from infra.queue.transaction import cursor_for, is_open
from infra.settings import settings
from infra.store.connections import DISCONNECTED, Store, shown, statement_at_fault


class Step(NamedTuple):
    """A message and its place among the others.

    Parameters:
      awaiting: it waits for others, by its edges or because its workflow is not open yet.
      followed_in: the services, with commas, in whose stores others wait for it.
      handed_on: how many arguments it gets from those it waits for.
      delay: milliseconds, as for `send`.
    """

    message: Message[Any]
    awaiting: bool = False
    followed_in: str | None = None
    handed_on: int = 0
    delay: int | None = None


class Edge(NamedTuple):
    """`successor`, a job or workflow of `service`, waits for `predecessor`: see the table's comments."""

    service: str
    successor: str
    predecessor: str
    workflow_id: str
    place: int = 0
    condition: str = "success"
    hands_on: str | None = None
    delay_ms: int = 0


@dataclass
class Opening:
    """A workflow to be opened, or with `new=False` members to be added to one.

    Parameters:
      parent: service and id of the workflow that this one is a member of.
      opened: False where it waits for what comes before it.
      members: count in its figures; `callbacks` wait for it and count in its parent's.
      edges: all that end in members, callbacks, or the workflow itself.
    """

    workflow_id: str
    kind: str
    name: str
    home: str
    key: str | None = None
    parent: tuple[str, str] | None = None
    opened: bool = True
    new: bool = True
    members: list[Step] = field(default_factory=list)
    callbacks: list[Step] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    followed_in: set[str] = field(default_factory=set)
    nested_in: set[str] = field(default_factory=set)
    """The services of workflows inside this one."""


class KeyTaken(Exception):
    """A workflow with this key is open already, under `workflow_id`."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__(workflow_id)
        self.workflow_id = workflow_id


def open_all(broker: Any, openings: Sequence[Opening]) -> None:
    """Writes workflows in the caller's transaction when one is open, else in one of its own, tried again while the
    database is away. Staged, where this thread is in the after-hooks of a run.

    Raises JobRefused, KeyTaken, StoreUnavailable, StoreNotMigrated.
    """
    run = broker.staging()
    if run is not None:
        run.stage_openings(openings)
        return
    if is_open():
        write(broker, openings, cursor_for)
        return
    patience = settings().jobs_send_timeout.total_seconds()
    deadline = time.monotonic() + patience
    pause = 0.05
    stores = _stores(broker, openings)
    while True:
        try:
            _write_committed(broker, openings, stores)
            return
        except MISSING:
            raise not_migrated(stores[0]) from None
        except DISCONNECTED as error:
            if statement_at_fault(error):
                raise
            for store in stores:
                store.pool.clear()
            if time.monotonic() + pause > deadline:
                raise StoreUnavailable(
                    f"the job store {stores[0].schema} on {shown(stores[0].url)} did not answer within "
                    f"{patience:g} s, nothing was enqueued: {str(error).strip()}"
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def write(broker: Any, openings: Sequence[Opening], cursor_for: Callable[[Store], Any]) -> None:
    """Writes workflows through the given cursors. What is there already is left as it is."""
    for opening in openings:
        _Writer(broker, opening, cursor_for).write()


def _stores(broker: Any, openings: Sequence[Opening]) -> list[Store]:
    """The stores that are written to, the home of the first opening first."""
    services = [openings[0].home]
    for opening in openings:
        services += sorted(_services(broker, opening))
    return [broker.store(service) for service in dict.fromkeys(services)]


def _services(broker: Any, opening: Opening) -> set[str]:
    steps = (*opening.members, *opening.callbacks)
    actors = {step.message.actor_name for step in steps}
    found = {broker.service_of(broker.get_actor(name)) for name in actors}
    return found | {opening.home} | {edge.service for edge in opening.edges}


def _write_committed(broker: Any, openings: Sequence[Opening], stores: list[Store]) -> None:
    with ExitStack() as transactions:
        cursors: dict[str, Any] = {}
        for store in stores:  # the first one entered is the last one to commit
            if store.url not in cursors:
                conn = transactions.enter_context(store.pool.borrowed())
                conn.autocommit = False
                transactions.enter_context(conn)
                cursors[store.url] = transactions.enter_context(conn.cursor())
        write(broker, openings, lambda store: cursors[store.url])


class _Writer:
    """Writes one opening."""

    def __init__(self, broker: Any, opening: Opening, cursor_for: Callable[[Store], Any]) -> None:
        self.broker = broker
        self.opening = opening
        self.cursor_for = cursor_for
        self._service_of = {
            name: broker.service_of(broker.get_actor(name))
            for name in {s.message.actor_name for s in (*opening.members, *opening.callbacks)}
        }

    def write(self) -> None:
        opening = self.opening
        if opening.new:
            self._refuse_taken_key()
        members = self._by_service(opening.members)
        spans = sorted({opening.home, *members, *opening.nested_in})
        if not opening.new:
            known = self._join(spans)
            if known is None:
                return
            spans = known
        for service in sorted(spans, key=lambda s: s == opening.home):  # its home knows of it last
            if opening.new and not self._open(service, spans):
                if service == opening.home:
                    self._refuse_taken_key()
                    return
                continue
            steps = members.get(service, [])
            added = self._put(service, steps, opening.workflow_id) if steps else 0
            if added:
                self._count(service, opening.workflow_id, added)
        for service, steps in self._by_service(opening.callbacks).items():
            parent = opening.parent[1] if opening.parent else None
            added = self._put(service, steps, parent)
            if parent and added:
                self._count(service, parent, added)
        self._add_edges()

    def _refuse_taken_key(self) -> None:
        if self.opening.key is not None:
            found = self._fetch(self.opening.home, "workflow_with_key", {"unique_key": self.opening.key})
            if found and found[0][0] != self.opening.workflow_id:
                raise KeyTaken(found[0][0])

    def _open(self, service: str, spans: list[str]) -> bool:
        """Whether the workflow was not in this store yet."""
        opening = self.opening
        parent_service, parent_id = opening.parent or (None, None)
        parameters = {
            "workflow_id": opening.workflow_id,
            "kind": opening.kind,
            "name": opening.name,
            "home": opening.home,
            "spans": spans if len(spans) > 1 else None,
            "parent_id": parent_id,
            "parent_service": parent_service,
            "followed_in": ",".join(sorted(opening.followed_in)) or None,
            "unique_key": opening.key if service == opening.home else None,
            "opened": opening.opened,
        }
        return bool(self._fetch(service, "open_workflow", parameters))

    def _join(self, services: list[str]) -> list[str] | None:
        """Holds the workflow open while members are added. Returns the services it spans; None where cancelled."""
        opening = self.opening
        rows = self._fetch(opening.home, "join_workflow", {"id": opening.workflow_id})
        if not rows:
            raise JobRefused(
                f"there is no workflow {opening.workflow_id} in {opening.home}_jobs; it may have expired"
            )
        complete, cancelled, _, spans, name, opened = rows[0]
        if complete:
            raise JobRefused(
                f"{opening.kind} {name!r} ({opening.workflow_id}) is complete: nothing can be added"
            )
        if cancelled:
            return None
        opening.opened = opened
        known = spans or [opening.home]
        new = sorted(set(services) - set(known))
        if new:
            spans = sorted({*known, *new})
            for service in new:
                self._open(service, spans)
            for service in known:
                self._fetch(service, "span", {"id": opening.workflow_id, "spans": spans}, rows=False)
            return spans
        if spans:
            self._fetch(opening.home, "span", {"id": opening.workflow_id, "spans": spans}, rows=False)
        return list(known)

    def _put(self, service: str, steps: list[Step], workflow_id: str | None) -> int:
        """Returns how many entered the queue."""
        cursor, schema = self._cursor(service)
        if len(steps) <= CHUNK:
            refused = put(cursor, schema, self._sealed(steps, workflow_id))
        else:
            chunks = (self._sealed(chunk, workflow_id) for chunk in _chunks(steps))
            refused = put_chunks(cursor, schema, chunks)
        for message_id, holder in refused.items():
            step = next(step for step in steps if step.message.message_id == message_id)
            if holder is not None:
                raise JobRefused(
                    f"{step.message}: job {holder} has its unique key and waits already; a job is a member of "
                    "one workflow"
                )
            if self.opening.new:
                raise JobRefused(f"{step.message}: it was sent already, as job {message_id}")
        return len(steps) - len(refused)

    def _sealed(self, steps: Sequence[Step], workflow_id: str | None) -> list[Envelope]:
        shut = not self.opening.opened and workflow_id == self.opening.workflow_id
        envelopes = [
            seal(step.message, step.delay, self.broker, step.handed_on)._replace(
                workflow_id=workflow_id, awaiting=step.awaiting or shut, followed_in=step.followed_in
            )
            for step in steps
        ]
        if self.broker.hears("before_enqueue"):
            for envelope in envelopes:
                self.broker.emit_before("enqueue", envelope.message, envelope.delay_ms)
        return envelopes

    def _add_edges(self) -> None:
        by_service: dict[str, list[Edge]] = {}
        for edge in self.opening.edges:
            by_service.setdefault(edge.service, []).append(edge)
        for service, edges in by_service.items():
            for chunk in _chunks(edges):
                columns = list(zip(*chunk, strict=True))
                names = (
                    "successors",
                    "predecessors",
                    "workflow_ids",
                    "places",
                    "conditions",
                    "hands_on",
                    "delays",
                )
                parameters = {name: list(column) for name, column in zip(names, columns[1:], strict=True)}
                self._fetch(service, "add_edges", parameters, rows=False)

    def _count(self, service: str, workflow_id: str, added: int) -> None:
        parameters = {
            "ids": [workflow_id],
            "worker_id": NOBODY,
            "added": [added],
            "succeeded": [0],
            "failed": [0],
            "cancelled": [0],
        }
        self._fetch(service, "count_members", parameters)

    def _by_service(self, steps: Iterable[Step]) -> dict[str, list[Step]]:
        if len(set(self._service_of.values())) == 1:
            steps = list(steps)
            return {next(iter(self._service_of.values())): steps} if steps else {}
        grouped: dict[str, list[Step]] = {}
        for step in steps:
            grouped.setdefault(self._service_of[step.message.actor_name], []).append(step)
        return grouped

    def _cursor(self, service: str) -> tuple[Any, str]:
        store = self.broker.store(service)
        return self.cursor_for(store), store.schema

    def _fetch(
        self, service: str, name: str, parameters: dict[str, Any], *, rows: bool = True
    ) -> list[tuple[Any, ...]]:
        cursor, schema = self._cursor(service)
        cursor.execute(getattr(bound(schema), name), parameters)
        return cursor.fetchall() if rows else []


def _chunks(items: Sequence[Any]) -> Iterator[Any]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
