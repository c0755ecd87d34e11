"""What becomes of one bill: its match, the credit that it gives its vendor, and the entry in the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from actors.common.rules.ledger import Entry, UnbalancedEntry
from actors.common.rules.money import ZERO, to_paisa
from actors.common.rules.rates import MissingRate, RateBook
from actors.purchase.bills import Bill, LineKey, OrderLine
from actors.purchase.rules.matching import (
    BillMatch,
    Outcome,
    Tolerance,
    bill_match,
    duplicate,
    match_line,
    settled,
)
from actors.purchase.rules.msme import PROTECTED, last_day
from actors.purchase.rules.posting import Cost, bill_entry, tax_of
from actors.purchase.rules.tds import Deduction, Nature, TdsYear, UnknownPan, deduct


class BillRefused(ValueError):
    """A bill that cannot be matched before somebody puts it right."""


REFUSALS = (BillRefused, MissingRate, UnbalancedEntry, UnknownPan)
"""What stops one bill and not the others; the message says what to mend."""


@dataclass(frozen=True)
class Credit:
    """What a match adds to the vendor's credit.

    Parameters:
      accepted_on: from which its term of payment runs.
    """

    id: UUID
    net: Decimal
    gst: Decimal
    deduction: Deduction
    accepted_on: date
    due_on: date
    entry: Entry


@dataclass(frozen=True)
class Verdict:
    """A bill with what was found of it; `credit` is None where nothing new is payable."""

    bill: Bill
    found: BillMatch
    credit: Credit | None

    @property
    def number(self) -> int:
        """Of this match among the bill's."""
        return self.bill.matches + 1

    @property
    def state(self) -> str:
        """The bill's state after it: an officer's override counts as an allowance."""
        overridden = self.bill.override_role and self.found.outcome is not Outcome.DUPLICATE
        return Outcome.MATCHED_TOL if overridden else self.found.outcome

    @property
    def is_new(self) -> bool:
        """Whether it says something that the match before did not."""
        return self.credit is not None or self.bill.status != self.state


@dataclass(frozen=True)
class Terms:
    """What holds for all bills of a society on a day."""

    day: date
    rates: RateBook
    tolerance: Tolerance
    credit_percent: Decimal


def judge(
    bill: Bill, lines: dict[LineKey, OrderLine], year: TdsYear, terms: Terms, *, doubled: bool
) -> Verdict:
    """Match a bill and reckon its credit. Raises one of REFUSALS, and has changed nothing then."""
    if doubled:
        return Verdict(bill, duplicate([line.billed for line in bill.lines]), None)
    if bill.order_status not in ("APPROVED", "CLOSED"):
        raise BillRefused(f"order {bill.order_number} is {bill.order_status.lower()}, not approved")
    if bill.net + bill.gst != bill.total:
        raise BillRefused(f"its total {bill.total} is not the sum of its lines, {bill.net + bill.gst}")
    billed = {line.key: lines[line.key].billed for line in bill.lines}
    for line in bill.lines:
        billed[line.key] -= line.billed.let_pass
    found = []
    for line in bill.lines:
        ordered = lines[line.key].as_seen(billed[line.key])
        matched = match_line(line.billed, ordered, terms.tolerance, overridden=bill.override_role is not None)
        billed[line.key] += matched.payable_quantity  # for another line of the bill with the same item
        found.append(matched)
    match = bill_match(
        settled(matched, lines[line.key].quantity - billed[line.key])
        for line, matched in zip(bill.lines, found, strict=True)
    )
    return Verdict(bill, match, _credit(bill, match, lines, year, terms))


def _credit(
    bill: Bill, match: BillMatch, lines: dict[LineKey, OrderLine], year: TdsYear, terms: Terms
) -> Credit | None:
    costs, accepted = [], []
    for line, matched in zip(bill.lines, match.lines, strict=True):
        before, after, whole = line.billed.let_pass, matched.payable_quantity, line.billed.quantity
        if after > before:
            accepted.append(
                matched.accepted_on or bill.place.received_on
            )  # never received: let pass by an officer
            costs.append(
                Cost(
                    account=lines[line.key].account,
                    net=matched.payable - to_paisa(before * line.billed.unit_price),
                    cgst=tax_of(line.cgst, whole, after) - tax_of(line.cgst, whole, before),
                    sgst=tax_of(line.sgst, whole, after) - tax_of(line.sgst, whole, before),
                )
            )
    net = sum((cost.net for cost in costs), ZERO)
    gst = sum((cost.cgst + cost.sgst for cost in costs), ZERO)
    if net <= 0:
        return None
    deduction = deduct(
        nature=bill.nature,
        pan=bill.pan,
        bill=bill.net,
        credit=net,
        gst=gst,
        year=year,
        day=terms.day,
        book=terms.rates,
    )
    accepted_on = max(accepted)
    return Credit(
        id=uuid5(bill.id, f"payable/{bill.matches + 1}"),
        net=net,
        gst=gst,
        deduction=deduction,
        accepted_on=accepted_on,
        due_on=last_day(accepted_on, bill.credit_days, bill.msme_class, terms.rates),
        entry=bill_entry(bill.vendor_id, costs, terms.credit_percent, deduction.tax),
    )


def is_protected(bill: Bill) -> bool:
    """Whether the law sets the term of payment."""
    return bill.msme_class in PROTECTED


def is_taxed(bill: Bill) -> bool:
    """Whether the bill's credits count in its vendor's year."""
    return bill.nature is not Nature.NONE
