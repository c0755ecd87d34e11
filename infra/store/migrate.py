"""Migrations: numbered SQL files, applied once to a schema, in order, each in a transaction.

yoyo keeps the record of what was applied. We add an advisory transaction lock, so that two machines may migrate at
the same moment (yoyo's own lock is a row that stays behind when its process is killed), and hand each file to the
server whole (yoyo would split it with a parser that has to understand every function body).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psycopg2.extensions import quote_ident
from yoyo.backends.base import DatabaseBackend
from yoyo.connections import get_backend
from yoyo.migrations import Migration, MigrationList, StepCollector

from infra.store.connections import Store, connect

_INCLUDE = re.compile(r"^-- include: (?P<path>\S+)$", re.MULTILINE)
JOB_STORE = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Applied:
    """What `apply` did to one schema: the names of the files applied now, and how many there are."""

    schema: str
    applied: tuple[str, ...]
    total: int


class WholeFile(Migration):  # type: ignore[misc]  # yoyo has no types
    """A migration file that is one step, executed as it stands.

    A line `-- include: ../../common/books/keep_books.sql` stands for that file, relative to the one that includes it.
    What is included must not change any more than the migration itself.
    """

    def load(self) -> None:
        if self.loaded:
            return
        collector = StepCollector(migration=self)
        collector.add_step(with_includes(Path(self.path)))
        self._depends: set[Migration] = set()
        self.steps = collector.create_steps(self.use_transactions)


def with_includes(file: Path) -> str:
    """The text of a migration, with what it includes in place. Raises FileNotFoundError, naming both files."""

    def text_of(found: re.Match[str]) -> str:
        included = file.parent / found["path"]
        if not included.is_file():
            raise FileNotFoundError(f"{file} includes {found['path']}, and there is no file {included}")
        return with_includes(included)

    return _INCLUDE.sub(text_of, file.read_text(encoding="utf-8"))


def files_in(folder: Path) -> MigrationList:
    return MigrationList(
        [WholeFile(p.stem, str(p), source_dir=str(folder)) for p in sorted(folder.glob("*.sql"))]
    )


def apply(url: str, schema: str, folder: Path = JOB_STORE) -> Applied:
    """Brings one schema up to date, making it when it is absent. Safe to repeat and from two machines at once.

    Raises psycopg2.Error when a file fails; that file has then left nothing behind.
    """
    guard = connect(url, autocommit=False, name="dhanman-jobs migrate")
    try:
        with guard.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtext('dhanman-jobs.migrate'))")
            migrations = files_in(folder)
            done = _applied_names(cursor, schema)
            pending = [m for m in migrations if m.id not in done]
            if pending:
                _apply_all(url, schema, pending)
        return Applied(schema, tuple(m.id for m in pending), len(migrations))
    finally:
        guard.close()


def pending(url: str, schema: str, folder: Path = JOB_STORE) -> list[str]:
    """The names of the files that were not applied yet."""
    conn = connect(url)
    try:
        with conn.cursor() as cursor:
            done = _applied_names(cursor, schema)
    finally:
        conn.close()
    return [m.id for m in files_in(folder) if m.id not in done]


def migrate(url: str, services: Iterable[str]) -> list[Applied]:
    """The job stores of these services on one database."""
    return [apply(url, Store(service, url).schema) for service in services]


def _applied_names(cursor: Any, schema: str) -> set[str]:
    cursor.execute("select to_regclass(quote_ident(%s) || '._yoyo_migration')", (schema,))
    if cursor.fetchone()[0] is None:
        return set()
    table = quote_ident(schema, cursor)
    cursor.execute(f"select migration_id from {table}._yoyo_migration")
    return {row[0] for row in cursor.fetchall()}


def _apply_all(url: str, schema: str, migrations: list[Migration]) -> None:
    conn = connect(url)
    with conn.cursor() as cursor:
        cursor.execute(f"create schema if not exists {quote_ident(schema, conn)}")
    conn.close()
    backend = _backend(url, schema)
    try:
        backend.execute("set client_min_messages = warning")
        backend.apply_migrations(MigrationList(migrations))
    finally:
        backend.connection.close()


def _backend(url: str, schema: str) -> DatabaseBackend:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), ("schema", schema)])
    return get_backend(urlunsplit(parts._replace(scheme="postgresql", query=query)))
