"""What is to be paid to vendors and by when, with what the MSMED Act and the Income-tax Act say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import FinancialYear
from actors.common.rules.money import ZERO
from actors.purchase import store
from actors.purchase.rules import msme
from actors.purchase.rules.tds import Nature, section
from actors.purchase.store import Office, statements
from infra.store.rows import all_rows

AHEAD = timedelta(days=7)
"""How far the week's list looks; to the day of the first reminder."""


@dataclass(frozen=True)
class DuePayment:
    """A part of a bill that is to be paid.

    Parameters:
      amount: what is still to pay, tax deducted.
      interest: of the MSMED Act, by the day of the list.
      step: the reminder whose day has come and that was not told yet.
      deducted_in: the year in whose income it is deducted as things stand, s. 43B(h); None while it is late.
    """

    id: UUID
    vendor: str
    msme_class: str
    protected: bool
    bill_number: str
    bill_date: date
    order_number: str
    accepted_on: date
    due_on: date
    net: Decimal
    gst: Decimal
    tds: Decimal
    tds_section: str
    has_pan: bool
    amount: Decimal
    interest: Decimal
    step: str | None
    deducted_in: FinancialYear | None
    bank_account: str | None
    ifsc: str | None

    @property
    def is_late(self) -> bool:
        """Late in the sense of the MSMED Act."""
        return self.protected and self.deducted_in is None


def due_payments(connection: Connection, office: Office, day: date) -> list[DuePayment]:
    """All that is due within a week, or overdue; the longest due first. Raises MissingRate."""
    return _due(connection, office, day, untold=False)


def to_remind_of(connection: Connection, office: Office, day: date) -> list[DuePayment]:
    """Payments with a reminder whose day has come and that was not told yet."""
    return [payment for payment in _due(connection, office, day, untold=True) if payment.step]


def note_run(connection: Connection, office: Office, week_of: date, payments: Sequence[DuePayment]) -> None:
    """Keep a week's list; the first stands."""
    store.run(
        connection,
        statements.note_run,
        community_id=str(office.society.id),
        week_of=week_of,
        payments=len(payments),
        amount=sum((payment.amount for payment in payments), ZERO),
        payables=[str(payment.id) for payment in payments],
        amounts=[payment.amount for payment in payments],
        interests=[payment.interest for payment in payments],
    )


def note_steps(connection: Connection, payments: Sequence[DuePayment], day: date) -> int:
    """Record the reminders that these payments were told with, and skip those that they overtook.

    Returns how many were told.
    """
    told = [(payment, payment.step) for payment in payments if payment.step]
    decided = [(payment.id, step, "SENT") for payment, step in told]
    decided += [(payment.id, before, "SKIPPED") for payment, step in told for before in msme.overtaken(step)]
    store.run(
        connection,
        statements.note_steps,
        day=day,
        payables=[str(payable) for payable, _, _ in decided],
        steps=[step for _, step, _ in decided],
        outcomes=[outcome for _, _, outcome in decided],
    )
    return len(told)


def _due(connection: Connection, office: Office, day: date, *, untold: bool) -> list[DuePayment]:
    rows = all_rows(
        connection,
        statements.due_until,
        community_id=str(office.society.id),
        day=day,
        until=day + AHEAD,
        untold=untold,
    )
    return [_payment(row, office, day) for row in rows]


def _payment(row: Any, office: Office, day: date) -> DuePayment:
    step = msme.step_on(row.due_on, day)
    interest, year = ZERO, None
    if row.msme:
        interest = msme.interest(row.amount, row.due_on, day, office.rates)
        year = msme.deducted_in(row.credited_on, row.due_on, None, day)
    return DuePayment(
        id=UUID(row.id),
        vendor=row.vendor,
        msme_class=row.msme_class,
        protected=row.msme,
        bill_number=row.bill_number,
        bill_date=row.bill_date,
        order_number=row.order_number,
        accepted_on=row.accepted_on,
        due_on=row.due_on,
        net=row.net,
        gst=row.gst,
        tds=row.tds,
        tds_section=section(Nature(row.tds_nature), row.credited_on),
        has_pan=row.pan is not None,
        amount=row.amount,
        interest=interest,
        step=step if step not in row.steps else None,
        deducted_in=year,
        bank_account=row.bank_account,
        ifsc=row.ifsc,
    )
