"""The tables of sales, as typed functions. Each takes the connection of the transaction it belongs to."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import FinancialYear, Period
from actors.common.rules.ledger import Entry
from actors.common.rules.rates import Rate, RateBook
from actors.sales.invoice import Invoice, Recipient, Supplier
from actors.sales.rules.billing import (
    Bill,
    BillingError,
    BillLine,
    Charge,
    DocumentKind,
    GstMode,
    GstTerms,
    Head,
    UnitCharges,
)
from infra.store import connections, sql
from infra.store.rows import checked_id, one_row

statements = sql.load("actors.sales")


class UnknownUnit(LookupError):
    """No flat has this id."""


class UnknownInvoice(LookupError):
    """No bill has this id."""


@dataclass(frozen=True)
class UnitToBill:
    """A flat, ready to be billed for a month; `invoice_id` is set when it was billed before."""

    unit_id: UUID
    community_id: UUID
    resident_id: UUID
    bill_to: str
    charges: UnitCharges
    charged_from: date | None
    terms: GstTerms
    invoice_date: date
    due_date: date
    invoice_id: UUID | None


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the sales database: committed at the end, rolled back on an error."""
    return connections.transaction("sales")


def unit_to_bill(connection: Connection, unit_id: str, period: Period) -> UnitToBill:
    """What `unit_id` is charged for `period`. A flat that lacks what a bill needs is refused by name."""
    row = one_row(
        connection,
        statements.unit_to_bill,
        unit_id=checked_id(unit_id, "unit", UnknownUnit),
        period=period.first_day,
        financial_year=period.financial_year.start,
    )
    if row is None:
        raise UnknownUnit(f"no flat has the id {unit_id}")
    if row.resident_id is None:
        raise BillingError(f"flat {row.label} has no owner on record, so nobody can be billed")
    if row.turnover is None:
        raise BillingError(
            f"flat {row.label}: its society's turnover for {period.financial_year.label} is not on record"
        )
    charges = json.loads(row.charges or "[]")
    return UnitToBill(
        unit_id=UUID(row.id),
        community_id=UUID(row.community_id),
        resident_id=UUID(row.resident_id),
        bill_to=row.bill_to,
        charges=UnitCharges(
            label=row.label,
            charges=tuple(Charge(Head(head), Decimal(many), Decimal(price)) for head, many, price in charges),
            let=row.is_let,
            noc_percent=row.noc_percent,
            arrears=row.arrears,
        ),
        charged_from=row.charged_from,
        terms=GstTerms(row.turnover, _rate_book(row.rates, row.law_scope), GstMode(row.gst_mode)),
        invoice_date=period.first_day,
        due_date=period.first_day.replace(day=row.due_day),
        invoice_id=UUID(row.invoice_id) if row.invoice_id else None,
    )


def insert_draft_once(connection: Connection, unit: UnitToBill, bill: Bill) -> UUID | None:
    """The new draft's id, or None when the flat has its bill for that month already."""
    row = one_row(
        connection,
        statements.insert_draft_once,
        community_id=str(unit.community_id),
        unit_id=str(unit.unit_id),
        resident_id=str(unit.resident_id),
        bill_to=unit.bill_to,
        period=unit.invoice_date.replace(day=1),
        kind=bill.kind.value,
        invoice_date=unit.invoice_date,
        due_date=unit.due_date,
        heads_total=bill.heads_total,
        taxable_value=bill.taxable_value,
        cgst_rate=bill.cgst_rate,
        sgst_rate=bill.sgst_rate,
        cgst=bill.cgst,
        sgst=bill.sgst,
        round_off=bill.round_off,
        total=bill.total,
        arrears=bill.arrears,
        heads=[line.head.value for line in bill.lines],
        quantities=[line.quantity for line in bill.lines],
        rates=[line.rate for line in bill.lines],
        amounts=[line.amount for line in bill.lines],
    )
    return UUID(row.id) if row else None


def invoice_of_unit(connection: Connection, unit_id: UUID, period: Period) -> UUID:
    """The id of the bill that a flat has for a month."""
    row = one_row(connection, statements.invoice_of_unit, unit_id=str(unit_id), period=period.first_day)
    if row is None:
        raise UnknownInvoice(f"flat {unit_id} has no bill for {period}")
    return UUID(row.id)


def take_number(connection: Connection, community_id: UUID, series: str, year: FinancialYear) -> int:
    """The next number of a series; others who want one wait until this transaction ends."""
    row = one_row(
        connection,
        statements.take_number,
        community_id=str(community_id),
        series=series,
        financial_year=year.start,
    )
    return int(row.last_number)


