"""Payments: one receipt each, which clears what the flat owes; and receipts that are taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.books import Posting
from actors.common.rules.calendar import FinancialYear, india_date
from actors.common.rules.ledger import UnbalancedEntry
from actors.common.rules.money import ZERO, rupees
from actors.common.rules.rates import MissingRate, RateBook
from actors.sales import accounts, interest, ledger, store
from actors.sales.accounts import Account, Change, Reckoned, Writing, write_many
from actors.sales.receipts import UnknownReceipt, receipt
from actors.sales.rules.allocation import Allocated, Allocation, Due, allocate
from actors.sales.rules.interest import RateSpan, Resolution, rate_spans
from actors.sales.rules.numbering import NumberingError, invoice_number
from actors.sales.rules.posting import interest_entry, receipt_entry
from actors.sales.store import UnknownUnit, statements
from infra.store.rows import all_rows, checked_id, one_row

MODES = ("UPI", "CARD", "NETBANKING", "NEFT", "CHEQUE")
_AMOUNT = re.compile(r"\d{1,10}(\.\d{1,2})?", re.ASCII)
_GATEWAY = re.compile(r"[a-z0-9_-]{2,30}", re.ASCII)


class PaymentRefused(ValueError):
    """A payment that cannot be meant; the message says what is wrong with it."""


class PaymentConflict(PaymentRefused):
    """The same reference was told before, of another amount or flat."""


REFUSALS = (PaymentRefused, UnknownUnit, UnknownReceipt, MissingRate, NumberingError, UnbalancedEntry)
"""What no retry mends."""


@dataclass(frozen=True)
class Payment:
    """Money of a flat, as a gateway tells of it.

    Parameters:
      reference: the gateway's name for the payment; it makes a second telling the same payment.
    """

    gateway: str
    reference: str
    unit_id: UUID
    amount: Decimal
    received_at: datetime
    mode: str = "UPI"

    @property
    def day(self) -> date:
        """The day in India, to which interest runs."""
        return india_date(self.received_at)


@dataclass(frozen=True)
class Taken:
    """The receipt of a payment, and whether it was made just now."""

    receipt_id: UUID
    number: str
    new: bool


def payment_of(
    gateway: object, reference: object, unit_id: str, amount: object, received_at: object, mode: str = "UPI"
) -> Payment:
    """A payment from what a message says. Raises PaymentRefused or UnknownUnit, naming what is wrong."""
    told = f"payment {reference!r} of {gateway!r}"
    if not isinstance(gateway, str) or not _GATEWAY.fullmatch(gateway):
        raise PaymentRefused(f"{told}: a gateway's name is 2 to 30 of a-z, 0-9, - and _")
    if not isinstance(reference, str) or not 0 < len(reference) <= 100 or reference != reference.strip():
        raise PaymentRefused(f"{told}: a reference is 1 to 100 characters without spaces around them")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount) or not Decimal(amount):
        raise PaymentRefused(
            f"{told}: amount {amount!r} is not rupees above nought as text, such as '9811.00'"
        )
    if mode not in MODES:
        raise PaymentRefused(f"{told}: mode {mode!r} is none of {', '.join(MODES)}")
    moment = _moment(received_at)
    if moment is None or moment.tzinfo is None:
        raise PaymentRefused(
            f"{told}: received_at {received_at!r} is not a moment with its zone, such as 2026-04-15T10:30:00+05:30"
        )
    known = UUID(checked_id(unit_id, "unit", UnknownUnit))
    return Payment(gateway, reference, known, Decimal(amount), moment, mode)


def take(connection: Connection, payments: Sequence[Payment]) -> list[Taken]:
    """Receipts for payments of different flats, in their order: interest to the day, allocation, number and posting.

    A payment that was told before keeps its receipt. Raises UnknownUnit, PaymentConflict, MissingRate.
    """
    held = accounts.hold(connection, [payment.unit_id for payment in payments])
    for payment in payments:
        if payment.unit_id not in held:
            raise UnknownUnit(
                f"payment {payment.reference} of {payment.gateway}: no flat has the id {payment.unit_id}"
            )
    ids = {payment: uuid4() for payment in payments}
    fresh = _insert_once(connection, ids, held)
    new = [payment for payment in payments if ids[payment] in fresh]
    days = {payment.unit_id: payment.day for payment in new}
    numbers: dict[UUID, str] = {}
    if new:
        interest.mark_of_units(connection, days)
        full = accounts.with_bills(connection, (held[unit_id] for unit_id in days), days)
        numbers = _settle(connection, [(ids[payment], payment) for payment in new], full)
    return [
        Taken(ids[payment], numbers[ids[payment]], new=True)
        if ids[payment] in numbers
        else _told_before(connection, payment)
        for payment in payments
    ]


def reverse(connection: Connection, receipt_id: str | UUID, why: str, day: date) -> bool:
    """Take a receipt back, as for a cheque that bounced. Returns whether that was done now.

    A reversing entry, its allocations undone, its number used up. Interest that was charged stands, and runs on from
    `day`; the GST raised with the interest that was not received after all is taken back, and where another receipt had
    cleared it, that one has an advance.
    """
    found = receipt(connection, receipt_id)
    held = accounts.hold(connection, [found.unit_id])
    found = receipt(connection, receipt_id)  # as it is now that nobody else changes it
    if found.reversed_on is not None:
        return False
    interest.mark_of_units(connection, {found.unit_id: day})
    touched = [part.invoice_id for part in found.parts if part.invoice_id]
    (account,) = accounts.with_bills(connection, held.values(), {found.unit_id: day}, touched)
    writing, postings, charges = Writing(), [], []
    spans = _Rates(connection, [account]).of(account, day)
    for bill in account.bills:
        parts = [part for part in found.parts if part.invoice_id == bill.invoice_id]
        late = bill.late
        raised_cgst, raised_sgst = sum((p.cgst for p in parts), ZERO), sum((p.sgst for p in parts), ZERO)
        tax = _sum(parts, Due.INTEREST_TAX)
        if late is not None and late.taxed - raised_cgst - raised_sgst < late.tax_received - tax:
            freed = {"invoice_id": str(bill.invoice_id), "receipt_id": str(found.id), "day": day}
            tax += one_row(connection, statements.free_tax, **freed).amount
        change = Change(-_sum(parts, Due.BILL), -_sum(parts, Due.INTEREST), -raised_cgst - raised_sgst, -tax)
        reckoned = accounts.reckoned(bill, day, spans)
        writing.change(reckoned, change, account.accrued_to, spans)
        charges += _charges(found.id, [reckoned], salt="reversal")
        postings += _interest_postings(
            account, found.id, reckoned, -raised_cgst, -raised_sgst, salt="reversal"
        )
    arrears = _sum(found.parts, Due.ARREARS)
    if arrears:
        writing.arrears.append((account.unit_id, -arrears))
    with connection.cursor() as cursor:
        cursor.execute(statements.undo_receipt, {"receipt_id": str(found.id), "day": day, "why": why})
        writing.write(connection)
        write_many(cursor, "charge", charges, "ids invoice_ids days receipt_ids amounts")
    ledger.reverse(connection, "RECEIPT", found.id, day)
    ledger.post(connection, postings)
    return True


class _Rates:
    """The rate of each day, for the societies of some accounts."""

    def __init__(self, connection: Connection, of: Sequence[Account]) -> None:
        self._resolutions = interest.resolutions(connection, {account.community_id for account in of})
        self._laws: dict[str, RateBook] = {
            scope: reference.rate_book(connection, "sales", scope)
            for scope in {account.law_scope for account in of}
            if any(self._resolutions.values())
        }

    def of(self, account: Account, day: date) -> tuple[RateSpan, ...]:
        """From the first day that matters to `day` or where the night's run is, if that is later."""
        resolved: tuple[Resolution, ...] = self._resolutions[account.community_id]
        sinces = [bill.late.bill.since for bill in account.bills if bill.late]
        if not sinces or not resolved:
            return ()
        last = max(day, account.accrued_to or day, *sinces)
        return rate_spans(resolved, self._laws[account.law_scope], min(sinces), last)


