"""`with transaction(connection): actor.send(...)`: jobs commit or vanish with the caller's own transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions

from infra.store.connections import Store

_open = threading.local()


@contextmanager
def transaction(connection: Any) -> Iterator[Any]:
    """Every `send` of this thread inside the block writes through `connection`: a psycopg2 connection or a SQLAlchemy
    Session or Connection on the database that holds the job store. Commit and roll-back stay the caller's.

    Raises TypeError for anything else, ValueError for a psycopg2 connection in autocommit mode.
    """
    dbapi = dbapi_connection(connection)
    if getattr(dbapi, "autocommit", False):
        raise ValueError(
            "the connection is in autocommit mode: there is no transaction that the jobs could join"
        )
    before = getattr(_open, "block", None)
    _open.block = (connection, set())
    try:
        yield connection
    finally:
        _open.block = before


def dbapi_connection(connection: Any) -> Any:
    """The driver's connection behind a SQLAlchemy Session, Connection, or the connection itself.

    SQLAlchemy begins transactions and savepoints when it is used, so it is asked anew for each job.
    """
    found = connection
    if hasattr(found, "get_bind") and hasattr(found, "connection"):  # a Session
        found = found.connection()
    if hasattr(found, "connection"):  # SQLAlchemy's Connection → pooled → driver
        if hasattr(found, "in_transaction") and not found.in_transaction():
            found.begin()
        found = getattr(found.connection, "driver_connection", None) or found.connection
    if isinstance(found, psycopg2.extensions.connection):
        return found
    raise TypeError(
        "transaction() takes a psycopg2 connection or a SQLAlchemy Session or Connection, "
        f"not {type(connection).__name__}"
    )


def is_open() -> bool:
    """Whether this thread is in a caller's transaction."""
    return getattr(_open, "block", None) is not None


def cursor_for(store: Store) -> Any | None:
    """A cursor in the caller's transaction, or None where none is open.

    Raises ValueError when that transaction is on a database without this service's job store.
    """
    block = getattr(_open, "block", None)
    if block is None:
        return None
    connection, checked = block
    cursor = dbapi_connection(connection).cursor()
    if store.schema in checked:
        return cursor
    cursor.execute("select to_regclass(%s), current_database()", (f"{store.schema}.queue",))
    found, database = cursor.fetchone()
    if found is None:
        raise ValueError(
            f"database {database!r} of the given connection has no job store {store.schema}: "
            f"jobs of {store.service} cannot be sent in its transaction"
        )
    checked.add(store.schema)
    return cursor