def issue_invoice(connection: Connection, invoice: Invoice, sequence: int, number: str, entry: Entry) -> None:
    """Number a draft and post its entry."""
    row = one_row(
        connection,
        statements.issue_invoice,
        invoice_id=str(invoice.id),
        number=number,
        series=invoice.series,
        financial_year=invoice.financial_year.start,
        sequence=sequence,
        accounts=[str(line.account) for line in entry.lines],
        debits=[line.debit for line in entry.lines],
        credits=[line.credit for line in entry.lines],
    )
    if row is None:
        raise RuntimeError(f"invoice {invoice.id} was issued by another transaction")


def lock_invoice(connection: Connection, invoice_id: str | UUID) -> str | None:
    """Hold a bill until the transaction ends; its number, None for a draft."""
    row = one_row(
        connection, statements.lock_invoice, invoice_id=checked_id(invoice_id, "invoice", UnknownInvoice)
    )
    if row is None:
        raise UnknownInvoice(f"no invoice has the id {invoice_id}")
    return row.number  # type: ignore[no-any-return]


def invoice(connection: Connection, invoice_id: str | UUID) -> Invoice:
    """A bill with its lines, its supplier and its recipient."""
    row = one_row(
        connection, statements.invoice, invoice_id=checked_id(invoice_id, "invoice", UnknownInvoice)
    )
    if row is None:
        raise UnknownInvoice(f"no invoice has the id {invoice_id}")
    return Invoice(
        id=UUID(row.id),
        community_id=UUID(row.community_id),
        unit_id=UUID(row.unit_id),
        number=row.number,
        series=row.series,
        period=Period.of(row.period),
        invoice_date=row.invoice_date,
        due_date=row.due_date,
        supplier=supplier(row),
        recipient=Recipient(
            name=row.bill_to,
            unit_label=row.unit_label,
            address=f"Flat {row.unit_label}, {row.tower_name}, {row.address}, {row.city} {row.pin_code}",
            email=row.resident_email,
            language=row.language,
        ),
        bill=Bill(
            lines=tuple(
                BillLine(Head(head), Decimal(amount), many and Decimal(many), price and Decimal(price))
                for head, amount, many, price in json.loads(row.lines)
            ),
            taxable_value=row.taxable_value,
            cgst_rate=row.cgst_rate,
            sgst_rate=row.sgst_rate,
            cgst=row.cgst,
            sgst=row.sgst,
            round_off=row.round_off,
            total=row.total,
            arrears=row.arrears,
        ),
        kind=DocumentKind(row.kind),
        paid_amount=row.paid_amount,
        void=row.void,
        disputed=row.disputed,
        past_due=row.past_due,
    )


def supplier(row: Any) -> Supplier:
    """The society that a row speaks of."""
    return Supplier(
        legal_name=row.legal_name,
        registration_number=row.registration_number,
        address=f"{row.address}, {row.city} {row.pin_code}, {row.state_name}",
        state_name=row.state_name,
        state_code=row.state_code,
        gstin=row.gstin,
        email=row.email,
        bank_details=row.bank_details,
    )


def letter_was_sent(connection: Connection, invoice_id: UUID, kind: str) -> bool:
    """Whether a letter is on record as sent."""
    row = one_row(connection, statements.letter_was_sent, invoice_id=str(invoice_id), kind=kind)
    return bool(row.sent)


def claim_letter(
    connection: Connection, invoice_id: UUID, kind: str, recipient: str, message_id: str
) -> bool:
    """Whether this transaction may send the letter: False when it was sent before."""
    row = one_row(
        connection,
        statements.claim_letter,
        invoice_id=str(invoice_id),
        kind=kind,
        recipient=recipient,
        message_id=message_id,
    )
    return row is not None


def schedule_reminder(connection: Connection, invoice_id: UUID, step: str, when: datetime) -> None:
    """Enter a step of the reminder ladder; a second time changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            statements.schedule_reminder,
            {"invoice_id": str(invoice_id), "step": step, "scheduled_for": when},
        )


def decide_reminder(connection: Connection, invoice_id: UUID, step: str, skipped: str | None = None) -> bool:
    """Record that a step was sent, or skipped and why; False when that was decided before."""
    row = one_row(
        connection,
        statements.decide_reminder,
        invoice_id=str(invoice_id),
        step=step,
        outcome="SKIPPED" if skipped else "SENT",
        reason=skipped,
    )
    return row is not None


def _rate_book(rows: str | None, scope: str) -> RateBook:
    return RateBook(
        (
            Rate(
                code,
                place,
                date.fromisoformat(begins),
                date.fromisoformat(ends) if ends else None,
                Decimal(value),
                source,
            )
            for code, place, begins, ends, value, source in json.loads(rows or "[]")
        ),
        scope,
    )