def _settle(
    connection: Connection, payments: Sequence[tuple[UUID, Payment]], full: Sequence[Account]
) -> dict[UUID, str]:
    """Clear what the flats owe, and number and post the receipts. Returns the numbers by receipt."""
    rates = _Rates(connection, full)
    by_unit = {account.unit_id: account for account in full}
    writing = Writing()
    postings: list[tuple[UUID, Posting]] = []
    charges, allocations, outcomes = [], [], []
    for receipt_id, payment in payments:
        account = by_unit[payment.unit_id]
        spans = rates.of(account, payment.day)
        reckoned = [accounts.reckoned(bill, payment.day, spans) for bill in account.bills]
        outcome = allocate(payment.amount, [each.open for each in reckoned], account.arrears)
        outcomes.append((receipt_id, payment, account, outcome))
        for each in reckoned:
            parts = [part for part in outcome.parts if part.invoice_id == each.bill.invoice_id]
            writing.change(each, _change(parts), account.accrued_to, spans)
            cgst, sgst = sum((p.cgst for p in parts), ZERO), sum((p.sgst for p in parts), ZERO)
            postings += _interest_postings(account, receipt_id, each, cgst, sgst)
        charges += _charges(receipt_id, reckoned)
        allocations += _allocation_rows(receipt_id, payment, outcome)
        if cleared := outcome.sum_of(Due.ARREARS):
            writing.arrears.append((account.unit_id, cleared))
    writing.write(connection)
    with connection.cursor() as cursor:
        write_many(cursor, "charge", charges, "ids invoice_ids days receipt_ids amounts")
        names = "receipt_ids positions dues invoice_ids amounts cgsts sgsts days"
        write_many(cursor, "allocate", allocations, names)
    numbers = _number(connection, outcomes)
    for receipt_id, payment, account, _ in outcomes:
        narration = f"Receipt {numbers[receipt_id]} of flat {account.label}"
        entry = receipt_entry(payment.amount)
        posting = Posting(account.community_id, payment.day, narration, "RECEIPT", receipt_id, entry)
        postings.append((account.unit_id, posting))
    ledger.post(connection, postings)
    return numbers


