"""The month's pay, payslips and returns, and the day's attendance, of every society.

A society of a few hundred employees is one job, which commits page by page. A larger one is a batch, a job a page, so
that several workers share it; what follows posts it when all pages are there. Payslips are given the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from dramatiq import Actor

from actors.common.rules.calendar import Period
from actors.payroll import (
    finish_payslips,
    give_page_of_payslips,
    give_payslips,
    pay_society,
    post_salaries,
    prepare_returns,
    runs,
    store,
    summarise_attendance,
    work_out_salaries,
)
from actors.payroll.payslips import giving
from infra.composition import Batch
from infra.store.rows import all_rows

MANY = 2 * runs.PAGE
"""Employees from which on a society's month is a batch."""
MANY_PAYSLIPS = 2 * giving.PAGE
"""As MANY, of payslips: a page of these takes longer."""


def pay_every_society(period: str) -> dict[str, str]:
    """Start the month's pay of each society that employs somebody. Returns society → id of its job or batch.

    Raises PeriodError.
    """
    month = Period.parse(period)
    with store.transaction() as payroll:
        employers = all_rows(
            payroll, store.statements.employers, period=month.first_day, last_day=month.last_day
        )
    started = {}
    for employer in employers:
        if employer.staff > MANY:
            started[employer.name] = pay_in_pages(employer.id, str(month))
        else:
            job = pay_society.send_with_options(
                args=(employer.id, str(month)), unique_key=f"salaries/{employer.id}/{month}"
            )
            started[employer.name] = str(job.message_id)
    return started


def pay_in_pages(community_id: str | UUID, period: str) -> str:
    """Work out a society's month in a batch of pages, and post it when all are done. Returns the batch's id.

    A page that fails alone holds up the posting, for a month is posted as a whole; the treasurer is told, and
    `Batch.get(id).retry_failed()` goes on.

    Raises PeriodError, NoEstablishment.
    """
    month, society = Period.parse(period), str(community_id)
    with store.transaction() as payroll:
        begins = runs.pages(payroll, runs.month_of(payroll, UUID(society), month))
    return _in_pages("salaries", society, month, work_out_salaries, begins, then=post_salaries)


def give_payslips_everywhere(period: str) -> dict[str, str]:
    """Start the payslips of each society that employs somebody or pays arrears. Returns society → id of its job or
    batch.

    Raises PeriodError.
    """
    month = Period.parse(period)
    started = {}
    for payroll in _payrolls(month):
        if payroll.staff > MANY_PAYSLIPS:
            started[payroll.name] = give_payslips_in_pages(payroll.id, str(month))
        else:
            job = give_payslips.send_with_options(
                args=(payroll.id, str(month)), unique_key=f"payslips/{payroll.id}/{month}"
            )
            started[payroll.name] = str(job.message_id)
    return started


def give_payslips_in_pages(community_id: str | UUID, period: str) -> str:
    """Give a large society's payslips in a batch of pages, and tell the manager at its end. Returns the batch's id.

    Who has their payslip is paid without waiting for other pages.

    Raises PeriodError, NotPosted.
    """
    month, society = Period.parse(period), str(community_id)
    with store.transaction() as payroll:
        giving.check_posted(payroll, UUID(society), month)
        begins = giving.pages(payroll, UUID(society), month)
    return _in_pages("payslips", society, month, give_page_of_payslips, begins, then=finish_payslips)


def prepare_returns_everywhere(period: str) -> dict[str, str]:
    """Start the month's returns of each society that employs somebody or pays arrears. Returns society → its job's id.

    Raises PeriodError.
    """
    month = Period.parse(period)
    return {
        payroll.name: str(
            prepare_returns.send_with_options(
                args=(payroll.id, str(month)), unique_key=f"returns/{payroll.id}/{month}"
            ).message_id
        )
        for payroll in _payrolls(month)
    }


def _payrolls(month: Period) -> list[Any]:
    with store.transaction() as payroll:
        return all_rows(
            payroll, store.statements.payrolls_of_month, period=month.first_day, last_day=month.last_day
        )


def summarise_every_society(moment: datetime) -> int:
    """Start the letter of each society's attendance on the day of a moment. Returns how many."""
    month = Period.of(moment.date())
    with store.transaction() as payroll:
        employers = all_rows(
            payroll, store.statements.employers, period=month.first_day, last_day=month.last_day
        )
    for employer in employers:
        summarise_attendance.send(employer.id, f"{moment:%Y-%m-%d}", moment.isoformat())
    return len(employers)


def _in_pages(
    what: str,
    society: str,
    month: Period,
    page: Actor[..., Any],
    begins: Iterable[str | None],
    *,
    then: Actor[..., Any],
) -> str:
    """A society's month in a batch, a job a page; `then` hears of its end, and of its success after a repair, for which
    a second time is no news. Returns the batch's id.
    """
    batch = Batch(
        f"{what} of {month}, {society}",
        on_complete=then.message(society, str(month)),
        on_success=then.message(society, str(month)),
        key=f"{what}/{society}/{month}",
    )
    batch.add_many(page.message(society, str(month), after) for after in begins)
    return batch.run()
