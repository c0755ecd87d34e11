"""Waiting: what awaiting jobs wait for, as operators should read it.

Of a chain, that is the job that holds it up at its root: what waits for a job that waits itself cannot be helped there.
Edges stand in the successor's store; what they lead to may be in any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import psycopg2

from infra.queue.operation import stores_around
from infra.queue.statements import PLANNER, bound
from infra.queue.states import NAMES, WORKFLOW_NAMES
from infra.settings import settings
from infra.store.connections import Store

MOST = 20
"""Neighbours of a job that are shown."""
_KEPT = 50
"""Of what one job waits for at the root, so many are carried along."""
_ROWS = 5_000
_HOPS = 20
"""Waits that are followed in one go, and how often: from store to store, or further where there are more."""
_GRAVEST = ("Failed", "Deleted", "Cancelled", "", "Retrying", "Processing", "Enqueued", "Scheduled", "Open")
"""What an operator must see first: what will not go on by itself."""
STUCK = frozenset({"Failed", "Deleted", "Cancelled"})


@dataclass(frozen=True)
class Node:
    """A job or workflow that others wait for.

    Parameters:
      kind: "job", or the workflow's kind.
      name: its actor, or the workflow's name.
      state: in the operators' words; "" when it has expired.
    """

    id: str
    service: str
    kind: str = "job"
    name: str = ""
    state: str = ""
    error: str | None = None

    def __str__(self) -> str:
        name = self.name if len(self.name) <= 60 else f"{self.name[:59]}…"
        what = name if self.kind == "job" else f"{self.kind} {name!r}"
        if not self.state:
            return f"{self.id[:8]}, which has expired"
        why = f": {_first_line(self.error)}" if self.error and self.state in STUCK else ""
        return f"{what} {self.id[:8]} ({self.state}{why})"


@dataclass(frozen=True)
class Neighbour:
    """What a job waits for, or what waits for it.

    Parameters:
      condition: "success", or "finished" where any end will do.
      met: whether it is waited for no more.
    """

    node: Node
    condition: str
    met: bool


def blockers(
    store: Store, ids: Iterable[str], at: Callable[[str], Store] | None = None
) -> dict[str, list[Node]]:
    """What holds up each of these awaiting jobs or workflows, the gravest first; nothing for one that is just going on.

    Parameters:
      at: where a service's jobs are; by the process's broker or settings when not given.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    view = _View(store, at or stores_around(store))
    view.climb(wanted)
    held: dict[str, set[str]] = {}
    for id_ in TopologicalSorter(view.waits).static_order():
        before = view.waits.get(id_)
        if before:
            found = set().union(*(held.get(b) or {b} for b in before))
            held[id_] = set(view.gravest(found)[:_KEPT]) if len(found) > _KEPT else found
    return {id_: [view.nodes[i] for i in view.gravest(held.get(id_, ()))] for id_ in wanted}


def reason_of(held_up_by: list[Node]) -> str | None:
    """`waits for sales.create_invoice 1a2b3c4d (Failed: …) and 2 others`."""
    if not held_up_by:
        return None
    others = len(held_up_by) - 1
    more = "" if not others else f" and {others if others < _KEPT else 'many'} other{'s' * (others > 1)}"
    return f"waits for {held_up_by[0]}{more}"


def neighbours(
    store: Store, message_id: str, followed_in: str | None, at: Callable[[str], Store] | None = None
) -> tuple[list[Neighbour], list[Neighbour]]:
    """What one job waits for or waited for, and what waits for it; up to 20 of each."""
    view = _View(store, at or stores_around(store))
    one = {"id": message_id, "limit": MOST}
    before = view.fetch(store.service, "predecessors", one)
    after = [
        (service, row)
        for service in (followed_in or "").split(",")
        if service
        for row in view.fetch(service, "successors", one)
    ]
    view.identify(store.service, [row[0] for row in before])
    for service, row in after:
        view.identify(service, [row[0]])
    return (
        [Neighbour(view.nodes[row[0]], row[1], row[2]) for row in before],
        [Neighbour(view.nodes[row[0]], row[1], row[2]) for _, row in after],
    )


def workflow_node(store: Store, id_: str, at: Callable[[str], Store] | None = None) -> Node:
    """The workflow of this id, in this store or another."""
    view = _View(store, at or stores_around(store))
    view.identify(store.service, [id_])
    return view.workflows.get(id_, Node(id_, store.service, "workflow"))


class _View:
    """What was seen so far: nodes, and who waits for what."""

    def __init__(self, store: Store, at: Callable[[str], Store]) -> None:
        self.nodes: dict[str, Node] = {}
        self.workflows: dict[str, Node] = {}
        self.waits: dict[str, set[str]] = {}
        self._store = store
        self._at = at

    def climb(self, ids: set[str]) -> None:
        """Follows the waits to their roots, from store to store."""
        asked: set[tuple[str, str]] = set()
        left = {self._store.service: ids}
        for _ in range(_HOPS):
            if not left:
                return
            service, some = left.popitem()
            some = {id_ for id_ in some if (service, id_) not in asked}
            if not some:
                continue
            asked |= {(service, id_) for id_ in some}
            pairs = self.fetch(service, "waits", {"ids": sorted(some), "most": _ROWS})
            for who, for_what in pairs:
                self.waits.setdefault(who, set()).add(for_what)
            reached = some | {for_what for _, for_what in pairs}
            self.identify(service, reached)
            for id_ in reached:
                found = self.nodes[id_]
                cut = len(pairs) >= _ROWS and id_ not in self.waits
                if found.state == "Awaiting" and (found.service != service or cut):
                    left.setdefault(found.service, set()).add(id_)

    def identify(self, service: str, ids: Iterable[str]) -> None:
        """Finds out what these are: in this store, else in the others; a workflow's state is that in its home."""
        wanted = missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in self.nodes]
        jobs: dict[str, Node] = {}
        for where in dict.fromkeys((service, self._store.service, *settings().jobs_services)):
            if not missing:
                break
            sure = set()
            for id_, kind, name, state, home, error in self.fetch(where, "nodes", {"ids": missing}):
                known = NAMES[state] if kind == "job" else WORKFLOW_NAMES[state]
                found = Node(id_, home or where, kind, name, known, error)
                by_kind = jobs if kind == "job" else self.workflows
                by_kind.setdefault(id_, found)
                if found.service == where:
                    by_kind[id_] = found
                    sure.add(id_)
            missing = [id_ for id_ in missing if id_ not in sure]
        for id_ in wanted:  # a pipeline has the id of its first job, which is what others wait for
            self.nodes[id_] = jobs.get(id_) or self.workflows.get(id_) or Node(id_, service)

    def gravest(self, ids: Iterable[str]) -> list[str]:
        places: Mapping[str, int] = {state: place for place, state in enumerate(_GRAVEST)}
        return sorted(ids, key=lambda i: (places.get(self.nodes[i].state, len(places)), i))

    def fetch(self, service: str, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Nothing from another store that is away: a list of jobs must not fail for a reason that it would show."""
        store = self._at(service)
        try:
            return store.fetch(PLANNER + getattr(bound(store.schema), name), parameters)
        except psycopg2.Error:
            if store == self._store:
                raise
            return []


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 120 else f"{line[:119]}…"
