"""The job that matches bills, on a real database: what it finds, posts and leaves alone."""

import threading
from datetime import date
from decimal import Decimal as D

import pytest
from psycopg2.errors import CheckViolation, ForeignKeyViolation, RestrictViolation, UniqueViolation

from actors.purchase import matching
from actors.purchase.seed import seed
from tests.services.purchase.trading import APRIL, INDIVIDUAL
from tests.support.deaths import outlives_every_death

FOUND = "select outcome, payable, held from purchase.match_result order by bill_id, number"
STATES = "select status, count(*)::int from purchase.vendor_bill group by status order by status"
COUNTS = """select (select count(*) from purchase.match_result), (select count(*) from purchase.match_line),
    (select count(*) from purchase.payable), (select count(*) from purchase.ledger_entry),
    (select coalesce(sum(debit), 0) from purchase.ledger_line)"""
ENTRY = """select account_code, debit, credit from purchase.ledger_line
    join purchase.ledger_entry on ledger_entry.id = entry_id
    where source_kind = 'VENDOR_BILL' order by entry_id, position"""


def test_a_bill_of_a_housekeeping_company_is_posted_with_tax_kept_back(trading, match, ask):
    vendor, _ = trading.bought("48500.00", nature="CONTRACTOR", gst=18)

    result = match()

    assert result["outcomes"] == {"MATCHED": 1}
    assert (result["posted"], result["payable"], result["tds"]) == (1, "48500.00", "970.00")
    assert ask(ENTRY) == [
        ("52010", D("48500.00"), D(0)),
        ("11420", D("4365.00"), D(0)),
        ("11410", D("4365.00"), D(0)),
        ("23050", D(0), D("970.00")),
        ("21010", D(0), D("56260.00")),
    ]
    assert ask("select party_id::text from purchase.ledger_line where account_code = '21010'") == [(vendor,)]
    assert ask("select to_pay, tds_base, due_on from purchase.payable") == [
        (D("56260.00"), D("48500.00"), date(2026, 5, 10))
    ]


def test_a_second_run_writes_and_posts_nothing_new(purchase, ask, match):
    seed(purchase, bills=60)
    purchase.commit()
    day = date(2027, 3, 31)
    first = match(day)
    before = ask(COUNTS)

    second = match(day)

    assert first["posted"] > 40
    assert (second["outcomes"], second["posted"]) == ({}, 0)
    assert second["bills"] == sum(n for state, n in ask(STATES) if state.startswith(("HOLD", "UNMATCHED")))
    assert ask(COUNTS) == before


def test_a_bill_on_hold_is_matched_again_when_a_receipt_arrives(trading, match, ask):
    vendor = trading.vendor(msme_class="MICRO", msme_registration="UDYAM-MH-26-1")
    order = trading.order(vendor)
    trading.receive(order, 60)
    trading.bill(vendor, order, (100, "42.00"), gst=18)

    match()
    match(date(2026, 4, 11))
    trading.receive(order, 40, on=date(2026, 4, 12))
    match(date(2026, 4, 11))
    match(date(2026, 4, 12))

    assert ask(FOUND) == [("HOLD_QTY", D(2520), D(1680)), ("MATCHED", D(4200), D(0))]
    assert ask(
        "select net, gst, to_pay, accepted_on, due_on from purchase.payable order by match_number"
    ) == [
        (D("2520.00"), D("453.60"), D("2973.60"), APRIL, date(2026, 4, 25)),
        (D("1680.00"), D("302.40"), D("1982.40"), date(2026, 4, 12), date(2026, 4, 27)),
    ]
    assert ask("select sum(credit) from purchase.ledger_line where account_code = '21010'") == [
        (D("4956.00"),)
    ]


