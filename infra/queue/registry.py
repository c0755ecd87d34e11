"""The registry of actors: what this code declares, written into each service's table `actor`, so that the SQL function
`enqueue` and operators know it too.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import Any

from infra.queue.limits import Limits, Rate, limits_of
from infra.queue.statements import bound
from infra.store.connections import Store


def declare(broker: Any, stores: Iterable[Store] | None = None) -> dict[str, int]:
    """Writes the broker's actors into the stores of their services (only into `stores`, when given).

    Returns, by service, how many were new or changed. Raises psycopg2.Error when a store is away or not migrated.
    """
    by_service = actors_by_service(broker)
    if stores is None:
        stores = [broker.store(service) for service in by_service]
    return {store.service: _declare_in(store, by_service.get(store.service, [])) for store in stores}


def actors_by_service(broker: Any) -> dict[str, list[Any]]:
    """The actors whose jobs can be sent."""
    found: dict[str, list[Any]] = {}
    for actor in sorted(broker.actors.values(), key=lambda a: str(a.actor_name)):
        if not actor.options.get("never_queued"):
            found.setdefault(broker.service_of(actor), []).append(actor)
    return found


def known(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The parameters of each actor that the store knows, by the actor's name."""
    return {row[0]: row[1] for row in store.fetch(bound(store.schema).registered_actors)}


def known_limits(store: Store) -> dict[str, Limits]:
    """The limits of each actor that the store knows, by the actor's name."""
    return {
        name: Limits(most, per, None if count is None else Rate(count, milliseconds))
        for name, _, most, per, count, milliseconds in store.fetch(bound(store.schema).registered_actors)
    }


def forget(store: Store, names: Iterable[str]) -> list[str]:
    """Takes actors that no code declares any more out of the registry; `enqueue` refuses them from then on."""
    return [row[0] for row in store.fetch(bound(store.schema).forget_actors, {"names": list(names)})]


def parameters_of(actor: Any) -> list[dict[str, Any]]:
    """The parameters of the actor's function: name, whether required, and annotation."""
    try:
        parameters = inspect.signature(actor.fn).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        {
            "name": str(p) if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) else p.name,
            "required": p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD),
            "annotation": None
            if p.annotation is p.empty
            else inspect.formatannotation(p.annotation).strip("'"),
        }
        for p in parameters
    ]


def _declare_in(store: Store, actors: list[Any]) -> int:
    if not actors:
        return 0
    limits = [limits_of(a) for a in actors]
    rows = store.fetch(
        bound(store.schema).declare_actors,
        {
            "names": [a.actor_name for a in actors],
            "queues": [a.queue_name for a in actors],
            "priorities": [a.priority for a in actors],
            "unique_runnings": [a.options.get("unique") == "running" for a in actors],
            "parameters": [json.dumps(parameters_of(a)) for a in actors],
            "docs": [inspect.getdoc(a.fn) for a in actors],
            "max_runnings": [limit.max_running for limit in limits],
            "max_running_pers": [limit.per for limit in limits],
            "rate_counts": [limit.rate.starts if limit.rate else None for limit in limits],
            "rate_mss": [limit.rate.milliseconds if limit.rate else None for limit in limits],
        },
    )
    return len(rows)
