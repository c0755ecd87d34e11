"""Ledger entries of bills, receipts and late interest, in double entry.

The account codes are those of Dhanman's public chart of accounts; the ones marked "proposed" are ours, to
confirm.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from actors.common.rules.ledger import Entry
from actors.sales.rules.billing import Bill, Head


class Account(StrEnum):
    """The accounts that sales jobs post to."""

    BANK = "11120"
    RECEIVABLE = "11200"
    SGST_PAYABLE = "23010"
    CGST_PAYABLE = "23020"
    PROPERTY_TAX_COLLECTED = "23080"
    """proposed"""
    SINKING_FUND = "31010"
    """proposed"""
    REPAIR_FUND = "31020"
    """proposed"""
    OPENING_BALANCE = "39010"
    """proposed"""
    MAINTENANCE = "40510"
    """proposed"""
    SERVICE = "40520"
    """proposed"""
    PARKING = "40530"
    """proposed"""
    NON_OCCUPANCY = "40540"
    """proposed"""
    LATE_INTEREST = "40610"
    """proposed"""
    ROUND_OFF = "49010"
    """proposed"""


HEAD_ACCOUNTS = {
    Head.SQFT: Account.MAINTENANCE,
    Head.SERVICE: Account.SERVICE,
    Head.PARKING: Account.PARKING,
    Head.SINKING: Account.SINKING_FUND,
    Head.REPAIR: Account.REPAIR_FUND,
    Head.NOC: Account.NON_OCCUPANCY,
    Head.PROPERTY_TAX: Account.PROPERTY_TAX_COLLECTED,
}


def invoice_entry(bill: Bill) -> Entry:
    """The member owes the total; each head earns its own; taxes are owed to the government.

    Sinking and repair contributions go to funds, not to income.
    """
    credits = [(HEAD_ACCOUNTS[line.head], line.amount) for line in bill.lines]
    credits += [
        (Account.CGST_PAYABLE, bill.cgst),
        (Account.SGST_PAYABLE, bill.sgst),
        (Account.ROUND_OFF, bill.round_off),
    ]
    return Entry.of((Account.RECEIVABLE, bill.total), *((account, -amount) for account, amount in credits))


def receipt_entry(amount: Decimal) -> Entry:
    """A member's payment that reached the bank."""
    return Entry.of((Account.BANK, amount), (Account.RECEIVABLE, -amount))


def interest_entry(interest: Decimal, cgst: Decimal, sgst: Decimal) -> Entry:
    """Late interest charged to a member, with its GST (s. 15(2)(d) CGST Act) where the bill was taxable."""
    return Entry.of(
        (Account.RECEIVABLE, interest + cgst + sgst),
        (Account.LATE_INTEREST, -interest),
        (Account.CGST_PAYABLE, -cgst),
        (Account.SGST_PAYABLE, -sgst),
    )
