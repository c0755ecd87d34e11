"""`@recurring(name, cron(...))`: a job that runs by the calendar."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import dramatiq

from infra.queue.current import current_run
from infra.queue.errors import JobRefused
from infra.scheduling.cron import Cron
from infra.scheduling.fire import fire_at_wake
from infra.scheduling.zones import UnknownZone, zone_named
from infra.settings import SERVICES

Missed = Literal["once", "all", "skip"]
Overlap = Literal["allow", "skip", "queue"]
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Recurring:
    """What the code declares of a recurring job; an option of its actor."""

    name: str
    cron: Cron
    missed: Missed
    overlap: Overlap


class RecurringActor(dramatiq.Actor[..., Any]):
    """An actor whose ticks go through the ledger: periodiq sends with the option `scheduled_at`."""

    def send_with_options(
        self, *, args: Any = (), kwargs: Any = None, delay: Any = None, **options: Any
    ) -> Any:
        message = self.message_with_options(args=args, kwargs=kwargs, **options)
        if "scheduled_at" in options:
            fire_at_wake(self.broker, str(options["scheduled_at"]))
            return message
        return self.broker.enqueue(message, delay=delay)


def recurring(
    name: str,
    cron: Cron,
    *,
    missed: Missed = "once",
    overlap: Overlap = "allow",
    queue_name: str = "default",
    **options: Any,
) -> Callable[[Callable[..., Any]], dramatiq.Actor[..., Any]]:
    """Declares the function below it as an actor `<service>.<function>` that runs by `cron`.

    The service is that of its module, periodic.<service>, or the option `service`. A parameter `scheduled_for` gets the
    moment for which the run was due, an aware datetime in the zone of the schedule that counts, be it the code's or an
    operator's, however late it runs. Nothing else is given to the function: its other parameters need defaults.

    Parameters:
      missed: ticks that nobody could send: "once" makes up for the latest, "all" for each, "skip" for none.
      overlap: when the run before it has not ended: "allow" both, "skip" this one, or "queue" it after the other.
      options: any actor option.

    Raises ValueError or TypeError for a wrong name or option, or a function that a calendar cannot call.
    """
    check(name, missed, overlap)
    if not isinstance(cron, Cron):
        raise TypeError(f"{name}: give a cron(...), not {cron!r}")

    def declare(fn: Callable[..., Any]) -> dramatiq.Actor[..., Any]:
        _check_function(fn, name)
        service = options.pop("service", None) or _service_of(fn, name)
        make = dramatiq.actor(
            actor_class=RecurringActor,
            actor_name=f"{service}.{fn.__name__}",
            queue_name=queue_name,
            service=service,
            periodic=cron,
            recurring=Recurring(name, cron, missed, overlap),
            **options,
        )
        made: dramatiq.Actor[..., Any] = make(_with_moment(fn, cron, f"{service}.{fn.__name__}"))
        return made

    return declare


def check(name: str, missed: str, overlap: str) -> None:
    """Raises ValueError for a name or a policy that a recurring job cannot have."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"a recurring job's name is of small letters, digits and dashes, not {name!r}")
    if len(name) > 100:
        raise ValueError(f"a recurring job's name has at most 100 characters; {name[:40]}... has {len(name)}")
    for what, policy, allowed in (
        ("missed", missed, get_args(Missed)),
        ("overlap", overlap, get_args(Overlap)),
    ):
        if policy not in allowed:
            raise ValueError(f"{name}: {what} must be one of {', '.join(allowed)}, not {policy!r}")


def _check_function(fn: Callable[..., Any], name: str) -> None:
    """Raises TypeError for a function that could never run: it is called without arguments, or with `scheduled_for`."""
    if inspect.iscoroutinefunction(fn) or inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(
            f"{name}: {fn.__name__} is async or a generator: its body would not run; make it a plain function"
        )
    for parameter in inspect.signature(fn).parameters.values():
        gathers = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)  # may stay empty
        if parameter.name == "scheduled_for":
            if gathers or parameter.kind is parameter.POSITIONAL_ONLY:
                raise TypeError(f"{name}: {fn.__name__}({parameter}) must take scheduled_for by its name")
        elif parameter.default is parameter.empty and not gathers:
            raise TypeError(
                f"{name}: nothing gives {fn.__name__} its parameter {parameter.name!r}: a run is told scheduled_for "
                "only; give it a default"
            )


def _with_moment(fn: Callable[..., Any], cron: Cron, actor_name: str) -> Callable[..., Any]:
    """Messages carry the moment as text; without one, as when it is sent by hand, it is now."""
    if "scheduled_for" not in inspect.signature(fn).parameters:
        return fn

    def run(scheduled_for: str | None = None) -> Any:
        moment = datetime.now(cron.zone) if scheduled_for is None else _moment(scheduled_for)
        return fn(scheduled_for=_in_zone(moment, cron, actor_name))

    for name in (
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
    ):  # not functools.wraps: its signature is not fn's
        setattr(run, name, getattr(fn, name))
    return run


def _in_zone(moment: datetime, cron: Cron, actor_name: str) -> datetime:
    """In the zone that the run's message names, which is an operator's where one rescheduled it; else in the code's."""
    run = current_run()
    named = run.options.get("scheduled_zone") if run is not None and run.actor_name == actor_name else None
    if named is None:
        return moment.astimezone(cron.zone)
    try:
        return moment.astimezone(zone_named(named))
    except UnknownZone:  # on this machine; the text has the zone's offset all the same
        return moment


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise JobRefused(f"scheduled_for {text} has no zone")
    return moment


def _service_of(fn: Callable[..., Any], name: str) -> str:
    room, _, service = fn.__module__.rpartition(".")
    if not room.endswith("periodic") or service not in SERVICES:
        raise ValueError(
            f"{name}: say for which service it runs, service=..., as {fn.__module__} is not periodic.<service>"
        )
    return service
