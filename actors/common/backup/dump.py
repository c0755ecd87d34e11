"""One backup: a snapshot of the database, its tables counted in it, and pg_dump's copy of it streamed to its place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from subprocess import PIPE
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from actors.common.backup import manifest
from actors.common.backup.databases import Database
from actors.common.backup.errors import BackupError, said_by_postgres
from actors.common.backup.manifest import Manifest
from actors.common.backup.place import Place, explained
from actors.common.backup.programs import Programs, connection_of, feed, pieces, programs_for, running
from infra.store.connections import connect
from infra.store.rows import one_row
from infra.store.sql import load

LOCK_WAIT = "5min"
"""How long pg_dump waits for a table that somebody alters."""


def dump(
    database: Database,
    backup_id: str,
    place: Place,
    *,
    told: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Manifest, int]:
    """Back a database up under this id. Returns what it holds, and how many tables pg_restore found in the file.

    Nothing is left behind by one that fails or is stopped.

    Parameters:
      told: is told the bytes written so far.
      stopped: is asked, between pieces, whether to stop.

    Raises BackupError, Stopped.
    """
    programs = programs_for(database.version)
    with explained(place):
        try:
            done = _written(database, backup_id, place, programs, told, stopped)
            listed = listed_tables(programs, place, done)
            manifest.write(done, place)
        except BaseException:
            _removed(backup_id, place)
            raise
    return done, listed


def listed_tables(programs: Programs, place: Place, backup: Manifest) -> int:
    """How many tables pg_restore lists in a backup. Raises BackupError when it reads none of it, or misses a table."""
    command, (_, environment) = [programs.path("pg_restore"), "--list"], connection_of("")
    with tempfile.TemporaryFile() as listing:
        with (
            place.reading(backup.file) as file,
            running(command, environment, otherwise="check", stdin=PIPE, stdout=listing) as child,
        ):
            feed(child, file)
        listing.seek(0)
        listed = listing.read().count(b" TABLE DATA ")
    if listed < len(backup.tables):
        raise BackupError("check", f"pg_restore --list shows {listed} tables of {len(backup.tables)}")
    return listed


@contextmanager
def snapshot(database: Database) -> Iterator[tuple[Any, str, datetime]]:
    """A connection that sees the database as it is now, the name under which pg_dump sees the same, and the moment."""
    try:
        with closing(connect(database.url, autocommit=False, name="dhanman-jobs backup")) as connection:
            connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
            row = one_row(connection, load("actors.common.backup").export_snapshot)
            yield connection, row.snapshot, row.taken_at
    except psycopg2.Error as error:
        raise said_by_postgres(str(error).strip().partition("\n")[0], "dump") from error


def _written(
    database: Database,
    backup_id: str,
    place: Place,
    programs: Programs,
    told: Callable[[int], None],
    stopped: Callable[[], bool],
) -> Manifest:
    digest, size = sha256(), 0
    with snapshot(database) as (connection, name, taken_at):
        tables = manifest.contents(connection, stopped)
        address, environment = connection_of(database.url)
        command = [
            *(programs.path("pg_dump"), "--format=custom", "--no-password", f"--snapshot={name}"),
            *(f"--lock-wait-timeout={LOCK_WAIT}", f"--dbname={address}"),
        ]
        with (
            place.writing(backup_id + manifest.DUMP) as file,
            running(command, environment, otherwise="dump", stdout=PIPE) as child,
        ):
            assert child.stdout is not None
            for piece in pieces(child.stdout, stopped):
                digest.update(piece)
                file.write(piece)
                size += len(piece)
                told(size)
    return Manifest(
        id=backup_id,
        database=database.name,
        series=database.series,
        version=database.version,
        encoding=database.encoding,
        taken_at=taken_at,
        size=size,
        sha256=digest.hexdigest(),
        tables=tables,
    )


def _removed(backup_id: str, place: Place) -> None:
    try:
        manifest.delete(backup_id, place)
    except Exception:  # noqa: BLE001 - what went wrong before is what matters; without a manifest it does not count
        return