def test_bills_of_one_order_are_matched_in_the_order_in_which_they_came(trading, match, ask):
    vendor = trading.vendor()
    order = trading.order(vendor)
    trading.receive(order, 60)
    trading.receive(order, 40, on=date(2026, 4, 12))
    first = trading.bill(vendor, order, (60, "42.00"))
    second = trading.bill(vendor, order, (45, "42.00"), on=date(2026, 4, 13))

    match(date(2026, 4, 13))

    found = {
        bill: rest
        for bill, *rest in ask("select bill_id::text, outcome, payable, held from purchase.match_result")
    }
    assert found == {
        first: ["PARTIAL", D("2520.00"), D(0)],
        second: ["HOLD_QTY", D("1680.00"), D("210.00")],
    }


def test_two_lines_of_a_bill_for_the_same_item_are_not_let_pass_twice(trading, match, ask):
    vendor = trading.vendor()
    order = trading.order(vendor, (100, "42.00"))
    trading.receive(order, 60)
    bill = trading.bill(vendor, order, (60, "42.00"), total="4200.00")
    trading.insert(
        "vendor_bill_line", bill_id=bill, position=2, purchase_order_id=order, order_position=1, quantity=40,
        unit_price="42.00",
    )  # fmt: skip

    match()
    assert ask(FOUND) == [("HOLD_QTY", D(2520), D(1680))]

    trading.receive(order, 40)
    match()
    assert ask(FOUND)[1:] == [("MATCHED", D(4200), D(0))]


def test_what_has_not_come_by_the_day_is_not_seen(trading, match, ask):
    vendor = trading.vendor()
    order = trading.order(vendor)
    trading.receive(order, 100, on=date(2026, 4, 12))
    trading.bill(vendor, order, (100, "42.00"))
    trading.bill(vendor, order, (1, "42.00"), on=date(2026, 4, 11))

    match()

    assert ask(STATES) == [("HOLD_NO_GRN", 1), ("UNMATCHED", 1)]


@pytest.mark.parametrize("number", ["inv-7", " INV -7"])
def test_the_same_number_is_a_duplicate_on_the_same_day_and_later_but_not_in_another_year(
    trading, match, ask, number
):
    vendor, other = trading.vendor(), trading.vendor(name="Another")
    order, others = trading.order(vendor, (1000, "42.00")), trading.order(other)
    trading.receive(order, 1000)
    trading.receive(others, 100)
    trading.bill(vendor, order, (10, "42.00"), number="INV-7")
    trading.bill(vendor, order, (10, "42.00"), number=number)
    trading.bill(other, others, (100, "42.00"), number="INV-7")

    assert match()["outcomes"] == {"PARTIAL": 1, "DUPLICATE": 1, "MATCHED": 1}

    trading.bill(vendor, order, (10, "42.00"), number=number)
    trading.bill(vendor, order, (10, "42.00"), number=number, on=date(2027, 4, 1))
    assert match(date(2027, 4, 1))["outcomes"] == {"DUPLICATE": 1, "PARTIAL": 1}
    assert ask("select count(*), sum(net) from purchase.payable") == [(3, D(420 + 4200 + 420))]


def test_the_table_itself_refuses_a_doubled_number(trading, match, ask):
    vendor = trading.vendor()
    order = trading.order(vendor, (1000, "42.00"))
    for _ in range(2):
        trading.bill(vendor, order, (10, "42.00"), number="INV-7")

    with pytest.raises(UniqueViolation, match="vendor_bill_once"):
        ask("update purchase.vendor_bill set status = 'MATCHED'")


def test_bad_bills_are_named_and_the_others_go_on(trading, match, ask):
    odd = trading.vendor(name="Sahyadri Garden Care", pan="APPLIED FOR")
    trading.bought("100.00", vendor=odd, nature="CONTRACTOR")
    trading.bought("200.00", name="Good & Sons")
    vendor = trading.vendor(name="Wrong Sums")
    order = trading.order(vendor, (10, "42.00"))
    trading.receive(order, 10)
    trading.bill(vendor, order, (10, "42.00"), number="W-1", total="421.00")
    trading.bill(vendor, trading.order(vendor, status="WAITING"), (1, "42.00"), number="W-2")

    result = match()

    assert result["outcomes"] == {"MATCHED": 1}
    assert result["refused_in_all"] == 3
    assert [line.split(":")[0] for line in result["refused"]] == [
        "bill INV-3 of Sahyadri Garden Care",
        "bill W-1 of Wrong Sums",
        "bill W-2 of Wrong Sums",
    ]
    assert "'APPLIED FOR'" in result["refused"][0]
    assert "total 421.00 is not the sum of its lines, 420.00" in result["refused"][1]
    assert "order PO/2627/0009 is waiting, not approved" in result["refused"][2]

    ask("update purchase.vendor set pan = %s where id = %s", INDIVIDUAL, odd)
    assert match()["outcomes"] == {"MATCHED": 1}


