"""The tables of sales, as typed functions. Each takes the connection of the transaction it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.rules.calendar import FinancialYear, Period
from actors.common.rules.money import ZERO
from actors.common.rules.rates import RateBook
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
from infra.store.rows import all_rows, checked_id, one_row

statements = sql.load("actors.sales")


class UnknownUnit(LookupError):
    """No flat has this id."""


class UnknownInvoice(LookupError):
    """No bill has this id."""


@dataclass(frozen=True)
class UnitToBill:
    """A flat, ready to be billed for a month; `invoice_id` is set when it was billed before.

    Parameters:
      series: First part of the number, by kind of document.
    """

    unit_id: UUID
    community_id: UUID
    resident_id: UUID
    bill_to: str
    charges: UnitCharges
    charged_from: date | None
    terms: GstTerms
    invoice_date: date
    due_date: date
    series: dict[DocumentKind, str]
    invoice_id: UUID | None


@dataclass(frozen=True)
class Issue:
    """A draft on its way to be issued.

    Parameters:
      advance: What of its total the flat has paid in advance.
    """

    invoice_id: UUID
    number: str
    series: str
    year: FinancialYear
    sequence: int
    advance: Decimal = ZERO


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the sales database: committed at the end, rolled back on an error."""
    return connections.transaction("sales")


def lock_units(connection: Connection, unit_ids: Iterable[str | UUID]) -> None:
    """Hold the accounts of these flats until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(statements.lock_units, {"unit_ids": [str(unit_id) for unit_id in unit_ids]})


def unit_to_bill(connection: Connection, unit_id: str, period: Period) -> UnitToBill:
    """What `unit_id` is charged for `period`. A flat that lacks what a bill needs is refused by name."""
    known = checked_id(unit_id, "unit", UnknownUnit)
    (unit,) = units_to_bill(connection, [known], period).values()
    if isinstance(unit, Exception):
        raise unit
    return unit


def units_to_bill(
    connection: Connection, unit_ids: Sequence[str], period: Period
) -> dict[str, UnitToBill | BillingError | UnknownUnit]:
    """What these flats are charged for `period`, by id in the order given; or why one cannot be billed."""
    rows = all_rows(
        connection,
        statements.units_to_bill,
        unit_ids=list(unit_ids),
        period=period.first_day,
        financial_year=period.financial_year.start,
    )
    books: dict[str, RateBook] = {}
    found: dict[str, UnitToBill | BillingError | UnknownUnit] = {
        unit_id: UnknownUnit(f"no flat has the id {unit_id}") for unit_id in unit_ids
    }
    for row in rows:
        if row.law_scope not in books:
            books[row.law_scope] = reference.rate_book(connection, "sales", row.law_scope)
        found[row.id] = _unit_to_bill(row, period, books[row.law_scope])
    return found


def _unit_to_bill(row: Any, period: Period, law: RateBook) -> UnitToBill | BillingError:
    if row.resident_id is None:
        return BillingError(f"flat {row.label} has no owner on record, so nobody can be billed")
    if row.turnover is None:
        return BillingError(
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
        terms=GstTerms(row.turnover, law, GstMode(row.gst_mode)),
        invoice_date=period.first_day,
        due_date=period.first_day.replace(day=row.due_day),
        series={
            DocumentKind.TAX_INVOICE: row.tax_invoice_series,
            DocumentKind.BILL_OF_SUPPLY: row.bill_of_supply_series,
        },
        invoice_id=UUID(row.invoice_id) if row.invoice_id else None,
    )


def insert_drafts_once(connection: Connection, drafts: Sequence[tuple[UnitToBill, Bill]]) -> dict[UUID, UUID]:
    """The new drafts' ids by flat; a flat that has its bill for that month already is left out."""
    units, bills = [unit for unit, _ in drafts], [bill for _, bill in drafts]
    lines = [
        (unit.unit_id, position, line)
        for unit, bill in drafts
        for position, line in enumerate(bill.lines, start=1)
    ]
    rows = all_rows(
        connection,
        statements.insert_drafts_once,
        community_ids=[str(unit.community_id) for unit in units],
        unit_ids=[str(unit.unit_id) for unit in units],
        resident_ids=[str(unit.resident_id) for unit in units],
        bill_tos=[unit.bill_to for unit in units],
        periods=[unit.invoice_date.replace(day=1) for unit in units],
        kinds=[bill.kind.value for bill in bills],
        invoice_dates=[unit.invoice_date for unit in units],
        due_dates=[unit.due_date for unit in units],
        heads_totals=[bill.heads_total for bill in bills],
        taxable_values=[bill.taxable_value for bill in bills],
        cgst_rates=[bill.cgst_rate for bill in bills],
        sgst_rates=[bill.sgst_rate for bill in bills],
        cgsts=[bill.cgst for bill in bills],
        sgsts=[bill.sgst for bill in bills],
        round_offs=[bill.round_off for bill in bills],
        totals=[bill.total for bill in bills],
        arrears=[bill.arrears for bill in bills],
        line_units=[str(unit_id) for unit_id, _, _ in lines],
        positions=[position for _, position, _ in lines],
        heads=[line.head.value for *_, line in lines],
        quantities=[line.quantity for *_, line in lines],
        rates=[line.rate for *_, line in lines],
        amounts=[line.amount for *_, line in lines],
    )
    return {UUID(row.unit_id): UUID(row.id) for row in rows}


