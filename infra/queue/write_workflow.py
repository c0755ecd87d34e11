"""Workflows are written into their stores, through cursors of whoever commits them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from infra.queue.admission import known_actor
from infra.queue.enqueue import CHUNK, put, put_chunks
from infra.queue.errors import JobRefused
from infra.queue.message import Envelope, seal
from infra.queue.opening import Edge, KeyTaken, Opening, Step, WorkflowCancelled
from infra.queue.statements import bound
from infra.queue.successors import Reach, complete, count
from infra.store.connections import Store


class _Found(NamedTuple):
    """A workflow's row, as join_workflow gives it."""

    complete: bool
    cancelled: bool
    opened: bool
    kind: str
    name: str
    home: str
    spans: list[str]
    parent_service: str | None
    parent_id: str | None


def write(
    broker: Any, openings: Iterable[Opening], cursor_for: Callable[[Store], Any], *, late: bool = False
) -> None:
    """Writes workflows through the given cursors. What is there already is left as it is.

    Parameters:
      late: it follows a job that has ended; so what cannot be opened any more is left out: a workflow whose key is
        taken, members of one that was cancelled.
    """
    out: set[str] = set()
    shut: set[str] = set()
    empty: set[tuple[str, str]] = set()
    for opening in openings:
        around = opening.parent[1] if opening.parent else None
        if around in out:
            out.add(opening.workflow_id)
            continue
        if around in shut:
            opening.opened = False
        try:
            _Writer(broker, opening, cursor_for).write()
        except (KeyTaken, WorkflowCancelled):
            if not late:
                raise
            out.add(opening.workflow_id)
            continue
        if not opening.opened:
            shut.add(opening.workflow_id)
        elif opening.new and not opening.members:  # it may be complete, and nothing else will ask
            empty.add((opening.home, opening.workflow_id))
    while empty:
        empty = complete(_Within(broker, cursor_for), empty)


class _Within(Reach):
    """Reaches every store by the cursors of one writing."""

    def __init__(self, broker: Any, cursor_for: Callable[[Store], Any]) -> None:
        super().__init__("", None, broker.store)
        self._cursor_for = cursor_for

    def fetch(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        store = self.store(service)
        cursor = self._cursor_for(store)
        cursor.execute(getattr(bound(store.schema), name), parameters)
        return cursor.fetchall() if cursor.description else []

    def holds(self, service: str) -> bool:
        return True


class _Writer:
    """Writes one opening."""

    def __init__(self, broker: Any, opening: Opening, cursor_for: Callable[[Store], Any]) -> None:
        self.broker = broker
        self.opening = opening
        self.cursor_for = cursor_for
        self.reach = _Within(broker, cursor_for)
        self._written: set[str] = set()
        """Services whose stores have all of it already."""
        self._service_of = {
            name: broker.service_of(known_actor(broker.actors, name))
            for name in {s.message.actor_name for s in (*opening.members, *opening.callbacks)}
        }

    def write(self) -> None:
        opening = self.opening
        if opening.new:
            self._refuse_taken_key()
        members = self._by_service(opening.members)
        spans = sorted({opening.home, *members, *opening.nested_in})
        if not opening.new:
            self._join(spans)
        for service in sorted(spans, key=lambda s: s == opening.home):  # its home knows of it last
            if opening.new and not self._open(service, spans):
                self._written.add(service)
                if service == opening.home:
                    self._refuse_taken_key()
                continue
            steps = members.get(service, [])
            added = self._put(service, steps, opening.workflow_id) if steps else 0
            if added:
                count(self.reach, service, opening.workflow_id, added=added)
        parent = opening.parent[1] if opening.parent else None
        for service, steps in self._by_service(opening.callbacks).items():
            if service not in self._written:
                added = self._put(service, steps, parent)
                if parent and added:
                    count(self.reach, service, parent, added=added)
        self._add_edges()

    def _refuse_taken_key(self) -> None:
        opening = self.opening
        if opening.key is None:
            return
        found = self.reach.fetch(opening.home, "workflow_with_key", {"unique_key": opening.key})
        if not found or found[0][0] == opening.workflow_id:
            return
        if opening.parent is None:
            raise KeyTaken(found[0][0])
        raise JobRefused(
            f"{opening.kind} {opening.name!r}: {found[0][0]} has its key {opening.key!r} and is open"
        )

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
        return bool(self.reach.fetch(service, "open_workflow", parameters))

    def _join(self, services: Iterable[str]) -> None:
        """Holds the workflow open while members of these services are added."""
        opening = self.opening
        found = self._hold(opening.home, opening.workflow_id)
        if found is None:
            raise JobRefused(
                f"there is no workflow {opening.workflow_id} in {opening.home}_jobs; it may have expired"
            )
        shown = f"{found.kind} {found.name!r} ({opening.workflow_id})"
        if found.complete:
            raise JobRefused(f"{shown} is complete: nothing can be added")
        if found.cancelled:
            raise WorkflowCancelled(f"{shown} was cancelled: nothing can be added")
        opening.opened = found.opened
        self._spread(opening.workflow_id, found, services)

    def _hold(self, service: str, workflow_id: str) -> _Found | None:
        rows = self.reach.fetch(service, "join_workflow", {"id": workflow_id})
        return _Found(*rows[0]) if rows else None

    def _spread(self, workflow_id: str, found: _Found, services: Iterable[str]) -> None:
        """The workflow has members of these services from now on, and so have those around it."""
        new = sorted(set(services) - set(found.spans))
        spans = sorted({*found.spans, *new})
        for service in new:
            part = {
                "workflow_id": workflow_id,
                "kind": found.kind,
                "name": found.name,
                "home": found.home,
                "spans": spans,
                "parent_id": found.parent_id,
                "parent_service": found.parent_service,
                "followed_in": None,
                "unique_key": None,
                "opened": found.opened,
            }
            self.reach.fetch(service, "open_workflow", part)
        if len(spans) > 1:
            for service in found.spans if new else [found.home]:
                self.reach.fetch(service, "span", {"id": workflow_id, "spans": spans})
        if new and found.parent_service is not None and found.parent_id is not None:
            around = self._hold(found.parent_service, found.parent_id)
            if around is not None:
                self._spread(found.parent_id, around, new)

    def _put(self, service: str, steps: list[Step], workflow_id: str | None) -> int:
        """Returns how many entered the queue."""
        store = self.broker.store(service)
        cursor, schema = self.cursor_for(store), store.schema
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
            if self.opening.new and not self._waits_already(service, message_id):
                raise JobRefused(f"{step.message}: it was sent already, as job {message_id}")
        return len(steps) - len(refused)

    def _waits_already(self, service: str, message_id: str) -> bool:
        """Whether this callback was written before, in a database that was committed when its home's was not."""
        edge = {"successor": message_id, "predecessor": self.opening.workflow_id}
        return bool(self.reach.fetch(service, "waits_already", edge)[0][0])

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
        for service in sorted(by_service.keys() - self._written):
            edges = by_service[service]
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
                self.reach.fetch(service, "add_edges", parameters)

    def _by_service(self, steps: Iterable[Step]) -> dict[str, list[Step]]:
        if len(set(self._service_of.values())) == 1:
            steps = list(steps)
            return {next(iter(self._service_of.values())): steps} if steps else {}
        grouped: dict[str, list[Step]] = {}
        for step in steps:
            grouped.setdefault(self._service_of[step.message.actor_name], []).append(step)
        return grouped


def _chunks(items: Sequence[Any]) -> Iterator[Any]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
