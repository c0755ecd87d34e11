"""What a treasurer wants to know of a month, read from the books."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import Period
from actors.sales.rules.billing import DocumentKind
from actors.sales.store import statements
from infra.store.rows import all_rows, one_row


@dataclass(frozen=True)
class SampleBill:
    """A bill as the summary shows it."""

    number: str
    unit_label: str
    bill_to: str
    kind: DocumentKind
    total: Decimal
    arrears: Decimal


@dataclass(frozen=True)
class MonthSummary:
    """A society's month, in rupees. Void bills are left out.

    `debit`, `credit` and `receivable` are what the month's bills put into the ledger.
    """

    period: Period
    bills: int
    drafts: int
    tax_invoices: int
    total: Decimal
    cgst: Decimal
    sgst: Decimal
    round_off: Decimal
    arrears: Decimal
    debit: Decimal
    credit: Decimal
    receivable: Decimal
    letters: int
    reminders_ahead: int
    samples: tuple[SampleBill, ...]

    @property
    def gst(self) -> Decimal:
        return self.cgst + self.sgst

    @property
    def receivable_equals_invoices(self) -> bool:
        return self.receivable == self.total

    @property
    def balanced(self) -> bool:
        """Every bill is posted, debits are credits, and members owe what their bills say."""
        return self.drafts == 0 and self.debit == self.credit and self.receivable_equals_invoices


def month_summary(connection: Connection, community_id: str | UUID, period: str | Period) -> MonthSummary:
    """The figures of one society and month."""
    month = Period.parse(period) if isinstance(period, str) else period
    parameters = {"community_id": str(community_id), "period": month.first_day}
    figures = one_row(connection, statements.month_figures, **parameters)
    post = one_row(connection, statements.correspondence_of_month, **parameters)
    samples = tuple(
        SampleBill(row.number, row.unit_label, row.bill_to, DocumentKind(row.kind), row.total, row.arrears)
        for row in all_rows(connection, statements.sample_bills, **parameters)
    )
    return MonthSummary(
        period=month,
        letters=post.letters,
        reminders_ahead=post.reminders,
        samples=samples,
        **figures._asdict(),
    )
