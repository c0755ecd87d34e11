"""A purchase database with everything applied, a society that buys, and the settings that lead there."""

from __future__ import annotations

import psycopg2
import pytest

from actors.common.reference.seed import seed_society
from actors.purchase import match_vendor_bills
from tests.services.purchase.trading import APRIL, Trading
from tests.support.service import asker, emptied, migrated_database


@pytest.fixture(scope="session")
def purchase_server(postgres_server):
    with migrated_database(postgres_server, "purchase") as url:
        yield url


@pytest.fixture
def database(purchase_server, tmp_path, monkeypatch):
    with emptied(purchase_server, "purchase", tmp_path, monkeypatch) as url:
        yield url


@pytest.fixture
def ask(database):
    return asker(database)


@pytest.fixture
def purchase(database):
    connection = psycopg2.connect(database)
    yield connection
    connection.close()


@pytest.fixture
def society(purchase):
    """Green Valley with its officers, which may credit all GST on its purchases."""
    community = seed_society(purchase, "purchase")
    with purchase.cursor() as cursor:
        cursor.execute(
            "insert into purchase.input_credit_share values (%s, '2019-04-01', 100, 'the accountant')",
            (str(community),),
        )
    purchase.commit()
    return str(community)


@pytest.fixture
def trading(purchase, society):
    return Trading(purchase, society)


@pytest.fixture
def match(society):
    """The job that matches the society's bills of until a day."""
    return lambda day=APRIL: match_vendor_bills.fn(society, day.isoformat())
