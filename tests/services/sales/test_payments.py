"""Payments as a gateway tells of them: one receipt each, what it clears, and what the books have of it."""

from __future__ import annotations

import threading
import uuid
from datetime import date
from decimal import Decimal as D

import psycopg2
import pytest

from actors.common.rules.rates import MissingRate
from actors.sales import process_payment, reverse_receipt, store, update_related_systems
from actors.sales.outbox import UnknownEvent
from actors.sales.payments import PaymentConflict, PaymentRefused
from actors.sales.receipts import UnknownReceipt
from tests.support.deaths import outlives_every_death
from tests.support.society import PERIOD

CLEARED = """select due, invoice.period::text, allocation.amount
    from sales.allocation join sales.receipt on receipt.id = receipt_id
    left join sales.invoice on invoice.id = invoice_id
    where undone_on is null order by receipt.number, position"""
RECEIPTS = "select number, amount, unallocated from sales.receipt order by number"
QUEUED = "select actor_name from sales_jobs.queue where actor_name !~ 'invoice' order by id"


def test_a_payment_in_time_clears_the_bill_and_is_posted(member, bill, pay, posted, ask, books_hold):
    bill(member, PERIOD)

    done = pay(member, "9811.00", "2026-04-15T23:59:00+05:30")

    assert (done["receipt"], done["new"]) == ("RC/2627/000001", True)
    assert ask(CLEARED) == [("BILL", "2026-04-01", D("9811.00"))]
    assert posted("RECEIPT") == [("15 Apr", "11120", D("9811.00")), ("15 Apr", "11200", D("-9811.00"))]
    assert ask(QUEUED) == [("sales.send_receipt",), ("sales.update_related_systems",)]
    books_hold()


def test_interest_of_45_days_is_posted_with_its_gst_in_one_entry(
    member, bill, resolve, pay, posted, ask, books_hold
):
    """Given a taxable bill of 9,811 at 21 %, paid on 30 May with its interest: the sheet's entry 5.3."""
    resolve(21)
    bill(member, PERIOD)

    pay(member, "10110.73", "2026-05-30")

    assert posted("INTEREST") == [
        ("30 May", "11200", D("299.73")),
        ("30 May", "40610", D("-254.01")),
        ("30 May", "23020", D("-22.86")),
        ("30 May", "23010", D("-22.86")),
    ]
    assert ask(CLEARED) == [
        ("INTEREST", "2026-04-01", D("254.01")),
        ("BILL", "2026-04-01", D("9811.00")),
        ("INTEREST_TAX", "2026-04-01", D("45.72")),
    ]
    assert ask(RECEIPTS) == [("RC/2627/000001", D("10110.73"), D("0.00"))]
    books_hold()


@pytest.mark.parametrize(
    ("percent", "interests", "principals", "to_31_may"),
    [
        (21, ["197.56", "28.22"], ["9774.22"], ["0.23", "62.09"]),
        (12, ["112.89", "16.13"], ["9811.00", "59.98"], []),
    ],
)
def test_10000_for_two_late_bills_clear_interest_then_the_oldest(
    member, bill, resolve, pay, ask, books_hold, percent, interests, principals, to_31_may
):
    resolve(percent)
    bill(member, PERIOD)
    bill(member, "2026-05")

    pay(member, "10000.00", "2026-05-20")

    found = ask(CLEARED)
    assert [amount for due, _, amount in found if due == "INTEREST"] == [D(each) for each in interests]
    assert [amount for due, _, amount in found if due == "BILL"] == [D(each) for each in principals]
    books_hold()
    if to_31_may:
        pay(member, "1.00", "2026-05-31")
        charges = ask(
            "select amount from sales.interest_charge where charged_to = '2026-05-31' order by amount"
        )
        assert [amount for (amount,) in charges] == [D(each) for each in to_31_may]
        books_hold()


@pytest.mark.parametrize(("grace", "interest"), [(10, []), (9, [D("56.45")])])
def test_paid_on_the_last_day_of_grace_there_is_no_interest(
    member, bill, resolve, pay, ask, books_hold, grace, interest
):
    resolve(21, grace)
    bill(member, PERIOD)

    pay(member, "9811.00", "2026-04-25")

    assert [amount for due, _, amount in ask(CLEARED) if due == "INTEREST"] == interest
    books_hold()


