"""Money that goes to vendors and to the government, and bills that are taken back: each recorded and posted once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books
from actors.common.books import Posting
from actors.common.rules.calendar import Period
from actors.common.rules.money import rupees
from actors.purchase import store
from actors.purchase.matching import SOURCE, UnknownBill
from actors.purchase.rules.posting import deposit_entry, payment_entry
from actors.purchase.rules.tds import deposit_due
from actors.purchase.store import SERVICE, statements
from infra.store.rows import checked_id, one_row

PAYMENT, DEPOSIT = "VENDOR_PAYMENT", "TDS_DEPOSIT"


class UnknownVendor(LookupError):
    """No vendor has this id."""


class PaymentRefused(ValueError):
    """A payment that cannot be, or a bill that cannot be taken back; the message says why."""


def record_payment(
    connection: Connection, vendor_id: str | UUID, amount: Decimal, reference: str, paid_on: date
) -> tuple[UUID, bool]:
    """Record and post what a vendor was paid, against what has been due the longest.

    Returns its id, and whether it was recorded just now: the same reference again changes nothing.

    Raises UnknownVendor; PaymentRefused for more than is owed, and for a reference that stands for another payment.
    """
    payee = one_row(connection, statements.payee, vendor_id=checked_id(vendor_id, "vendor", UnknownVendor))
    if payee is None:
        raise UnknownVendor(f"no vendor has the id {vendor_id}")
    community = UUID(payee.community_id)
    store.hold_books(connection, store.office(connection, community).society)
    before = one_row(
        connection, statements.payment_of_reference, community_id=str(community), reference=reference
    )
    if before is not None:
        if (before.vendor_id, before.amount) == (payee.id, amount):
            return UUID(before.id), False
        raise PaymentRefused(
            f"reference {reference} is {rupees(before.amount)} paid to {before.vendor} on {before.paid_on:%d %b %Y}, "
            f"not {rupees(amount)} to {payee.name}"
        )
    owed = one_row(connection, statements.owed_to, vendor_id=payee.id, day=paid_on).owed
    if not 0 < amount <= owed:
        raise PaymentRefused(
            f"{payee.name} is owed {rupees(owed)} on {paid_on:%d %b %Y}; {rupees(amount)} cannot be paid"
        )
    payment = uuid5(community, f"payment/{reference}")
    store.run(
        connection,
        statements.record_payment,
        payment_id=str(payment),
        community_id=str(community),
        vendor_id=payee.id,
        reference=reference,
        day=paid_on,
        amount=amount,
    )
    narration = f"Paid to {payee.name}, {reference}"
    entry = payment_entry(UUID(payee.id), amount)
    books.post(connection, SERVICE, [Posting(community, paid_on, narration, PAYMENT, payment, entry)])
    return payment, True


def return_payment(connection: Connection, community_id: str | UUID, reference: str, day: date) -> bool:
    """The bank gave a payment back: its entry is reversed, and what it paid is owed again.

    Returns whether that was done now. Raises PaymentRefused for a reference under which nothing was paid.
    """
    society = store.office(connection, community_id).society
    store.hold_books(connection, society)
    paid = one_row(
        connection, statements.payment_of_reference, community_id=str(society.id), reference=reference
    )
    if paid is None:
        raise PaymentRefused(f"nothing was paid under the reference {reference}")
    if paid.returned_on is not None:
        return False
    store.run(connection, statements.return_payment, payment_id=paid.id, day=day)
    return books.reverse(connection, SERVICE, PAYMENT, UUID(paid.id), day)


def void_bill(connection: Connection, bill_id: str | UUID, day: date) -> bool:
    """Take a bill back: its entries are reversed, its tax leaves the vendor's year, its number is free again.

    Returns whether that was done now. Raises UnknownBill; PaymentRefused for a bill of which something is paid.
    """
    bill = one_row(connection, statements.bill_to_change, bill_id=checked_id(bill_id, "bill", UnknownBill))
    if bill is None:
        raise UnknownBill(f"no bill has the id {bill_id}")
    store.hold_books(connection, store.office(connection, bill.community_id).society)
    if one_row(connection, statements.bill_to_change, bill_id=bill.id).status == "VOID":
        return False
    with connection.cursor() as cursor:
        cursor.execute(statements.payables_of_bill, {"bill_id": bill.id})
        payables = cursor.fetchall()
    if any(paid for _, paid in payables):
        raise PaymentRefused(
            f"bill {bill.number} of {bill.vendor} is paid in part; return the payment before it is taken back"
        )
    store.run(connection, statements.void_bill, bill_id=bill.id, day=day)
    for payable_id, _ in payables:  # one for each time that a part of the bill was let pass: few
        books.reverse(connection, SERVICE, SOURCE, UUID(payable_id), day)
    return True


def deposit_tds(connection: Connection, community_id: str | UUID, month: Period, paid_on: date) -> Decimal:
    """Record and post the payment of a month's tax to the government; once, of all that is not deposited yet by then.

    Returns what was deposited now, 0.00 where nothing is due or it was done before. Raises PaymentRefused for a month
    that is not over.
    """
    society = store.office(connection, community_id).society
    if paid_on <= month.last_day:
        raise PaymentRefused(f"the tax of {month.label} can be deposited when the month is over")
    store.hold_books(connection, society)
    due = one_row(
        connection,
        statements.tds_to_deposit,
        community_id=str(society.id),
        month=month.first_day,
        until=month.last_day,
    )
    if due.deposit_id is not None or due.amount <= 0:
        return Decimal("0.00")
    deposit = uuid5(society.id, f"tds/{month}")
    store.run(
        connection,
        statements.record_deposit,
        deposit_id=str(deposit),
        community_id=str(society.id),
        month=month.first_day,
        amount=due.amount,
        due_on=deposit_due(month),
        paid_on=paid_on,
    )
    entry, narration = deposit_entry(due.amount), f"TDS of {month.label}"
    books.post(connection, SERVICE, [Posting(society.id, paid_on, narration, DEPOSIT, deposit, entry)])
    amount: Decimal = due.amount
    return amount
