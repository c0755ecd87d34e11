"""What a workflow is made of, before it is written: messages and their place, edges, and the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dramatiq import Message

from infra.queue.admission import known_actor
from infra.queue.errors import JobRefused
from infra.queue.message import seal


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


class WorkflowCancelled(JobRefused):
    """Nothing can be added to a workflow that was cancelled."""


def check(broker: Any, openings: Iterable[Opening]) -> None:
    """Raises JobRefused for messages that could not be enqueued, where they are written only later."""
    for opening in openings:
        for step in (*opening.members, *opening.callbacks):
            seal(step.message, step.delay, broker, step.handed_on)


def services_of(broker: Any, opening: Opening) -> set[str]:
    """The services in whose stores it is written."""
    steps = (*opening.members, *opening.callbacks)
    actors = {step.message.actor_name for step in steps}
    found = {broker.service_of(known_actor(broker.actors, name)) for name in actors}
    return found | {opening.home, *opening.nested_in} | {edge.service for edge in opening.edges}
