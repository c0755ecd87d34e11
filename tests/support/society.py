"""A sales database with everything applied, a society in it, and the settings that lead there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

import actors
import actors.sales
from actors.common.rules.calendar import Period
from actors.sales.seed import DUPLEX, seed, set_tariff
from infra.store import migrate
from tests.support.postgres import database_url
from tests.support.queue import broker_on, working
from tests.support.service import execute, forget_where_it_was
from tests.support.waiting import wait_for

MIGRATIONS = Path(actors.sales.__file__).parent / "migrations"
PERIOD = "2026-04"
AHEAD = "2030-04"
"""A month whose due date lies ahead."""
BAD_FLAT = "A-203"
AT_WORK = """select 1 from sales_jobs.queue
    where state in ('queued', 'consumed')
    union all select 1 from sales_jobs.workflow where completed_at is null"""

EMPTY_AGAIN = """
    set session_replication_role = replica;  -- what is posted stands, but for a test's end
    do $$ declare t record; begin
        for t in select schemaname, tablename from pg_tables
            where schemaname in ('sales', 'sales_jobs', 'common_jobs') and tablename !~ 'yoyo'
                and tablename not in ('tax_rate', 'ledger_account')
        loop execute format('delete from %I.%I', t.schemaname, t.tablename); end loop;
    end $$;
    delete from sales.tax_rate;
    insert into sales.tax_rate select * from kept.tax_rate;
"""


@pytest.fixture(scope="session")
def migrated(postgres_server) -> Iterator[str]:
    """The URL of a database with everything applied, for all tests of sales (making one costs a second)."""
    name = f"sales_{uuid.uuid4().hex[:12]}"
    execute(postgres_server, f"create database {name}")
    url = database_url(postgres_server, name)
    migrate.apply(url, "sales", MIGRATIONS)
    migrate.migrate(url, ["common", "sales"])
    execute(url, "create schema kept")
    execute(url, "create table kept.tax_rate as table sales.tax_rate")
    yield url
    execute(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def sales_database(migrated, tmp_path, monkeypatch) -> Iterator[str]:
    """The same database, empty but for the rates of the law and the chart of accounts."""
    execute(migrated, EMPTY_AGAIN)
    monkeypatch.setenv("JOBS_DATABASE_URL", migrated)
    monkeypatch.setenv("JOBS_HOME", str(tmp_path))
    monkeypatch.delenv("SMTP_URL", raising=False)
    forget_where_it_was()
    yield migrated
    forget_where_it_was()


@pytest.fixture
def sales(sales_database):
    connection = psycopg2.connect(sales_database)
    yield connection
    connection.close()


@pytest.fixture
def society(sales):
    """One tower of twelve flats."""
    made = seed(sales, towers=1, flats=12, period=PERIOD)
    sales.commit()
    return made


@pytest.fixture
def ask(sales):
    """Rows of a query, as the database has them now."""

    def ask(query, *parameters):
        with sales.cursor() as cursor:
            cursor.execute(query, parameters)
            rows = cursor.fetchall() if cursor.description else []
        sales.commit()
        return rows

    return ask


@pytest.fixture
def flawed_society(sales):
    """One tower of twelve flats, of which A-203 has no tariff."""
    made = seed(sales, towers=1, flats=12, period=PERIOD, without_tariff=BAD_FLAT)
    sales.commit()
    return made


@pytest.fixture
def repair(sales):
    """Gives the flat without tariff one."""

    def repair(society):
        assert set_tariff(sales, society.community_id, DUPLEX, Period.parse(PERIOD).first_day)
        sales.commit()

    return repair


@pytest.fixture
def work(sales_database, ask):
    """Runs jobs of sales in this process until none is left but what waits for its day or for a retry."""

    def work():
        with broker_on(sales_database) as broker:
            for actor in actors.broker.actors.values():
                broker.declare_actor(actor)
            with working(broker):
                wait_for(lambda: not ask(AT_WORK), "all jobs are done")

    return work