def _insert_once(connection: Connection, ids: dict[Payment, UUID], held: dict[UUID, Account]) -> set[UUID]:
    rows = all_rows(
        connection,
        statements.insert_receipts_once,
        ids=[str(receipt_id) for receipt_id in ids.values()],
        communities=[str(held[payment.unit_id].community_id) for payment in ids],
        units=[str(payment.unit_id) for payment in ids],
        owners=[held[payment.unit_id].owner for payment in ids],
        gateways=[payment.gateway for payment in ids],
        references=[payment.reference for payment in ids],
        modes=[payment.mode for payment in ids],
        amounts=[payment.amount for payment in ids],
        moments=[payment.received_at for payment in ids],
    )
    return {UUID(row.id) for row in rows}


def _told_before(connection: Connection, payment: Payment) -> Taken:
    row = one_row(
        connection, statements.receipt_of_payment, gateway=payment.gateway, reference=payment.reference
    )
    if row.amount != payment.amount or UUID(row.unit_id) != payment.unit_id:
        raise PaymentConflict(
            f"payment {payment.reference} of {payment.gateway} is receipt {row.number} of {rupees(row.amount)} "
            f"for flat {row.label}; now it is told again, of {rupees(payment.amount)} for flat {payment.unit_id}. "
            "Nothing was booked: ask the gateway which is right"
        )
    return Taken(UUID(row.id), row.number, new=False)


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _change(parts: Sequence[Allocation]) -> Change:
    raised = sum((part.cgst + part.sgst for part in parts), ZERO)
    return Change(_sum(parts, Due.BILL), _sum(parts, Due.INTEREST), raised, _sum(parts, Due.INTEREST_TAX))


def _sum(parts: Sequence[Allocation], due: Due) -> Decimal:
    return sum((part.amount for part in parts if part.due is due), ZERO)


def _charge_id(receipt_id: UUID, invoice_id: UUID, salt: str = "") -> UUID:
    return uuid5(receipt_id, f"{salt}{invoice_id}")


def _charges(
    receipt_id: UUID, reckoned: Sequence[Reckoned], salt: str = ""
) -> list[tuple[UUID, UUID, date, UUID, Decimal]]:
    return [
        (
            _charge_id(receipt_id, each.bill.invoice_id, salt),
            each.bill.invoice_id,
            each.day,
            receipt_id,
            each.charge,
        )
        for each in reckoned
        if each.charge
    ]


def _interest_postings(
    account: Account, receipt_id: UUID, reckoned: Reckoned, cgst: Decimal, sgst: Decimal, salt: str = ""
) -> list[tuple[UUID, Posting]]:
    """Interest that enters the books, with the GST that its receipt makes due; or the GST alone."""
    if not reckoned.charge and not cgst and not sgst:
        return []
    kind = "INTEREST" if reckoned.charge else "INTEREST_TAX"
    source_id = _charge_id(receipt_id, reckoned.bill.invoice_id, salt)
    what = "Late interest" if reckoned.charge else "GST on late interest"
    narration = f"{what} on {reckoned.bill.number} to {reckoned.day:%d %b %Y}"
    entry = interest_entry(reckoned.charge, cgst, sgst)
    return [(account.unit_id, Posting(account.community_id, reckoned.day, narration, kind, source_id, entry))]


def _allocation_rows(receipt_id: UUID, payment: Payment, outcome: Allocated) -> list[tuple[object, ...]]:
    return [
        (
            receipt_id,
            position,
            part.due.value,
            part.invoice_id,
            part.amount,
            part.cgst,
            part.sgst,
            payment.day,
        )
        for position, part in enumerate(outcome.parts, start=1)
    ]


def _number(
    connection: Connection, outcomes: Sequence[tuple[UUID, Payment, Account, Allocated]]
) -> dict[UUID, str]:
    """Numbers, in order; taken last, because others wait for them."""
    series: dict[tuple[UUID, str, int], list[tuple[UUID, Decimal]]] = {}
    for receipt_id, payment, account, outcome in outcomes:
        key = account.community_id, account.receipt_series, FinancialYear.of(payment.day).start
        series.setdefault(key, []).append((receipt_id, outcome.left))
    numbers: dict[UUID, str] = {}
    rows = []
    for (community_id, name, start), receipts in sorted(series.items(), key=lambda item: str(item[0])):
        year = FinancialYear(start)
        taken = store.take_numbers(connection, community_id, name, year, len(receipts))
        for (receipt_id, left), sequence in zip(receipts, taken, strict=True):
            numbers[receipt_id] = invoice_number(name, year, sequence)
            rows.append((receipt_id, numbers[receipt_id], name, start, sequence, left))
    with connection.cursor() as cursor:
        write_many(cursor, "number_receipts", rows, "ids numbers series years sequences unallocated")
    return numbers
