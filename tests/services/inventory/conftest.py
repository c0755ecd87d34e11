"""A store database, and what tests say of it."""

import json
from decimal import Decimal as D
from uuid import UUID, uuid4

import psycopg2
import pytest

from actors.common.reference.seed import seed_society
from actors.inventory import movements, store
from infra.settings import settings
from tests.support.service import asker, emptied, migrated_database


@pytest.fixture(scope="session")
def migrated_inventory(postgres_server):
    with migrated_database(postgres_server, "inventory") as url:
        yield url


@pytest.fixture
def inventory_database(migrated_inventory, tmp_path, monkeypatch):
    with emptied(migrated_inventory, "inventory", tmp_path, monkeypatch) as url:
        yield url


@pytest.fixture
def inventory(inventory_database):
    connection = psycopg2.connect(inventory_database)
    yield connection
    connection.close()


@pytest.fixture
def ask(inventory_database):
    return asker(inventory_database)


@pytest.fixture
def deliver(inventory):
    """Takes a delivery into the store, and returns its lot."""

    def deliver(item_id, quantity, value, reference, day, expires_on=None):
        entered, _ = movements.receive_once(
            inventory,
            item_id,
            D(quantity),
            D(value),
            reference,
            day,
            lot_number=reference,
            expires_on=expires_on,
        )
        inventory.commit()
        with inventory.cursor() as cursor:
            cursor.execute(
                "select lot_id from inventory.movement_line where movement_id = %s", (str(entered.id),)
            )
            return cursor.fetchone()[0]

    return deliver


@pytest.fixture
def item(inventory):
    """Makes an item without stock."""

    def item(code="HK-100", valuation="FIFO", **columns):
        community = seed_society(inventory, "inventory")
        made = {
            "id": str(uuid4()),
            "community_id": str(community),
            "code": code,
            "name": f"Item {code}",
            "category": "Housekeeping",
            "unit": "LTR",
            "valuation": valuation,
            "lead_days": 7,
            "max_lead_days": 10,
            "peak_daily_use": "5",
            "cover_days": 30,
            "pack": "1",
            **columns,
        }
        with inventory.cursor() as cursor:
            cursor.execute(
                "insert into inventory.location values (%s, %s, 'Main store') on conflict do nothing",
                (str(UUID(int=1)), str(community)),
            )
            cursor.execute(store.statements.seed_items, {"rows": json.dumps([made])})
        inventory.commit()
        return UUID(made["id"])

    return item


@pytest.fixture
def community(inventory):
    return seed_society(inventory, "inventory")


@pytest.fixture
def kept_letters(inventory_database):
    """The names of the letters that were kept as files since the last call; a letter sent twice is one."""

    def kept_letters():
        files = sorted(settings().mail_folder.glob("*.eml"))
        for file in files:
            file.unlink()
        return [file.name for file in files]

    return kept_letters
