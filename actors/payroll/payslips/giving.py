"""Payslips are given: mailed to who has an address, else printed by the office; once each, by the row of `payslip`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters, reference
from actors.common.reference import Society, society
from actors.common.rules.calendar import Period
from actors.payroll import payout, store
from actors.payroll.payslips import payslip
from actors.payroll.payslips.payslip import Payslip
from actors.payroll.store import statements
from infra.gateways.files import keep_file
from infra.gateways.mail import AddressRefused, Attachment, MailError, MailRefused
from infra.settings import settings
from infra.store.rows import all_rows

PAGE = 100
"""Employees read at once; a few seconds' work."""
AWAY_AFTER = 3
"""Letters in a row that the mail server does not take, after which it counts as away."""


class NotPosted(RuntimeError):
    """The month's pay is not posted, so there is nothing yet to give or to file."""


@dataclass
class Given:
    """What came of a page.

    Parameters:
      last: the last employee's id, to go on from; None after the last page.
      waiting: whom no letter reached, and what the mail server said; the next attempt reaches them.
      away: the mail server takes nothing: the page was not gone through.
    """

    mailed: int = 0
    on_paper: int = 0
    last: str | None = None
    waiting: dict[str, MailError] = field(default_factory=dict)
    away: bool = False


def check_posted(connection: Connection, community_id: UUID, period: Period) -> None:
    """Raises NotPosted, which says what to do."""
    runs = all_rows(
        connection, statements.run_statuses, community_id=str(community_id), period=period.first_day
    )
    if not any(run.status == "POSTED" for run in runs):
        raise NotPosted(
            f"pay of {period} is {'a draft' if runs else 'not worked out'}: "
            "run process-monthly-salaries for it, then retry this job"
        )


def pages(connection: Connection, community_id: UUID, period: Period) -> list[str | None]:
    """After which employee each page of a posted month begins; None for the first."""
    ends = all_rows(
        connection,
        statements.payslip_pages,
        community_id=str(community_id),
        period=period.first_day,
        size=PAGE,
    )
    return [None, *(end.id for end in ends[:-1])]


def give_page(community_id: UUID, period: Period, after: str | None) -> Given:
    """Give the payslips of up to PAGE employees after an id that were not given yet, each in its own transaction.

    Raises NotPosted, UnknownSociety.
    """
    with store.transaction() as payroll:
        of = society(payroll, "payroll", community_id)
        check_posted(payroll, of.id, period)
        ids = [
            row.id
            for row in all_rows(
                payroll,
                statements.payslip_page,
                community_id=str(of.id),
                period=period.first_day,
                after=after,
                size=PAGE,
            )
        ]
        slips = payslip.read(payroll, of, period, ids, reference.today(payroll, "payroll"))
    given, failures = Given(last=ids[-1] if len(ids) == PAGE else None), 0
    for slip in slips:
        try:
            way = _give(slip)
        except MailError as error:
            given.waiting[slip.payee.name] = error
            failures += 1
            given.away = failures == AWAY_AFTER
            if given.away:
                break
            continue
        failures = 0
        given.mailed += way == "MAIL"
        given.on_paper += way == "PAPER"
    return given


def expect_all(waiting: Mapping[str, MailError]) -> None:
    """Raises an error of the mail server, with the names of whom no letter reached; one that trying again may mend,
    where there is one.
    """
    if waiting:
        error = min(waiting.values(), key=lambda error: isinstance(error, MailRefused))
        names = sorted(waiting)
        more = f" and {len(names) - 5} others" if len(names) > 5 else ""
        raise type(error)(f"no payslip yet for {', '.join(names[:5])}{more}: {error}")


def _give(slip: Payslip) -> Literal["MAIL", "PAPER"]:
    from actors.payroll.payslips import pdf  # its library takes 0.2 s: only for who prints

    if slip.payee.email:
        content = pdf.render(slip, slip.payee.password)
        try:
            with store.transaction() as payroll:
                _mail(payroll, slip, content)
                payout.note_payslips(payroll, [slip.payee.id], slip.period, "MAIL")
            return "MAIL"
        except AddressRefused:
            pass  # as good as no address: the office hands it over, and reads why in its letter
    keep_file(
        paper(slip.employer.society, slip.period, slip.payee.staff_number), pdf.render(slip), mode=0o600
    )
    with store.transaction() as payroll:
        payout.note_payslips(payroll, [slip.payee.id], slip.period, "PAPER")
    return "PAPER"


def _mail(connection: Connection, slip: Payslip, content: bytes) -> None:
    payee = slip.payee
    assert payee.email is not None  # asked by the caller
    name = f"Payslip-{slip.period}-{_safe(payee.staff_number)}.pdf"
    letters.send_once(
        connection,
        "payroll",
        f"payroll/payslip/{payee.id}/{slip.period}",
        to=payee.email,
        name=payee.name,
        subject=f"Payslip of {slip.period.label}",
        template="payslip",
        attachments=[Attachment(name, content, "application/pdf")],
        society=slip.employer.society,
        period=slip.period,
        by_account=payee.bank_account is not None,
    )


def paper(of: Society, period: Period, staff_number: str) -> Path:
    """Where the office finds a payslip to print. It is not encrypted; only the account that jobs run under reads it."""
    return settings().home / "var" / "payslips" / folder_name(of) / str(period) / f"{_safe(staff_number)}.pdf"


def folder_name(of: Society) -> str:
    """`green-valley-5f0c1a2b`: a society's own folder, whatever it is called."""
    slug = re.sub(r"[^a-z0-9]+", "-", of.name.lower()).strip("-")
    return f"{slug}-{str(of.id)[:8]}".lstrip("-")


def _safe(text: str) -> str:
    return re.sub(r"[^\w .-]", lambda found: f"~{ord(found[0]):x}", text)
