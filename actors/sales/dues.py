"""What a member owes on a day, bill by bill, with late interest: what reminders and statements speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO
from actors.sales import interest
from actors.sales.rules.interest import LateBill, RateSpan, grace_on, rate_spans, tax_on_interest
from actors.sales.rules.reminders import Standing
from actors.sales.store import statements
from infra.store.rows import all_rows, one_row


@dataclass(frozen=True)
class DueBill:
    """A bill as it stands on a day, in rupees.

    Parameters:
      balance: what is owed of the bill itself.
      interest: late interest to the day that is not paid yet.
      tax: GST on interest: that of interest received before, and what paying `interest` makes due.
      days_late: days since the due date; 0 until it is over.
    """

    invoice_id: UUID
    number: str
    unit_id: UUID
    unit_label: str
    tower_name: str
    period: Period
    invoice_date: date
    due_date: date
    total: Decimal
    paid: Decimal
    interest: Decimal
    tax: Decimal
    days_late: int
    void: bool
    disputed: bool

    @property
    def balance(self) -> Decimal:
        return ZERO if self.void else self.total - self.paid

    @property
    def owed(self) -> Decimal:
        """All that a payment of the day would have to clear."""
        return self.balance + self.interest + self.tax

    @property
    def standing(self) -> Standing:
        return Standing(self.balance, void=self.void, disputed=self.disputed, past_due=self.days_late > 0)


@dataclass(frozen=True)
class Dues:
    """A member's bills on a day, and what their flats owe and have beside them. Sums leave disputed bills out.

    Parameters:
      bills: the oldest first.
      percent: what late bills bear a year on that day; 0 where no interest is resolved.
      arrears: owed from before the first bill.
      advance: paid before any bill took it.
    """

    day: date
    bills: tuple[DueBill, ...]
    percent: Decimal
    arrears: Decimal = ZERO
    advance: Decimal = ZERO

    def only(self, wanted: Callable[[DueBill], bool]) -> Dues:
        """The same for some of the bills."""
        return replace(self, bills=tuple(bill for bill in self.bills if wanted(bill)))

    @property
    def claimed(self) -> tuple[DueBill, ...]:
        """The bills that nobody disputes."""
        return tuple(bill for bill in self.bills if not bill.disputed)

    @property
    def balance(self) -> Decimal:
        return sum((bill.balance for bill in self.claimed), ZERO)

    @property
    def interest(self) -> Decimal:
        return sum((bill.interest for bill in self.claimed), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((bill.tax for bill in self.claimed), ZERO)

    @property
    def owed(self) -> Decimal:
        return self.balance + self.interest + self.tax + self.arrears - self.advance

    @property
    def rate(self) -> str:
        """Its interest rate for people: `21 %`."""
        return f"{self.percent.normalize():f} %"

    @property
    def ahead(self) -> Decimal:
        """What of it is not due yet."""
        return sum((bill.owed for bill in self.claimed if not bill.days_late), ZERO)

    @property
    def flats(self) -> tuple[str, ...]:
        """Their labels, each once."""
        return tuple(dict.fromkeys(bill.unit_label for bill in self.bills))

    @property
    def unit_ids(self) -> tuple[UUID, ...]:
        return tuple(dict.fromkeys(bill.unit_id for bill in self.bills))


@dataclass(frozen=True)
class PaymentLine:
    """A payment as a statement of account lists it."""

    day: date
    number: str
    unit_label: str
    mode: str
    amount: Decimal
    reversed_on: date | None


def of_member(
    connection: Connection,
    resident_id: UUID,
    community_id: UUID,
    law_scope: str,
    day: date,
    besides: Iterable[UUID] = (),
) -> Dues:
    """What a member owes a society on its bills as of a day.

    Parameters:
      besides: bills that are wanted although nothing is owed on them.

    Raises MissingRate.
    """
    rows = all_rows(
        connection,
        statements.dues_of_member,
        resident_id=str(resident_id),
        community_id=str(community_id),
        besides=[str(invoice_id) for invoice_id in besides],
    )
    resolved = interest.resolutions(connection, [community_id])[community_id]
    firsts = [row.since or row.due_date for row in rows if row.due_date < day]
    spans: tuple[RateSpan, ...] = ()
    if resolved and firsts:
        law = reference.rate_book(connection, "sales", law_scope)
        spans = rate_spans(resolved, law, min(firsts), day)
    bills = tuple(_bill(row, day, spans, grace_on(row.due_date, resolved)) for row in rows)
    return Dues(day, bills, spans[-1].percent if spans else ZERO)


def with_balances(connection: Connection, owed: Dues) -> Dues:
    """The same with opening arrears and advances of the bills' flats."""
    row = one_row(
        connection,
        statements.balances_beside_bills,
        unit_ids=[str(unit_id) for unit_id in owed.unit_ids],
    )
    return replace(owed, arrears=row.arrears, advance=row.advance)


def payments_since(connection: Connection, unit_ids: Iterable[UUID], since: date) -> tuple[PaymentLine, ...]:
    """What flats have paid from a day on, in order."""
    rows = all_rows(
        connection, statements.receipts_since, unit_ids=[str(unit_id) for unit_id in unit_ids], since=since
    )
    return tuple(
        PaymentLine(row.received_on, row.number, row.label, row.mode, row.amount, row.reversed_on)
        for row in rows
    )


def _bill(row: Any, day: date, spans: tuple[RateSpan, ...], grace: int) -> DueBill:
    principal = ZERO if row.void else row.total - row.paid_amount
    late = LateBill.of(principal, row.due_date, grace)
    if row.since is not None:
        late = LateBill(row.due_date, row.grace_days, principal, row.since, row.settled)
    run_up = late.interest_to(max(day, late.since), spans) if day > row.due_date else ZERO
    owed = max(ZERO, run_up - row.received)
    return DueBill(
        invoice_id=UUID(row.id),
        number=row.number,
        unit_id=UUID(row.unit_id),
        unit_label=row.label,
        tower_name=row.tower_name,
        period=Period.of(row.period),
        invoice_date=row.invoice_date,
        due_date=row.due_date,
        total=row.total,
        paid=row.paid_amount,
        interest=owed,
        tax=row.tax_owed + sum(tax_on_interest(owed, row.cgst_rate, row.sgst_rate)),
        days_late=max(0, (day - row.due_date).days),
        void=row.void,
        disputed=row.disputed,
    )
