"""A message on its way into the queue: dramatiq's message plus what the queue keeps in columns of their own."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from dramatiq import Actor, Message

from infra.queue.admission import HANDED_ON, check_arguments, encode, known_actor, known_queue
from infra.queue.errors import JobRefused
from infra.queue.keys import short_enough
from infra.queue.limits import limit_key_of

OWN_OPTIONS = frozenset({"delay", "eta", "priority", "unique_key", "queue_name"})
"""Send options that become columns; the rest travels in the message."""


class Envelope(NamedTuple):
    """One row for put(): see the schema."""

    service: str
    message: Message[Any]
    text: str
    priority: int
    delay_ms: int
    eta: str | None
    unique_key: str | None
    unique_running: bool
    sent_before: bool
    """Whether this message may have been sent once already, so that it may be finished by now."""
    limit_key: str | None = None
    workflow_id: str | None = None
    awaiting: bool = False
    """Whether the job waits for others; its edges say for which."""
    followed_in: str | None = None
    """The services, with commas, in whose stores jobs wait for this one."""


FRESH_MS = 10_000
"""A message younger than this, that this process did not send yet, is taken to be new."""


def seal(message: Message[Any], delay: float | timedelta | None, broker: Any, handed_on: int = 0) -> Envelope:
    """Checks a message and works out its columns. `handed_on` arguments will be added when what it waits for is done.

    Raises JobRefused and its kinds.
    """
    actor = known_actor(broker.actors, message.actor_name)
    check_arguments(actor, message.args + (HANDED_ON,) * handed_on, message.kwargs)
    options = message.options
    queue_name = known_queue(broker.queues, options.get("queue_name") or message.queue_name)
    if delay is None:
        delay = options.get("delay")
    delay_ms = delay_of(delay)
    eta = eta_of(options.get("eta"))
    if delay is not None and eta is not None:
        raise JobRefused(f"{actor.actor_name}: give delay or eta, not both")
    priority = options.get("priority", actor.priority)
    if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) >= 2**31:
        raise JobRefused(f"{actor.actor_name}: priority must be a whole number below 2**31, not {priority!r}")
    unique_key = unique_key_of(message, actor)
    sent_before = (
        getattr(message, "_sent", False) or message.message_timestamp < time.time() * 1000 - FRESH_MS
    )
    object.__setattr__(message, "_sent", True)
    if not OWN_OPTIONS.isdisjoint(options) or queue_name != message.queue_name:
        message = Message(
            queue_name=queue_name,
            actor_name=message.actor_name,
            args=message.args,
            kwargs=message.kwargs,
            options={name: value for name, value in options.items() if name not in OWN_OPTIONS},
            message_id=message.message_id,
            message_timestamp=message.message_timestamp,
        )
        object.__setattr__(message, "_sent", True)
    return Envelope(
        service=broker.service_of(actor),
        message=message,
        text=encode(message, actor),
        priority=priority,
        delay_ms=delay_ms,
        eta=eta,
        unique_key=unique_key,
        unique_running=unique_key is not None and actor.options.get("unique") == "running",
        sent_before=sent_before,
        limit_key=limit_key_of(message, actor),
    )


LONGEST_MS = 100 * 365 * 86_400_000


def delay_of(delay: Any) -> int:
    """Milliseconds from now; given as milliseconds or a timedelta."""
    if delay is None:
        return 0
    if isinstance(delay, timedelta):
        delay = delay.total_seconds() * 1000
    if not isinstance(delay, int | float) or isinstance(delay, bool) or not math.isfinite(delay):
        raise JobRefused(f"delay must be milliseconds or a timedelta, not {delay!r}")
    if delay > LONGEST_MS:
        raise JobRefused("the job would wait for more than 100 years")
    return max(0, math.ceil(delay))


def eta_of(eta: Any) -> str | None:
    """When to run, for Postgres; given as an aware datetime or milliseconds since the epoch. The database's clock
    decides when it has come, so the sender's may be wrong.
    """
    if eta is None:
        return None
    if isinstance(eta, datetime):
        if eta.tzinfo is None:
            raise JobRefused(
                f"eta {eta} has no time zone: say which one, e.g. datetime(..., tzinfo=ZoneInfo('Asia/Kolkata'))"
            )
    elif isinstance(eta, int | float) and not isinstance(eta, bool) and math.isfinite(eta):
        if abs(eta) > time.time() * 1000 + LONGEST_MS:
            raise JobRefused("the job would wait for more than 100 years")
        eta = datetime.fromtimestamp(eta / 1000, UTC)
    else:
        raise JobRefused(f"eta must be a datetime with a zone or milliseconds since the epoch, not {eta!r}")
    if eta.timestamp() * 1000 > time.time() * 1000 + LONGEST_MS:
        raise JobRefused("the job would wait for more than 100 years")
    return str(eta.isoformat())


def unique_key_of(message: Message[Any], actor: Actor[Any, Any]) -> str | None:
    """The key given with `unique_key=`, else, for actors with the option `unique`, actor and arguments.

    A callable `unique_key` option of the actor makes the key from the arguments.
    """
    key = message.options.get("unique_key")
    if key is None and callable(actor.options.get("unique_key")):
        key = actor.options["unique_key"](*message.args, **message.kwargs)
    if key is None:
        if actor.options.get("unique") is None:
            return None
        key = _canonical(message.args, message.kwargs)
    if not isinstance(key, str) or not key or len(key) > 1000 or "\0" in key or not _encodes(key):
        raise JobRefused(
            f"{actor.actor_name}: unique_key must be a text of 1 to 1000 characters, not {key!r}"
        )
    return f"{actor.actor_name}:{short_enough(key)}"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _canonical(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    import hashlib
    import json

    text = json.dumps([args, kwargs], sort_keys=True, default=str)
    return text if len(text) <= 400 else hashlib.sha256(text.encode()).hexdigest()
