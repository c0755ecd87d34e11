"""Connections: where each service's job store and business database live, and a small pool for each URL.

A `Store` is one service's job schema on one database. Nothing here connects before it is asked to; pools are emptied
in a forked child, which must not share its parent's sockets.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, connection, cursor

from infra.settings import settings

CONNECT_TIMEOUT = 5
DISCONNECTED = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""What psycopg2 raises when the server is away or the connection broke."""


def statement_at_fault(error: psycopg2.Error) -> bool:
    """Whether the server is well and says that the statement is beyond its limits; psycopg2 raises OperationalError
    for that too, but no second try will mend it.
    """
    return (error.pgcode or "").startswith("54")


class _Cursor(cursor):
    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  # psycopg2 named it
        try:
            super().execute(query, vars)
        except psycopg2.DatabaseError as error:
            raise _as_disconnected(error, self.connection) from None


class _Connection(connection):
    """When the server vanishes at certain moments, psycopg2 says DatabaseError and no more; here it is DISCONNECTED."""

    def commit(self) -> None:
        try:
            super().commit()
        except psycopg2.DatabaseError as error:
            raise _as_disconnected(error, self) from None


def _as_disconnected(error: psycopg2.DatabaseError, conn: connection) -> psycopg2.DatabaseError:
    if type(error) is not psycopg2.DatabaseError or error.pgcode is not None:
        return error
    conn.close()
    return psycopg2.OperationalError(str(error))


def connect(url: str, *, autocommit: bool = True, name: str = "dhanman-jobs") -> connection:
    """A new connection with keepalives, so that a vanished server is noticed. Raises psycopg2.OperationalError."""
    conn = psycopg2.connect(
        url,
        connection_factory=_Connection,
        cursor_factory=_Cursor,
        application_name=name,
        connect_timeout=CONNECT_TIMEOUT,
        keepalives=1,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
    conn.autocommit = autocommit
    return conn


def shown(url: str) -> str:
    """The URL without its password, for errors and logs."""
    parts = urlsplit(url)
    if parts.password:
        return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()
    return url


class Pool:
    """Idle connections of one URL, newest first. Borrowers beyond the idle ones get a new connection.

    `getconn` and `putconn` are the names dramatiq-pg knows.
    """

    minconn = 0

    def __init__(self, url: str, keep: int = 16) -> None:
        self.url = url
        self.keep = keep
        self._idle: list[connection] = []
        self._lock = threading.Lock()

    def getconn(self) -> connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return connect(self.url)

    def putconn(self, conn: connection) -> None:
        if conn.closed or conn.info.transaction_status != TRANSACTION_STATUS_IDLE:
            conn.close()
            return
        with self._lock:
            if len(self._idle) < self.keep:
                self._idle.append(conn)
                return
        conn.close()

    @contextmanager
    def borrowed(self) -> Iterator[connection]:
        """An autocommit connection, back in the pool afterwards; closed when anything went wrong."""
        conn = self.getconn()
        try:
            yield conn
        except BaseException:
            conn.close()
            raise
        else:
            conn.autocommit = True
            self.putconn(conn)

    @contextmanager
    def transaction(self) -> Iterator[connection]:
        """A connection in a transaction: committed at the end of the block, rolled back on an error."""
        with self.borrowed() as conn:
            conn.autocommit = False
            with conn:
                yield conn

    def clear(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()

    def forget(self) -> None:
        """Drops the idle connections without closing their sockets: they are the parent process's."""
        self._idle = []
        self._lock = threading.Lock()


@lru_cache(maxsize=64)
def pool(url: str) -> Pool:
    made = Pool(url)
    os.register_at_fork(after_in_child=made.forget)
    return made


@dataclass(frozen=True)
class Store:
    """The job schema of one service and the database that holds it."""

    service: str
    url: str

    @property
    def schema(self) -> str:
        return f"{self.service}_jobs"

    @property
    def pool(self) -> Pool:
        return pool(self.url)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor in a transaction: committed at the end of the block, rolled back on an error."""
        with self.pool.transaction() as conn, conn.cursor() as cursor:
            yield cursor

    def fetch(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """One statement, its own transaction, all rows (an empty list when it returns none)."""
        with self.pool.borrowed() as conn, conn.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def default_url() -> str:
    """JOBS_DATABASE_URL, else the embedded server, started when it does not run yet."""
    url = settings().jobs_database_url
    if url:
        return url
    from infra.store.embedded import ensure_server  # only who needs the embedded server pays for its import

    return _embedded_url(ensure_server)


_embedded: dict[int, str] = {}
_embedded_lock = threading.Lock()


def _embedded_url(ensure_server: Any) -> str:
    # Keyed by process: a forked child must take its own hold on the server.
    with _embedded_lock:
        if os.getpid() not in _embedded:
            _embedded[os.getpid()] = ensure_server(settings().home)
        return _embedded[os.getpid()]


def store_of(service: str) -> Store:
    """The job store of a service by the settings of this process."""
    return Store(service, settings().jobs_url(service) or default_url())


def business_url(service: str) -> str:
    """The business database of a service by the settings of this process."""
    return settings().database_url(service) or default_url()


@contextmanager
def transaction(service: str) -> Iterator[connection]:
    """A transaction on the business database of a service: committed at the end, rolled back on an error."""
    with pool(business_url(service)).transaction() as conn:
        yield conn
