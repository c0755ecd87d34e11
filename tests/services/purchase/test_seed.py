"""The demo's year of purchases: believable, the same every time, and put in once."""

import time

from actors.purchase.seed import CASES, seed

DIGEST = """select md5(string_agg(row::text, '|' order by row::text)) from (
    select to_jsonb(v) as row from purchase.vendor v union all select to_jsonb(o) from purchase.purchase_order o
    union all select to_jsonb(b) - 'entry_number' from purchase.vendor_bill b
    union all select to_jsonb(r) from purchase.goods_receipt_line r) rows"""


def test_a_year_of_purchases_that_one_could_have_made(purchase, ask):
    began = time.perf_counter()
    made = seed(purchase)
    purchase.commit()
    took = time.perf_counter() - began

    ((vendors, odd, bankless, bills, months, waiting, unapproved),) = ask(
        """select (select count(*) from purchase.vendor), (select count(*) from purchase.vendor where pan is null
                or pan !~ '^[A-Z]{5}[0-9]{4}[A-Z]$'), (select count(*) from purchase.vendor where bank_account is null),
            (select count(*) from purchase.vendor_bill),
            (select count(distinct date_trunc('month', received_on)) from purchase.vendor_bill),
            (select count(*) from purchase.purchase_order where status = 'WAITING'),
            (select count(*) from purchase.purchase_order o where status = 'APPROVED'
                and not exists (select from purchase.approval where purchase_order_id = o.id))"""
    )
    assert (vendors, odd, bankless, waiting, unapproved) == (25, 2, 3, 6, 0)
    assert made.bills == bills >= 400
    assert months >= 11
    assert len(made.cases) == len(CASES)
    assert took < 3  # about 0.4 s on an idle machine


def test_a_second_run_changes_nothing(purchase, ask):
    first = seed(purchase, bills=60)
    purchase.commit()
    before = ask(DIGEST)

    second = seed(purchase, bills=60)
    purchase.commit()

    assert first.rows_inserted > 300
    assert second.rows_inserted == 0
    assert second.vendor_ids == first.vendor_ids
    assert ask(DIGEST) == before


def test_another_number_makes_another_year(purchase, ask):
    digests = set()
    for number in (1, 2):
        seed(purchase, seed_number=number, bills=20)
        with purchase.cursor() as cursor:
            cursor.execute(DIGEST)
            digests.add(cursor.fetchone())
        purchase.rollback()
    assert len(digests) == 2
