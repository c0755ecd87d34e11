"""A run: each database of the installation is backed up, old backups make room, and who must know hears of failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

from actors.common.backup import alert, databases, manifest, records
from actors.common.backup.databases import Database
from actors.common.backup.dump import dump
from actors.common.backup.errors import (
    NEEDS_A_PERSON,
    BackupError,
    BackupFailed,
    BackupNeedsAPerson,
    Stopped,
)
from actors.common.backup.place import Place, explained, place_now
from actors.common.backup.records import Record
from actors.common.rules.rotation import Rotation
from infra.queue import current_job
from infra.settings import settings

LEFT_BEHIND = timedelta(hours=24)
"""Half-written files and uploads older than this are nobody's any more, even where two installations share a bucket."""
MEGABYTE = 2**20


@dataclass
class Report:
    """Parameters:
    removed: ids of old backups that rotation deleted.
    before: databases that this tick had backed up already.
    failures: names of databases (or their addresses), each with why.
    busy: another run was at it; nothing was done.
    """

    taken: list[Record] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failures: list[tuple[str, BackupError]] = field(default_factory=list)
    busy: bool = False
    stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "taken": [{"id": each.id, "bytes": each.size, "sha256": each.sha256} for each in self.taken],
            "removed": self.removed,
            "taken_before": self.before,
            "failed": [{"database": name, "kind": why.kind, "why": str(why)} for name, why in self.failures],
            "busy": self.busy,
            "stopped": self.stopped,
        }

    def fail(self) -> NoReturn:
        """Raises BackupFailed, which names each failure; BackupNeedsAPerson when no second try mends any of them."""
        hopeless = all(error.kind in NEEDS_A_PERSON for _, error in self.failures)
        said = "; ".join(f"{name}: {error}" for name, error in self.failures)
        good = f" ({len(self.taken)} backed up)" if self.taken else ""
        raise (BackupNeedsAPerson if hopeless else BackupFailed)(f"{said}{good}")


def take(
    scheduled_for: datetime | None = None,
    *,
    told: Callable[[str, int, int], None] = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Back every database up, once a tick; nothing when another run is at it. A database that fails holds up no other.

    Parameters:
      told: is told a database's name, and the bytes done so far of those of all databases, as on their servers' disks.
      stopped: is asked between pieces whether to stop; what was begun then is removed.
    """
    report = Report()
    with records.one_at_a_time() as ours:
        if not ours:
            return Report(busy=True)
        try:
            place = place_now()
            with explained(place):
                place.sweep(LEFT_BEHIND)
        except BackupError as error:
            report.failures.append(("every database", error))
        else:
            records.settle_interrupted()
            _all(report, place, scheduled_for, told, stopped)
        alert.tell(report.failures)
    return report


def by_the_clock(scheduled_for: datetime) -> dict[str, Any]:
    """The job's form of `take`: progress in megabytes, and failed, after all else is done, when a database failed.

    Raises BackupFailed.
    """
    job = current_job()

    def told(_: str, done: int, total: int) -> None:
        job.progress(done // MEGABYTE, max(total // MEGABYTE, done // MEGABYTE))

    report = take(scheduled_for, told=told, stopped=job.cancellation_requested)
    if report.failures and not report.stopped:  # who cancelled it wants no retry
        report.fail()
    return report.as_json()


def _all(
    report: Report,
    place: Place,
    scheduled_for: datetime | None,
    told: Callable[[str, int, int], None],
    stopped: Callable[[], bool],
) -> None:
    found, away = databases.databases()
    report.failures += away
    total, done = sum(each.size for each in found), 0
    for database in found:
        if stopped():
            report.stopped = True
            return

        def so_far(
            written: int, name: str = database.name, before: int = done, most: int = database.size
        ) -> None:
            told(name, before + min(written, most), total)

        try:
            _one(report, database, place, scheduled_for, so_far, stopped)
        except BackupError as error:
            report.failures.append((database.name, error))
        except Stopped:
            report.stopped = True
            return
        done += database.size
        told(database.name, done, total)


def _one(
    report: Report,
    database: Database,
    place: Place,
    scheduled_for: datetime | None,
    told: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    backup_id = records.begin(database, place, scheduled_for)
    if backup_id is None:
        report.before.append(database.name)
        return
    try:
        backup, listed = dump(database, backup_id, place, told=told, stopped=stopped)
    except (BackupError, Stopped) as error:
        records.fail(backup_id, str(error) or "stopped")
        raise
    report.taken.append(records.finish(backup, place, listed))
    report.removed += _rotate(database.series, place)


def _rotate(series: str, place: Place) -> list[str]:
    config = settings()
    rule = Rotation(config.backup_keep_days, config.backup_keep_weeks, config.backup_keep_months)
    try:
        with explained(place):
            kept = manifest.complete(place)
            ours = {each: at for each, at in kept.items() if manifest.series_of(each) == series}
            expired = rule.expired(ours, records.verified(series))
            for backup_id in sorted(expired):
                manifest.delete(backup_id, place)
    except BackupError as error:
        raise BackupError(
            "rotation", f"it was backed up, but old backups were not removed: {error}"
        ) from error
    records.remove(expired)
    return sorted(expired)
