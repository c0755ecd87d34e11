"""Random compositions: what they are made of, how they are drawn, and how they are opened.

Every job is told in its arguments what it will do, so that what becomes of the whole can be foretold: see fates.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

import dramatiq
from dramatiq import Message

from infra.composition import Batch, Workflow
from infra.queue.broker import JobBroker
from infra.queue.cancel import cancel

SERVICES = ("common", "sales")
LARGEST = 24
"""Jobs in a graph."""

End = Literal["succeeds", "fails", "stops", "is cancelled"]
"""How a job ends once it has stumbled often enough. `fails`: without a retry, until the world is repaired. `stops`: it
asks for its own cancellation and heeds it. `is cancelled`: by an operator, before any worker is there."""


@dataclass(frozen=True)
class Job:
    """Parameters:
    stumbles: attempts that fail and are retried, before the one that ends it.
    adds: jobs that it adds to its workflow; they come with its success.
    """

    name: str
    service: str = "common"
    end: End = "succeeds"
    stumbles: int = 0
    adds: tuple[Job, ...] = ()

    @property
    def script(self) -> dict[str, Any]:
        adds = [[job.service, job.name, job.script] for job in self.adds]
        return {"service": self.service, "end": self.end, "stumbles": self.stumbles, "adds": adds}


@dataclass(frozen=True)
class Chain:
    """Jobs of which each gets the result of the one before it."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Member:
    """Parameters:
    after: (place of an earlier member, condition), for members of a workflow.
    results: whether it gets the results of those it comes after.
    """

    item: Job | Chain | Whole
    after: tuple[tuple[int, Literal["success", "finished"]], ...] = ()
    results: bool = False


@dataclass(frozen=True)
class Whole:
    """A workflow or batch."""

    name: str
    kind: Literal["workflow", "batch"] = "workflow"
    members: tuple[Member, ...] = ()
    on_success: Job | None = None
    on_complete: Job | None = None

    @property
    def callbacks(self) -> tuple[Job, ...]:
        return tuple(job for job in (self.on_success, self.on_complete) if job is not None)


def jobs_of(item: Job | Chain | Whole) -> Iterator[Job]:
    """All jobs that may ever be."""
    if isinstance(item, Job):
        yield item
        yield from item.adds
    elif isinstance(item, Chain):
        for job in item.jobs:
            yield from jobs_of(job)
    else:
        for member in item.members:
            yield from jobs_of(member.item)
        yield from item.callbacks


# -- drawing


class _Pen:
    """Draws one graph. Where chance says 0, the simplest is drawn, so that a failing example shrinks."""

    def __init__(self, chance: Random, prefix: str, *, apart: bool) -> None:
        self.chance = chance
        self.prefix = prefix
        self.apart = apart
        self.drawn = 0

    def name(self, kind: str) -> str:
        self.drawn += 1
        return f"{self.prefix}{kind}{self.drawn}"

    def one_in(self, count: int) -> bool:
        return self.chance.randrange(count) == count - 1

    def whole(self, depth: int) -> Whole:
        kind: Literal["workflow", "batch"] = "batch" if self.one_in(3) else "workflow"
        name = self.name(kind)
        count = self.chance.randrange(6 if depth == 0 else 4)
        members: list[Member] = []
        for place in range(count):
            if self.drawn >= LARGEST:
                break
            after = self.after(place) if kind == "workflow" else ()
            members.append(Member(self.item(depth), after, results=bool(after) and self.one_in(2)))
        top = depth == 0
        on_success = self.callback("success", safe=top) if self.one_in(2) else None
        on_complete = self.callback("complete", safe=top) if self.one_in(2) else None
        if not members and on_success is None and on_complete is None:
            members.append(Member(self.job()))
        return Whole(name, kind, tuple(members), on_success, on_complete)

    def after(self, place: int) -> tuple[tuple[int, Literal["success", "finished"]], ...]:
        return tuple(
            (before, "finished" if self.one_in(3) else "success")
            for before in range(place)
            if self.one_in(2 if before == place - 1 else 4)
        )

    def item(self, depth: int) -> Job | Chain | Whole:
        draw = self.chance.randrange(20)
        if draw >= 16 and depth < 3:
            return self.whole(depth + 1)
        if draw >= 12:
            return Chain(tuple(self.job() for _ in range(2 + self.chance.randrange(2))))
        return self.job()

    def job(self, adder: Job | None = None) -> Job:
        name = self.name("job")
        draw = self.chance.randrange(20)
        end: End = "succeeds"
        if draw >= 14:
            end = "fails" if draw >= 17 else "is cancelled" if draw == 16 and adder is None else "stops"
        stumbles = self.chance.randrange(3) if self.one_in(5) else 0
        job = Job(name, adder.service if adder and self.apart else self.service(), end, stumbles)
        if adder is None and self.one_in(8):
            job = replace(job, adds=tuple(self.job(job) for _ in range(1 + self.one_in(2))))
        return job

    def callback(self, kind: str, *, safe: bool) -> Job:
        end: End = "fails" if self.one_in(6) and not safe else "succeeds"
        return Job(self.name(kind), self.service(), end, 1 if self.one_in(6) else 0)

    def service(self) -> str:
        return SERVICES[self.one_in(3)]


def random_graph(chance: Random, prefix: str = "", *, apart: bool = False) -> Whole:
    """The callbacks of the whole itself succeed: nothing that could be retried contains them.

    Parameters:
      prefix: of all names.
      apart: whether the services are on databases of their own. Then jobs add none of another service: such a job is
        there before the one that adds it is finished, so an attempt whose end is lost may have added it too.
    """
    return _Pen(chance, prefix, apart=apart).whole(0)


# -- opening


@dataclass
class Opened:
    """A graph that was opened.

    Parameters:
      ids: of its jobs and wholes, by name; jobs that are added later left out.
    """

    graph: Whole
    composition: Batch | Workflow
    ids: dict[str, str]


def open_graph(graph: Whole, broker: JobBroker) -> Opened:
    """Opens it, and lets an operator cancel what is to be cancelled. No worker may be at it yet."""
    ids: dict[str, str] = {}
    composition = _composed(graph, broker, ids)
    composition.run()
    for service in SERVICES:
        doomed = [j for j in jobs_of(graph) if j.end == "is cancelled" and j.service == service]
        if doomed:
            cancel(broker.store(service), [ids[job.name] for job in doomed], by="a test")
    return Opened(graph, composition, ids)


def _composed(whole: Whole, broker: JobBroker, ids: dict[str, str]) -> Batch | Workflow:
    def message(job: Job) -> Message[Any]:
        made = broker.get_actor(f"{job.service}.node").message(job.name, job.script)
        ids[job.name] = made.message_id
        return made

    def item(of: Job | Chain | Whole) -> Any:
        if isinstance(of, Job):
            return message(of)
        if isinstance(of, Chain):
            return dramatiq.pipeline([message(job) for job in of.jobs], broker=broker)
        return _composed(of, broker, ids)

    callbacks = {
        "on_success": None if whole.on_success is None else message(whole.on_success),
        "on_complete": None if whole.on_complete is None else message(whole.on_complete),
    }
    made: Batch | Workflow
    if whole.kind == "batch":
        made = Batch(whole.name, broker=broker, **callbacks)
        made.add_many(item(member.item) for member in whole.members)
    else:
        made = Workflow(whole.name, broker=broker, **callbacks)
        nodes = [made.add(item(member.item)) for member in whole.members]
        for node, member in zip(nodes, whole.members, strict=True):
            for before, condition in member.after:
                made.connect(nodes[before], node, on=condition, results=member.results)
    ids[whole.name] = made.id
    return made
