"""A workflow's graph, as it is drawn: jobs and nested workflows, what waits for what, and in which state each is.

A batch of a hundred thousand is not drawn member by member. What has edges is drawn, up to a limit; the other members
are summed up, and some of the failed ones named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.composition.find import (
    Member,
    Stores,
    WorkflowFacts,
    failed_members,
    jobs_of,
    members,
    workflows,
)
from infra.composition.opened import ask
from infra.queue.states import NAMES
from infra.queue.waiting import Node, blockers
from infra.store.connections import Store

FEW = 20
"""So many members without edges are drawn all the same; and of more of them, so many failed ones are named."""
MOST_COUNTED = 10_000
"""Members of larger workflows are not counted one by one, but known from the tally."""


@dataclass(frozen=True)
class Link:
    """`after` waits for `before`.

    Parameters:
      condition: "success", or "finished" where any end will do.
      callback: whether `after` is a callback of the workflow `before`.
    """

    before: str
    after: str
    condition: str
    met: bool
    callback: bool = False


@dataclass(frozen=True)
class Count:
    """So many members in a state; of one actor where that is known. Waiting: neither finished nor Processing."""

    actor: str | None
    state: str
    jobs: int


@dataclass
class Graph:
    """Parameters:
    jobs: those that are drawn, by id; the callbacks and what the workflow's members wait for among them.
    nested: the workflows inside, by id.
    links: between drawn jobs, nested workflows and, for callbacks, the workflow itself.
    others: the members that are not drawn.
    failed: some of those that failed.
    more_nested: whether there are nested workflows that are not drawn.
    held_up_by: what it waits for, where it is not open yet.
    """

    workflow: WorkflowFacts
    jobs: dict[str, Member] = field(default_factory=dict)
    nested: dict[str, WorkflowFacts] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    others: list[Count] = field(default_factory=list)
    failed: list[Member] = field(default_factory=list)
    more_nested: bool = False
    held_up_by: list[Node] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """How many members are not drawn."""
        return sum(count.jobs for count in self.others)


def graph(
    store: Store, at: Stores, workflow_id: str, *, limit: int = 200, redact: tuple[str, ...] = ()
) -> Graph | None:
    """The graph of a workflow that is kept in this store; None where it is not.

    Parameters:
      at: where a service's jobs are.
      limit: so many jobs with edges are drawn, and as many nested workflows.
    """
    found = workflows(store, at, [workflow_id])
    if not found:
        return None
    drawn = Graph(found[0])
    if drawn.workflow.state == "Awaiting":
        drawn.held_up_by = blockers(store, [workflow_id], at)[workflow_id]
    _draw_nested(drawn, at, limit)
    _draw_links(drawn, at, limit)
    _draw_jobs(drawn, at, redact)
    _sum_up(drawn, at, redact)
    return drawn


def _draw_nested(drawn: Graph, at: Stores, limit: int) -> None:
    left = limit
    for service in drawn.workflow.services:
        store = at(service)
        parameters = {"id": drawn.workflow.id, "service": service, "limit": left + 1}
        ids = [row[0] for row in ask(store, "nested_in", parameters)]
        drawn.more_nested |= len(ids) > left
        ids = ids[:left]
        if ids:
            drawn.nested |= {inner.id: inner for inner in workflows(store, at, ids)}
        left -= len(ids)


def _draw_links(drawn: Graph, at: Stores, limit: int) -> None:
    """Links in the order of their writing, as long as no more jobs than the limit take part."""
    whole = drawn.workflow
    drawn_jobs: set[str] = set()
    seen: set[tuple[str, str]] = set()

    def draw(rows: Iterable[tuple[Any, ...]]) -> None:
        for before, after, condition, met, follows_a_workflow in rows:
            callback = follows_a_workflow and whole.kind != "pipeline"  # which has the id of its first job
            new = {before, after} - drawn_jobs - drawn.nested.keys() - ({whole.id} if callback else set())
            if (before, after) in seen or (not callback and len(drawn_jobs) + len(new) > limit):
                continue
            seen.add((before, after))
            drawn_jobs.update(new)
            drawn.links.append(Link(before, after, condition, met, callback))

    around = {service for inner in drawn.nested.values() for service in inner.followed_in}
    most = 4 * limit
    for service in sorted({*whole.followed_in, *around}):
        store = at(service)
        ids = [whole.id, *(i for i, inner in drawn.nested.items() if service in inner.followed_in)]
        draw(ask(store, "edges_from", {"ids": ids, "limit": most}))
    for service in sorted({*whole.services, *whole.followed_in}):
        store = at(service)
        draw(ask(store, "edges_of", {"id": whole.id, "limit": most}))


def _draw_jobs(drawn: Graph, at: Stores, redact: tuple[str, ...]) -> None:
    """What the links lead to; what no store knows any more has expired."""
    whole = drawn.workflow
    missing = [
        *dict.fromkeys(
            id_
            for link in drawn.links
            for id_ in (link.before, link.after)
            if id_ not in drawn.nested and not (link.callback and id_ == whole.id)
        )
    ]
    around = {service for inner in drawn.nested.values() for service in inner.followed_in}
    for service in dict.fromkeys((*whole.services, *whole.followed_in, *sorted(around))):
        drawn.jobs |= {job.id: job for job in jobs_of(at(service), missing, redact)}
        missing = [i for i in missing if i not in drawn.jobs]
    for id_ in missing:
        drawn.jobs[id_] = Member(id_, whole.service, "", "", 0, {}, None, None, whole.id)


def _sum_up(drawn: Graph, at: Stores, redact: tuple[str, ...]) -> None:
    """The members that are not drawn: a few are drawn after all, many are counted."""
    whole = drawn.workflow
    known = [job.id for job in drawn.jobs.values() if job.workflow == whole.id and job.state]
    few: list[Member] = []
    total, finished = 0, {"Succeeded": 0, "Failed": 0, "Cancelled": 0, "Processing": 0}
    for service in whole.services:
        store = at(service)
        some = {"id": whole.id, "drawn": known, "limit": FEW + 1}
        few += members(store, ask(store, "other_members", some), redact)
        own = ask(store, "own_figures", {"id": whole.id})[0]
        total += own[0]
        for state, jobs in zip(finished, own[1:], strict=True):
            finished[state] += jobs
    if len(few) <= FEW:
        drawn.jobs |= {job.id: job for job in few}
        return
    if total <= MOST_COUNTED:
        counted: dict[tuple[str, str], int] = {}
        for service in whole.services:
            store = at(service)
            for actor, state, jobs in ask(store, "count_members_by_actor", {"id": whole.id, "drawn": known}):
                counted[actor, NAMES[state]] = counted.get((actor, NAMES[state]), 0) + jobs
        drawn.others = [Count(actor, state, jobs) for (actor, state), jobs in counted.items()]
    else:
        own_jobs = [drawn.jobs[id_] for id_ in known]
        for job in own_jobs:
            state = "Failed" if job.state == "Deleted" else job.state
            if state in finished:
                finished[state] -= 1
        waiting = total - len(own_jobs) - sum(finished.values())
        figures = {**finished, "Waiting": waiting}
        drawn.others = [Count(None, state, jobs) for state, jobs in figures.items() if jobs > 0]
    known_failed = sum(job.state in ("Failed", "Deleted") for job in drawn.jobs.values())
    failed = failed_members(whole, at, nested=False, limit=FEW + known_failed, redact=redact)
    drawn.failed = [job for job in failed if job.id not in drawn.jobs][:FEW]
