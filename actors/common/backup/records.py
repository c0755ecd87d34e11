"""The record of backups, in the table common.backup: what began, what became of it, what was restored for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actors.common.backup import manifest
from actors.common.backup.databases import Database
from actors.common.backup.errors import BackupError, UnknownBackup
from actors.common.backup.manifest import Manifest
from actors.common.backup.place import Place, place_at
from infra.gateways.bucket import BucketError
from infra.store import connections
from infra.store.rows import all_rows, one_row
from infra.store.sql import load

DIED = "the process that took it ended before it was done"


@dataclass(frozen=True)
class Record:
    """A row: a backup that is good, failed, runs, or was removed by rotation."""

    id: str
    database: str
    series: str
    place: str
    state: str
    scheduled_for: datetime | None
    started_at: datetime
    finished_at: datetime | None
    size: int | None
    sha256: str | None
    tables_listed: int | None
    verified_at: datetime | None
    failure: str | None
    removed_at: datetime | None


@contextmanager
def one_at_a_time() -> Iterator[bool]:
    """Whether nobody else takes backups now. The right ends with the block, or with the process."""
    with connections.transaction("common") as connection:
        yield bool(one_row(connection, _statements().take_turn).ours)


def begin(database: Database, place: Place, scheduled_for: datetime | None) -> str | None:
    """The id for a new backup; None when this tick has its backup of this database."""
    with connections.transaction("common") as connection:
        moment = one_row(
            connection, _statements().moment_to_begin, series=database.series, scheduled_for=scheduled_for
        )
        if moment.taken:
            return None
        backup_id = manifest.id_at(database.series, moment.now)
        _one(
            connection,
            "begin",
            id=backup_id,
            database=database.name,
            series=database.series,
            place=place.url,
            scheduled_for=scheduled_for,
        )
    return backup_id


def finish(done: Manifest, place: Place, listed: int) -> Record:
    """It is good. One that this table does not know, because the database was lost and came back, is added."""
    with connections.transaction("common") as connection:
        return _record(
            _one(
                connection,
                "finish",
                id=done.id,
                database=done.database,
                series=done.series,
                place=place.url,
                taken_at=done.taken_at,
                size=done.size,
                sha256=done.sha256,
                listed=listed,
            )
        )


def fail(backup_id: str, why: str) -> None:
    with connections.transaction("common") as connection:
        _one(connection, "fail", id=backup_id, failure=why[:2000])


def settle_interrupted() -> None:
    """What runs that died left as RUNNING: good where all was written, else failed, and its files removed.

    Only for who has the turn: nobody else's backup can be RUNNING then.
    """
    with connections.transaction("common") as connection:
        left = [(row.id, row.place) for row in all_rows(connection, _statements().running)]
    for backup_id, url in left:
        try:
            _settle(backup_id, place_at(url))
        except (
            BackupError,
            BucketError,
            OSError,
        ) as error:  # a place that was given up must not stop new backups
            fail(backup_id, f"{DIED}, and what it left cannot be looked at: {error}")


def _settle(backup_id: str, place: Place) -> None:
    if backup_id in manifest.complete(place):
        done = manifest.read(backup_id, place)
        finish(done, place, len(done.tables))
    else:
        manifest.delete(backup_id, place)
        fail(backup_id, DIED)


def verify(backup_id: str) -> datetime:
    """Note that it was restored and equal; returns the moment."""
    with connections.transaction("common") as connection:
        moment: datetime = _one(connection, "verify", id=backup_id).verified_at
    return moment


def verified(series: str) -> set[str]:
    """Ids of the backups of a series that were restored for a test, and are kept."""
    with connections.transaction("common") as connection:
        return {row.id for row in all_rows(connection, _statements().verified, series=series)}


def remove(ids: set[str]) -> None:
    with connections.transaction("common") as connection, connection.cursor() as cursor:
        cursor.execute(_statements().remove, {"ids": sorted(ids)})


def latest(limit: int) -> list[Record]:
    """The newest first."""
    with connections.transaction("common") as connection:
        return [_record(row) for row in all_rows(connection, _statements().latest, limit=limit)]


def named(text: str) -> Record:
    """The one whose id is this, or begins so. Raises UnknownBackup."""
    with connections.transaction("common") as connection:
        found = [_record(row) for row in all_rows(connection, _statements().like, beginning=text)]
    exact = [each for each in found if each.id == text]
    if len(exact or found) != 1:
        many = (
            f"{len(found)} backups have ids that begin with {text}" if found else f"there is no backup {text}"
        )
        raise UnknownBackup(f"{many}; dhanman-jobs backup list shows them")
    return (exact or found)[0]


def newest_good() -> list[Record]:
    """Of each database that has one."""
    with connections.transaction("common") as connection:
        return [_record(row) for row in all_rows(connection, _statements().newest_good)]


def _one(connection: Any, statement: str, **values: Any) -> Any:
    return one_row(connection, getattr(_statements(), statement), **values)


def _record(row: Any) -> Record:
    return Record(**{name: getattr(row, name) for name in Record.__dataclass_fields__})


def _statements() -> Any:
    return load("actors.common.backup")
