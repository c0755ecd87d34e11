"""The jobs of payroll. Each may run twice and does its work once."""

from __future__ import annotations

from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import UUID

from psycopg2.errors import CheckViolation, RestrictViolation

from actors.common.reference import society
from actors.common.rules.calendar import Period
from actors.common.rules.ledger import UnbalancedEntry
from actors.payroll import attendance, payout, runs, store, summary
from actors.payroll.payslips import giving
from actors.payroll.payslips import summary as payslip_summary
from actors.payroll.returns import filing
from infra.gateways.mail import MailError, MailRefused
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, transaction

SALARIES = RetryPolicy(
    delays=(60, 300, 900, 3_600),
    give_up_on=(
        *runs.REFUSALS,
        runs.NotComplete,
        CheckViolation,
        RestrictViolation,
        UnbalancedEntry,
        MailRefused,
    ),
    at_end="fail",
)
"""No retry mends a missing rate or a closed month: the job is Failed at once, and says what to put right."""
LETTERS = RetryPolicy(delays=OVER_HOURS, give_up_on=(MailRefused, *runs.REFUSALS), at_end="fail")
"""A mail server may be away for hours; an address that it refuses stays refused."""


@actor(queue_name="default", service="payroll", retry_policy=SALARIES)
def pay_society(community_id: str, period: str) -> dict[str, Any]:
    """Work out a society's month page by page, post it, and tell the treasurer.

    A second run of a draft works it out anew; of a posted month it changes nothing. Returns counts, sums and the names
    of those refused.
    """
    with store.transaction() as payroll:
        of = society(payroll, "payroll", community_id).id
        month = runs.month_of(payroll, of, Period.parse(period))
        pages = len(runs.pages(payroll, month))
    employees, after = 0, None
    for number in count(1):
        page = runs.work_out_page(of, month.period, after)
        employees, after = employees + page.employees, page.last
        current_job().progress(min(number, pages), pages)
        if after is None:
            break
        if current_job().cancellation_requested():
            return {"period": period, "posted": False, "employees": employees, "cancelled": True}
    return _post_and_tell(of, month.period)


@actor(queue_name="default", service="payroll", retry_policy=SALARIES)
def work_out_salaries(community_id: str, period: str, after: str | None) -> int:
    """Work out a page of a large society's month, beginning after an employee's id. Returns how many it has."""
    return runs.work_out_page(UUID(community_id), Period.parse(period), after).employees


@actor(queue_name="default", service="payroll", retry_policy=SALARIES)
def post_salaries(community_id: str, period: str, batch_id: str) -> dict[str, Any]:
    """Post a month whose pages are worked out, and tell the treasurer; what `pay_society` does at its end.

    While a page is missing nothing is posted: the treasurer is told, and the job is Failed.
    """
    current_job().log(f"pages of batch {batch_id}")
    return _post_and_tell(UUID(community_id), Period.parse(period))


@actor(queue_name="default", service="payroll", retry_policy=SALARIES)
def release_salaries(community_id: str, period: str) -> dict[str, Any]:
    """Pay out a society's month to those who have their payslip, and post it. A second run pays only who was held
    before and is not any more. Returns how many were paid, rupees, and who is held.
    """
    with store.transaction() as payroll:
        found = society(payroll, "payroll", community_id)
        released = payout.release(payroll, found.id, Period.parse(period))
    return {
        "paid": released.paid,
        "amount": str(released.amount),
        "held": dict(list(released.held.items())[: summary.SHOWN]),
        "held_in_all": len(released.held),
    }


