"""A sales database with everything applied, a society in it, and the settings that lead there."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest

from actors.common.rules.calendar import Period
from actors.sales.seed import DUPLEX, seed, set_tariff
from tests.support import service

PERIOD = "2026-04"
AHEAD = "2030-04"
"""A month whose due date lies ahead."""
BAD_FLAT = "A-203"
AT_WORK = service.AT_WORK.format(service="sales")
AS_THE_LAW_HAS_THEM = """
    delete from sales.tax_rate;
    insert into sales.tax_rate select * from kept.tax_rate;
"""


@pytest.fixture(scope="session")
def migrated(postgres_server) -> Iterator[str]:
    """The URL of a database with everything applied, for all tests of sales (making one costs a second)."""
    with service.migrated_database(postgres_server, "sales") as url:
        service.execute(url, "create schema kept")
        service.execute(url, "create table kept.tax_rate as table sales.tax_rate")
        yield url


@pytest.fixture
def sales_database(migrated, tmp_path, monkeypatch) -> Iterator[str]:
    """The same database, empty but for the rates of the law and the chart of accounts."""
    with service.emptied(migrated, "sales", tmp_path, monkeypatch) as url:
        service.execute(url, AS_THE_LAW_HAS_THEM)
        yield url


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
def work(sales_database):
    """Runs jobs of sales in this process until none is left but what waits for its day or for a retry."""

    def work():
        service.work_off(sales_database, "sales")

    return work
