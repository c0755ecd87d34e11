"""The databases of this installation, by its settings: each once, however many services live on it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

import psycopg2

from actors.common.backup.errors import BackupError, said_by_postgres
from infra.settings import SERVICES, settings
from infra.store.connections import business_url, connect, shown, store_of
from infra.store.rows import one_row
from infra.store.sql import load


@dataclass(frozen=True)
class Database:
    """A database as its server knows it.

    Parameters:
      series: the same for all addresses that lead to it: a mark of the server, and its name.
      url: an address of it; of several, the one whose role may read all.
      version: major version of the server.
      size: bytes on the server's disk.
      reads_all: whether the role of `url` may read every table.
    """

    name: str
    series: str
    url: str
    version: int
    size: int
    encoding: str
    reads_all: bool


def databases() -> tuple[list[Database], list[tuple[str, BackupError]]]:
    """Those that answer, by name; and those that do not, by address, each with why."""
    found: dict[str, Database] = {}
    away: list[tuple[str, BackupError]] = []
    for url in addresses():
        try:
            database = database_at(url)
        except BackupError as error:
            away.append((shown(url), error))
            continue
        known = found.get(database.series)
        if known is None or (database.reads_all and not known.reads_all):
            found[database.series] = database
    return sorted(found.values(), key=lambda each: (each.name, each.series)), away


def addresses() -> list[str]:
    """Every URL that the settings name for job stores and business data, each once."""
    config = settings()
    urls = [url for service in SERVICES for url in (store_of(service).url, business_url(service))]
    # A pooler in transaction mode is no place for pg_dump, and this is the way around it.
    direct = {config.jobs_database_url: config.jobs_listen_url}
    return list(dict.fromkeys(direct.get(url) or url for url in urls))


def database_at(url: str) -> Database:
    """Raises BackupError, of kind "unreachable" or "credentials" for the most part."""
    try:
        with closing(connect(url, name="dhanman-jobs backup")) as connection:
            row = one_row(connection, load("actors.common.backup").identify)
    except psycopg2.Error as error:
        raise said_by_postgres(str(error).strip().partition("\n")[0], "unreachable") from None
    mark = sha256(f"{row.system}/{row.name}".encode()).hexdigest()[:8]
    series = f"{''.join(c if c.isascii() and (c.isalnum() or c in '_.') else '_' for c in row.name)}-{mark}"
    return Database(row.name, series, url, row.version, row.size, row.encoding, row.reads_all)
