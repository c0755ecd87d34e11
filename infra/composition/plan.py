"""From composed messages to what is written: nodes and edges become openings."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dramatiq import Message, group, pipeline

from infra.composition.callbacks import callback_steps
from infra.composition.errors import CompositionRefused
from infra.queue.admission import known_actor
from infra.queue.chain import bare, chained, steps_of
from infra.queue.message import delay_of
from infra.queue.opening import Edge, Opening, Step

Link = tuple[str, str, bool]
"""(id of a node, condition, whether its result is handed on)."""


class Node:
    """A member of a composition: one message, a pipeline, or a whole group or batch.

    Parameters:
      id: of the job that ends it: a pipeline's last, or of the nested workflow. Others wait for this one.
      delay_ms: how long it still waits when what it waits for is done.
    """

    def __init__(self, item: Any, label: str, id_: str, first: str, service: str, delay_ms: int = 0) -> None:
        self.item = item
        self.label = label
        self.id = id_
        self.first = first
        self.service = service
        self.delay_ms = delay_ms
        self.links: list[Link] = []

    @property
    def is_job(self) -> bool:
        """Whether it ends with a job, which has a result."""
        return isinstance(self.item, Message | pipeline)

    def __repr__(self) -> str:
        return f"<{self.label} {self.id}>"


class Plan:
    """The openings of one composition.

    Parameters:
      parent: service and id of the workflow around it.
      opened: False where it waits for something of the workflow around it.
    """

    def __init__(
        self,
        broker: Any,
        *,
        workflow_id: str,
        kind: str,
        name: str,
        home: str,
        key: str | None = None,
        parent: tuple[str, str] | None = None,
        opened: bool = True,
        new: bool = True,
    ) -> None:
        self.broker = broker
        self.root = Opening(
            workflow_id=workflow_id,
            kind=kind,
            name=name,
            home=home,
            key=key,
            parent=parent,
            opened=opened,
            new=new,
        )
        self.nested: list[Opening] = []

    @property
    def openings(self) -> list[Opening]:
        return [self.root, *self.nested]

    def add_messages(self, messages: Iterable[Message[Any]], delay: int | None = None) -> None:
        """Members that wait for nothing, and nothing for them; pipelines by their first message."""
        for message in messages:
            if "pipe_target" in message.options:
                self._chain(steps_of(message), delay)
            else:
                self.root.members.append(Step(message, delay=delay))

    def add_nodes(self, nodes: Sequence[Node]) -> None:
        """Members with their edges. Raises CompositionRefused for a cycle."""
        self._refuse_cycles(nodes)
        by_id = {node.id: node for node in nodes}
        followed: dict[str, set[str]] = {node.id: set() for node in nodes}
        for node in nodes:
            for before, _, _ in node.links:
                followed[before].add(node.service)
        for node in nodes:
            followed_in = followed[node.id]
            if node.is_job:
                handed_on = sum(wants and by_id[before].is_job for before, _, wants in node.links)
                self._place_jobs(node, followed_in, handed_on)
            else:
                opened = self.root.opened and not node.links
                self._nest(node, followed_in, opened=opened)
            for place, (before, condition, hands_on) in enumerate(node.links):
                passes = "result" if hands_on and by_id[before].is_job else None
                self.root.edges.append(
                    Edge(
                        node.service,
                        node.first,
                        before,
                        self.root.workflow_id,
                        place,
                        condition,
                        passes,
                        node.delay_ms,
                    )
                )

    def call_back(self, on_success: Any, on_complete: Any, *, with_counts: bool = True) -> None:
        """Jobs that follow when the whole has succeeded, or is finished."""
        for condition, callbacks in (("success", on_success), ("finished", on_complete)):
            for step, hands_on in callback_steps(self.broker, callbacks, with_counts=with_counts):
                service = self._service(step.message)
                self.root.callbacks.append(step._replace(message=bare(step.message, "delay")))
                self.root.followed_in.add(service)
                self.root.edges.append(
                    Edge(
                        service,
                        step.message.message_id,
                        self.root.workflow_id,
                        self.root.workflow_id,
                        condition=condition,
                        hands_on=hands_on,
                        delay_ms=delay_of(step.message.options.get("delay")),
                    )
                )

    def _place_jobs(self, node: Node, followed_in: set[str], handed_on: int) -> None:
        messages = node.item.messages if isinstance(node.item, pipeline) else steps_of(node.item)
        start = len(self.root.members)
        self._chain(messages, None)
        first, last = self.root.members[start], self.root.members[-1]
        if node.links:
            waiting = bare(first.message, "delay")
            self.root.members[start] = first._replace(message=waiting, awaiting=True, handed_on=handed_on)
        if followed_in:
            last = self.root.members[-1]
            self.root.members[-1] = last._replace(followed_in=",".join(sorted(followed_in)))

    def _chain(self, messages: Sequence[Message[Any]], delay: int | None) -> None:
        steps, edges = chained(self.broker, messages, self.root.workflow_id, delay)
        self.root.members += steps
        self.root.edges += edges

    def _nest(self, node: Node, followed_in: set[str], *, opened: bool) -> None:
        parent = (self.root.home, self.root.workflow_id)
        inner = node.item.plan(self.broker, parent=parent, opened=opened)
        inner.root.followed_in |= followed_in
        self.nested += inner.openings
        spanned = {inner.root.home, *inner.root.nested_in}
        for opening in inner.openings:
            spanned |= {self._service(step.message) for step in (*opening.members, *opening.callbacks)}
        self.root.nested_in |= spanned - {self.root.home}

    def _service(self, message: Message[Any]) -> str:
        return str(self.broker.service_of(known_actor(self.broker.actors, message.actor_name)))

    def _refuse_cycles(self, nodes: Sequence[Node]) -> None:
        labels = {node.id: node.label for node in nodes}
        try:
            TopologicalSorter({node.id: [before for before, _, _ in node.links] for node in nodes}).prepare()
        except CycleError as error:
            circle = " → ".join(labels[id_] for id_ in error.args[1])
            raise CompositionRefused(f"{self.root.name!r} has a cycle: {circle}") from None


def node_of(broker: Any, item: Any) -> Node:
    """A node for a message, pipeline, group, batch or workflow. Raises CompositionRefused, UnknownActor."""
    from infra.composition.composition import Composition
    from infra.composition.dramatiq_group import Group

    if isinstance(item, group):
        item = Group(item)
    if isinstance(item, Composition) and item.is_opened:
        raise CompositionRefused(
            f"{item.kind} {item.name!r} ({item.id}) is open already: it cannot be a member"
        )
    if isinstance(item, Composition):
        return Node(item, f"{item.kind} {item.name!r}", item.id, item.id, item.home(broker))
    if isinstance(item, Message):
        messages = steps_of(item)
    elif isinstance(item, pipeline):
        messages = list(item.messages)
    else:
        raise CompositionRefused(
            f"a member must be a message, pipeline, group, Batch or Workflow, not {type(item).__name__}; "
            "of an actor, use actor.message(...)"
        )
    first, last = messages[0], messages[-1]
    service = broker.service_of(known_actor(broker.actors, first.actor_name))
    label = " | ".join(message.actor_name for message in messages)
    delay_ms = delay_of(first.options.get("delay"))
    return Node(item, label, last.message_id, first.message_id, service, delay_ms)


def id_from(ids: Iterable[str]) -> str:
    """An id that the same members always give."""
    return str(uuid.uuid5(uuid.UUID("6f1d2f8e-53f6-4c3a-9e62-0d7f8d0a4a55"), " ".join(ids)))
