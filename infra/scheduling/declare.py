"""What the code declares of recurring jobs, written into the stores, so that operators see it and workers catch up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.scheduling.cron import Cron
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


@dataclass(frozen=True)
class _Known:
    """A job of the code's as the store has it, locked.

    Parameters:
      changed: whether an operator changed the code's schedule; one that was added at run time has none.
    """

    name: str
    spec: str
    zone: str
    changed: bool
    changed_at: datetime | None
    changed_by: str | None
    orphaned: bool
    next_at: datetime | None


def declare(broker: Any, store: Store, *, complete: bool) -> int:
    """Writes what is new or changed. Returns how many that were.

    A tick that is due already stays due, also under another schedule: the next firing makes up for it. One that is
    farther away than the schedule has it, as after a database's clock was ahead, is set to where it belongs.

    Parameters:
      complete: whether every room was loaded, so that a job which the store knows is an orphan when the code neither
        declares it nor, where it was added at run time, has its actor.
    """
    found = declared(broker, store.service)
    known = {"names": list(found), "actors": list(broker.actors)}
    elsewhere = _declared_elsewhere(broker, store.service)
    sql = statements(store)
    changed: set[str] = set()
    with store.transaction() as cursor:
        cursor.execute(sql.clock)
        now = cursor.fetchall()[0][0]
        if elsewhere:
            cursor.execute(sql.give_up, _schedules(elsewhere))
            changed |= {name for (name,) in cursor.fetchall()}
        cursor.execute(sql.orphans_back, known)
        back = {
            name: when.next_after(now)
            for name, spec, zone in cursor.fetchall()
            if (when := _readable(spec, zone)) is not None
        }
        if back:
            cursor.execute(sql.adopt, {"names": list(back), "nexts": list(back.values())})
            changed |= {name for (name,) in cursor.fetchall()}
        if found:
            cursor.execute(sql.declared_before, {"names": list(found)})
            before = {row[0]: _Known(*row) for row in cursor.fetchall()}
            cursor.execute(sql.declare, _columns(found, before, now))
            changed |= {name for (name,) in cursor.fetchall()}
        if complete:
            cursor.execute(sql.orphan, known)
            changed |= {name for (name,) in cursor.fetchall()}
    with store.transaction() as cursor:  # the locks are free again: firing need not pass over these jobs
        changed |= _pull_back(cursor, store, now)
    return len(changed)


def _declared_elsewhere(broker: Any, service: str) -> dict[str, Recurring]:
    """The recurring jobs that the code declares for other services, by name."""
    jobs = [
        actor.options["recurring"]
        for actor in broker.actors.values()
        if "recurring" in actor.options and broker.service_of(actor) != service
    ]
    return {job.name: job for job in jobs}


def _schedules(jobs: dict[str, Recurring]) -> dict[str, list[str]]:
    return {
        "names": list(jobs),
        "code_specs": [job.cron.spec for job in jobs.values()],
        "code_zones": [job.cron.zone.key for job in jobs.values()],
    }


def _columns(
    found: dict[str, tuple[Any, Recurring]], before: dict[str, _Known], now: datetime
) -> dict[str, Any]:
    jobs = {name: job for name, (_, job) in found.items()}
    # A schedule that an operator changed counts until the code says the same, however it is written.
    own = {
        name: known
        for name, known in before.items()
        if known.changed and _readable(known.spec, known.zone) != jobs[name].cron
    }
    return {
        **_schedules(jobs),
        "actors": [actor.actor_name for actor, _ in found.values()],
        "specs": [own[name].spec if name in own else job.cron.spec for name, job in jobs.items()],
        "zones": [own[name].zone if name in own else job.cron.zone.key for name, job in jobs.items()],
        "missed": [job.missed for job in jobs.values()],
        "overlaps": [job.overlap for job in jobs.values()],
        "changed_ats": [own[name].changed_at if name in own else None for name in jobs],
        "changed_bys": [own[name].changed_by if name in own else None for name in jobs],
        "nexts": [
            _next_at(
                _readable(own[name].spec, own[name].zone) if name in own else job.cron, before.get(name), now
            )
            for name, job in jobs.items()
        ],
    }


def _next_at(when: Cron | None, known: _Known | None, now: datetime) -> datetime | None:
    """What is due stays due; an orphan starts anew. A schedule that cannot be read leaves all as it is."""
    due = None if known is None or known.orphaned else known.next_at
    if when is None or (due is not None and due <= now):
        return due
    return when.next_after(now)


def _pull_back(cursor: Any, store: Store, now: datetime) -> set[str]:
    """Ticks to come that their schedule has earlier are set to that; it may be in the ledger already, and is not sent
    again then. Returns the names.
    """
    sql = statements(store)
    cursor.execute(sql.to_come)
    early = [
        (name, next_at, nearest)
        for name, spec, zone, next_at in cursor.fetchall()
        if (when := _readable(spec, zone)) is not None
        and (nearest := when.next_after(now)) is not None
        and (next_at is None or nearest < next_at)
    ]
    if not early:
        return set()
    names, olds, nexts = map(list, zip(*early, strict=True))
    cursor.execute(sql.pull_back, {"names": names, "olds": olds, "nexts": nexts})
    return {name for (name,) in cursor.fetchall()}


def _readable(spec: str, zone: str) -> Cron | None:
    """A stored schedule; None where this machine cannot read it, as without its zone."""
    try:
        return schedule(spec, zone)
    except ValueError:
        return None