def test_a_year_of_small_bills_is_caught_up_on_over_several_runs(trading, match, ask):
    vendor = trading.vendor(pan=INDIVIDUAL)
    for day, amount in enumerate(("28000", "29500", "29000", "20000"), start=10):
        on = date(2026, 4, day)
        trading.bought(amount, vendor=vendor, nature="CONTRACTOR", on=on)
        match(on)

    assert ask("select tds, tds_base from purchase.payable order by credited_on") == [
        (D(0), D(0)),
        (D(0), D(0)),
        (D(0), D(0)),
        (D("1065.00"), D("106500.00")),
    ]
    assert ask("select financial_year, nature, credited, taxed, deducted, short from purchase.tds_year") == [
        (2026, "CONTRACTOR", D(106500), D(106500), D(1065), D(0))
    ]


def test_a_new_financial_year_begins_with_nothing(trading, match, ask):
    vendor = trading.vendor(pan=INDIVIDUAL)
    trading.bought("90000", vendor=vendor, nature="PROFESSIONAL", on=date(2027, 3, 30))
    match(date(2027, 3, 31))
    trading.bought("40000", vendor=vendor, nature="PROFESSIONAL", on=date(2027, 4, 1))
    match(date(2027, 4, 1))

    assert ask("select tds_year, tds from purchase.payable order by credited_on") == [
        (2026, D(9000)),
        (2027, D(0)),
    ]


def test_only_the_taxable_share_of_the_gst_is_credited_and_none_without_registration(trading, match, ask):
    ask("update purchase.input_credit_share set percent = 40")
    trading.bought("1000.00", gst=18)
    match()
    ask("update purchase.community set gstin = null")
    trading.bought("1000.00", gst=18, name="Another")
    match()

    assert [row[:2] for row in ask(ENTRY) if row[1]] == [
        ("52010", D("1108.00")),
        ("11420", D("36.00")),
        ("11410", D("36.00")),
        ("52010", D("1180.00")),
    ]


def test_without_a_share_of_input_credit_nothing_is_matched_and_the_society_is_named(trading, match, ask):
    ask("delete from purchase.input_credit_share")

    with pytest.raises(
        LookupError, match="Green Valley: no share of input credit is recorded for 10 Apr 2026"
    ):
        match()


def test_a_closed_month_refuses_and_leaves_the_bills_unmatched(trading, match, ask, society):
    trading.bought("100.00")
    ask("insert into purchase.accounting_period values (%s, '2026-04-01', now(), 'treasurer')", society)

    with pytest.raises(RestrictViolation, match="the books of 2026-04 are closed"):
        match()
    assert ask(STATES) == [("UNMATCHED", 1)]


def test_small_pages_find_what_a_large_one_finds(purchase, ask, match, monkeypatch):
    def everything():
        return ask(
            """select bill.number, bill.entry_number - first.number, outcome, payable, held, to_pay, tds, due_on
            from purchase.vendor_bill bill join purchase.match_result r on r.bill_id = bill.id
            left join purchase.payable p on p.bill_id = bill.id and p.match_number = r.number,
            (select min(entry_number) as number from purchase.vendor_bill) first order by bill.entry_number, r.number"""
        )

    found = []
    for page in (7, 1000):
        ask(
            """set session_replication_role = replica; delete from purchase.payable; delete from purchase.match_line;
            delete from purchase.match_result; delete from purchase.tds_year; delete from purchase.ledger_line;
            delete from purchase.ledger_entry; delete from purchase.letter;
            update purchase.vendor_bill set status = 'UNMATCHED';
            update purchase.vendor_bill_line set payable_quantity = 0"""
        )
        seed(purchase, bills=60)
        purchase.commit()
        monkeypatch.setattr(matching, "PAGE", page)
        match(date(2027, 3, 31))
        found.append(everything())

    assert len(found[0]) > 50
    assert found[0] == found[1]


