"""A composition: what batches and workflows have in common, before and after they are opened."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Self

from dramatiq import Message, get_broker

from infra.composition.callbacks import callback_steps
from infra.composition.errors import CompositionRefused
from infra.composition.opened import Failure, Opened, find_opened
from infra.composition.plan import Node, Plan, node_of
from infra.composition.progress import Progress
from infra.composition.same_ids import give_same_ids
from infra.queue.admission import known_actor
from infra.queue.current import current_run
from infra.queue.enqueue_workflow import open_all
from infra.queue.opening import KeyTaken, check, services_of
from infra.queue.transaction import is_open


class Composition:
    """Members are gathered, then `run()` opens them all at once, or none.

    Parameters:
      name: what operators see.
      on_success: an actor or message, or several: follows when all members have succeeded.
      on_complete: … when every member is finished, whatever the outcome.
      key: at most one composition with this key is open: `run()` returns the id of the one that is.

    Each callback is enqueued exactly once. Its arguments get the id at their end and, where it takes one more, a dict
    of counts: total, succeeded, failed, cancelled.
    """

    kind = "workflow"
    tells_counts = True
    """Whether its callbacks are handed its id and counts."""

    def __init__(
        self,
        name: str,
        *,
        on_success: Any = None,
        on_complete: Any = None,
        key: str | None = None,
        broker: Any = None,
    ) -> None:
        if not _is_text(name, 200):
            raise CompositionRefused(f"a {self.kind} needs a name of 1 to 200 characters, not {name!r:.80}")
        if key is not None and not _is_text(key, 500):
            raise CompositionRefused(f"key must be a text of 1 to 500 characters, not {key!r:.80}")
        self.name = name
        self.id = str(uuid.uuid4())
        self.broker: Any = broker or get_broker()
        self._on_success = on_success
        self._on_complete = on_complete
        self._key = key
        self._messages: list[Message[Any]] = []
        self._nodes: list[Node] = []
        self._known: set[str] = set()
        self._opened: Opened | None = None
        self._around: Composition | None = None

    # -- composing

    def plan(self, broker: Any, *, parent: tuple[str, str] | None = None, opened: bool = True) -> Plan:
        """What would be opened. Raises CompositionRefused and the other kinds of JobRefused."""
        if not self._messages and not self._nodes and not self._on_success and not self._on_complete:
            raise CompositionRefused(
                f"{self.kind} {self.name!r} is empty and has no callback: there is nothing to do"
            )
        plan = Plan(
            broker,
            workflow_id=self.id,
            kind=self.kind,
            name=self.name,
            home=self.home(broker),
            key=self._key,
            parent=parent,
            opened=opened,
        )
        plan.add_messages(self._messages)
        plan.add_nodes(self._nodes)
        plan.call_back(self._on_success, self._on_complete)
        self._refuse_doubles(plan)
        return plan

    def home(self, broker: Any) -> str:
        """The service in whose store the whole is kept: that of its first member, or of its callback."""
        if self._messages:
            return str(broker.service_of(known_actor(broker.actors, self._messages[0].actor_name)))
        if self._nodes:
            return self._nodes[0].service
        for callbacks in (self._on_success, self._on_complete):
            for step, _ in callback_steps(broker, callbacks, with_counts=self.tells_counts):
                return str(broker.service_of(known_actor(broker.actors, step.message.actor_name)))
        raise CompositionRefused(
            f"{self.kind} {self.name!r} is empty and has no callback: there is nothing to do"
        )

    def run(self) -> str:
        """Opens and enqueues everything in one transaction. Returns the id.

        Raises JobRefused and its kinds, StoreUnavailable; then nothing is enqueued.
        """
        plan = self.plan(self.broker)
        try:
            open_all(self.broker, plan.openings)
        except KeyTaken as taken:
            self.id = taken.workflow_id
        self._opened = Opened(self.broker, self.home(self.broker), self.id, self.kind, self.name)
        return self.id

    def _refuse_doubles(self, plan: Plan) -> None:
        seen: set[str] = set()
        for opening in plan.openings:
            for step in (*opening.members, *opening.callbacks):
                message_id = step.message.message_id
                if message_id in seen:
                    raise CompositionRefused(f"{step.message} ({message_id}) stands in {self.name!r} twice")
                seen.add(message_id)

    def _add(self, item: Any) -> Node:
        if item is self or (isinstance(item, Composition) and item.contains(self)):
            raise CompositionRefused(f"{self.kind} {self.name!r} has a cycle: it would contain itself")
        node = node_of(self.broker, item)
        if node.id in self._known:
            raise CompositionRefused(f"{node.label} ({node.id}) stands in {self.name!r} twice")
        if isinstance(item, Composition):
            item.enter(self)
        self._known.add(node.id)
        self._nodes.append(node)
        return node

    def enter(self, around: Composition) -> None:
        """It is a member of another one now. Raises CompositionRefused where it is open, or in another already."""
        if self.is_opened:
            raise CompositionRefused(f"{self.kind} {self.name!r} is open already: it cannot be a member")
        if self._around is not None:
            raise CompositionRefused(
                f"{self.kind} {self.name!r} is a member of {self._around.name!r} already: compose it anew"
            )
        self._around = around

    def leave(self) -> None:
        """It is a member of no other one after all."""
        self._around = None

    def _take_out(self, node: Node) -> None:
        if isinstance(node.item, Composition):
            node.item.leave()
        self._known.remove(node.id)
        self._nodes.remove(node)

    def contains(self, other: Composition) -> bool:
        """Whether `other` is in here, at any depth."""
        inside = [node.item for node in self._nodes if isinstance(node.item, Composition)]
        return any(item is other or item.contains(other) for item in inside)

    # -- once it is open

    @property
    def is_opened(self) -> bool:
        """Whether it was run, or got by its id."""
        return self._opened is not None

    @classmethod
    def get(cls, workflow_id: str, *, broker: Any = None) -> Self:
        """A handle on an opened one. Raises UnknownWorkflow."""
        broker = broker or get_broker()
        opened = find_opened(broker, str(workflow_id))
        made = cls(opened.name, broker=broker)
        made.id, made._opened = opened.id, opened
        return made

    @classmethod
    def current(cls) -> Self | None:
        """The one that the running job is a member of."""
        run = current_run()
        return None if run is None or run.workflow_id is None else cls.get(run.workflow_id)

    def progress(self) -> Progress:
        """How far it is, nested ones included."""
        return self._once_opened().progress()

    def failures(self, limit: int = 100) -> list[Failure]:
        """Members that ended as Failed or Deleted and why, the first to fail first."""
        return self._once_opened().failures(limit)

    def cancel(self, *, by: str = "code", reason: str | None = None) -> int:
        """Waiting members never start, running ones are asked to stop. Returns how many that were."""
        return self._once_opened().cancel(by=by, reason=reason)

    def retry_failed(self, *, by: str = "code", reason: str | None = None, cancelled: bool = False) -> int:
        """Failed and Deleted members (`cancelled`: Cancelled ones too) are queued again. Returns how many."""
        return self._once_opened().retry_failed(by=by, reason=reason, cancelled=cancelled)

    def _once_opened(self) -> Opened:
        if self._opened is None:
            raise CompositionRefused(f"{self.kind} {self.name!r} is not open yet: call run() first")
        return self._opened

    def _add_to_opened(self, items: Iterable[Any]) -> None:
        opened = self._once_opened()
        plan = Plan(
            self.broker, workflow_id=self.id, kind=opened.kind, name=self.name, home=opened.home, new=False
        )
        items, others = list(items), []
        for item in items:
            if isinstance(item, Message):
                plan.add_messages([item])
            else:
                others.append(node_of(self.broker, item))
        plan.add_nodes(others)
        run = current_run()
        if run is not None and self.broker.staging() is None and not is_open():
            services = {s for opening in plan.openings for s in services_of(self.broker, opening)}
            if any(self.broker.store(service).url != run.store.url for service in services):
                give_same_ids(run, plan.openings, items)
            check(self.broker, plan.openings)
            run.additions = [*(run.additions or []), *plan.openings]
            return
        open_all(self.broker, plan.openings)


def _is_text(text: object, longest: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= longest and "\0" not in text
