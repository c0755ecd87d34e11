"""Common's database, and beside it a small one of payroll, so that there are two to back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest

from actors.common.backup import databases
from infra.settings import settings
from infra.store.connections import pool
from tests.support.object_store import ObjectStore, object_store
from tests.support.postgres import database_url
from tests.support.service import asker, emptied, execute, migrated_database

WAGES = """
    create schema payroll;
    create table payroll.employee (id int primary key, name text, joined timestamptz, score float8, photo bytea);
    insert into payroll.employee
    select n, 'Guard ' || n, '2026-04-01 06:00+05:30'::timestamptz + n * interval '1 hour', n / 3.0,
        sha256(convert_to(n::text, 'UTF8')) || sha256(convert_to((-n)::text, 'UTF8'))
    from generate_series(1, 6000) as n;
    create table payroll."Day's Work" (day date not null, hours numeric(4, 2)) partition by range (day);
    create table payroll.april partition of payroll."Day's Work" for values from ('2026-04-01') to ('2026-05-01');
    insert into payroll."Day's Work" select '2026-04-01'::date + n % 30, 8.25 from generate_series(1, 300) as n;
    create view payroll.guards as select name from payroll.employee;
"""


@pytest.fixture(scope="session")
def migrated_common(postgres_server: str) -> Iterator[str]:
    with migrated_database(postgres_server, "common") as url:
        yield url


@pytest.fixture
def common(migrated_common, tmp_path, monkeypatch) -> Iterator[str]:
    """The URL of common's database without a row, where all services' settings lead."""
    with emptied(migrated_common, "common", tmp_path, monkeypatch) as url:
        yield url
    pool(migrated_common).clear()


@pytest.fixture(scope="session")
def payroll_database(postgres_server: str) -> Iterator[str]:
    name = f"payroll_{uuid4().hex[:12]}"
    execute(postgres_server, f"create database {name}")
    url = database_url(postgres_server, name)
    execute(url, WAGES)
    yield url
    execute(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def payroll_at(common, monkeypatch) -> Callable[[str], str]:
    """Says where payroll's business data is; returns the URL."""

    def at(url: str) -> str:
        monkeypatch.setenv("DHANMAN_PAYROLL_DATABASE_URL", url)
        settings.cache_clear()
        return url

    return at


@pytest.fixture
def payroll(payroll_database, payroll_at) -> str:
    """The URL of payroll's business data, which is a database of its own."""
    return payroll_at(payroll_database)


@pytest.fixture
def only_payroll(payroll, monkeypatch) -> str:
    """The same, and the only database that there is to copy."""
    [it] = [each for each in databases.databases()[0] if each.name.startswith("payroll")]
    monkeypatch.setattr(databases, "databases", lambda: ([it], []))
    return payroll


@pytest.fixture
def ask(common):
    return asker(common)


@pytest.fixture
def connection(common):
    with closing(psycopg2.connect(common)) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture
def bucket(s3, monkeypatch) -> Iterator[str]:
    """A bucket of the test's own, to which the settings lead."""
    name = f"backups-{uuid4().hex[:12]}"
    s3.make_bucket(name)
    for variable, value in s3.settings(name).items():
        monkeypatch.setenv(variable, value)
    settings.cache_clear()
    yield name
    s3.fails = lambda _method, _query: False
    settings.cache_clear()
