"""A believable year of purchases for demo and tests: what was ordered, what came, and what was billed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.reference.seed import FOUNDED, OFFICERS, id_of, seed_society
from actors.common.rules.calendar import INDIA, FinancialYear, Period
from actors.common.rules.gstin import gstin
from actors.common.rules.money import to_paisa
from actors.common.rules.rates import RateBook
from actors.purchase.rules.approval import requirement
from actors.purchase.seed_vendors import TRADES, WITHOUT_BANK, Trade
from actors.purchase.store import SERVICE, statements

CHUNK = 5_000
"""Rows a statement."""
TABLES = (
    "input_credit_share",
    "vendor",
    "purchase_order",
    "purchase_order_line",
    "quote",
    "approval",
    "goods_receipt",
    "goods_receipt_line",
    "vendor_bill",
    "vendor_bill_line",
)
ADDRESS = {role: f"{mailbox}@greenvalley.example.in" for role, _, mailbox in OFFICERS}
CLERK = "stores@greenvalley.example.in"

CASES = (
    # name, weight, received, billed, price, each as a share of what was ordered
    ("as ordered", 66, ("1",), ("1",), "1"),
    ("in part", 6, ("0.6",), ("0.6",), "1"),
    ("the rest comes later", 3, ("0.6", "0.4"), ("1",), "1"),
    ("more billed than received", 3, ("0.6",), ("1",), "1"),
    ("a little more", 4, ("1.05",), ("1.05",), "1"),
    ("far more", 2, ("1.2",), ("1.2",), "1"),
    ("a little dearer", 3, ("1",), ("1",), "1.02"),
    ("far dearer", 2, ("1",), ("1",), "1.1"),
    ("cheaper", 3, ("1",), ("1",), "0.95"),
    ("nothing received", 2, (), ("1",), "1"),
    ("in two parts", 3, ("0.6", "0.4"), ("0.6", "0.4"), "1"),
    ("in two parts, too much", 2, ("0.6", "0.4"), ("0.6", "0.45"), "1"),
    ("billed twice", 1, ("1",), ("1", "1"), "1"),
)


@dataclass(frozen=True)
class SeededPurchases:
    """What stands after seeding, and how many rows this run put in (0 the second time).

    Parameters:
      cases: how many orders of each kind, by the names in CASES.
      waiting_ids: orders that wait for approval.
    """

    community_id: UUID
    vendor_ids: tuple[UUID, ...]
    bills: int
    cases: dict[str, int]
    waiting_ids: tuple[UUID, ...]
    rows_inserted: int


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    vendors: int = 25,
    bills: int = 400,
    first_month: str = "2026-04",
    months: int = 12,
    waiting: int = 6,
) -> SeededPurchases:
    """Put a society's purchases into the database, unmatched; a second run changes nothing.

    Parameters:
      seed_number: Another number makes other purchases of another society.
      vendors: How many; some without PAN, with one of unknown form, or without a bank account.
      bills: At least so many, spread over the months; about a third differ from order or receipt.
      waiting: Orders that wait for approval, the first of them from the second week on.
    """
    community = seed_society(connection, SERVICE, seed_number=seed_number)
    society = reference.society(connection, SERVICE, community)
    book = reference.rate_book(connection, SERVICE, society.law_scope)
    draft = _Draft(Random(seed_number), seed_number, community, book, Period.parse(first_month), months)
    draft.vendors(vendors)
    cases = draft.purchases(bills)
    waiting_ids = draft.waiting(waiting)
    draft.rows["vendor_bill"].sort(key=lambda row: row["received_on"])
    inserted = 0
    with connection.cursor() as cursor:
        for table in TABLES:
            for rows in _chunks(draft.rows[table]):
                cursor.execute(getattr(statements, f"seed_{table}"), {"rows": json.dumps(rows, default=str)})
                inserted += cursor.rowcount
    return SeededPurchases(
        community,
        tuple(row["id"] for row in draft.rows["vendor"]),
        len(draft.rows["vendor_bill"]),
        dict(cases),
        waiting_ids,
        inserted,
    )


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


class _Draft:
    """The rows of every table, in the order in which they can be inserted."""

    def __init__(
        self, random: Random, seed_number: int, community: UUID, book: RateBook, first: Period, months: int
    ) -> None:
        self.random = random
        self.seed_number = seed_number
        self.community = community
        self.book = book
        self.first_day = first.first_day
        last = first
        for _ in range(months - 1):
            last = last.next
        self.days = (last.last_day - self.first_day).days + 1
        self.trades: list[tuple[UUID, Trade]] = []
        self.numbers: Counter[UUID] = Counter()
        self.orders = 0
        self.rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self.rows["input_credit_share"].append(
            {
                "community_id": community,
                "effective_from": FOUNDED,
                "percent": "42.50",
                "source": "share of flats above 7,500 a month, reckoned by the accountant",
            }
        )

    def vendors(self, many: int) -> None:
        for place in range(many):
            trade, again = TRADES[place % len(TRADES)], place // len(TRADES)
            vendor = id_of(self.seed_number, "vendor", place)
            pan = self._pan(trade.pan_kind)
            bank = place % len(TRADES) not in WITHOUT_BANK
            self.trades.append((vendor, trade))
            self.rows["vendor"].append(
                {
                    "id": vendor,
                    "community_id": self.community,
                    "name": f"{trade.name} ({again + 1})" if again else trade.name,
                    "pan": pan,
                    "gstin": gstin("27", pan) if trade.registered and pan and len(pan) == 10 else None,
                    "msme_class": trade.msme_class,
                    "msme_registration": None
                    if trade.msme_class == "NONE"
                    else f"UDYAM-MH-26-{self.random.randrange(10**7):07d}",
                    "credit_days": trade.credit_days,
                    "bank_account": f"{self.random.randrange(10**11, 10**12)}" if bank else None,
                    "ifsc": f"DSBX0{self.random.randrange(10**6):06d}" if bank else None,
                    "email": f"accounts@vendor{place + 1}.example.com",
                }
            )

    def purchases(self, bills: int) -> Counter[str]:
        """Orders with their receipts and bills, until there are so many bills."""
        cases: Counter[str] = Counter()
        while len(self.rows["vendor_bill"]) < bills:
            case = self.random.choices(CASES, [weight for _, weight, *_ in CASES])[0]
            name, _, received, billed, dearer = case
            cases[name] += 1
            vendor, trade = self.random.choice(self.trades)
            day = self.first_day + timedelta(days=self.random.randrange(max(1, self.days - 20)))
            order = self._order(vendor, trade, day)
            lines = [row for row in self._lines if row["purchase_order_id"] == order]
            receipts = [
                day + timedelta(days=self.random.randint(2, 8) + 25 * n) for n in range(len(received))
            ]
            for n, share in enumerate(received):
                self._receipt(order, n, receipts[n], lines, Decimal(share))
            first = receipts[0] if receipts else day + timedelta(days=5)
            number = ""
            for n, share in enumerate(billed):
                if n == 0 or name != "billed twice":
                    number = self._bill_number(vendor, first)
                came = first + timedelta(days=self.random.randint(0, 4) + 10 * n)
                self._bill(vendor, trade, order, number, came, lines, Decimal(share), Decimal(dearer))
                number = number.lower()
        return cases

    def waiting(self, many: int) -> tuple[UUID, ...]:
        """Orders of each size that wait: for the manager, the treasurer, both officers, the committee with a quote."""
        made = []
        for place in range(many):
            vendor, trade = self.trades[place % len(self.trades)]
            price = trade.price(0)
            wanted = Decimal((8_000, 36_000, 140_000, 260_000)[place % 4])
            day = self.first_day + timedelta(days=(8 + 2 * place) % self.days)
            by = ADDRESS["MANAGER"] if place % 6 == 4 else CLERK
            order = self._order(
                vendor, trade, day, status="WAITING", by=by, quantity=max(Decimal(1), wanted // price)
            )
            made.append(order)
            if wanted > 200_000:
                self._quotes(order, wanted, day, 1)
        return tuple(made)

    def _order(
        self,
        vendor: UUID,
        trade: Trade,
        day: date,
        *,
        status: str = "APPROVED",
        by: str = CLERK,
        quantity: Decimal | int | None = None,
    ) -> UUID:
        self.orders += 1
        order = id_of(self.seed_number, "order", self.orders)
        items = trade.items if quantity is None else trade.items[:1]
        self._lines: list[dict[str, Any]] = [
            {
                "purchase_order_id": order,
                "position": position,
                "item": item,
                "account_code": trade.account,
                "quantity": quantity or least * self.random.randint(1, 3),
                "unit_price": price,
            }
            for position, (item, price, least) in enumerate(items, start=1)
        ]
        amount = sum(
            (to_paisa(row["quantity"] * Decimal(row["unit_price"])) for row in self._lines), Decimal(0)
        )
        self.rows["purchase_order_line"] += self._lines
        self.rows["purchase_order"].append(
            {
                "id": order,
                "community_id": self.community,
                "vendor_id": vendor,
                "number": f"PO/{FinancialYear.of(self.first_day).short}/{self.orders:05d}",
                "subject": f"{trade.items[0][0]}, {day:%B %Y}",
                "requested_by": by,
                "amount": amount,
                "tds_nature": trade.nature,
                "status": status,
                "version": 1,
                "waiting_since": datetime.combine(day, time(11), INDIA),
            }
        )
        if status == "APPROVED":
            self._approve(order, amount, day)
        return order

    def _approve(self, order: UUID, amount: Decimal, day: date) -> None:
        needed = requirement(amount, day, self.book)
        if needed.quotes:
            self._quotes(order, amount, day, needed.quotes)
        self.rows["approval"] += [
            {
                "purchase_order_id": order,
                "version": 1,
                "role": role,
                "approver": ADDRESS[role],
                "requested_by": CLERK,
                "approved": True,
                "decided_at": datetime.combine(day, time(16), INDIA),
            }
            for role in needed.roles
        ]

    def _quotes(self, order: UUID, amount: Decimal, day: date, many: int) -> None:
        self.rows["quote"] += [
            {
                "purchase_order_id": order,
                "vendor_name": f"Bidder {n + 1}",
                "amount": to_paisa(amount * (100 + 4 * n) / 100),
                "quoted_on": day,
            }
            for n in range(many)
        ]

    def _receipt(self, order: UUID, n: int, day: date, lines: list[dict[str, Any]], share: Decimal) -> None:
        receipt = id_of(self.seed_number, "receipt", self.orders, n)
        self.rows["goods_receipt"].append(
            {
                "id": receipt,
                "purchase_order_id": order,
                "number": f"GRN/{self.orders:05d}-{n + 1}",
                "accepted_on": day,
            }
        )
        self.rows["goods_receipt_line"] += [
            {
                "goods_receipt_id": receipt,
                "purchase_order_id": order,
                "order_position": line["position"],
                "quantity": line["quantity"] * share,
            }
            for line in lines
        ]

    def _bill(
        self,
        vendor: UUID,
        trade: Trade,
        order: UUID,
        number: str,
        came: date,
        lines: list[dict[str, Any]],
        share: Decimal,
        dearer: Decimal,
    ) -> None:
        bill = id_of(self.seed_number, "bill", len(self.rows["vendor_bill"]))
        total = Decimal(0)
        for line in lines:
            quantity = line["quantity"] * share
            price = (Decimal(line["unit_price"]) * dearer).quantize(Decimal("0.0001"))
            net = to_paisa(quantity * price)
            tax = to_paisa(net * 9 / 100) if trade.registered else Decimal("0.00")
            total += net + 2 * tax
            self.rows["vendor_bill_line"].append(
                {
                    "bill_id": bill,
                    "position": line["position"],
                    "purchase_order_id": order,
                    "order_position": line["position"],
                    "quantity": quantity,
                    "unit_price": price,
                    "cgst": tax,
                    "sgst": tax,
                }
            )
        self.rows["vendor_bill"].append(
            {
                "id": bill,
                "community_id": self.community,
                "vendor_id": vendor,
                "purchase_order_id": order,
                "number": number,
                "bill_date": came - timedelta(days=self.random.randint(0, 2)),
                "received_on": came,
                "total": total,
            }
        )

    def _bill_number(self, vendor: UUID, day: date) -> str:
        self.numbers[vendor] += 1
        return f"INV-{FinancialYear.of(day).short}-{self.numbers[vendor]:04d}"

    def _pan(self, kind: str) -> str | None:
        if kind == "?":
            return "APPLIED FOR"
        letters = "".join(self.random.choices("ABCDEFGHJKLMNPRSTUVW", k=5))
        digits = self.random.randrange(10_000)
        return f"{letters[:3]}{kind}{letters[3]}{digits:04d}{letters[4]}" if kind else None
