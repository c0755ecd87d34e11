"""A society that orders, receives and is billed: what tests put into the tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D
from itertools import count
from uuid import uuid4

MANAGER, TREASURER, SECRETARY = (
    f"{mailbox}@greenvalley.example.in" for mailbox in ("manager", "treasurer", "secretary")
)
CLERK = "stores@greenvalley.example.in"
COMPANY, INDIVIDUAL = "ABCCK1234L", "ABCPK1234L"
APRIL = date(2026, 4, 10)


class Trading:
    """Rows of vendors, orders, receipts and bills; each call commits and returns an id."""

    def __init__(self, connection, society):
        self.connection = connection
        self.society = society
        self._count = count(1)

    def insert(self, table, **columns):
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(f"insert into purchase.{table} ({names}) values ({marks})", list(columns.values()))

    def vendor(self, name="Swachh Services", pan=COMPANY, **columns):
        vendor = str(uuid4())
        self.insert("vendor", id=vendor, community_id=self.society, name=name, pan=pan, **columns)
        return vendor

    def order(
        self,
        vendor,
        *lines,
        by=CLERK,
        nature="NONE",
        status="APPROVED",
        account="52010",
        since="2026-04-01 11:00+05:30",
    ):
        """Each line is (quantity, unit price)."""
        order, number = str(uuid4()), next(self._count)
        lines = lines or ((100, "42.00"),)
        amount = sum(D(quantity) * D(price) for quantity, price in lines)
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(
                """insert into purchase.purchase_order (id, community_id, vendor_id, number, subject, requested_by,
                    amount, tds_nature, status, waiting_since)
                values (%s, %s, %s, %s, 'Brooms', %s, %s, %s, %s, %s)""",
                (order, self.society, vendor, f"PO/2627/{number:04d}", by, amount, nature, status, since),
            )
            for position, (quantity, price) in enumerate(lines, start=1):
                cursor.execute(
                    "insert into purchase.purchase_order_line values (%s, %s, %s, %s, %s, %s)",
                    (order, position, f"Item {position}", account, quantity, price),
                )
        return order

    def receive(self, order, *quantities, on=APRIL):
        """What was accepted of each line of the order."""
        receipt = str(uuid4())
        self.insert(
            "goods_receipt",
            id=receipt,
            purchase_order_id=order,
            number=f"GRN/{next(self._count)}",
            accepted_on=on,
        )
        for position, quantity in enumerate(quantities, start=1):
            if quantity:
                self.insert(
                    "goods_receipt_line",
                    goods_receipt_id=receipt,
                    purchase_order_id=order,
                    order_position=position,
                    quantity=quantity,
                )
        return receipt

    def bill(self, vendor, order, *lines, number=None, on=APRIL, gst=0, total=None):
        """Each line is (quantity, unit price) of the order's line at that place; `gst` in percent."""
        bill = str(uuid4())
        nets = [D(quantity) * D(price) for quantity, price in lines]
        taxes = [(net * gst / 200).quantize(D("0.01")) for net in nets]
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(
                """insert into purchase.vendor_bill
                    (id, community_id, vendor_id, purchase_order_id, number, bill_date, received_on, total)
                values (%s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    bill,
                    self.society,
                    vendor,
                    order,
                    number or f"INV-{next(self._count)}",
                    on,
                    on,
                    total or sum(nets) + 2 * sum(taxes),
                ),
            )
            for position, ((quantity, price), tax) in enumerate(zip(lines, taxes, strict=True), start=1):
                cursor.execute(
                    """insert into purchase.vendor_bill_line (bill_id, position, purchase_order_id, order_position,
                        quantity, unit_price, cgst, sgst) values (%s, %s, %s, %s, %s, %s, %s, %s)""",
                    (bill, position, order, position, quantity, price, tax, tax),
                )
        return bill

    def bought(self, amount, *, vendor=None, nature="NONE", gst=0, on=APRIL, **columns):
        """A bill of one item, ordered and received as billed. Returns (vendor, bill)."""
        vendor = vendor or self.vendor(**columns)
        order = self.order(vendor, (1, amount), nature=nature)
        self.receive(order, 1, on=on)
        return vendor, self.bill(vendor, order, (1, amount), gst=gst, on=on)