def test_without_a_resolution_there_is_no_interest_and_with_one_the_cap_must_be_on_record(
    member, bill, resolve, pay, ask, books_hold
):
    bill(member, PERIOD)
    pay(member, "100.00", "2026-06-01")
    assert ask(CLEARED) == [("BILL", "2026-04-01", D("100.00"))]
    resolve(21)
    ask("delete from sales.tax_rate where code = 'LATE_INTEREST_CAP'")

    with pytest.raises(MissingRate, match="no rate LATE_INTEREST_CAP is recorded for MH/IN"):
        pay(member, "100.00", "2026-06-02")

    assert ask("select count(*) from sales.receipt") == [(1,)]
    books_hold()


def test_the_cap_of_the_law_halves_the_rate_on_its_day(member, bill, resolve, pay, ask):
    """21 % to 17 June, 12 % from 18 June 2026 on: 3 days and 3 days."""
    resolve(21)
    bill(member, "2026-06")

    pay(member, "9811.00", "2026-06-20")

    (interest,) = [amount for due, _, amount in ask(CLEARED) if due == "INTEREST"]
    assert interest == (D("9811.00") * (2 * 21 + 3 * 12) / 36_500).quantize(D("0.01"))


def test_what_is_left_is_an_advance_that_the_next_bill_takes(member, bill, pay, sales, ask, books_hold):
    bill(member, PERIOD)
    pay(member, "10000.00", "2026-04-10")
    pay(member, "500.00", "2026-04-11")
    assert ask("select unallocated from sales.receipt order by number") == [(D("189.00"),), (D("500.00"),)]
    books_hold()

    may = store.invoice(sales, bill(member, "2026-05"))

    assert (may.advance, may.paid_amount, may.to_pay, may.bill.arrears) == (
        D("689.00"),
        D("689.00"),
        D("9122.00"),
        0,
    )
    assert ask(CLEARED)[1:] == [("BILL", "2026-05-01", D("189.00")), ("BILL", "2026-05-01", D("500.00"))]
    assert ask("select sum(unallocated) from sales.receipt") == [(0,)]
    books_hold()


def test_a_bill_that_the_advance_pays_whole_leaves_the_rest(member, bill, pay, sales, ask, books_hold):
    pay(member, "25000.00", "2026-03-30")

    first, second, third = (
        store.invoice(sales, bill(member, month)) for month in (PERIOD, "2026-05", "2026-06")
    )

    assert [each.to_pay for each in (first, second, third)] == [0, 0, D("4433.00")]
    assert ask("select number, unallocated from sales.receipt") == [("RC/2526/000001", 0)]
    books_hold()


def test_opening_arrears_are_older_than_any_bill(society, member, bill, pay, ask, books_hold):
    ask("insert into sales.opening_arrears values (%s, '2026-03-31', 1234.50)", member)
    ask(store.statements.seed_opening_entry % {"community_id": f"'{society.community_id}'"})
    bill(member, PERIOD)

    pay(member, "1239.50", "2026-04-10")

    assert ask(CLEARED) == [("ARREARS", None, D("1234.50")), ("BILL", "2026-04-01", D("5.00"))]
    books_hold()


def test_a_payment_for_a_void_bill_goes_to_the_next(member, bill, resolve, pay, ask):
    resolve(21)
    void = bill(member, PERIOD)
    ask("update sales.invoice set voided_at = now() where id = %s", void)
    bill(member, "2026-05")

    pay(member, "9811.00", "2026-05-15")

    assert ask(CLEARED) == [("BILL", "2026-05-01", D("9811.00"))]


def test_unpaid_interest_and_its_gst_are_arrears_of_the_next_bill(
    member, bill, resolve, pay, sales, books_hold
):
    resolve(21)
    bill(member, PERIOD)
    pay(
        member, "10065.01", "2026-05-30"
    )  # interest and principal; the GST on the interest is owed since then

    june = store.invoice(sales, bill(member, "2026-06"))

    assert june.bill.arrears == D("45.72")
    books_hold()


# -- told twice, told wrong


def test_a_doubled_callback_is_one_receipt(member, bill, pay, ask, books_hold):
    bill(member, PERIOD)
    first = pay(member, "9811.00", "2026-04-10", reference="pay_X")
    before = ask(QUEUED)

    again = pay(member, "9811.00", "2026-04-10", reference="pay_X")

    assert again == {**first, "new": False}
    assert ask(RECEIPTS) == [("RC/2627/000001", D("9811.00"), D("0.00"))]
    assert ask(QUEUED) == before
    books_hold()