def test_two_runs_at_once_match_each_bill_once(purchase, ask, match, monkeypatch):
    seed(purchase, bills=60)
    purchase.commit()
    monkeypatch.setattr(matching, "PAGE", 7)
    results = []

    def run():
        results.append(match(date(2027, 3, 31)))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 2
    assert ask("select max(number) from purchase.match_result") == [(1,)]
    assert sum(result["posted"] for result in results) == ask("select count(*) from purchase.payable")[0][0]


def test_it_outlives_every_death(purchase, ask, match, monkeypatch):
    monkeypatch.setattr(matching, "PAGE", 20)
    seed(purchase, bills=50)
    purchase.commit()

    def reset():
        ask(
            """set session_replication_role = replica; delete from purchase.payable; delete from purchase.match_line;
            delete from purchase.match_result; delete from purchase.tds_year; delete from purchase.ledger_line;
            delete from purchase.ledger_entry; delete from purchase.letter;
            update purchase.vendor_bill set status = 'UNMATCHED';
            update purchase.vendor_bill_line set payable_quantity = 0"""
        )

    def seen():
        return (
            ask(
                "select bill_id, number, outcome, payable, held from purchase.match_result order by bill_id, number"
            ),
            ask("select id, net, gst, tds, to_pay, due_on from purchase.payable order by id"),
            ask("select * from purchase.tds_year order by vendor_id, nature"),
            ask(
                """select source_id, position, account_code, debit, credit from purchase.ledger_entry
                join purchase.ledger_line on entry_id = ledger_entry.id order by source_id, position"""
            ),
            ask("select key, subject from purchase.letter order by key"),
        )

    commits = outlives_every_death(monkeypatch, lambda: match(date(2027, 3, 31)), reset=reset, seen=seen)

    assert commits >= 5


def test_a_cancelled_run_stops_between_pages(purchase, ask, match, monkeypatch):
    from actors.purchase import actors as jobs

    seed(purchase, bills=30)
    purchase.commit()
    monkeypatch.setattr(matching, "PAGE", 10)
    progress = []

    class Cancelled:
        def progress(self, done, total):
            progress.append((done, total))

        def cancellation_requested(self):
            return True

    monkeypatch.setattr(jobs, "current_job", Cancelled)
    result = match(date(2027, 3, 31))

    ((many,),) = ask("select count(*) from purchase.vendor_bill")
    assert progress == [(10, many)]
    assert result["bills"] == 10
    assert ask("select count(*) from purchase.letter") == [(0,)]


def test_the_tables_refuse_what_cannot_be(trading, ask):
    vendor, other = trading.vendor(), trading.vendor(name="Another")
    order = trading.order(vendor)

    with pytest.raises(ForeignKeyViolation):
        trading.bill(other, order, (1, "42.00"))
    with pytest.raises(CheckViolation, match="its lines add up to 4200"):
        ask("update purchase.purchase_order set amount = 1")
    with pytest.raises(CheckViolation):
        trading.vendor(name="No account", bank_account="123456789")
    with pytest.raises(CheckViolation):
        trading.vendor(name="Unregistered", msme_class="MICRO")


def test_every_table_and_column_is_explained(ask):
    assert (
        ask(
            """select c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where n.nspname = 'purchase' and c.relkind = 'r' and c.relname !~ 'yoyo'
                and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)"""
        )
        == []
    )


def test_the_accounts_of_the_rules_are_in_the_chart(ask):
    from actors.purchase.rules.posting import Account
    from actors.purchase.seed_vendors import TRADES

    chart = {code for (code,) in ask("select code from purchase.ledger_account")}
    assert {account.value for account in Account} | {trade.account for trade in TRADES} <= chart
