"""The demo's store: believable, the same every time, and put in once."""

import time
from datetime import date

from actors.common.books import balances_of_parties, trial_balance
from actors.inventory.seed import seed

DIGEST = """select md5(string_agg(row::text, '|' order by row::text)) from (
    select to_jsonb(item) as row from inventory.item union all select to_jsonb(lot) from inventory.lot
    union all select to_jsonb(movement) - 'entered_at' from inventory.movement) rows"""
LAST_DAY = date(2026, 3, 31)


def test_a_year_of_a_store_of_sixty_items_and_its_books(inventory, ask):
    began = time.perf_counter()
    made = seed(inventory)
    inventory.commit()
    took = time.perf_counter() - began

    ((items, movements, kinds, expired, empty),) = ask(
        """select (select count(*) from inventory.item), (select count(*) from inventory.movement),
            (select array_agg(distinct kind order by kind) from inventory.movement),
            (select count(*) from inventory.lot where quarantined_on is not null),
            (select count(*) from inventory.item where quantity = 0)"""
    )
    assert items == len(made.item_ids) == 60
    assert movements == made.movements
    assert 1_500 <= movements <= 3_000
    assert kinds == ["ISSUE", "OPENING", "RECEIPT", "WRITE_OFF"]
    assert expired >= 1
    assert empty <= 3
    books = trial_balance(inventory, "inventory", made.community_id, LAST_DAY)
    booked = {line.account: line.debit - line.credit for line in books}
    of_items = balances_of_parties(inventory, "inventory", "11300", made.community_id, LAST_DAY)
    assert sum(booked.values()) == 0
    assert ask("select sum(value) from inventory.item") == [(booked["11300"],)]
    assert of_items == {
        made.item_ids[code]: value for code, value in ask("select code, value from inventory.item")
    }
    assert took < 15  # about 2 s on an idle machine

    before = ask(DIGEST)
    assert seed(inventory).movements == 0, "a second run"
    assert ask(DIGEST) == before


def test_the_same_number_makes_the_same_store_another_one_another(inventory):
    def digest(**options):
        seed(inventory, items=4, movements=60, **options)
        with inventory.cursor() as cursor:
            cursor.execute(DIGEST)
            found = cursor.fetchone()
        inventory.rollback()
        return found

    assert digest() == digest()
    assert digest() != digest(seed_number=7)


def test_a_store_to_be_lived_in_has_its_opening_stock_alone(inventory, ask):
    made = seed(inventory, items=3, movements=0)
    inventory.commit()

    assert made.movements == 3
    assert ask("select kind, count(*) from inventory.movement group by 1") == [("OPENING", 3)]
    assert ask("select bool_and(quantity > 0) from inventory.item") == [(True,)]