def test_callbacks_at_the_same_moment_are_one_receipt(member, bill, ask, books_hold):
    """Given six calls of one payment and six of others at once, seven receipts are numbered without a gap."""
    bill(member, PERIOD)
    references = ["pay_X"] * 6 + [f"pay_{n}" for n in range(6)]
    found = []

    def call(reference):
        found.append(process_payment.fn("razorpay", reference, member, "100.00", "2026-04-10T10:00:00+05:30"))

    threads = [threading.Thread(target=call, args=(reference,)) for reference in references]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 12
    assert len({each["receipt"] for each in found}) == 7
    assert sum(each["new"] for each in found) == 7
    assert ask("select array_agg(sequence order by sequence) from sales.receipt") == [
        ([1, 2, 3, 4, 5, 6, 7],)
    ]
    assert ask("select paid_amount from sales.invoice") == [(D("700.00"),)]
    books_hold()


def test_the_same_reference_with_another_amount_or_flat_is_refused(
    society, member, bill, pay, ask, books_hold
):
    bill(member, PERIOD)
    pay(member, "9811.00", "2026-04-10", reference="pay_X")

    with pytest.raises(
        PaymentConflict, match=r"pay_X of razorpay is receipt RC/2627/000001 of ₹ 9,811\.00 for flat A-102"
    ):
        pay(member, "9812.00", "2026-04-10", reference="pay_X")
    with pytest.raises(PaymentConflict, match="Nothing was booked"):
        pay(str(society.unit_ids[0]), "9811.00", "2026-04-10", reference="pay_X")

    assert len(ask(RECEIPTS)) == 1
    books_hold()


