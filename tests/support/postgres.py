"""A real server for the tests: one for the session, a fresh empty database for each test that asks."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from infra.store.embedded import ensure_server, leave_server


def database_url(server: str, name: str) -> str:
    """The URL of another database on the same server."""
    address, mark, options = server.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{mark}{options}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server that serves this session alone. It is JOBS_TEST_DATABASE_URL when that is set."""
    if given := os.environ.get("JOBS_TEST_DATABASE_URL"):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="dhanman-tests-"))
    folder.chmod(0o711)  # started by root, the server runs as another user, who must pass
    try:
        yield ensure_server(folder)
    finally:
        leave_server(folder, wait=30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty database; gone after the test, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(postgres_server, sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield database_url(postgres_server, name)
    finally:
        _execute(
            postgres_server, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def _execute(url: str, statement: sql.Composed) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True  # databases are made and dropped outside of transactions
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
