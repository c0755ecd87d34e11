"""Chains: dramatiq's pipelines as rows.

Dramatiq keeps the rest of a pipeline inside the options of its first message. Here every step is a job from the
beginning, which waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dramatiq import Message, get_encoder

from infra.queue.admission import MAX_MESSAGE_BYTES, known_actor, refuse_unstorable
from infra.queue.errors import JobRefused, ResultNotStorable
from infra.queue.message import delay_of
from infra.queue.opening import Edge, Opening, Step

_OF_PIPELINES = ("pipe_target", "pipe_ignore")


def handed_on(result: Any) -> str:
    """A job's result as JSON, for the jobs that wait for it. Raises ResultNotStorable."""
    try:
        text = get_encoder().encode(result).decode()
        refuse_unstorable(result)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ResultNotStorable(f"the result cannot be handed on: {error}") from None
    if len(text) > MAX_MESSAGE_BYTES:
        raise ResultNotStorable(
            f"the result is {len(text):,} bytes, too large to be handed on: store the data and return its id"
        )
    return text


def steps_of(message: Message[Any]) -> list[Message[Any]]:
    """The messages of the pipeline that starts with this one."""
    steps = [message]
    while (target := steps[-1].options.get("pipe_target")) is not None:
        steps.append(target if isinstance(target, Message) else Message(**target))
    return steps


def chained(
    broker: Any, messages: Sequence[Message[Any]], workflow_id: str, delay: int | None = None
) -> tuple[list[Step], list[Edge]]:
    """Steps of which each waits for the one before it, and gets its result unless `pipe_ignore` says otherwise."""
    if len({message.message_id for message in messages}) < len(messages):
        twice = next(
            m for n, m in enumerate(messages) if m.message_id in {b.message_id for b in messages[:n]}
        )
        raise JobRefused(
            f"{twice} ({twice.message_id}) stands in its pipeline twice: make a message for each step"
        )
    actors = [known_actor(broker.actors, message.actor_name) for message in messages]
    services = [broker.service_of(actor) for actor in actors]
    steps: list[Step] = []
    edges: list[Edge] = []
    for place, message in enumerate(messages):
        followed_in = services[place + 1] if place + 1 < len(messages) else None
        if place == 0:
            steps.append(Step(bare(message), followed_in=followed_in, delay=delay))
            continue
        ignores = message.options.get("pipe_ignore") or actors[place - 1].options.get("pipe_ignore")
        edge = Edge(
            services[place],
            message.message_id,
            messages[place - 1].message_id,
            workflow_id,
            hands_on=None if ignores else "result",
            delay_ms=delay_of(message.options.get("delay")),
        )
        edges.append(edge)
        waiting = bare(message, "delay")
        steps.append(Step(waiting, awaiting=True, followed_in=followed_in, handed_on=0 if ignores else 1))
    return steps, edges


def pipeline(broker: Any, message: Message[Any], delay: int | None = None) -> Opening:
    """The workflow of a pipeline. Its id is that of its first message, so running it again changes nothing."""
    messages = steps_of(message)
    steps, edges = chained(broker, messages, message.message_id, delay)
    return Opening(
        workflow_id=message.message_id,
        kind="pipeline",
        name=" | ".join(m.actor_name for m in messages),
        home=broker.service_of(known_actor(broker.actors, message.actor_name)),
        members=steps,
        edges=edges,
    )


def bare(message: Message[Any], *more: str) -> Message[Any]:
    """Without what is in the edges now."""
    if not any(name in message.options for name in (*_OF_PIPELINES, *more)):
        return message
    options = {k: v for k, v in message.options.items() if k not in _OF_PIPELINES and k not in more}
    return replace(message, options=options)
