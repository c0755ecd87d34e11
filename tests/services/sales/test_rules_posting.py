"""Ledger entries of bills, receipts and interest, as the accountant's sheet has them."""

from decimal import Decimal as D

import pytest

from actors.common.rules.ledger import Entry, EntryLine, UnbalancedEntry
from actors.sales.rules.billing import maintenance_bill
from actors.sales.rules.posting import (
    Account,
    interest_entry,
    invoice_entry,
    receipt_entry,
)
from tests.services.sales.examples import APRIL, CASE_A, CASE_B, CASE_C, TERMS


def sides(entry):
    debits = {line.account: line.debit for line in entry.lines if line.debit}
    credits = {line.account: line.credit for line in entry.lines if line.credit}
    return debits, credits


def test_invoice_a():
    debits, credits = sides(invoice_entry(maintenance_bill(CASE_A, APRIL, TERMS)))

    assert debits == {"11200": D("9811.00")}
    assert credits == {
        "40510": D("3526.25"),
        "40520": D("1450.00"),
        "40530": D("650.00"),
        "31010": D("500.00"),
        "31020": D("1500.00"),
        "23080": D("812.00"),
        "23020": D("686.36"),
        "23010": D("686.36"),
        "49010": D("0.03"),
    }


def test_a_round_off_in_the_members_favour_is_a_debit():
    debits, credits = sides(invoice_entry(maintenance_bill(CASE_B, APRIL, TERMS)))

    assert debits == {"11200": D("8288.00"), "49010": D("0.25")}
    assert Account.ROUND_OFF not in credits
    assert "23020" not in credits


def test_the_non_occupancy_charge_has_an_account_of_its_own():
    _, credits = sides(invoice_entry(maintenance_bill(CASE_C, APRIL, TERMS)))

    assert credits[Account.NON_OCCUPANCY] == D("497.62")


def test_a_receipt():
    assert sides(receipt_entry(D("10000.00"))) == ({"11120": D("10000.00")}, {"11200": D("10000.00")})


def test_late_interest_with_its_gst():
    debits, credits = sides(interest_entry(D("254.01"), D("22.86"), D("22.86")))

    assert debits == {"11200": D("299.73")}
    assert credits == {"40610": D("254.01"), "23020": D("22.86"), "23010": D("22.86")}


def test_an_unbalanced_entry_cannot_be_made():
    with pytest.raises(UnbalancedEntry, match=r"debit 10\.00 is not credit 9\.99"):
        Entry((EntryLine(Account.BANK, debit=D("10.00")), EntryLine(Account.RECEIVABLE, credit=D("9.99"))))


@pytest.mark.parametrize(
    ("debit", "credit"), [("0.00", "0.00"), ("1.00", "1.00"), ("-1.00", "0.00"), ("0.00", "-1.00")]
)
def test_a_line_has_exactly_one_side_that_is_positive(debit, credit):
    with pytest.raises(UnbalancedEntry):
        EntryLine(Account.BANK, D(debit), D(credit))
