"""Ledger entries of bills, receipts and late interest, in double entry.

The account codes are those of Dhanman's public chart of accounts; the ones marked "proposed" are ours, to
confirm.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from actors.sales.rules.billing import Bill, Head
from actors.sales.rules.money import ZERO


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


class UnbalancedEntry(ValueError):
    """Debits and credits differ, or a line has two sides, none, or a negative amount."""


@dataclass(frozen=True)
class EntryLine:
    """One side of an entry, in rupees."""

    account: Account
    debit: Decimal = ZERO
    credit: Decimal = ZERO

    def __post_init__(self) -> None:
        if min(self.debit, self.credit) != 0 or max(self.debit, self.credit) <= 0:
            raise UnbalancedEntry(f"account {self.account}: debit {self.debit}, credit {self.credit}")


@dataclass(frozen=True)
class Entry:
    """A balanced entry; an unbalanced one cannot be made."""

    lines: tuple[EntryLine, ...]

    def __post_init__(self) -> None:
        if self.debit != self.credit or not self.lines:
            raise UnbalancedEntry(f"debit {self.debit} is not credit {self.credit}")

    @property
    def debit(self) -> Decimal:
        return sum((line.debit for line in self.lines), ZERO)

    @property
    def credit(self) -> Decimal:
        return sum((line.credit for line in self.lines), ZERO)


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
    lines = [_signed(Account.RECEIVABLE, bill.total)]
    lines += [_signed(account, -amount) for account, amount in credits]
    return Entry(tuple(line for line in lines if line is not None))


def receipt_entry(amount: Decimal) -> Entry:
    """A member's payment that reached the bank."""
    return Entry((EntryLine(Account.BANK, debit=amount), EntryLine(Account.RECEIVABLE, credit=amount)))


def interest_entry(interest: Decimal, cgst: Decimal, sgst: Decimal) -> Entry:
    """Late interest charged to a member, with its GST (s. 15(2)(d) CGST Act) where the bill was taxable."""
    lines = [
        _signed(Account.RECEIVABLE, interest + cgst + sgst),
        _signed(Account.LATE_INTEREST, -interest),
        _signed(Account.CGST_PAYABLE, -cgst),
        _signed(Account.SGST_PAYABLE, -sgst),
    ]
    return Entry(tuple(line for line in lines if line is not None))


def _signed(account: Account, amount: Decimal) -> EntryLine | None:
    """A debit for a positive amount, a credit for a negative one, no line for nothing."""
    if not amount:
        return None
    return EntryLine(account, debit=amount) if amount > 0 else EntryLine(account, credit=-amount)
