"""The three-way match: purchase order, goods receipt notes (GRN) and the vendor's bill.

What was received is paid, what was not is held (as Odoo does it); allowances in percent with an override by an officer
(as in ERPNext). The allowances are our proposal: to confirm. Quantities are of the order's unit, amounts without GST.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from actors.common.rules.money import ZERO, to_paisa
from actors.common.rules.rates import RateBook
from actors.purchase.rules import rates

NOTHING = Decimal(0)


class Outcome(StrEnum):
    """What a match finds; of several lines, the bill has the first in this order."""

    DUPLICATE = "DUPLICATE"
    """The vendor's number was billed before in the financial year of the bill's date."""
    HOLD_PRICE = "HOLD_PRICE"
    """Dearer than ordered, beyond the allowance: nothing is paid."""
    HOLD_NO_GRN = "HOLD_NO_GRN"
    """Nothing was received."""
    HOLD_OVER_RECEIPT = "HOLD_OVER_RECEIPT"
    """More was received than the order and its allowance: paid up to there."""
    HOLD_QTY = "HOLD_QTY"
    """More billed to date than received: paid up to there."""
    MATCHED_TOL = "MATCHED_TOL"
    """Within the allowances."""
    PARTIAL = "PARTIAL"
    """As received; a part of the order is still open."""
    MATCHED = "MATCHED"


ORDER_OF_GRAVITY = tuple(Outcome)
HOLDS = frozenset({Outcome.HOLD_PRICE, Outcome.HOLD_NO_GRN, Outcome.HOLD_OVER_RECEIPT, Outcome.HOLD_QTY})


@dataclass(frozen=True)
class Tolerance:
    """Allowances in percent of the order's quantity and price."""

    quantity: Decimal
    price: Decimal

    @classmethod
    def on(cls, book: RateBook, day: date) -> Tolerance:
        """Those of a day. Raises MissingRate."""
        return cls(book.on(day, rates.QUANTITY_TOLERANCE), book.on(day, rates.PRICE_TOLERANCE))


@dataclass(frozen=True)
class Receipt:
    """How many were accepted on a day."""

    accepted_on: date
    quantity: Decimal


@dataclass(frozen=True)
class OrderedLine:
    """A line of the order as it stands.

    Parameters:
      receipts: what was accepted so far, in order of days.
      billed: how many other bills were let pass for.
    """

    quantity: Decimal
    unit_price: Decimal
    receipts: tuple[Receipt, ...]
    billed: Decimal = NOTHING

    @property
    def received(self) -> Decimal:
        return sum((receipt.quantity for receipt in self.receipts), NOTHING)


@dataclass(frozen=True)
class BilledLine:
    """A line of a bill; `let_pass` is how many an earlier match of it found payable, which stays."""

    quantity: Decimal
    unit_price: Decimal
    let_pass: Decimal = NOTHING

    @property
    def amount(self) -> Decimal:
        return to_paisa(self.quantity * self.unit_price)


@dataclass(frozen=True)
class LineMatch:
    """What a match finds of a line.

    Parameters:
      payable_quantity: how many may be paid, earlier matches of the bill included.
      payable: rupees for them.
      held: rupees for the rest.
      open_quantity: how many of the order are still to be billed.
      accepted_on: day on which the last of the payable ones was accepted; None where none is payable, or where an
        officer lets pass what was never received.
    """

    outcome: Outcome
    payable_quantity: Decimal
    payable: Decimal
    held: Decimal
    open_quantity: Decimal
    accepted_on: date | None


@dataclass(frozen=True)
class BillMatch:
    """A bill's lines, and what they come to."""

    outcome: Outcome
    lines: tuple[LineMatch, ...]

    @property
    def payable(self) -> Decimal:
        return sum((line.payable for line in self.lines), ZERO)

    @property
    def held(self) -> Decimal:
        return sum((line.held for line in self.lines), ZERO)


def match_line(
    billed: BilledLine, ordered: OrderedLine, tolerance: Tolerance, *, overridden: bool = False
) -> LineMatch:
    """Compare a line with its order and receipts.

    The most that can be paid for is what was received, but no more than ordered with the allowance; less what other
    bills were let pass for. Cheaper than ordered is a match.

    Parameters:
      overridden: an officer lets the line pass as it is billed; the outcome still says what was found.
    """
    most = ordered.quantity * (1 + tolerance.quantity / 100)
    limit = min(ordered.received, most)
    payable = min(billed.quantity, max(NOTHING, limit - ordered.billed))
    if billed.unit_price > ordered.unit_price * (1 + tolerance.price / 100):
        outcome, payable = Outcome.HOLD_PRICE, NOTHING
    elif not ordered.received:
        outcome = Outcome.HOLD_NO_GRN
    elif payable < billed.quantity:
        outcome = Outcome.HOLD_OVER_RECEIPT if most < ordered.received else Outcome.HOLD_QTY
    elif ordered.billed + payable > ordered.quantity or billed.unit_price > ordered.unit_price:
        outcome = Outcome.MATCHED_TOL
    else:
        outcome = Outcome.PARTIAL if ordered.billed + payable < ordered.quantity else Outcome.MATCHED
    payable = billed.quantity if overridden else max(payable, billed.let_pass)
    amount = to_paisa(payable * billed.unit_price)
    return LineMatch(
        outcome=outcome,
        payable_quantity=payable,
        payable=amount,
        held=billed.amount - amount,
        open_quantity=max(NOTHING, ordered.quantity - ordered.billed - payable),
        accepted_on=accepted_by(ordered.receipts, ordered.billed + payable) if payable else None,
    )


def accepted_by(receipts: Sequence[Receipt], quantity: Decimal) -> date | None:
    """The day on which so many were accepted, what came first being paid first; the last day if never so many."""
    for receipt in receipts:
        quantity -= receipt.quantity
        if quantity <= 0:
            return receipt.accepted_on
    return receipts[-1].accepted_on if receipts else None


def settled(line: LineMatch, left: Decimal) -> LineMatch:
    """A line when the whole bill is let pass, of which another line may have the rest of the item."""
    done = line.outcome is Outcome.PARTIAL and left <= 0
    return replace(line, outcome=Outcome.MATCHED if done else line.outcome, open_quantity=max(NOTHING, left))


def bill_match(lines: Iterable[LineMatch]) -> BillMatch:
    """The gravest outcome of the lines is the bill's."""
    found = tuple(lines)
    return BillMatch(min((line.outcome for line in found), key=ORDER_OF_GRAVITY.index), found)


def duplicate(lines: Sequence[BilledLine]) -> BillMatch:
    """A bill whose number its vendor used before in the same financial year: nothing is paid, nor held for later."""
    return BillMatch(
        Outcome.DUPLICATE,
        tuple(LineMatch(Outcome.DUPLICATE, NOTHING, ZERO, ZERO, NOTHING, None) for _ in lines),
    )
