"""Adding: recurring jobs that no code declares. They live in the store, and run by the same ledger as the code's."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from infra.queue.admission import known_actor
from infra.queue.errors import JobRefused
from infra.queue.message import seal
from infra.scheduling.cron import DEFAULT_ZONE, Cron, cron
from infra.scheduling.declare import all_declared
from infra.scheduling.errors import RecurringRefused, WrongRecurring
from infra.scheduling.ledger import message_of, statements, takes_scheduled_for
from infra.scheduling.recurring import check
from infra.store.connections import Store

Added = Literal["added", "unchanged", "replaced"]

INSTEAD = "Pause or reschedule that one, or take another name"

EXAMPLE = datetime(2026, 1, 1, tzinfo=UTC)
"""A run is tried out for the first moment after this one."""


@dataclass(frozen=True)
class NewRecurring:
    """A recurring job to be added.

    Parameters:
      missed, overlap: as of `@recurring`.
      paused_reason: it is added paused, and why; one that is there already stays as it is, paused or not.
    """

    name: str
    actor_name: str
    spec: str
    zone: str = DEFAULT_ZONE
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    missed: str = "once"
    overlap: str = "allow"
    paused_reason: str | None = None

    @property
    def cron(self) -> Cron:
        return cron(self.spec, self.zone)

    @property
    def facts(self) -> dict[str, Any]:
        """What makes it the same as another of its name."""
        return {
            "actor": self.actor_name,
            "arguments": [list(self.args), dict(self.kwargs)],
            "schedule": self.spec,
            "zone": self.zone,
            "missed": self.missed,
            "overlap": self.overlap,
        }


def add(
    store: Store,
    broker: Any,
    *,
    name: str,
    actor_name: str,
    spec: str,
    zone: str = DEFAULT_ZONE,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    missed: str = "once",
    overlap: str = "allow",
    by: str,
    replace: bool = False,
    paused_reason: str | None = None,
) -> Added:
    """`add_many` for one."""
    job = NewRecurring(name, actor_name, spec, zone, args, kwargs or {}, missed, overlap, paused_reason)
    return add_many(store, broker, [job], by=by, replace=replace)[0]


def add_many(
    store: Store,
    broker: Any,
    jobs: Sequence[NewRecurring],
    *,
    by: str,
    replace: bool = False,
    dry_run: bool = False,
) -> list[Added]:
    """Adds all of them or none, in one transaction. Returns what became of each, or with `dry_run` what would.

    One that is there with the same values is left as it is, or runs again where it was an orphan; one with other values
    is refused, or replaced with `replace`, which keeps its pause.

    Raises WrongRecurring for what cannot run, RecurringRefused for a name that is in use, psycopg2.Error.
    """
    for job in jobs:
        _checked(store, broker, job)
    _names_free(store, broker, [job.name for job in jobs])
    sql = statements(store)
    with store.transaction() as cursor:
        cursor.execute(sql.clock)
        now = cursor.fetchall()[0][0]
        cursor.execute(sql.taken, {"names": [job.name for job in jobs]})
        taken = {row[0]: _Taken(*row) for row in cursor.fetchall()}
        became = [_against(job, taken.get(job.name), replace) for job in jobs]
        if dry_run:
            return became
        for verb in ("added", "replaced"):
            chosen = [job for job, what in zip(jobs, became, strict=True) if what == verb]
            if not chosen:
                continue
            same = [job.name in taken and taken[job.name].same_schedule(job) for job in chosen]
            cursor.execute(
                sql.add if verb == "added" else sql.replace, _columns(chosen, now, by) | {"same": same}
            )
            written = {name for (name,) in cursor.fetchall()}
            if lost := [job.name for job in chosen if job.name not in written]:
                raise RecurringRefused(f"{lost[0]}: somebody else changed it in this very moment, try again")
        return became


@dataclass(frozen=True)
class _Taken:
    """The job that has a name already."""

    name: str
    actor_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    spec: str
    zone: str
    missed: str
    overlap: str
    declared: bool
    orphaned: bool
    added_by: str | None

    def same_schedule(self, job: NewRecurring) -> bool:
        """However it is written."""
        try:
            return cron(self.spec, self.zone) == job.cron
        except ValueError:  # as with a zone that this machine does not have
            return False

    def differences(self, job: NewRecurring) -> list[str]:
        """What is other than in the job to be added, in words."""
        here = NewRecurring(
            self.name,
            self.actor_name,
            self.spec,
            self.zone,
            self.args,
            self.kwargs,
            self.missed,
            self.overlap,
        )
        if self.same_schedule(job):
            here = NewRecurring(**{**vars(here), "spec": job.spec, "zone": job.zone})
        wanted = job.facts
        return [
            # Arguments are not shown: they may be secret.
            "arguments" if what == "arguments" else f"{what} {value!r} instead of {wanted[what]!r}"
            for what, value in here.facts.items()
            if value != wanted[what]
        ]


def _against(job: NewRecurring, taken: _Taken | None, replace: bool) -> Added:
    if taken is None:
        return "added"
    if taken.declared:
        owner = (
            "an orphan has it, which no code declares any more. Remove that first"
            if taken.orphaned
            else f"the code declares it. {INSTEAD}"
        )
        raise RecurringRefused(f"{job.name} is in use: {owner}")
    differences = taken.differences(job)
    if not differences:
        return "replaced" if taken.orphaned else "unchanged"  # its actor is there: it runs again
    if not replace:
        raise RecurringRefused(
            f"{job.name} is in use: {taken.added_by} added it, with other values ({', '.join(differences)})"
        )
    return "replaced"


def _checked(store: Store, broker: Any, job: NewRecurring) -> None:
    try:
        check(job.name, job.missed, job.overlap)
    except ValueError as error:
        raise WrongRecurring(str(error)) from None
    try:
        actor = known_actor(broker.actors, job.actor_name)
        service = broker.service_of(actor)
        if service != store.service:
            raise WrongRecurring(f"{job.actor_name} is an actor of {service}, not of {store.service}")
        if takes_scheduled_for(actor) and "scheduled_for" in job.kwargs:
            raise WrongRecurring("scheduled_for is the moment that was due: it cannot be given")
        if inspect.isgeneratorfunction(actor.fn):
            raise WrongRecurring(f"{job.actor_name} is a generator: its body would not run")
        moment = job.cron.next_after(EXAMPLE) or EXAMPLE
        run = message_of(
            broker, job.name, job.actor_name, list(job.args), dict(job.kwargs), moment, job.cron.zone
        )
        seal(run, None, broker)
    except (JobRefused, ValueError, TypeError) as error:
        raise WrongRecurring(f"{job.name}: {error}") from None


def _names_free(store: Store, broker: Any, names: list[str]) -> None:
    """Names are one job's in the whole house: commands take them without a service."""
    if double := [name for name, count in Counter(names).items() if count > 1]:
        raise WrongRecurring(f"{double[0]} is there twice")
    code = all_declared(broker)
    for name in names:
        if name in code:
            raise RecurringRefused(f"{name} is in use: the code of {code[name]} declares it. {INSTEAD}")
    for service in broker.config.jobs_services:
        other = broker.store(service)
        if service == store.service:
            continue
        for name, *_ in other.fetch(statements(other).taken, {"names": names}):
            raise RecurringRefused(f"{name} is in use: {service} has a recurring job of that name")


def _columns(jobs: Sequence[NewRecurring], now: datetime, by: str) -> dict[str, Any]:
    return {
        "names": [job.name for job in jobs],
        "actors": [job.actor_name for job in jobs],
        "args": [json.dumps(list(job.args)) for job in jobs],
        "kwargs": [json.dumps(dict(job.kwargs)) for job in jobs],
        "specs": [job.cron.spec for job in jobs],
        "zones": [job.cron.zone.key for job in jobs],
        "missed": [job.missed for job in jobs],
        "overlaps": [job.overlap for job in jobs],
        "nexts": [job.cron.next_after(now) for job in jobs],
        "pause_reasons": [job.paused_reason for job in jobs],
        "by": by,
    }