@actor(queue_name="default", service="payroll", retry_policy=LETTERS)
def give_payslips(community_id: str, period: str) -> dict[str, Any]:
    """Give a society's payslips of a posted month page by page, mailed or on paper, let the pay of who has theirs go
    out, and tell the manager. Each is given once. Returns counts, and names of who waits, is held, or gets paper.

    A letter that the mail server does not take now waits for this job's next attempt; the others go on.
    """
    of, month = UUID(community_id), Period.parse(period)
    with store.transaction() as payroll:
        giving.check_posted(payroll, of, month)
        pages = len(giving.pages(payroll, of, month))
    after: str | None = None
    waiting: dict[str, MailError] = {}
    for number in count(1):
        page = giving.give_page(of, month, after)
        waiting |= page.waiting
        current_job().progress(min(number, pages), pages)
        after = page.last
        if after is None or page.away or current_job().cancellation_requested():
            break
    _release(community_id, period)
    if page.away:
        giving.expect_all(waiting)
    if after is not None:
        return {"period": period, "cancelled": True}
    result = _tell_of_payslips(of, month)
    giving.expect_all(waiting)
    return result


@actor(queue_name="default", service="payroll", retry_policy=LETTERS)
def give_page_of_payslips(community_id: str, period: str, after: str | None) -> dict[str, int]:
    """Give a page of a large society's payslips, beginning after an employee's id, and let their pay go out.

    Returns how many were mailed and printed now.
    """
    page = giving.give_page(UUID(community_id), Period.parse(period), after)
    _release(community_id, period)
    giving.expect_all(page.waiting)
    return {"mailed": page.mailed, "on_paper": page.on_paper}


@actor(queue_name="default", service="payroll", retry_policy=LETTERS)
def finish_payslips(community_id: str, period: str, batch_id: str) -> dict[str, Any]:
    """Tell the manager of a month whose pages of payslips are through; what `give_payslips` does at its end."""
    current_job().log(f"pages of batch {batch_id}")
    return _tell_of_payslips(UUID(community_id), Period.parse(period))


@actor(queue_name="default", service="payroll", retry_policy=LETTERS)
def prepare_returns(community_id: str, period: str) -> dict[str, Any]:
    """Make a society's returns of a posted month (fund, ESI, professional tax, TDS), keep them, and mail them to
    treasurer and manager. A second run mails nothing, unless figures have changed: then a corrected set, marked.

    Returns amounts, differences to the books, and who was left out.
    """
    with store.transaction() as payroll:
        filed = filing.file_once(payroll, society(payroll, "payroll", community_id), Period.parse(period))
        if not filed.sent:
            current_job().log(f"nothing has changed since version {filed.version}: nothing is mailed")
    return filed.result()


@actor(queue_name="default", service="payroll", retry_policy=LETTERS)
def summarise_attendance(community_id: str, day: str, moment: str) -> dict[str, int]:
    """Mail the manager a day's attendance as of a moment (ISO 8601), once a day. Returns the counts."""
    with store.transaction() as payroll:
        of = society(payroll, "payroll", community_id)
        found = attendance.attendance_of(
            payroll, of.id, date.fromisoformat(day), datetime.fromisoformat(moment)
        )
        if not attendance.tell_once(payroll, of, found):
            current_job().log("the letter was sent before")
    return found.counts


def _post_and_tell(community_id: UUID, period: Period) -> dict[str, Any]:
    missing: runs.NotComplete | None = None
    with store.transaction() as payroll:
        try:
            runs.post(payroll, runs.month_of(payroll, community_id, period))
        except runs.NotComplete as error:
            missing = error
    with store.transaction() as payroll:
        found = summary.salaries_of(payroll, runs.month_of(payroll, community_id, period))
        if found.people or found.findings or missing:
            summary.tell_once(payroll, society(payroll, "payroll", community_id), found)
    if missing:
        raise missing
    return found.result()


def _release(community_id: str, period: str) -> None:
    """Whoever has their payslip is paid; several pages at once ask for one release."""
    with store.transaction() as payroll, transaction(payroll):
        release_salaries.send_with_options(
            args=(community_id, period), unique_key=f"release/{community_id}/{period}"
        )


def _tell_of_payslips(community_id: UUID, period: Period) -> dict[str, Any]:
    with store.transaction() as payroll:
        of = society(payroll, "payroll", community_id)
        found = payslip_summary.payslips_of(payroll, of, period)
        payslip_summary.tell_once(payroll, of, period, found)
    return {"period": str(period), **found.result()}
