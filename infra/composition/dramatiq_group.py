"""Dramatiq's groups on our broker: opened at once, with callbacks that come exactly once.

`dramatiq.group.run` sends its children one after the other, so a crash leaves half a group; its callbacks count down a
barrier in Redis or Memcached, which a member that dies never reaches. On a JobBroker, a group is a workflow instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dramatiq
from dramatiq import Message, pipeline

from infra.composition.composition import Composition
from infra.composition.plan import Node, Plan, id_from
from infra.queue.broker import JobBroker
from infra.queue.chain import steps_of
from infra.queue.enqueue_workflow import open_all
from infra.queue.message import delay_of


class Group(Composition):
    """A dramatiq group as a composition. Its id follows from its members', so running it again changes nothing."""

    kind = "group"
    tells_counts = False

    def __init__(self, children: dramatiq.group, delay: int | None = None) -> None:
        members = list(_flat(children))
        names = sorted({message.actor_name for message in members if isinstance(message, Message)})
        super().__init__((", ".join(names) or "pipelines")[:200], broker=children.broker)
        self._delay = delay_of(delay)
        self._callbacks: list[Message[Any]] = [Message(**fields) for fields in children.completion_callbacks]
        self._on_complete = self._callbacks
        self._messages = [_first(member) for member in members]
        for child in _with_callbacks(children):
            self._add(Group(child, delay))
        members_ids = [*(message.message_id for message in self._messages), *sorted(self._known)]
        if members_ids:  # an empty one keeps an id of its own
            self.id = id_from(members_ids)

    def plan(self, broker: Any, *, parent: tuple[str, str] | None = None, opened: bool = True) -> Plan:
        plan = Plan(
            broker,
            workflow_id=self.id,
            kind=self.kind,
            name=self.name,
            home=self.home(broker),
            parent=parent,
            opened=opened,
        )
        for message in self._messages:
            delay = max(self._delay, delay_of(message.options.get("delay"))) or None
            plan.add_messages([message], delay)
        plan.add_nodes(self._nodes)
        plan.call_back(None, self._callbacks, with_counts=self.tells_counts)
        self._refuse_doubles(plan)
        return plan


def run_groups_atomically() -> None:
    """Lets `dramatiq.group.run` open a workflow where the group's broker is ours; other brokers keep dramatiq's own."""
    theirs = dramatiq.group.run
    if getattr(theirs, "of_dhanman", False):
        return

    def run(self: dramatiq.group, *, delay: int | None = None) -> dramatiq.group:
        """Opens the group in one transaction. `delay`: milliseconds each child waits at least."""
        if not isinstance(self.broker, JobBroker):
            return theirs(self, delay=delay)  # type: ignore[no-any-return, no-untyped-call]
        if self.children or self.completion_callbacks:
            open_all(self.broker, Group(self, delay).plan(self.broker).openings)
        return self

    run.of_dhanman = True  # type: ignore[attr-defined]
    dramatiq.group.run = run  # type: ignore[method-assign]


def _flat(children: dramatiq.group) -> Iterator[Message[Any] | pipeline]:
    """Members; those of inner groups too, unless they have callbacks of their own."""
    for child in children.children:
        if not isinstance(child, dramatiq.group):
            yield child
        elif not child.completion_callbacks:
            yield from _flat(child)


def _with_callbacks(children: dramatiq.group) -> Iterator[dramatiq.group]:
    """The inner groups that are workflows of their own."""
    for child in children.children:
        if isinstance(child, dramatiq.group) and child.completion_callbacks:
            yield child
        elif isinstance(child, dramatiq.group):
            yield from _with_callbacks(child)


def _first(member: Message[Any] | pipeline) -> Message[Any]:
    """A pipeline's first message has the others in its options."""
    return member.messages[0] if isinstance(member, pipeline) else steps_of(member)[0]


__all__ = ["Group", "Node", "run_groups_atomically"]