def test_the_same_reference_of_another_gateway_is_another_payment(member, ask):
    for gateway in ("razorpay", "hdfc-neft"):
        process_payment.fn(gateway, "000123", member, "10.00", "2026-04-10T10:00:00+05:30")

    assert len(ask(RECEIPTS)) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": "-5.00"}, r"amount '-5\.00' is not rupees"),
        ({"amount": "0.00"}, "is not rupees above nought"),
        ({"amount": "1e3"}, "is not rupees"),
        ({"amount": "5.001"}, "is not rupees"),
        ({"amount": "१००"}, "is not rupees"),
        ({"amount": "1,000.00"}, r"such as '9811\.00'"),
        ({"received_at": "2026-04-10T10:00:00"}, "is not a moment with its zone"),
        ({"received_at": "yesterday"}, "'yesterday' is not a moment"),
        ({"mode": "CASH"}, "mode 'CASH' is none of UPI, CARD"),
        ({"gateway": "Razor Pay"}, "a gateway's name is 2 to 30"),
        ({"reference": " "}, "a reference is 1 to 100 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_booked(member, ask, wrong, said):
    told = {"gateway": "razorpay", "reference": "pay_1", "unit_id": member, "amount": "5.00"}
    told |= {"received_at": "2026-04-10T10:00:00+05:30"}

    with pytest.raises(PaymentRefused, match=said):
        process_payment.fn(**{**told, **wrong})

    assert ask(RECEIPTS) == []


@pytest.mark.parametrize("unit", ["nonsense", str(uuid.UUID(int=0))])
def test_an_unknown_flat_is_refused(sales_database, ask, pay, unit):
    with pytest.raises(store.UnknownUnit, match=unit):
        pay(unit, "5.00", "2026-04-10")
    assert ask(RECEIPTS) == []


def test_into_a_closed_month_nothing_is_booked_and_no_number_is_lost(member, bill, pay, ask, books_hold):
    bill(member, PERIOD)
    ask("update sales.accounting_period set closed_at = now(), closed_by = 'treasurer'")
    with pytest.raises(psycopg2.errors.RestrictViolation, match="the books of 2026-04 are closed"):
        pay(member, "9811.00", "2026-04-10")

    assert pay(member, "9811.00", "2026-05-02")["receipt"] == "RC/2627/000001"
    books_hold()


def test_the_tables_refuse_an_allocation_beyond_the_receipt_and_a_changed_receipt(sales, member, pay, ask):
    receipt = pay(member, "10.00", "2026-04-10")["receipt_id"]

    with pytest.raises(psycopg2.errors.CheckViolation, match="do not add up"):
        ask("insert into sales.allocation values (%s, 1, 'ARREARS', null, 11, 0, 0, '2026-04-10')", receipt)
    for change in ("update sales.receipt set amount = 11, unallocated = 11", "delete from sales.receipt"):
        sales.rollback()
        with pytest.raises(psycopg2.errors.RestrictViolation, match=r"receipt RC/2627/000001 stands"):
            ask(change)


# -- taken back


def test_a_bounced_cheque_is_reversed_and_the_bill_is_owed_again(
    member, bill, resolve, pay, posted, ask, books_hold
):
    resolve(21)
    bill(member, PERIOD)
    receipt = pay(member, "10110.73", "2026-05-30", mode="CHEQUE")["receipt_id"]

    assert reverse_receipt.fn(receipt, "cheque bounced", "2026-06-03") == "reversed"
    assert reverse_receipt.fn(receipt, "cheque bounced", "2026-06-04") == "reversed before"

    assert posted("REVERSAL") == [("03 Jun", "11120", D("-10110.73")), ("03 Jun", "11200", D("10110.73"))]
    assert ask("select paid_amount from sales.invoice") == [(0,)]
    assert ask("select charged, received, taxed, tax_received from sales.late_interest") == [
        (D("254.01"), 0, 0, 0)
    ]
    assert ask("select reversed_on, reversed_why, unallocated from sales.receipt") == [
        (date(2026, 6, 3), "cheque bounced", 0)
    ]
    books_hold()

    pay(member, "20000.00", "2026-06-13")  # ten days more
    ((interest,),) = ask("select charged from sales.late_interest")
    assert interest == D("254.01") + (D(9811) * 21 * 10 / 36_500).quantize(D("0.01"))
    books_hold()


def test_an_advance_that_bounced_leaves_the_next_bill_unpaid(member, bill, pay, ask, books_hold):
    receipt = pay(member, "12000.00", "2026-04-01", mode="CHEQUE")["receipt_id"]
    bill(member, PERIOD)
    assert ask("select paid_amount, advance from sales.invoice") == [(D("9811.00"), D("9811.00"))]

    reverse_receipt.fn(receipt, "cheque bounced", "2026-04-05")

    assert ask("select paid_amount from sales.invoice") == [(0,)]
    books_hold()


def test_a_reversal_needs_a_receipt_a_day_and_a_reason(member, pay):
    receipt = pay(member, "10.00", "2026-04-10")["receipt_id"]

    with pytest.raises(UnknownReceipt, match="no receipt has the id"):
        reverse_receipt.fn(str(uuid.UUID(int=0)), "bounced", "2026-04-12")
    with pytest.raises(PaymentRefused, match="'soon' is not a day"):
        reverse_receipt.fn(receipt, "bounced", "soon")
    with pytest.raises(PaymentRefused, match="say why"):
        reverse_receipt.fn(receipt, " ", "2026-04-12")


# -- other systems, and deaths


def test_other_systems_are_told_once(member, bill, pay, ask):
    invoice = bill(member, PERIOD)
    receipt = pay(member, "9811.00", "2026-04-10")["receipt_id"]

    told = [update_related_systems.fn("receipt.issued", receipt) for _ in range(2)]
    assert told == ["told", "told before"]
    assert update_related_systems.fn("invoice.issued", invoice) == "told"

    rows = ask(
        "select event, payload->>'number', coalesce(payload->>'amount', payload->>'total') from sales.outbox"
    )
    assert rows[0] == ("receipt.issued", "RC/2627/000001", "9811.00")
    assert (rows[1][0], rows[1][2]) == ("invoice.issued", "9811.00")
    with pytest.raises(UnknownEvent, match=r"receipt\.reversed of .* has not happened"):
        update_related_systems.fn("receipt.reversed", receipt)
    with pytest.raises(UnknownEvent, match=r"event 'x' is none of invoice\.issued"):
        update_related_systems.fn("x", receipt)


def test_a_death_at_any_commit_leaves_one_receipt(
    sales_database, member, society, bill, resolve, ask, monkeypatch
):
    resolve(21)
    invoice = bill(member, PERIOD)

    def reset():
        ask(
            "set session_replication_role = replica; delete from sales.allocation; delete from sales.interest_charge"
        )
        ask(
            """set session_replication_role = replica;
            delete from sales.receipt; delete from sales.interest_line; delete from sales.late_interest;
            delete from sales.ledger_line using sales.ledger_entry where entry_id = id and source_kind <> 'INVOICE';
            delete from sales.ledger_entry where source_kind <> 'INVOICE';
            delete from sales.invoice_counter where series = 'RC';
            delete from sales_jobs.queue where actor_name ~ 'receipt|related';
            update sales.invoice set paid_amount = 0, overdue_since = null;"""
        )
        ask("set session_replication_role = origin")

    def seen():
        return (
            ask(RECEIPTS),
            ask(CLEARED),
            ask("select count(*), sum(debit) from sales.ledger_line"),
            ask("select charged, received, taxed, tax_received, since from sales.late_interest"),
            ask(QUEUED),
        )

    def run():
        process_payment.fn("razorpay", "pay_X", member, "10000.00", "2026-05-30T10:00:00+05:30")

    assert invoice
    assert outlives_every_death(monkeypatch, run, reset=reset, seen=seen) == 1
