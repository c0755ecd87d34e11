"""The facts of a health report, asked of every job store and database. Nothing here judges."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from dramatiq import get_broker

from actors.common.backup.databases import Database, databases
from actors.common.notifications.delivery import refused_of_late
from actors.common.rules.fingerprints import fingerprint
from infra.queue.overview import QueueFacts, WorkerFacts, queue_depths, workers
from infra.scheduling.find import RecurringJob, list_recurring
from infra.settings import SERVICES, Settings
from infra.store import connections
from infra.store.connections import Store, store_of
from infra.store.rows import all_rows, one_row
from infra.store.sql import load

if TYPE_CHECKING:
    from infra.maintenance.checkup import Finding

MOST_ENDED = 1_000_000
"""Jobs of a day are counted up to this many a state."""
MOST_FAILURES = 10_000
LARGEST = 5


@dataclass(frozen=True)
class ServiceFacts:
    """A service's job store.

    Parameters:
      ended: jobs that ended within a day, by the store's word for the state.
      failures: (actor, fingerprint) → how many of the latest MOST_FAILURES within a day.
      missed: recurring job → ticks within a day that nobody was there to send.
      overdue: recurring jobs whose tick should have come.
      away: why it could not be asked; everything else is empty then.
    """

    service: str
    queues: tuple[QueueFacts, ...] = ()
    ended: tuple[tuple[str, int], ...] = ()
    failures: tuple[tuple[tuple[str, str], int], ...] = ()
    missed: tuple[tuple[str, int], ...] = ()
    overdue: tuple[RecurringJob, ...] = ()
    away: str | None = None


@dataclass(frozen=True)
class DatabaseFacts:
    """A database, its growth in bytes since the report before and within a week, and its backups.

    Parameters:
      newest: id of the newest good backup; `failure` is what became of a later one.
    """

    database: Database
    grown: int | None
    grown_in_a_week: int | None
    largest: tuple[tuple[str, int], ...]
    taken_at: datetime | None = None
    verified_at: datetime | None = None
    newest: str | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Facts:
    """All of it, as of `now`.

    Parameters:
      disk_total, disk_free: bytes of the disk that holds `folder`.
      checkup: what `dhanman-jobs doctor` found.
      away: databases that did not answer: address and why.
      sync: when the last listing of Auth0's users was complete, and its outcome; None where there was none.
    """

    now: datetime
    services: tuple[ServiceFacts, ...]
    workers: tuple[WorkerFacts, ...]
    databases: tuple[DatabaseFacts, ...]
    away: tuple[tuple[str, str], ...]
    folder: Path
    disk_total: int
    disk_free: int
    checkup: tuple[Finding, ...]
    notifications_refused: int
    sync: tuple[datetime, str] | None


def gather(config: Settings, day: date) -> Facts:
    """Everything; a store or database that is away is named, and the others are asked all the same."""
    from infra.maintenance.checkup import examine  # it brings migrations along: only for who reports

    stores = [
        store_of(service) for service in SERVICES if service in config.jobs_services or _is_there(service)
    ]
    services = tuple(_service(store, config) for store in stores)
    reached = [store for store, facts in zip(stores, services, strict=True) if facts.away is None]
    with connections.transaction("common") as common:
        now: datetime = one_row(common, load("actors.common.reports").now).now
        refused = refused_of_late(common)
        last = one_row(common, load("actors.common.users").last_complete)
    found, away = databases()
    folder = config.home / "var"
    disk = shutil.disk_usage(folder if folder.exists() else config.home)
    return Facts(
        now=now,
        services=services,
        workers=tuple(workers(reached, config.jobs_server_timeout)),
        databases=tuple(_databases(found, day)),
        away=tuple((name, str(error)) for name, error in away),
        folder=folder,
        disk_total=disk.total,
        disk_free=disk.free,
        checkup=tuple(examine(stores, config, get_broker())),
        notifications_refused=refused,
        sync=(last.finished_at, last.outcome) if last else None,
    )


def _is_there(service: str) -> bool:
    """Whether other workers may work for a service that this one does not: its store is there, or away just now."""
    store = store_of(service)
    try:
        return bool(store.fetch(load("infra.maintenance").bind(store.schema).tables)[0][0])
    except psycopg2.Error:
        return True


def _service(store: Store, config: Settings) -> ServiceFacts:
    sql = load("actors.common.reports").bind(store.schema)
    try:
        failures = Counter(
            (actor, fingerprint(error))
            for actor, error, _ in store.fetch(sql.failures_in_a_day, {"most": MOST_FAILURES})
        )
        return ServiceFacts(
            store.service,
            queues=tuple(queue_depths(store, config.jobs_queues)),
            ended=tuple(store.fetch(sql.ended_in_a_day, {"most": MOST_ENDED})),
            failures=tuple(failures.most_common()),
            missed=tuple(store.fetch(sql.missed_in_a_day)),
            overdue=tuple(job for job in list_recurring(store) if job.overdue),
        )
    except psycopg2.Error as error:
        return ServiceFacts(store.service, away=str(error).strip().partition("\n")[0])


def _databases(found: list[Database], day: date) -> Iterator[DatabaseFacts]:
    sql = load("actors.common.reports")
    with connections.transaction("common") as common:
        backups = {row.series: row for row in all_rows(common, sql.last_backups)}
        for database in found:
            sizes = one_row(common, sql.note_size, series=database.series, day=day, bytes=database.size)
            backup: Any = backups.get(database.series)
            failed_since = backup and backup.failed_at and backup.failed_at > (backup.taken_at or _LONG_AGO)
            yield DatabaseFacts(
                database,
                grown=None if sizes.before is None else database.size - sizes.before,
                grown_in_a_week=None if sizes.week_before is None else database.size - sizes.week_before,
                largest=_largest(database),
                taken_at=backup and backup.taken_at,
                verified_at=backup and backup.verified_at,
                newest=backup and backup.newest,
                failure=backup.failure if failed_since else None,
            )


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _largest(database: Database) -> tuple[tuple[str, int], ...]:
    """Empty where the role may not ask."""
    store = Store("common", database.url)
    try:
        return tuple(store.fetch(load("actors.common.reports").largest_tables, {"most": LARGEST}))
    except psycopg2.Error:
        return ()
