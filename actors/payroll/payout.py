"""Pay goes out: after the payslip, once for each employee and month, with its entry in the books; advances too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books, reference
from actors.common.books import Posting
from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO
from actors.payroll.rules.posting import advance_entry, payout_entry
from actors.payroll.runs import held_runs
from actors.payroll.salaries import NAMESPACE
from actors.payroll.store import statements
from infra.store.rows import all_rows, one_row


class UnknownEmployee(LookupError):
    """No employee has this id."""


@dataclass(frozen=True)
class Release:
    """What was released: how many, rupees in all, and who is still held, by name and reason."""

    paid: int
    amount: Decimal
    held: dict[str, str]


def note_payslips(
    connection: Connection, employees: Iterable[UUID], period: Period, way: Literal["MAIL", "PAPER"] = "MAIL"
) -> None:
    """Record that payslips were given; call it in the transaction that mails them. A second time changes nothing."""
    ids = [str(employee) for employee in employees]
    with connection.cursor() as cursor:
        cursor.execute(statements.note_payslips, {"employees": ids, "period": period.first_day, "way": way})


def release(connection: Connection, community_id: UUID, period: Period, day: date | None = None) -> Release:
    """Pay out what can be paid of a month's posted runs, as one entry. A second time pays what was held meanwhile.

    Nobody is paid before their payslip (rule 52), without a bank account, or while on hold.

    Parameters:
      day: when the bank is told; today by default.

    Raises RestrictViolation where the books of that month are closed.
    """
    paid_on = day or reference.today(connection, "payroll")
    held_runs(connection, community_id, period)  # one release at a time
    of_month = {"community_id": str(community_id), "period": period.first_day}
    rows = all_rows(connection, statements.to_pay_out, day=paid_on, **of_month)
    ready = [row for row in rows if row.held is None]
    amount = sum((row.net for row in ready), ZERO)
    if ready:
        number = one_row(connection, statements.releases_before, **of_month).releases + 1
        release_id = uuid5(NAMESPACE, f"release/{community_id}/{period}/{number}")
        with connection.cursor() as cursor:
            cursor.execute(
                statements.write_payouts,
                {
                    "period": period.first_day,
                    "release_id": str(release_id),
                    "paid_on": paid_on,
                    "employees": [row.employee_id for row in ready],
                    "amounts": [row.net for row in ready],
                },
            )
        entry = payout_entry((UUID(row.employee_id), row.net) for row in ready)
        name = f"Net pay of {period.label}"
        books.post(
            connection,
            "payroll",
            [Posting(community_id, paid_on, name, "SALARY_PAYOUT", release_id, entry)],
        )
    return Release(len(ready), amount, {row.name: row.held for row in rows if row.held is not None})


def give_advance(
    connection: Connection,
    advance_id: UUID,
    employee_id: UUID,
    amount: Decimal,
    day: date,
    *,
    instalment: Decimal | None = None,
    reason: str = "Salary advance",
) -> bool:
    """Pay an advance and post it; once by its id. Returns whether that was done now. Raises UnknownEmployee."""
    row = one_row(connection, statements.community_of_employee, employee_id=str(employee_id))
    if row is None:
        raise UnknownEmployee(f"no employee has the id {employee_id}")
    with connection.cursor() as cursor:
        cursor.execute(
            statements.give_advance,
            {
                "id": str(advance_id),
                "employee_id": str(employee_id),
                "given_on": day,
                "amount": amount,
                "instalment": instalment,
                "reason": reason,
            },
        )
        if not cursor.rowcount:
            return False
    entry = advance_entry(employee_id, amount)
    posting = Posting(
        UUID(row.community_id), day, f"{reason}, {row.name}", "SALARY_ADVANCE", advance_id, entry
    )
    books.post(connection, "payroll", [posting])
    return True
