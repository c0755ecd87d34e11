"""The month's set of returns: its files, kept under var/returns, and the one letter that brings them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters
from actors.common.reference import Society, officers
from actors.common.rules.calendar import Period
from actors.common.rules.money import rupees
from actors.common.spreadsheets import XLSX
from actors.payroll.payslips.giving import check_posted, folder_name
from actors.payroll.returns.figures import Returns, Tie, returns_of
from actors.payroll.returns.workbook import esi_sheet, workbook
from actors.payroll.rules.ecr import ecr_text
from actors.payroll.runs import held_runs
from actors.payroll.store import statements
from actors.payroll.summary import SHOWN
from infra.gateways.files import keep_file
from infra.gateways.mail import Attachment
from infra.settings import settings
from infra.store.rows import one_row


@dataclass(frozen=True)
class Filed:
    """A set of returns as it was made, and whether it was mailed now."""

    returns: Returns
    version: int
    sent: bool

    def result(self) -> dict[str, Any]:
        """For the job's record: amounts, differences to the books, and who was left out of what."""
        of = self.returns
        return {
            "period": str(of.period),
            "version": self.version,
            "sent": self.sent,
            "due": {due.what: str(due.amount) for due in of.dues if due.amount is not None},
            "differences": {f"{tie.account} {tie.name}": str(tie.difference) for tie in of.differences},
            "left_out": [f"{one.name}: {one.of}, {one.missing}" for one in of.left_out[:SHOWN]],
            "left_out_in_all": len(of.left_out),
        }


def file_once(connection: Connection, society: Society, period: Period) -> Filed:
    """Make a month's set, keep it, note it and mail it in one transaction, one caller at a time.

    The set that was made last is made again as files, and nothing is mailed; one with other figures is a correction.

    Raises NotPosted, NoEstablishment, MissingRate.
    """
    held_runs(connection, society.id, period)
    check_posted(connection, society.id, period)
    of = returns_of(connection, society, period)
    figures = fingerprint(of)
    month = {"community_id": str(society.id), "period": period.first_day}
    last = one_row(connection, statements.last_return_set, **month)
    new = last is None or last.fingerprint != figures
    version = (last.version if last else 0) + new
    attachments = files(of, version)
    for attachment in attachments:
        # They hold PANs and wages: nobody reads them but the account that jobs run under.
        keep_file(folder(of) / attachment.name, attachment.content, mode=0o600)
    if new:
        with connection.cursor() as cursor:
            cursor.execute(statements.note_return_set, {**month, "version": version, "fingerprint": figures})
        _send(connection, of, version, attachments)
    return Filed(of, version, new)


def files(of: Returns, version: int) -> list[Attachment]:
    """What goes to the portals, and the treasurer's workbook; the names of a correction say so."""
    mark = f"-corrected-{version - 1}" if version > 1 else ""
    made = []
    for file in of.fund:
        name = f"ECR-{of.numbers.epf_code}-{file.source}{'-arrears' if file.arrears else ''}{mark}.txt"
        made.append(Attachment(name, ecr_text(file.lines).encode("ascii"), "text/plain"))
    if of.insurance and of.insurance.lines:
        lines = of.insurance.lines
        csv = "".join(f"{line.text}\n" for line in lines)
        made.append(Attachment(f"ESI-{of.period}{mark}.xlsx", esi_sheet(lines), XLSX))
        made.append(Attachment(f"ESI-{of.period}{mark}.csv", csv.encode("ascii"), "text/csv"))
    made.append(Attachment(f"Returns-{of.period}{mark}.xlsx", workbook(of), XLSX))
    return made


def folder(of: Returns) -> Path:
    """Where a month's sets are kept."""
    return settings().home / "var" / "returns" / str(of.period) / folder_name(of.society)


def fingerprint(of: Returns) -> str:
    """The same for the same figures, dates and gaps."""
    figures = [
        [[file.source, file.arrears, file.challan.total, ecr_text(file.lines)] for file in of.fund],
        [of.insurance.employee, of.insurance.employer, *(line.text for line in of.insurance.lines)]
        if of.insurance
        else [],
        of.local_taxes,
        of.deductees,
        of.deducted,
        of.ties,
        of.dues,
        of.left_out,
        list(of.numbers),
    ]
    return hashlib.sha256(json.dumps(figures, default=str).encode()).hexdigest()


def _send(connection: Connection, of: Returns, version: int, attachments: list[Attachment]) -> None:
    period = of.period
    who = officers(connection, "payroll", of.society, period.last_day, "TREASURER", "MANAGER")
    first, *others = {officer.email: officer for officer in who}.values()
    subject = f"Returns of {period.label}"
    if of.differences:
        subject += f": differs from the books in {len(of.differences)} of {len(of.ties)} accounts"
    if version > 1:
        subject = f"Corrected ({version - 1}): {subject}"
    letters.send_once(
        connection,
        "payroll",
        f"payroll/returns/{of.society.id}/{period}/{version}",
        to=first.email,
        name=first.name,
        subject=subject,
        template="returns",
        attachments=attachments,
        copies=[(other.name, other.email) for other in others],
        society=of.society,
        period=period,
        corrected=version > 1,
        differences=[_difference(tie) for tie in of.differences],
        dues=[
            (
                due.what,
                "" if due.amount is None else rupees(due.amount),
                f"{due.by:%d %b %Y}" if due.by else "no date recorded",
                due.note,
            )
            for due in of.dues
        ],
        lists=_left_out(of),
        files=[attachment.name for attachment in attachments],
        shown=SHOWN,
    )


def _difference(tie: Tie) -> tuple[str, str, list[str]]:
    """The account, what is said of it, and the entries that may explain it."""
    said = (
        f"the runs come to {rupees(tie.returned)}, the books to {rupees(tie.booked)}: "
        f"{rupees(abs(tie.difference))} {'more' if tie.difference > 0 else 'less'} in the books"
    )
    return f"{tie.account} {tie.name}", said, [f"{name}: {rupees(amount)}" for name, amount in tie.others]


def _left_out(of: Returns) -> list[tuple[str, list[tuple[str, str]]]]:
    by_return: dict[str, list[tuple[str, str]]] = {}
    for one in of.left_out:
        said = f"{one.missing}; {rupees(one.amount)} owed"
        by_return.setdefault(f"Left out: {one.of}", []).append((one.name, said))
    return list(by_return.items())
