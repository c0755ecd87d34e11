"""What the code declares of recurring jobs, written into the stores, so that operators see it and workers catch up."""

from __future__ import annotations

from typing import Any

from infra.scheduling.ledger import statements
from infra.scheduling.recurring import Recurring
from infra.store.connections import Store


def declared(broker: Any, service: str) -> dict[str, tuple[Any, Recurring]]:
    """The recurring jobs of one service, with their actors, by name. Raises ValueError where a name is used twice."""
    found: dict[str, tuple[Any, Recurring]] = {}
    for actor in broker.actors.values():
        job = actor.options.get("recurring")
        if job is None or broker.service_of(actor) != service:
            continue
        if job.name in found:
            other = found[job.name][0].actor_name
            raise ValueError(
                f"the recurring job {job.name} is declared twice: {other} and {actor.actor_name}"
            )
        found[job.name] = (actor, job)
    return found


def declare(broker: Any, store: Store, *, complete: bool) -> int:
    """Writes what is new or changed. Returns how many that were.

    Parameters:
      complete: whether every room was loaded, so that a job the store knows and the code does not is an orphan.
    """
    found = declared(broker, store.service)
    sql = statements(store)
    with store.pool.borrowed() as conn:
        conn.autocommit = False
        with conn, conn.cursor() as cursor:
            changed = 0
            if found:
                cursor.execute(sql.clock)
                now = cursor.fetchall()[0][0]
                jobs = [job for _, job in found.values()]
                parameters = {
                    "names": list(found),
                    "actors": [actor.actor_name for actor, _ in found.values()],
                    "specs": [job.cron.spec for job in jobs],
                    "zones": [job.cron.zone.key for job in jobs],
                    "missed": [job.missed for job in jobs],
                    "overlaps": [job.overlap for job in jobs],
                    "nexts": [job.cron.next_after(now) for job in jobs],
                }
                cursor.execute(sql.declare, parameters)
                changed = len(cursor.fetchall())
            if complete:
                cursor.execute(sql.orphan, {"names": list(found)})
                changed += len(cursor.fetchall())
            return changed