def invoice_of_unit(connection: Connection, unit_id: UUID, period: Period) -> UUID:
    """The id of the bill that a flat has for a month."""
    row = one_row(connection, statements.invoice_of_unit, unit_id=str(unit_id), period=period.first_day)
    if row is None:
        raise UnknownInvoice(f"flat {unit_id} has no bill for {period}")
    return UUID(row.id)


def take_numbers(
    connection: Connection, community_id: UUID, series: str, year: FinancialYear, count: int = 1
) -> range:
    """The next numbers of a series; others who want some wait until this transaction ends."""
    row = one_row(
        connection,
        statements.take_numbers,
        community_id=str(community_id),
        series=series,
        financial_year=year.start,
        count=count,
    )
    return range(row.last_number - count + 1, row.last_number + 1)


def advances(connection: Connection, unit_ids: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, Decimal]]]:
    """What flats have paid in advance: (receipt, rupees), the oldest first."""
    found: dict[UUID, list[tuple[UUID, Decimal]]] = {}
    for row in all_rows(connection, statements.advances, unit_ids=[str(unit_id) for unit_id in unit_ids]):
        found.setdefault(UUID(row.unit_id), []).append((UUID(row.id), row.unallocated))
    return found


def issue_invoices(connection: Connection, issues: Sequence[Issue]) -> None:
    """Number drafts that this transaction made or holds."""
    rows = all_rows(
        connection,
        statements.issue_invoices,
        invoice_ids=[str(issue.invoice_id) for issue in issues],
        numbers=[issue.number for issue in issues],
        series=[issue.series for issue in issues],
        financial_years=[issue.year.start for issue in issues],
        sequences=[issue.sequence for issue in issues],
        advances=[issue.advance for issue in issues],
    )
    if len(rows) < len(issues):
        missing = {str(issue.invoice_id) for issue in issues} - {row.id for row in rows}
        raise RuntimeError(f"issued by another transaction: {', '.join(sorted(missing))}")


def take_advances(connection: Connection, taken: Sequence[tuple[UUID, UUID, Decimal, date]]) -> None:
    """Allocate advances to new bills: (receipt, invoice, rupees, day of the bill)."""
    if not taken:
        return
    parameters = {
        "receipt_ids": [str(receipt_id) for receipt_id, *_ in taken],
        "invoice_ids": [str(invoice_id) for _, invoice_id, *_ in taken],
        "amounts": [amount for *_, amount, _ in taken],
        "days": [day for *_, day in taken],
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.take_advances, parameters)


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
        advance=row.advance,
        void=row.void,
        disputed=row.disputed,
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


def schedule_reminders(connection: Connection, steps: Sequence[tuple[UUID, str, datetime]]) -> None:
    """Enter steps of the reminder ladder: (bill, step, moment); a second time changes nothing."""
    parameters = {
        "invoice_ids": [str(invoice_id) for invoice_id, _, _ in steps],
        "steps": [step for _, step, _ in steps],
        "moments": [moment for *_, moment in steps],
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.schedule_reminders, parameters)
