"""A receipt as it stands in the books: what its letter and its PDF are made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import INDIA, Period
from actors.common.rules.money import ZERO
from actors.sales.invoice import Recipient, Supplier
from actors.sales.rules.allocation import Allocation, Due
from actors.sales.store import statements, supplier
from infra.store.rows import checked_id, one_row


class UnknownReceipt(LookupError):
    """No receipt has this id."""


@dataclass(frozen=True)
class ClearedPart(Allocation):
    """A part of a receipt, with the bill it is about as people name it; both None for opening arrears."""

    invoice_number: str | None = None
    period: Period | None = None
    of_advance: bool = False


@dataclass(frozen=True)
class Receipt:
    """Money of a flat that reached the society. `unallocated` is the advance that its next bill takes."""

    id: UUID
    community_id: UUID
    unit_id: UUID
    number: str
    supplier: Supplier
    recipient: Recipient
    gateway: str
    reference: str
    mode: str
    amount: Decimal
    unallocated: Decimal
    received_at: datetime
    received_on: date
    reversed_on: date | None
    reversed_why: str | None
    parts: tuple[ClearedPart, ...]

    @property
    def cleared_at_once(self) -> tuple[ClearedPart, ...]:
        """What it cleared when it was made; later its advance may have gone to other bills."""
        return tuple(part for part in self.parts if not part.of_advance)

    @property
    def advance(self) -> Decimal:
        """What was left of it when it was made."""
        return self.amount - sum((part.amount for part in self.cleared_at_once), ZERO)

    @property
    def tax_raised(self) -> Decimal:
        """GST that became due with the interest received."""
        return sum((part.cgst + part.sgst for part in self.parts), ZERO)


def receipt(connection: Connection, receipt_id: str | UUID) -> Receipt:
    """Raises UnknownReceipt."""
    row = one_row(
        connection, statements.receipt, receipt_id=checked_id(receipt_id, "receipt", UnknownReceipt)
    )
    if row is None:
        raise UnknownReceipt(f"no receipt has the id {receipt_id}")
    return Receipt(
        id=UUID(row.id),
        community_id=UUID(row.community_id),
        unit_id=UUID(row.unit_id),
        number=row.number,
        supplier=supplier(row),
        recipient=Recipient(
            name=row.received_from,
            unit_label=row.unit_label,
            address=f"Flat {row.unit_label}, {row.tower_name}, {row.address}, {row.city} {row.pin_code}",
            email=row.resident_email,
            language=row.language,
        ),
        gateway=row.gateway,
        reference=row.reference,
        mode=row.mode,
        amount=row.amount,
        unallocated=row.unallocated,
        received_at=row.received_at.astimezone(INDIA),
        received_on=row.received_on,
        reversed_on=row.reversed_on,
        reversed_why=row.reversed_why,
        parts=tuple(
            ClearedPart(
                Due(due),
                invoice_id and UUID(invoice_id),
                Decimal(amount),
                Decimal(cgst),
                Decimal(sgst),
                number,
                period and Period.of(date.fromisoformat(period)),
                of_advance,
            )
            for due, invoice_id, amount, cgst, sgst, number, period, of_advance in json.loads(row.parts)
        ),
    )
