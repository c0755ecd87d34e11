"""Payments, returns, deposits of tax and bills taken back: recorded and posted once, and the books agree."""

from datetime import date
from decimal import Decimal as D

import pytest

from actors.purchase import deposit_tds, payments, record_vendor_payment, store
from actors.purchase.payments import PaymentRefused
from tests.services.purchase.trading import INDIVIDUAL
from tests.support.deaths import outlives_every_death

MAY = date(2026, 5, 5)
ENTRY = """select account_code, debit, credit from purchase.ledger_line
    join purchase.ledger_entry on ledger_entry.id = entry_id where source_kind = %s order by entry_id, position"""


def pay(vendor, amount, reference="UTR1", on=MAY):
    return record_vendor_payment.fn(vendor, str(amount), reference, on.isoformat())


def test_the_housekeeping_company_is_paid_and_its_tax_deposited(trading, match, society, ask):
    vendor, _ = trading.bought("48500.00", nature="CONTRACTOR", gst=18)
    match()

    pay(vendor, "56260.00")
    assert deposit_tds.fn(society, "2026-04", "2026-05-07") == "970.00"

    assert ask(ENTRY, "VENDOR_PAYMENT") == [("21010", D("56260.00"), D(0)), ("11120", D(0), D("56260.00"))]
    assert ask(ENTRY, "TDS_DEPOSIT") == [("23050", D("970.00"), D(0)), ("11120", D(0), D("970.00"))]
    assert ask("select amount, due_on, paid_on from purchase.tds_deposit") == [
        (D("970.00"), date(2026, 5, 7), date(2026, 5, 7))
    ]
    assert ask("select paid = to_pay from purchase.payable") == [(True,)]


def test_the_same_reference_is_one_payment(trading, match, ask):
    vendor, _ = trading.bought("500.00")
    match()

    assert pay(vendor, "200.00") == pay(vendor, "200.00")
    assert ask("select count(*), sum(amount) from purchase.vendor_payment") == [(1, D(200))]
    assert ask("select paid from purchase.payable") == [(D(200),)]
    with pytest.raises(
        PaymentRefused, match=r"UTR1 is ₹ 200.00 paid to Swachh Services on 05 May 2026, not ₹ 300.00"
    ):
        pay(vendor, "300.00")


def test_what_is_due_the_longest_is_paid_first(trading, match, ask):
    vendor, _ = trading.bought("500.00", on=date(2026, 4, 12))
    trading.bought("300.00", vendor=vendor, on=date(2026, 4, 10))
    match(date(2026, 4, 12))

    pay(vendor, "400.00")

    assert ask("select net, paid from purchase.payable order by due_on") == [
        (D(300), D(300)),
        (D(500), D(100)),
    ]
    assert ask("select amount from purchase.vendor_payment_item order by amount") == [(D(100),), (D(300),)]


def test_more_than_is_owed_cannot_be_paid(trading, match):
    vendor, _ = trading.bought("500.00")
    match()

    for amount, day, owed in (
        ("500.01", MAY, "500.00"),
        ("0", MAY, "500.00"),
        ("5", date(2026, 4, 9), "0.00"),
    ):
        with pytest.raises(PaymentRefused, match=f"Swachh Services is owed ₹ {owed} on"):
            pay(vendor, amount, on=day)
    with pytest.raises(payments.UnknownVendor):
        pay("no vendor", "5")


def give_back(society, reference="UTR1", day=date(2026, 5, 9)):
    with store.transaction() as purchase:
        return payments.return_payment(purchase, society, reference, day)


def take_back(bill, day=date(2026, 5, 9)):
    with store.transaction() as purchase:
        return payments.void_bill(purchase, bill, day)


def test_a_payment_that_the_bank_gives_back_is_owed_again(trading, match, society, ask):
    vendor, _ = trading.bought("500.00")
    match()
    pay(vendor, "500.00")

    assert give_back(society)
    assert not give_back(society)
    assert ask("select paid from purchase.payable") == [(D(0),)]
    assert ask("select sum(debit - credit) from purchase.ledger_line where account_code = '11120'") == [
        (D(0),)
    ]
    with pytest.raises(PaymentRefused, match="nothing was paid under the reference UTR9"):
        give_back(society, "UTR9")


def test_a_bill_is_taken_back_with_its_tax_and_its_number_is_free_again(trading, match, ask):
    vendor = trading.vendor(pan=INDIVIDUAL)
    order = trading.order(vendor, (1, "40000"), nature="CONTRACTOR")
    trading.receive(order, 1)
    bill = trading.bill(vendor, order, (1, "40000"), number="INV-1")
    match()

    assert take_back(bill)
    assert not take_back(bill)
    assert ask("select credited, taxed, deducted, short from purchase.tds_year") == [(0, 0, 0, 0)]
    assert ask("select sum(debit - credit) from purchase.ledger_line where account_code = '23050'") == [(0,)]

    trading.bill(vendor, order, (1, "40000"), number="INV-1")
    assert match()["outcomes"] == {"MATCHED": 1}


def test_tax_that_a_void_bill_was_too_small_for_is_forgotten_with_it(trading, match, ask):
    vendor = trading.vendor(pan=INDIVIDUAL)
    for amount in ("28000", "29500", "29000", "13400"):
        trading.bought(amount, vendor=vendor, nature="CONTRACTOR")
    _, small = trading.bought("200", vendor=vendor, nature="CONTRACTOR")
    match()
    year = "select credited, taxed, deducted, short from purchase.tds_year"
    assert ask(year) == [(100100, 100100, 200, 801)]

    take_back(small)

    assert ask(year) == [(99900, 0, 0, 0)]


def test_a_bill_that_is_paid_in_part_is_not_taken_back(trading, match):
    vendor, bill = trading.bought("500.00")
    match()
    pay(vendor, "1.00")

    with pytest.raises(PaymentRefused, match="of Swachh Services is paid in part"):
        take_back(bill)


def test_tax_of_a_bill_that_is_void_later_is_taken_off_the_next_deposit(trading, match, society, ask):
    vendor, bill = trading.bought("48500.00", nature="CONTRACTOR")
    match()
    assert deposit_tds.fn(society, "2026-04", "2026-05-07") == "970.00"
    assert deposit_tds.fn(society, "2026-04", "2026-05-08") == "0.00"
    take_back(bill)
    trading.bought("100000.00", vendor=vendor, nature="CONTRACTOR", on=MAY)
    match(MAY)

    assert deposit_tds.fn(society, "2026-05", "2026-06-07") == "1030.00"
    assert ask("select sum(debit - credit) from purchase.ledger_line where account_code = '23050'") == [(0,)]


def test_the_tax_of_a_month_is_not_deposited_before_it_is_over(society):
    with pytest.raises(PaymentRefused, match="the tax of April 2026 can be deposited when the month is over"):
        deposit_tds.fn(society, "2026-04", "2026-04-30")


def test_a_payment_outlives_every_death(trading, match, ask, monkeypatch):
    vendor, _ = trading.bought("500.00")
    match()

    def reset():
        ask(
            """set session_replication_role = replica; delete from purchase.vendor_payment_item;
            delete from purchase.vendor_payment; update purchase.payable set paid = 0;
            delete from purchase.ledger_entry where source_kind = 'VENDOR_PAYMENT'"""
        )

    def seen():
        return ask(
            """select (select paid from purchase.payable), (select count(*) from purchase.vendor_payment),
                (select count(*) from purchase.ledger_entry)"""
        )

    assert outlives_every_death(monkeypatch, lambda: pay(vendor, "200.00"), reset=reset, seen=seen) >= 1
