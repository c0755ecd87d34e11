"""The two steps of a bill: the draft, and its issue (number and posting together)."""

from __future__ import annotations

from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import Period, PeriodError
from actors.common.rules.ledger import UnbalancedEntry
from actors.common.rules.rates import MissingRate
from actors.sales import store
from actors.sales.invoice import Invoice
from actors.sales.rules.billing import BillingError, maintenance_bill
from actors.sales.rules.numbering import NumberingError, invoice_number
from actors.sales.rules.posting import invoice_entry

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


def draft_once(connection: Connection, unit_id: str, period: str) -> tuple[UUID, bool]:
    """The bill of a flat and month, and whether it was made just now."""
    month = Period.parse(period)
    unit = store.unit_to_bill(connection, unit_id, month)
    if unit.invoice_id is not None:
        return unit.invoice_id, False
    bill = maintenance_bill(unit.charges, month, unit.terms, charged_from=unit.charged_from)
    made = store.insert_draft_once(connection, unit, bill)
    if made is None:  # another job was faster by a moment
        return store.invoice_of_unit(connection, unit.unit_id, month), False
    return made, True


def issue_once(connection: Connection, invoice_id: str | UUID) -> tuple[Invoice, bool]:
    """The bill with its number and its entry in the ledger, and whether it was issued just now."""
    if store.lock_invoice(connection, invoice_id) is not None:
        return store.invoice(connection, invoice_id), False
    return issue(connection, invoice_id), True


def issue(connection: Connection, invoice_id: str | UUID) -> Invoice:
    """Number and post a draft that this transaction made or holds; returns the draft as it was read.

    The number is taken last, because others wait for it.
    """
    invoice = store.invoice(connection, invoice_id)
    entry = invoice_entry(invoice.bill)
    sequence = store.take_number(connection, invoice.community_id, invoice.series, invoice.financial_year)
    number = invoice_number(invoice.series, invoice.financial_year, sequence)
    store.issue_invoice(connection, invoice, sequence, number, entry)
    return invoice
