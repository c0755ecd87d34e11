"""The same ids at every attempt: what a job adds to a batch in another database is committed there before the job is
finished in its own. A worker may die in between; then the job runs again, and must not add the same a second time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import dramatiq
from dramatiq import Message, pipeline

from infra.queue.opening import Opening, Step
from infra.queue.run import Run


def give_same_ids(run: Run, openings: list[Opening], items: Iterable[Any]) -> None:
    """Names jobs and workflows anew, after the job that adds them and their place among what it adds. What the caller
    has in hand is named so too.
    """
    ids = _Ids(run)
    for opening in openings:
        if opening.new:
            opening.workflow_id = ids.of(opening.workflow_id)
        opening.members = [ids.step(step) for step in opening.members]
        opening.callbacks = [ids.step(step) for step in opening.callbacks]
    for opening in openings:
        if opening.parent is not None:
            opening.parent = (opening.parent[0], ids.known(opening.parent[1]))
        opening.edges = [
            edge._replace(
                successor=ids.known(edge.successor),
                predecessor=ids.known(edge.predecessor),
                workflow_id=ids.known(edge.workflow_id),
            )
            for edge in opening.edges
        ]
    for item in items:
        _rename(item, ids)


class _Ids:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._first = sum(1 + len(o.members) + len(o.callbacks) for o in run.additions or ())
        self._new: dict[str, str] = {}

    def of(self, id_: str) -> str:
        if id_ not in self._new:
            name = f"addition {self._first + len(self._new)}"
            self._new[id_] = str(uuid.uuid5(uuid.UUID(self._run.message_id), name))
        return self._new[id_]

    def known(self, id_: str) -> str:
        return self._new.get(id_, id_)

    def step(self, step: Step) -> Step:
        # As old as the job: whether it was sent before, and so may be finished, is looked for from there on.
        message = step.message.copy(
            message_id=self.of(step.message.message_id), message_timestamp=self._run.message_timestamp
        )
        return step._replace(message=message)


def _rename(item: Any, ids: _Ids) -> None:
    from infra.composition.composition import Composition

    if isinstance(item, Message):
        object.__setattr__(item, "message_id", ids.known(item.message_id))
    elif isinstance(item, pipeline):
        for message in item.messages:
            _rename(message, ids)
    elif isinstance(item, dramatiq.group):
        for child in item.children:
            _rename(child, ids)
    elif isinstance(item, Composition):
        item.id = ids.known(item.id)
