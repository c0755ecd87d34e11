"""What the code declares of recurring jobs, written into the stores, so that operators see it and workers catch up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from infra.scheduling.ledger import schedule, statements
from infra.scheduling.recurring import Recurring
from infra.store.connections import Store


def declared(broker: Any, service: str) -> dict[str, tuple[Any, Recurring]]:
    """The recurring jobs of one service, with their actors, by name.

    Raises ValueError where a name is used twice, be it in two services: commands take names without one.
    """
    found: dict[str, tuple[Any, Recurring]] = {}
    for actor in broker.actors.values():
        job = actor.options.get("recurring")
        if job is None:
            continue
        if job.name in found:
            other = found[job.name][0].actor_name
            raise ValueError(
                f"the recurring job {job.name} is declared twice: {other} and {actor.actor_name}"
            )
        found[job.name] = (actor, job)
    return {name: (actor, job) for name, (actor, job) in found.items() if broker.service_of(actor) == service}


def all_declared(broker: Any) -> dict[str, str]:
    """The names of all recurring jobs that the code declares, and whose service each is."""
    actors = [actor for actor in broker.actors.values() if "recurring" in actor.options]
    return {actor.options["recurring"].name: broker.service_of(actor) for actor in actors}


def declare(broker: Any, store: Store, *, complete: bool) -> int:
    """Writes what is new or changed. Returns how many that were.

    Parameters:
      complete: whether every room was loaded, so that a job which the store knows is an orphan when the code neither
        declares it nor, where it was added at run time, has its actor.
    """
    found = declared(broker, store.service)
    known = {"names": list(found), "actors": list(broker.actors)}
    sql = statements(store)
    changed: set[str] = set()
    with store.pool.borrowed() as conn:
        conn.autocommit = False
        with conn, conn.cursor() as cursor:
            cursor.execute(sql.clock)
            now = cursor.fetchall()[0][0]
            cursor.execute(sql.orphans_back, known)
            back = {name: schedule(spec, zone).next_after(now) for name, spec, zone in cursor.fetchall()}
            if back:
                cursor.execute(sql.adopt, {"names": list(back), "nexts": list(back.values())})
                changed |= {name for (name,) in cursor.fetchall()}
            if found:
                cursor.execute(sql.declare, _columns(found, now))
                changed |= {name for (name,) in cursor.fetchall()}
            if complete:
                cursor.execute(sql.orphan, known)
                changed |= {name for (name,) in cursor.fetchall()}
    return len(changed)


def _columns(found: dict[str, tuple[Any, Recurring]], now: datetime) -> dict[str, Any]:
    jobs = [job for _, job in found.values()]
    return {
        "names": list(found),
        "actors": [actor.actor_name for actor, _ in found.values()],
        "specs": [job.cron.spec for job in jobs],
        "zones": [job.cron.zone.key for job in jobs],
        "missed": [job.missed for job in jobs],
        "overlaps": [job.overlap for job in jobs],
        "nexts": [job.cron.next_after(now) for job in jobs],
    }
