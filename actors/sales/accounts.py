"""A flat's account: what it owes as of a day, and how a payment or its reversal changes that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.money import ZERO
from actors.sales.rules.allocation import OpenBill
from actors.sales.rules.interest import LateBill, RateSpan
from actors.sales.store import statements
from infra.store.rows import all_rows

_ONE = timedelta(days=1)


@dataclass(frozen=True)
class Late:
    """What a bill has run up since it is overdue, in rupees; see sales.late_interest.

    Parameters:
      uncharged: interest that its lines say up to the day reckoned with, and that is not in the books; below zero
        where the books are ahead of that day.
    """

    bill: LateBill
    charged: Decimal
    charged_to: date
    received: Decimal
    taxed: Decimal
    tax_received: Decimal
    uncharged: Decimal


@dataclass(frozen=True)
class AccountBill:
    """A bill with something owed on it; `late` once it is overdue."""

    invoice_id: UUID
    number: str
    principal: Decimal
    cgst_rate: Decimal
    sgst_rate: Decimal
    late: Late | None


@dataclass(frozen=True)
class Account:
    """What a flat owes.

    Parameters:
      accrued_to: the last day for which the night's run has reckoned its society's interest.
      bills: the oldest first.
    """

    unit_id: UUID
    label: str
    community_id: UUID
    law_scope: str
    receipt_series: str
    owner: str
    arrears: Decimal
    accrued_to: date | None
    bills: tuple[AccountBill, ...] = ()


@dataclass(frozen=True)
class Reckoned:
    """A bill with its interest brought to a day.

    Parameters:
      day: the day, or that of the last payment where that is later: a payment told late counts from there.
      line: interest to that day that no line says yet.
      charge: what of its interest enters the books now.
    """

    bill: AccountBill
    day: date
    line: Decimal
    charge: Decimal

    @property
    def open(self) -> OpenBill:
        """As a payment sees it."""
        bill, late = self.bill, self.bill.late
        return OpenBill(
            bill.invoice_id,
            bill.principal,
            late.charged + self.charge - late.received if late else ZERO,
            late.taxed - late.tax_received if late else ZERO,
            bill.cgst_rate,
            bill.sgst_rate,
        )


@dataclass(frozen=True)
class Change:
    """What a payment does to a bill, in rupees; below zero when it is undone."""

    principal: Decimal = ZERO
    interest: Decimal = ZERO
    taxed: Decimal = ZERO
    tax: Decimal = ZERO


def reckoned(bill: AccountBill, day: date, spans: Sequence[RateSpan]) -> Reckoned:
    """Interest to a day: what is not yet said by a line, and what is not yet in the books."""
    late = bill.late
    if late is None:
        return Reckoned(bill, day, ZERO, ZERO)
    day = max(day, late.bill.since)
    said = late.charged + late.uncharged
    line = max(ZERO, late.bill.interest_to(day, spans) - said)
    return Reckoned(bill, day, line, late.uncharged + line)


@dataclass
class Writing:
    """Rows of many accounts' changes, written in one statement a table."""

    dropped: list[tuple[UUID, date, date]] = field(default_factory=list)
    lines: list[tuple[date, UUID, Decimal]] = field(default_factory=list)
    late: list[tuple[UUID, Late]] = field(default_factory=list)
    paid: list[tuple[UUID, Decimal]] = field(default_factory=list)
    arrears: list[tuple[UUID, Decimal]] = field(default_factory=list)

    def change(
        self, reckoned: Reckoned, change: Change, accrued_to: date | None, spans: Sequence[RateSpan]
    ) -> None:
        """A bill after a payment on the day it was reckoned to.

        Lines of later days, which the night's run has written already, give way to one on its last day.
        """
        bill, late, day = reckoned.bill, reckoned.bill.late, reckoned.day
        if change.principal:
            self.paid.append((bill.invoice_id, change.principal))
        if late is None:
            return
        if reckoned.line:
            self.lines.append((day, bill.invoice_id, reckoned.line))
        after = late.bill.paid(change.principal, day, spans)
        if accrued_to is not None and day < accrued_to:
            self.dropped.append((bill.invoice_id, day + _ONE, accrued_to))
            rest = after.interest_to(accrued_to, spans) - after.interest_to(day, spans)
            if rest > 0:
                self.lines.append((accrued_to, bill.invoice_id, rest))
        self.late.append(
            (
                bill.invoice_id,
                replace(
                    late,
                    bill=after,
                    charged=late.charged + reckoned.charge,
                    charged_to=day,
                    received=late.received + change.interest,
                    taxed=late.taxed + change.taxed,
                    tax_received=late.tax_received + change.tax,
                ),
            )
        )

    def write(self, connection: Connection) -> None:
        """Into the tables."""
        with connection.cursor() as cursor:
            write_many(cursor, "drop_lines", self.dropped, "invoice_ids firsts lasts")
            write_many(cursor, "add_lines", self.lines, "days invoice_ids amounts")
            rows = [
                (
                    invoice_id,
                    late.bill.since,
                    late.bill.settled,
                    late.charged,
                    late.charged_to,
                    late.received,
                    late.taxed,
                    late.tax_received,
                )
                for invoice_id, late in self.late
            ]
            names = "invoice_ids sinces settled charged charged_to received taxed tax_received"
            write_many(cursor, "keep_late_interest", rows, names)
            write_many(cursor, "pay_bills", self.paid, "invoice_ids amounts")
            write_many(cursor, "pay_arrears", self.arrears, "unit_ids amounts")


