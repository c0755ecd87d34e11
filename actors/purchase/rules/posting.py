"""Ledger entries of vendors' bills, payments and tax, in double entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from actors.common.rules.ledger import Entry
from actors.common.rules.money import down_to_paisa, to_paisa


class Account(StrEnum):
    """The accounts that purchase jobs post to, beside those that orders name for their cost."""

    BANK = "11120"
    SGST_INPUT = "11410"
    CGST_INPUT = "11420"
    PAYABLES = "21010"
    TDS_PAYABLE = "23050"


@dataclass(frozen=True)
class Cost:
    """What a bill charges to one account, in rupees."""

    account: str
    net: Decimal
    cgst: Decimal
    sgst: Decimal


def bill_entry(vendor: UUID, costs: Sequence[Cost], credit_percent: Decimal, tds: Decimal) -> Entry:
    """The cost, the tax that the society may credit, the tax kept back, and what the vendor is owed.

    Of the GST only the taxable share is credited (from memory; rounded down, which is ours: to confirm); the rest is
    cost. 48,500.00 with 18 %, all of it creditable, TDS 970.00: 52010 48,500.00, 11420 4,365.00, 11410 4,365.00, 23050
    970.00, 21010 56,260.00.
    """
    net_by_account: dict[str, Decimal] = {}
    cgst = sgst = owed = Decimal(0)
    for cost in costs:
        own_cgst = down_to_paisa(cost.cgst * credit_percent / 100)
        own_sgst = down_to_paisa(cost.sgst * credit_percent / 100)
        charged = cost.net + cost.cgst + cost.sgst
        net_by_account[cost.account] = (
            net_by_account.get(cost.account, Decimal(0)) + charged - own_cgst - own_sgst
        )
        cgst, sgst, owed = cgst + own_cgst, sgst + own_sgst, owed + charged
    return Entry.of(
        *net_by_account.items(),
        (Account.CGST_INPUT, cgst),
        (Account.SGST_INPUT, sgst),
        (Account.TDS_PAYABLE, -tds),
        (Account.PAYABLES, tds - owed, vendor),
    )


def payment_entry(vendor: UUID, amount: Decimal) -> Entry:
    """Money that left the bank for a vendor."""
    return Entry.of((Account.PAYABLES, amount, vendor), (Account.BANK, -amount))


def deposit_entry(tds: Decimal) -> Entry:
    """A month's tax that was paid to the government."""
    return Entry.of((Account.TDS_PAYABLE, tds), (Account.BANK, -tds))


def tax_of(shown: Decimal, quantity: Decimal, part: Decimal) -> Decimal:
    """The tax of a part of a bill's line, so that all parts together bear what the bill shows."""
    return shown if part == quantity else to_paisa(shown * part / quantity)
