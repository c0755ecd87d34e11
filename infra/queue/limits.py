"""Limits that actors set on their own jobs: how many run at once, and how many start in a time.

    @actor(service="sales", max_running=5, max_running_per="community_id", rate="100/minute")

A job's limit is written with it when it is sent, as its `limit_key`; claim_limited() in the schema keeps to it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from dramatiq import Actor, Message

from infra.queue.errors import WrongArguments
from infra.queue.keys import short_enough

OPTIONS = frozenset({"max_running", "max_running_per", "rate"})

_RATE = re.compile(r"\s*(\d+)\s*/\s*(\d*)\s*(s|seconds?|m|minutes?|h|hours?|d|days?)\s*", re.ASCII)
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_MS = 31 * _UNIT_MS["d"]


class Rate(NamedTuple):
    """So many starts in any so many milliseconds."""

    starts: int
    milliseconds: int

    def __str__(self) -> str:
        for unit, name in (("d", "day"), ("h", "hour"), ("m", "minute"), ("s", "second")):
            many, rest = divmod(self.milliseconds, _UNIT_MS[unit])
            if not rest:
                return f"{self.starts}/{name}" if many == 1 else f"{self.starts}/{many}{unit}"
        return f"{self.starts}/{self.milliseconds}ms"


class Limits(NamedTuple):
    """What an actor's options say; None where they say nothing."""

    max_running: int | None
    per: str | None
    rate: Rate | None


def limits_of(actor: Actor[Any, Any]) -> Limits:
    """Raises ValueError for options that make no sense."""
    name, options = actor.actor_name, actor.options
    most = options.get("max_running")
    if most is not None and not (_is_whole(most) and 1 <= most < 2**31):
        raise ValueError(f"{name}: max_running must be a whole number from 1 on, not {most!r}")
    rate = options.get("rate")
    limits = Limits(most, options.get("max_running_per"), None if rate is None else _rate_of(name, rate))
    if limits == Limits(None, None, None):
        return limits
    if ":" in name:  # which separates it from the value that is limited
        raise ValueError(f"{name}: the name of an actor with a limit must have no colon")
    if limits.per is not None:
        if most is None and rate is None:
            raise ValueError(f"{name}: max_running_per goes with max_running or rate")
        _check_parameter(actor, limits.per)
    return limits


def limit_key_of(message: Message[Any], actor: Actor[Any, Any]) -> str | None:
    """The limit that a job counts under; None for an actor without one. limit_of() in the schema says the same.

    Raises WrongArguments when the argument that is limited is none to go by.
    """
    options = actor.options
    if options.get("max_running") is None and options.get("rate") is None:
        return None
    parameter = options.get("max_running_per")
    if parameter is None:
        return actor.actor_name
    return f"{actor.actor_name}:{_word_of(message, actor, parameter)}"


def _word_of(message: Message[Any], actor: Actor[Any, Any], parameter: str) -> str:
    place = _place(actor.fn, parameter)
    if parameter in message.kwargs:
        value = message.kwargs[parameter]
    elif place is not None and place < len(message.args):
        value = message.args[place]
    else:
        raise WrongArguments(
            f"{actor.actor_name}: argument {parameter!r}, by which its jobs are limited, must be given when the job is "
            "sent; here another job's result is to be it"
        )
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if not isinstance(value, str | int):
        raise WrongArguments(
            f"{actor.actor_name}: its jobs are limited by {parameter!r}, which must be a text or a whole number, "
            f"not {type(value).__name__}"
        )
    # The text itself: that of an enumeration's member would be its name.
    return short_enough(str.__str__(value) if isinstance(value, str) else int.__repr__(value))


def _rate_of(name: str, rate: Any) -> Rate:
    parts = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if parts is None:
        raise ValueError(
            f"{name}: rate must be like '100/minute' (second, minute, hour, day) or '5/10s' (s, m, h, d), not {rate!r}"
        )
    count, many, unit = parts.groups()
    found = Rate(int(count), int(many or 1) * _UNIT_MS[unit[0]])
    if not (1 <= found.starts < 2**31 and 1 <= found.milliseconds <= LONGEST_MS):
        raise ValueError(f"{name}: rate must allow at least 1 start in at most 31 days, not {rate!r}")
    return found


def _check_parameter(actor: Actor[Any, Any], parameter: Any) -> None:
    known = _parameters(actor.fn)
    if parameter not in known:
        there = f"; it has {', '.join(known)}" if known else ""
        raise ValueError(
            f"{actor.actor_name}: max_running_per must name a parameter of its function, not {parameter!r}{there}"
        )
    if known[parameter].default is not inspect.Parameter.empty:
        raise ValueError(
            f"{actor.actor_name}: max_running_per names {parameter!r}, which has a default: every job must say what "
            "it counts under"
        )


@cache
def _parameters(fn: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Those that can be named."""
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return {}
    return {name: p for name, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


@cache
def _place(fn: Callable[..., Any], parameter: str) -> int | None:
    """Where the argument is when it is given by place."""
    known = _parameters(fn)
    return None if known[parameter].kind is inspect.Parameter.KEYWORD_ONLY else list(known).index(parameter)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
