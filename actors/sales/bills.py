"""The two steps of a bill: the draft, and its issue (number and posting together); for one flat or a page of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.books import Posting
from actors.common.rules.calendar import FinancialYear, Period, PeriodError
from actors.common.rules.ledger import UnbalancedEntry
from actors.common.rules.rates import MissingRate
from actors.sales import ledger, store
from actors.sales.invoice import Invoice
from actors.sales.rules.allocation import use_advances
from actors.sales.rules.billing import Bill, BillingError, maintenance_bill
from actors.sales.rules.numbering import NumberingError, invoice_number
from actors.sales.rules.posting import invoice_entry
from actors.sales.store import Issue, UnitToBill

REFUSALS = (
    BillingError,
    MissingRate,
    NumberingError,
    PeriodError,
    UnbalancedEntry,
    store.UnknownUnit,
    store.UnknownInvoice,
)
"""What these steps refuse, naming the flat or what is missing; no retry mends it."""


@dataclass(frozen=True)
class Draft:
    """A bill that is to be numbered and posted."""

    invoice_id: UUID
    community_id: UUID
    unit_id: UUID
    series: str
    period: Period
    invoice_date: date
    due_date: date
    bill: Bill


@dataclass(frozen=True)
class Page:
    """What became of some flats.

    Parameters:
      issued: bills made now.
      stood: how many flats had theirs.
      refused: flats that cannot be billed, by id.
    """

    issued: tuple[Draft, ...]
    stood: int
    refused: dict[str, Exception]


def draft_once(connection: Connection, unit_id: str, period: str) -> tuple[UUID, bool]:
    """The bill of a flat and month, and whether it was made just now."""
    month = Period.parse(period)
    unit = store.unit_to_bill(connection, unit_id, month)
    if unit.invoice_id is not None:
        return unit.invoice_id, False
    made = store.insert_drafts_once(connection, [(unit, _bill_of(unit, month))])
    if not made:  # another job was faster by a moment
        return store.invoice_of_unit(connection, unit.unit_id, month), False
    return made[unit.unit_id], True


def issue_once(connection: Connection, invoice_id: str | UUID) -> tuple[Invoice, bool]:
    """The bill with its number and its entry in the ledger, and whether it was issued just now."""
    if store.lock_invoice(connection, invoice_id) is not None:
        return store.invoice(connection, invoice_id), False
    return issue(connection, invoice_id), True


def issue(connection: Connection, invoice_id: str | UUID) -> Invoice:
    """Number and post a draft that this transaction made or holds; returns the draft as it was read."""
    invoice = store.invoice(connection, invoice_id)
    store.lock_units(connection, [invoice.unit_id])
    draft = Draft(
        invoice.id,
        invoice.community_id,
        invoice.unit_id,
        invoice.series,
        invoice.period,
        invoice.invoice_date,
        invoice.due_date,
        invoice.bill,
    )
    _issue_all(connection, [draft])
    return invoice


def bill_page(connection: Connection, unit_ids: Sequence[str], period: str) -> Page:
    """Draft, number and post the month's bills of these flats in a few statements.

    What a flat lacks is its own refusal; what the tables refuse, such as a closed month, is raised for the whole page.
    """
    month = Period.parse(period)
    store.lock_units(connection, unit_ids)
    drafts: list[tuple[UnitToBill, Bill]] = []
    refused: dict[str, Exception] = {}
    for unit_id, unit in store.units_to_bill(connection, unit_ids, month).items():
        try:
            if isinstance(unit, Exception):
                raise unit
            if unit.invoice_id is None:
                drafts.append((unit, _bill_of(unit, month)))
        except REFUSALS as error:
            refused[unit_id] = error
    made = store.insert_drafts_once(connection, drafts) if drafts else {}
    issued = tuple(
        Draft(
            made[unit.unit_id],
            unit.community_id,
            unit.unit_id,
            unit.series[bill.kind],
            month,
            unit.invoice_date,
            unit.due_date,
            bill,
        )
        for unit, bill in drafts
        if unit.unit_id in made
    )
    _issue_all(connection, issued)
    return Page(issued, len(unit_ids) - len(issued) - len(refused), refused)


def _bill_of(unit: UnitToBill, month: Period) -> Bill:
    return maintenance_bill(unit.charges, month, unit.terms, charged_from=unit.charged_from)


def _issue_all(connection: Connection, drafts: Sequence[Draft]) -> None:
    """Numbers, advances and entries. The numbers are taken last, because others wait for them."""
    if not drafts:
        return
    advances = store.advances(connection, [draft.unit_id for draft in drafts])
    entries = {draft.invoice_id: invoice_entry(draft.bill) for draft in drafts}
    sequences = _take_numbers(connection, drafts)
    issues, postings, taken = [], [], []
    for draft in drafts:
        parts, advance = use_advances(advances.get(draft.unit_id, ()), draft.bill.total)
        year = FinancialYear.of(draft.invoice_date)
        number = invoice_number(draft.series, year, sequences[draft.invoice_id])
        issues.append(
            Issue(draft.invoice_id, number, draft.series, year, sequences[draft.invoice_id], advance)
        )
        posting = Posting(
            draft.community_id,
            draft.invoice_date,
            f"Bill {number} for {draft.period}",
            "INVOICE",
            draft.invoice_id,
            entries[draft.invoice_id],
        )
        postings.append((draft.unit_id, posting))
        taken += _taken(draft, parts)
    store.issue_invoices(connection, issues)
    store.take_advances(connection, taken)
    ledger.post(connection, postings)


def _taken(draft: Draft, parts: Iterable[tuple[UUID, Decimal]]) -> list[tuple[UUID, UUID, Decimal, date]]:
    return [(receipt_id, draft.invoice_id, amount, draft.invoice_date) for receipt_id, amount in parts]


def _take_numbers(connection: Connection, drafts: Sequence[Draft]) -> dict[UUID, int]:
    """Running numbers in the drafts' order; the series always in one order, so that nobody locks another out."""
    series: dict[tuple[UUID, str, int], list[UUID]] = {}
    for draft in drafts:
        key = draft.community_id, draft.series, FinancialYear.of(draft.invoice_date).start
        series.setdefault(key, []).append(draft.invoice_id)
    found: dict[UUID, int] = {}
    for (community_id, name, year), ids in sorted(series.items(), key=lambda item: str(item[0])):
        numbers = store.take_numbers(connection, community_id, name, FinancialYear(year), len(ids))
        found.update(zip(ids, numbers, strict=True))
    return found
