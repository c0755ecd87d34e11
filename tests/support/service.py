"""A service's own database with everything applied, and the settings that lead there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

import actors
from infra.settings import settings
from infra.store import migrate
from tests.support.postgres import database_url
from tests.support.queue import broker_on, working
from tests.support.waiting import wait_for

EMPTY_AGAIN = """
    set session_replication_role = replica;  -- what is posted stands, but for a test's end
    do $$ declare t record; begin
        for t in select relnamespace::regnamespace as schema, relname as name from pg_class
            where relnamespace::regnamespace::text in ('{service}', '{service}_jobs', 'common_jobs')
                and relkind in ('r', 'p') and not relispartition  -- partitions come and go by themselves
                and relname !~ 'yoyo' and relname <> all ('{{{kept}}}')
        loop execute format('delete from %s.%I', t.schema, t.name); end loop;
    end $$;
"""
AT_WORK = """select 1 from {service}_jobs.queue
    where state in ('queued', 'consumed')
    union all select 1 from {service}_jobs.workflow where completed_at is null"""


@contextmanager
def migrated_database(postgres_server: str, service: str) -> Iterator[str]:
    """The URL of a database with a service's tables and job store, for all its tests (making one costs a second)."""
    name = f"{service}_{uuid.uuid4().hex[:12]}"
    execute(postgres_server, f"create database {name}")
    url = database_url(postgres_server, name)
    migrate.apply(url, service, Path(actors.__file__).parent / service / "migrations")
    migrate.migrate(url, list(dict.fromkeys(("common", service))))
    yield url
    execute(postgres_server, f"drop database {name} with (force)")


@contextmanager
def emptied(url: str, service: str, home: Path, monkeypatch: Any, *kept: str) -> Iterator[str]:
    """The same database, empty but for the rates of the law, the chart of accounts and the tables `kept`."""
    tables = ",".join(("tax_rate", "ledger_account", *kept))
    execute(url, EMPTY_AGAIN.format(service=service, kept=tables))
    monkeypatch.setenv("JOBS_DATABASE_URL", url)
    monkeypatch.setenv("JOBS_HOME", str(home))
    monkeypatch.delenv("SMTP_URL", raising=False)
    forget_where_it_was()
    yield url
    forget_where_it_was()


def forget_where_it_was() -> None:
    """Settings are read anew, and the actors' own broker looks for its stores by them."""
    settings.cache_clear()
    actors.broker._stores.clear()


def execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True  # databases are made and dropped outside of transactions
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def asker(url: str) -> Callable[..., list[Any]]:
    """Rows of a query, as the database has them now."""

    def ask(query: str, *parameters: Any) -> list[Any]:
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    return ask


def work_off(url: str, service: str) -> None:
    """Runs a service's jobs in this process until none is left but what waits for its day or for a retry."""
    ask = asker(url)
    with broker_on(url, jobs_services=("common", service)) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)
        with working(broker):
            wait_for(lambda: not ask(AT_WORK.format(service=service)), "all jobs are done")
