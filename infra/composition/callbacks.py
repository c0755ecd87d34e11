"""Callbacks: jobs that follow when a whole workflow is complete."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from dramatiq import Actor, Message

from infra.composition.errors import CompositionRefused
from infra.queue.admission import known_actor
from infra.queue.opening import Step


def callback_steps(broker: Any, callbacks: Any, *, with_counts: bool) -> Iterator[tuple[Step, str | None]]:
    """Each callback as a step, and what it is handed.

    A callback's arguments get at their end the workflow's id and, where it has a parameter for it, the counts: total,
    succeeded, failed, cancelled. Raises CompositionRefused where it takes no id.
    """
    for callback in _listed(callbacks):
        message = callback.message() if isinstance(callback, Actor) else callback
        if not isinstance(message, Message):
            raise CompositionRefused(f"a callback must be an actor or a message, not {callback!r}")
        if message.options.get("pipe_target") is not None:
            raise CompositionRefused(
                f"{message.actor_name}: a callback is one job; let it start the pipeline, or use a Workflow"
            )
        actor = known_actor(broker.actors, message.actor_name)
        if not with_counts:
            yield Step(message, awaiting=True), None
            continue
        taken = _free_parameters(actor, message)
        if taken == 0:
            raise CompositionRefused(
                f"{actor.actor_name}{inspect.signature(actor.fn)} has no parameter left for the id of the batch"
            )
        yield Step(message, awaiting=True, handed_on=taken), "id" if taken == 1 else "id and counts"


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]


def _free_parameters(actor: Actor[Any, Any], message: Message[Any]) -> int:
    """How many of id and counts the function takes after the arguments that it has. A parameter with a default is
    meant for something else, unless it is named so.
    """
    parameters = list(inspect.signature(actor.fn).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    free = [p for p in positional[len(message.args) :] if p.name not in message.kwargs]
    if len(free) > 1 and (free[1].default is free[1].empty or free[1].name == "counts"):
        return 2
    return min(len(free), 1)
