"""The proof of a backup: restored into a scratch database, it holds the rows that its snapshot held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from subprocess import PIPE

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from actors.common.backup import databases, manifest, records
from actors.common.backup.errors import BackupError, kind_of
from actors.common.backup.manifest import Content, Manifest
from actors.common.backup.place import Place, explained
from actors.common.backup.programs import connection_of, feed, programs_for, running
from infra.settings import settings
from infra.store.connections import connect
from infra.store.rows import all_rows
from infra.store.sql import load


@dataclass(frozen=True)
class Verdict:
    """Parameters:
    rows: how many were counted, in `tables` tables, of which `summed` were compared by checksum too.
    differences: what is not as in the snapshot, a sentence each.
    """

    id: str
    tables: int
    rows: int
    summed: int
    differences: tuple[str, ...]
    verified_at: datetime | None


def verify(
    backup_id: str,
    place: Place,
    *,
    server: str | None = None,
    told: Callable[[int, int], None] = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Verdict:
    """Restore a backup into a database of its own, which is dropped afterwards, and compare; note it when it is equal.

    Parameters:
      server: URL of any database on the server to restore on; by default BACKUP_VERIFY_URL, else the one backed up.
      told: is told the bytes restored so far, and of how many.

    Raises UnknownBackup; BackupError when the file is damaged or cannot be restored; Stopped.
    """
    with explained(place):
        backup = manifest.read(backup_id, place)
        on = server or settings().backup_verify_url or _where_it_was(backup)
        with scratch_database(on, backup.encoding) as scratch:
            _restore(backup, place, scratch, told, stopped)
            with closing(connect(scratch, autocommit=False)) as connection:
                restored = manifest.contents(connection, stopped, backup.tables)
    differences = compare(backup.tables, restored)
    moment = None
    if not differences:
        records.finish(backup, place, len(backup.tables))
        moment = records.verify(backup_id)
    return Verdict(
        id=backup_id,
        tables=len(backup.tables),
        rows=sum(content.rows for content in backup.tables.values()),
        summed=sum(content.checksum is not None for content in backup.tables.values()),
        differences=differences,
        verified_at=moment,
    )


def compare(wanted: dict[str, Content], found: dict[str, Content]) -> tuple[str, ...]:
    """What differs, a sentence a table."""
    said = [f"{name} is missing" for name in wanted if name not in found]
    said += [f"{name} was not in the snapshot" for name in found if name not in wanted]
    for name in wanted.keys() & found.keys():
        if wanted[name].rows != found[name].rows:
            said.append(f"{name} has {found[name].rows:,} rows; the snapshot had {wanted[name].rows:,}")
        elif wanted[name] != found[name]:
            said.append(f"{name} has as many rows as the snapshot, {wanted[name].rows:,}, but other values")
    return tuple(sorted(said))


@contextmanager
def scratch_database(server: str, encoding: str) -> Iterator[str]:
    """The address of an empty database, gone after the block. Those of processes that died go after a day."""
    statements = load("actors.common.backup")
    now = datetime.now(UTC)
    name = f"dhanman_verify_{now:%Y%m%d}_{token_hex(4)}"
    drop = sql.SQL(statements.drop_scratch)
    try:
        with (
            closing(connect(server, name="dhanman-jobs backup")) as connection,
            connection.cursor() as cursor,
        ):
            yesterday = f"dhanman_verify_{now - timedelta(days=1):%Y%m%d}"
            for old in all_rows(connection, statements.old_scratches, before=yesterday):
                cursor.execute(drop.format(database=sql.Identifier(old.name)))
            create = sql.SQL(statements.create_scratch)
            cursor.execute(create.format(database=sql.Identifier(name), encoding=sql.Literal(encoding)))
            cursor.execute(sql.SQL(statements.hurry_scratch).format(database=sql.Identifier(name)))
    except psycopg2.Error as error:
        said = str(error).strip().partition("\n")[0]
        raise BackupError(
            kind_of(said, "unreachable"),
            f"no scratch database can be made: {said}. Name a server for it with BACKUP_VERIFY_URL or --on",
        ) from error
    try:
        yield make_dsn(server, dbname=name)
    finally:
        with (
            closing(connect(server, name="dhanman-jobs backup")) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(drop.format(database=sql.Identifier(name)))


def _restore(
    backup: Manifest,
    place: Place,
    scratch: str,
    told: Callable[[int, int], None],
    stopped: Callable[[], bool],
) -> None:
    digest, size = sha256(), 0

    def restored(piece: bytes) -> None:
        nonlocal size
        digest.update(piece)
        size += len(piece)
        told(size, backup.size)

    address, environment = connection_of(scratch)
    command = [
        *(programs_for(_server_version(scratch, backup)).path("pg_restore"), "--exit-on-error", "--no-owner"),
        *("--no-privileges", "--no-publications", "--no-subscriptions", "--no-tablespaces", "--no-password"),
        f"--dbname={address}",
    ]
    with place.reading(backup.file) as file:
        try:
            with running(command, environment, otherwise="check", stdin=PIPE) as child:
                feed(child, file, told=restored, stopped=stopped)
        except BackupError as error:
            if error.kind != "check":
                raise
            raise BackupError("check", f"{backup.id} cannot be restored: {error}") from error
        while piece := file.read(2**18):  # pg_restore stops at the end of what it understands
            restored(piece)
    if (size, digest.hexdigest()) != (backup.size, backup.sha256):
        raise BackupError(
            "check",
            f"{backup.id} is not what was written: {size:,} bytes with SHA-256 {digest.hexdigest()}, "
            f"and it was {backup.size:,} with {backup.sha256}",
        )


def _server_version(scratch: str, backup: Manifest) -> int:
    return max(databases.database_at(scratch).version, backup.version)


def _where_it_was(backup: Manifest) -> str:
    for database in databases.databases()[0]:
        if database.series == backup.series:
            return database.url
    raise BackupError(
        "unreachable",
        f"the database {backup.database} of {backup.id} is not among the settings' any more: name a server with --on",
    )
