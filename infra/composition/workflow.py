"""Workflow: any directed acyclic graph of jobs, pipelines, groups and batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from dramatiq import Message

from infra.composition.composition import Composition
from infra.composition.errors import CompositionRefused
from infra.composition.plan import Node

Condition = Literal["success", "finished"]


class Workflow(Composition):
    """Steps of which some wait for others.

    flow = Workflow("close the month")
    dues, costs = flow.add(sum_dues.message(month)), flow.add(sum_costs.message(month))
    flow.add(write_report.message(month), after=[dues, costs], results=True)
    flow.run()
    """

    kind = "workflow"

    def add(
        self,
        item: Any,
        *,
        after: Node | Iterable[Node] = (),
        on: Condition = "success",
        results: bool = False,
    ) -> Node:
        """A step: a message, pipeline, group, Batch or Workflow. Returns its node, for others to come after it.

        Parameters:
          after: what it waits for; all of them.
          on: "success": each must have succeeded; "finished": each must be finished, in whatever state.
          results: the results of these jobs are added to its arguments, in this order; a batch has none to add.

        Raises CompositionRefused.
        """
        self._refuse_when_open()
        before = [after] if isinstance(after, Node | Message) else list(after)
        node = self._add(item)
        try:
            for other in before:
                self.connect(other, node, on=on, results=results)
        except CompositionRefused:
            self._take_out(node)
            raise
        return node

    def connect(self, before: Node, after: Node, *, on: Condition = "success", results: bool = False) -> None:
        """Lets one step wait for another that was added already. A cycle is found by `run()`."""
        self._refuse_when_open()
        for node in (before, after):
            if getattr(node, "id", None) not in self._known:
                raise CompositionRefused(f"{node!r} is no step of {self.name!r}: use what add() returned")
        if on not in ("success", "finished"):
            raise CompositionRefused(f"on must be 'success' or 'finished', not {on!r}")
        if any(known == before.id for known, _, _ in after.links):
            raise CompositionRefused(f"{after.label} waits for {before.label} already")
        after.links.append((before.id, on, results))

    def _refuse_when_open(self) -> None:
        if self.is_opened:
            raise CompositionRefused(f"{self.kind} {self.name!r} is open already: its steps are fixed")
