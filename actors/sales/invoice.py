"""An invoice as it stands in the books: what its letters and its PDF are made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from actors.common.rules.calendar import FinancialYear, Period
from actors.common.rules.money import ZERO
from actors.sales.rules.billing import Bill, DocumentKind


@dataclass(frozen=True)
class Supplier:
    """The society, as rule 46 CGST Rules wants it on the document."""

    legal_name: str
    registration_number: str
    address: str
    state_name: str
    state_code: str
    gstin: str | None
    email: str
    bank_details: str


@dataclass(frozen=True)
class Recipient:
    """The member billed. Without an address for mail, no letter is sent."""

    name: str
    unit_label: str
    address: str
    email: str | None
    language: str


@dataclass(frozen=True)
class Invoice:
    """One flat's bill of one month. A draft has no number."""

    id: UUID
    community_id: UUID
    unit_id: UUID
    number: str | None
    series: str
    period: Period
    invoice_date: date
    due_date: date
    supplier: Supplier
    recipient: Recipient
    bill: Bill
    kind: DocumentKind
    paid_amount: Decimal
    void: bool
    disputed: bool
    advance: Decimal = ZERO
    """What of it was paid in advance, as of its issue."""

    @property
    def to_pay(self) -> Decimal:
        """The bill with arrears, less the advance: what the document asks for."""
        return self.bill.amount_due - self.advance

    @property
    def financial_year(self) -> FinancialYear:
        """The year its number belongs to."""
        return FinancialYear.of(self.invoice_date)

    @property
    def balance(self) -> Decimal:
        return self.bill.total - self.paid_amount
