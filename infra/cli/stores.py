"""From what was typed to stores, filters and jobs."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from infra.cli.output import FAILED, USAGE, Stop
from infra.queue.admission import did_you_mean
from infra.queue.find import Filter, ids_like
from infra.queue.states import state_named
from infra.settings import SERVICES, parse_duration, settings
from infra.store.connections import Store, store_of


def stores(service: str | None) -> list[Store]:
    """The store of one service, or those of JOBS_SERVICES."""
    if service is None:
        return [store_of(name) for name in settings().jobs_services]
    if service not in SERVICES:
        hint = did_you_mean(service, SERVICES)
        raise Stop(f"unknown service {service!r}{hint}; one of {', '.join(SERVICES)}", USAGE)
    return [store_of(service)]


class EveryStore:
    """Where each service's jobs are, in the way of a broker."""

    def store(self, service: str) -> Store:
        return store_of(service)


def by_whom() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def duration(text: str | None, option: str) -> timedelta | None:
    if text is None:
        return None
    try:
        value: timedelta = parse_duration(text)
    except ValueError as error:
        raise Stop(f"{option} {text}: {error}", USAGE) from None
    return value


def value_of(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def named_values(pairs: Iterable[str] | None, option: str) -> dict[str, Any]:
    values = {}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise Stop(f"{option} {pair}: give NAME=VALUE", USAGE)
        values[name] = value_of(text)
    return values


def filter_of(
    states: list[str] | None,
    actor: str | None,
    queue: str | None,
    older: str | None,
    newer: str | None,
    arguments: list[str] | None,
    *,
    default_states: tuple[str, ...] = (),
) -> Filter:
    try:
        wanted = tuple(state_named(name) for text in states or () for name in text.split(","))
    except ValueError as error:
        raise Stop(f"--state: {error}", USAGE) from None
    return Filter(
        states=wanted or default_states,
        actor=actor,
        queue=queue,
        older=duration(older, "--older"),
        newer=duration(newer, "--newer"),
        arguments=named_values(arguments, "--arg"),
    )


def one_job(among: list[Store], typed: str) -> tuple[Store, str]:
    """The one job whose id begins so."""
    return _one(among, typed, ids_like, "job")


def one_workflow(among: list[Store], typed: str) -> tuple[Store, str]:
    """The one batch, group, pipeline or workflow whose id begins so, and the store in which it is kept."""
    from infra.composition.find import workflow_ids_like

    return _one(among, typed, workflow_ids_like, "batch or workflow")


def _one(
    among: list[Store], typed: str, ids_of: Callable[[Store, str], list[str]], what: str
) -> tuple[Store, str]:
    try:
        found = [(store, id_) for store in among for id_ in ids_of(store, typed)]
    except ValueError as error:
        raise Stop(str(error), USAGE) from None
    if not found:
        raise Stop(
            f"no {what} {typed} in {', '.join(store.schema for store in among)}; it may have expired", FAILED
        )
    if len(found) > 1:
        raise Stop(f"{typed} is the beginning of {len(found)} ids: {', '.join(i for _, i in found)}", USAGE)
    return found[0]


def jobs_named(among: list[Store], typed: Iterable[str]) -> dict[Store, list[str]]:
    """The ids that were typed, complete, by store; each once."""
    named: dict[Store, list[str]] = {}
    for text in typed:
        store, message_id = one_job(among, text)
        ids = named.setdefault(store, [])
        if message_id not in ids:
            ids.append(message_id)
    return named