def hold(connection: Connection, unit_ids: Iterable[UUID]) -> dict[UUID, Account]:
    """These flats' accounts, without their bills; nobody else changes them until the transaction ends."""
    ids = [str(unit_id) for unit_id in unit_ids]
    with connection.cursor() as cursor:
        cursor.execute(statements.hold_accounts, {"unit_ids": ids})
    return {
        UUID(row.id): Account(
            UUID(row.id),
            row.label,
            UUID(row.community_id),
            row.law_scope,
            row.receipt_series,
            row.owner,
            row.arrears,
            row.accrued_to,
        )
        for row in all_rows(connection, statements.accounts, unit_ids=ids)
    }


def with_bills(
    connection: Connection,
    accounts: Iterable[Account],
    days: Mapping[UUID, date],
    besides: Iterable[UUID] = (),
) -> list[Account]:
    """The same accounts with what is owed on bills, each as of its flat's day.

    Parameters:
      besides: bills that are wanted although nothing is owed on them.
    """
    accounts = list(accounts)
    rows = all_rows(
        connection,
        statements.open_bills,
        unit_ids=[str(account.unit_id) for account in accounts],
        days=[days[account.unit_id] for account in accounts],
        besides=[str(invoice_id) for invoice_id in besides],
    )
    bills: dict[str, list[AccountBill]] = {}
    for row in rows:
        bills.setdefault(row.unit_id, []).append(_bill(row))
    return [replace(account, bills=tuple(bills.get(str(account.unit_id), ()))) for account in accounts]


def _bill(row: Any) -> AccountBill:
    late = None
    if row.since is not None:
        late = Late(
            LateBill(row.due_date, row.grace_days, row.principal, row.since, row.settled),
            row.charged,
            row.charged_to,
            row.received,
            row.taxed,
            row.tax_received,
            row.uncharged,
        )
    return AccountBill(UUID(row.id), row.number, row.principal, row.cgst_rate, row.sgst_rate, late)


def write_many(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]], names: str) -> None:
    """One statement for many rows, given as arrays."""
    if rows:
        columns = zip(*rows, strict=True)
        values = [
            [str(value) if isinstance(value, UUID) else value for value in column] for column in columns
        ]
        cursor.execute(getattr(statements, statement), dict(zip(names.split(), values, strict=True)))
