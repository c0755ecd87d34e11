"""What a payment clears: interest first, then principal, the oldest bill first; the rest is an advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from actors.common.rules.money import ZERO
from actors.sales.rules.interest import tax_on_interest


class Due(StrEnum):
    """What a member can owe."""

    INTEREST = "INTEREST"
    INTEREST_TAX = "INTEREST_TAX"
    ARREARS = "ARREARS"
    BILL = "BILL"


@dataclass(frozen=True)
class OpenBill:
    """What is owed of one bill, in rupees, as of the day of payment.

    Parameters:
      principal: Of the bill itself.
      interest: Late interest to that day.
      tax: GST on interest that was received before.
      cgst_rate: What its interest is taxed at, in percent; 0 for a bill that was not taxable.
    """

    invoice_id: UUID
    principal: Decimal
    interest: Decimal = ZERO
    tax: Decimal = ZERO
    cgst_rate: Decimal = ZERO
    sgst_rate: Decimal = ZERO


@dataclass(frozen=True)
class Allocation:
    """A part of a payment and what it cleared.

    Parameters:
      invoice_id: The bill; None for opening arrears.
      cgst: Tax that became due because this interest was received; not part of `amount`.
    """

    due: Due
    invoice_id: UUID | None
    amount: Decimal
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO


@dataclass(frozen=True)
class Allocated:
    """A payment shared out; `left` is the advance."""

    parts: tuple[Allocation, ...]
    left: Decimal

    def sum_of(self, *dues: Due) -> Decimal:
        """What went to these kinds of dues."""
        return sum((part.amount for part in self.parts if part.due in dues), ZERO)


def allocate(amount: Decimal, bills: Sequence[OpenBill], arrears: Decimal = ZERO) -> Allocated:
    """Share a payment out among a flat's dues.

    The order: GST on interest received before, interest, opening arrears (older than any bill, and without interest of
    their own), principal; last the GST that this very payment's interest raises, since it became due only now. Within
    each the oldest bill goes first. Interest before principal is case law, the rest custom and proposal: to confirm.

    Parameters:
      bills: The oldest first.
    """
    left, parts = amount, []

    def clear(due: Due, invoice_id: UUID | None, owed: Decimal) -> Decimal:
        nonlocal left
        part = min(left, owed)
        if part > 0:
            parts.append(Allocation(due, invoice_id, part))
            left -= part
        return max(part, ZERO)

    for bill in bills:
        clear(Due.INTEREST_TAX, bill.invoice_id, bill.tax)
    raised = []
    for bill in bills:
        interest = clear(Due.INTEREST, bill.invoice_id, bill.interest)
        cgst, sgst = tax_on_interest(interest, bill.cgst_rate, bill.sgst_rate)
        if cgst or sgst:
            parts[-1] = Allocation(Due.INTEREST, bill.invoice_id, interest, cgst, sgst)
            raised.append((bill.invoice_id, cgst + sgst))
    clear(Due.ARREARS, None, arrears)
    for bill in bills:
        clear(Due.BILL, bill.invoice_id, bill.principal)
    for invoice_id, tax in raised:
        clear(Due.INTEREST_TAX, invoice_id, tax)
    return Allocated(tuple(parts), left)


def use_advances(
    advances: Sequence[tuple[UUID, Decimal]], total: Decimal
) -> tuple[list[tuple[UUID, Decimal]], Decimal]:
    """What a new bill takes of a flat's advances, the oldest first: (receipt, rupees) each, and the sum."""
    taken, open_ = [], total
    for receipt_id, amount in advances:
        part = min(amount, open_)
        if part > 0:
            taken.append((receipt_id, part))
            open_ -= part
    return taken, total - open_
