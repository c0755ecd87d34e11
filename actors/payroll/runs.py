"""A society's payroll of a month: its pages worked out, then posted as a whole, and the treasurer told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books
from actors.common.books import Posting
from actors.common.reference import UnknownSociety
from actors.common.rules.calendar import Period, PeriodError
from actors.common.rules.rates import MissingRate
from actors.payroll import items, store
from actors.payroll.rules.attendance import AttendanceError
from actors.payroll.rules.epf import admin_top_up
from actors.payroll.rules.law import Law
from actors.payroll.rules.posting import PersonTotals, RunTotals, payroll_entry, top_up_entry
from actors.payroll.salaries import ARREARS, NAMESPACE, REGULAR, Month, changed_months, work_out
from actors.payroll.store import statements
from infra.store.rows import all_rows, one_row

PAGE = 250
"""Employees worked out and written in one transaction."""
LOOK_BACK = 12
"""Months whose attendance and structures are compared with what was paid."""


class NotComplete(RuntimeError):
    """Employees of the month are not worked out yet, so it cannot be posted."""


REFUSALS = (AttendanceError, MissingRate, PeriodError, UnknownSociety, store.NoEstablishment)
"""What no retry mends; each names what is missing."""


@dataclass(frozen=True)
class PageDone:
    """What came of a page: the last id, to go on from; None after the last page."""

    employees: int
    last: str | None


def month_of(connection: Connection, community_id: UUID, period: Period) -> Month:
    """What a society's month is worked out by. Raises NoEstablishment; MissingRate where the law is not recorded."""
    first = period
    for _ in range(LOOK_BACK):
        first = first.previous
    sources = tuple(store.posted_periods(connection, community_id, period, first))
    employer = store.establishment(connection, community_id)
    rates = store.stat_rates(connection)
    laws = {
        month: Law.on(month.last_day, rates, with_epf=employer.with_epf, with_esi=employer.with_esi)
        for month in (period, *sources)
    }
    return Month(community_id, period, employer, rates, sources, laws)


def work_out_page(
    community_id: UUID, period: Period, after: str | None = None, size: int | None = None
) -> PageDone:
    """Work out and write the pay of up to `size` (by default PAGE) employees after an id, in one transaction.

    A page of a draft that was written before is written anew; of a posted run nothing is changed.
    """
    size = size or PAGE
    with store.transaction() as payroll:
        month = month_of(payroll, community_id, period)
        items.open_run(payroll, month)
        run = one_row(payroll, statements.share_run, run_id=str(month.run_id()))
        if run.status == "POSTED":
            return PageDone(0, None)
        employees = store.page_of_employees(payroll, community_id, period, month.look_back, after, size)
        if not employees:
            return PageDone(0, None)
        items.clear(payroll, month, employees)
        page = store.read_page(payroll, employees, period, month.look_back)
        changed = changed_months(month, page)
        paid = store.components_paid(payroll, changed)
        found, findings = work_out(month, page, changed, paid)
        items.write(payroll, month, found, findings)
    return PageDone(len(employees), str(employees[-1].id) if len(employees) == size else None)


def pages(connection: Connection, month: Month) -> list[str | None]:
    """After which employee each page of a society begins; None for the first."""
    ends = all_rows(
        connection,
        statements.pages_of_staff,
        community_id=str(month.community_id),
        last_day=month.period.last_day,
        look_back=month.look_back,
        size=PAGE,
    )
    return [None, *(end.id for end in ends[:-1])]


def post(connection: Connection, month: Month) -> bool:
    """Post the month's runs, an entry each, and the fund's top-up. Returns whether that was done now.

    A run of which everyone was refused stays a draft. Raises NotComplete, and RestrictViolation where the books of the
    month are closed.
    """
    runs = held_runs(connection, month.community_id, month.period)
    if not runs or runs.get(REGULAR) == "POSTED":
        return False
    missing = all_rows(
        connection,
        statements.not_worked_out,
        community_id=str(month.community_id),
        run_id=str(month.run_id()),
        period=month.period.first_day,
        last_day=month.period.last_day,
    )
    if missing:
        raise NotComplete(
            f"pay of {month.period} is not worked out for {', '.join(row.name for row in missing)}"
            f"{' and others' if len(missing) == 20 else ''}: run process-monthly-salaries again"
        )
    postings: list[Posting] = []
    for kind in runs:
        postings += _postings(connection, month, kind)
    books.post(connection, "payroll", postings)
    return bool(postings)


def held_runs(connection: Connection, community_id: UUID, period: Period) -> dict[str, str]:
    """The month's runs with their status, held until the transaction ends."""
    rows = all_rows(connection, statements.hold_runs, community_id=str(community_id), period=period.first_day)
    return {row.kind: row.status for row in rows}


def totals_of(row: Any) -> RunTotals:
    """The sums of a row that has them by name."""
    return RunTotals(**{field.name: getattr(row, field.name) for field in fields(RunTotals)})


def _postings(connection: Connection, month: Month, kind: str) -> Sequence[Posting]:
    run_id = month.run_id(kind)
    people = all_rows(connection, statements.people_of_run, run_id=str(run_id))
    with connection.cursor() as cursor:
        if not people:
            if kind == ARREARS:
                cursor.execute(statements.drop_empty_run, {"run_id": str(run_id)})
            return []
        cursor.execute(statements.note_posted, {"run_id": str(run_id)})
    totals = sum((totals_of(row) for row in people), RunTotals())
    owed = {UUID(row.employee_id): PersonTotals(row.net, row.recovered, row.overpaid) for row in people}
    if not totals.gross and not totals.overpaid:
        return []
    day, label = month.period.last_day, month.period.label
    name = f"Salaries of {label}" if kind == REGULAR else f"Arrears of salary paid with {label}"
    found = [
        Posting(month.community_id, day, name, "PAYROLL_RUN", run_id, payroll_entry(totals, owed)),
    ]
    terms = month.laws[month.period].epf
    if kind == REGULAR and terms:
        lacking = admin_top_up(totals.admin, any(row.epf_wages for row in people), terms)
        if lacking:
            source = uuid5(NAMESPACE, f"top-up/{run_id}")
            name = f"Minimum of the fund's administration charge, {label}"
            found.append(Posting(month.community_id, day, name, "EPF_TOP_UP", source, top_up_entry(lacking)))
    return found
