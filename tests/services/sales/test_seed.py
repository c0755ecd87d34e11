"""The demo's society: believable, the same every time, and put in once."""

import time

from actors.common.rules.gstin import gstin
from actors.sales.seed import seed
from actors.sales.seed_year import SeededYear, seed_year

DIGEST = """select md5(string_agg(row::text, '|' order by row::text)) from (
    select to_jsonb(unit) as row from sales.unit union all select to_jsonb(resident) from sales.resident
    union all select to_jsonb(vehicle) from sales.vehicle union all select to_jsonb(ownership) from sales.ownership
    union all select to_jsonb(opening_arrears) from sales.opening_arrears) rows"""


def test_a_society_of_240_flats_that_one_could_live_in(sales, ask):
    began = time.perf_counter()
    made = seed(sales)
    sales.commit()
    took = time.perf_counter() - began

    ((towers, flats, let, arrears, hindi, vehicles, owners),) = ask(
        """select (select count(*) from sales.tower), (select count(*) from sales.unit),
            (select count(*) from sales.unit where is_let), (select count(*) from sales.opening_arrears),
            (select count(*) from sales.resident where name ~ '[ऀ-ॿ]'), (select count(*) from sales.vehicle),
            (select count(*) from sales.resident)"""
    )
    assert (towers, flats, len(made.unit_ids)) == (4, 240, 240)
    assert 20 <= let <= 50
    assert 12 <= arrears <= 30
    assert 15 <= hindi <= 45
    assert 300 <= vehicles <= 500
    assert 225 <= owners < 240
    assert ask("select bool_and(email ~ '@example\\.(com|in)$') from sales.resident") == [(True,)]
    assert took < 3  # about 0.04 s on an idle machine


def test_a_second_run_changes_nothing(sales, ask):
    first = seed(sales)
    before = ask(DIGEST)

    second = seed(sales)

    assert first.rows_inserted > 1000
    assert second.rows_inserted == 0
    assert second.unit_ids == first.unit_ids
    assert ask(DIGEST) == before


def test_the_same_number_makes_the_same_society_another_one_another(sales):
    def digest(**options):
        seed(sales, towers=2, flats=24, **options)
        with sales.cursor() as cursor:
            cursor.execute(DIGEST)
            found = cursor.fetchone()
        sales.rollback()
        return found

    assert digest() == digest()
    assert digest() != digest(seed_number=7)


def test_the_opening_arrears_are_in_the_books(sales, ask):
    seed(sales)

    assert ask(
        """select (select sum(amount) from sales.opening_arrears) = sum(debit), sum(debit) = sum(credit)
        from sales.ledger_line"""
    ) == [(True, True)]


def test_the_check_character_of_a_gst_number():
    assert gstin("27", "AAPFU0939F") == "27AAPFU0939F1ZV"


def test_a_year_that_members_paid_in_time_late_in_part_and_ahead(sales, ask, books_hold):
    society = seed(sales, towers=1, flats=24, period="2026-04")
    sales.commit()

    year = seed_year(sales, society, first="2026-04", months=12)

    assert year.bills == 12 * 24
    assert 240 <= year.receipts <= 12 * 24
    assert ask("select count(*) from sales.receipt") == [(year.receipts,)]
    ((late, advances, interest),) = ask(
        """select (select count(*) from sales.invoice where overdue_since is not null),
            (select count(*) from sales.allocation where of_advance), (select sum(amount) from sales.interest_charge)"""
    )
    assert 20 <= late <= 120
    assert advances >= 5
    assert interest > 100
    books_hold()

    before = ask("select count(*), sum(debit) from sales.ledger_line")
    assert seed_year(sales, society, first="2026-04", months=12) == SeededYear(0, 0, 0)
    assert ask("select count(*), sum(debit) from sales.ledger_line") == before
