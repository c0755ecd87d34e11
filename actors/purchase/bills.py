"""Vendors' bills as the match reads them: a page at a time, with their orders, receipts and the vendors' tax years."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Society
from actors.common.rules.calendar import FinancialYear
from actors.purchase.rules.matching import BilledLine, OrderedLine, Receipt
from actors.purchase.rules.tds import Nature, TdsYear
from actors.purchase.store import statements
from infra.store.rows import all_rows, one_row

LineKey = tuple[UUID, int]
"""An order and the position of a line of it."""


@dataclass(frozen=True)
class Place:
    """Where a page ends, for the next one to begin behind it."""

    received_on: date = date.min
    entry_number: int = 0


@dataclass(frozen=True)
class Line:
    """A line of a bill; GST as the bill shows it."""

    position: int
    key: LineKey
    billed: BilledLine
    cgst: Decimal
    sgst: Decimal


@dataclass(frozen=True)
class Bill:
    """A bill that is to be matched.

    Parameters:
      number_key: what makes it the same bill, within its vendor and financial year.
      doubled: another bill with that key was matched before.
      override_role: the office in which an officer let it pass.
      matches: how often it was matched before.
    """

    id: UUID
    place: Place
    number: str
    number_key: tuple[UUID, int, str]
    vendor_id: UUID
    vendor: str
    pan: str | None
    msme_class: str
    credit_days: int | None
    order_number: str
    order_status: str
    nature: Nature
    total: Decimal
    status: str
    doubled: bool
    override_role: str | None
    matches: int
    lines: tuple[Line, ...]

    @property
    def net(self) -> Decimal:
        return sum((line.billed.amount for line in self.lines), Decimal(0))

    @property
    def gst(self) -> Decimal:
        return sum((line.cgst + line.sgst for line in self.lines), Decimal(0))


@dataclass
class OrderLine:
    """A line of an order while a page is matched: `billed` grows with each bill that is let pass."""

    account: str
    quantity: Decimal
    unit_price: Decimal
    receipts: tuple[Receipt, ...]
    billed: Decimal

    def as_seen(self, billed: Decimal) -> OrderedLine:
        """As a line of a bill sees it, before which so many were let pass."""
        return OrderedLine(self.quantity, self.unit_price, self.receipts, billed)


def count_open(connection: Connection, society: Society, day: date) -> int:
    """How many bills are to be matched."""
    return int(one_row(connection, statements.count_open_bills, community_id=str(society.id), day=day).bills)


def open_bills(connection: Connection, society: Society, day: date, after: Place, page: int) -> list[Bill]:
    """The next page of bills that came in until a day and are unmatched or on hold."""
    rows = all_rows(
        connection,
        statements.open_bills,
        community_id=str(society.id),
        day=day,
        after_day=after.received_on,
        after_number=after.entry_number,
        page=page,
    )
    return [_bill(row) for row in rows]


def order_lines(connection: Connection, of: Sequence[Bill], day: date) -> dict[LineKey, OrderLine]:
    """The lines of these bills' orders, with what was accepted until a day."""
    orders = {str(line.key[0]) for bill in of for line in bill.lines}
    return {
        (UUID(row.order_id), row.position): OrderLine(
            account=row.account_code,
            quantity=row.quantity,
            unit_price=row.unit_price,
            receipts=tuple(
                Receipt(date.fromisoformat(accepted_on), Decimal(quantity))
                for accepted_on, quantity in json.loads(row.receipts)
            ),
            billed=row.billed,
        )
        for row in all_rows(connection, statements.order_lines, orders=list(orders), day=day)
    }


def tds_years(
    connection: Connection, of: Sequence[Bill], year: FinancialYear
) -> dict[tuple[UUID, Nature], TdsYear]:
    """The years of these bills' vendors, by section."""
    vendors = list({str(bill.vendor_id) for bill in of})
    return {
        (UUID(row.vendor_id), Nature(row.nature)): TdsYear(row.credited, row.taxed, row.deducted, row.short)
        for row in all_rows(connection, statements.tds_years, vendors=vendors, year=year.start)
    }


def _bill(row: Any) -> Bill:
    vendor, order = UUID(row.vendor_id), UUID(row.order_id)
    return Bill(
        id=UUID(row.id),
        place=Place(row.received_on, row.entry_number),
        number=row.number,
        number_key=(vendor, row.financial_year, row.number_key),
        vendor_id=vendor,
        vendor=row.vendor,
        pan=row.pan,
        msme_class=row.msme_class,
        credit_days=row.credit_days,
        order_number=row.order_number,
        order_status=row.order_status,
        nature=Nature(row.tds_nature),
        total=row.total,
        status=row.status,
        doubled=row.doubled,
        override_role=row.override_role,
        matches=row.matches,
        lines=tuple(
            Line(
                position,
                (order, order_position),
                BilledLine(Decimal(quantity), Decimal(price), Decimal(let_pass)),
                Decimal(cgst),
                Decimal(sgst),
            )
            for position, order_position, quantity, price, cgst, sgst, let_pass in json.loads(
                row.lines or "[]"
            )
        ),
    )
