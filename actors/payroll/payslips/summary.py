"""What the manager is told of a month's payslips: who has theirs and how, who waits, whose pay is held."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters, reference
from actors.common.reference import Society, officers
from actors.common.rules.calendar import Period
from actors.payroll.payslips.giving import paper
from actors.payroll.store import statements
from actors.payroll.summary import SHOWN
from infra.settings import settings
from infra.store.rows import all_rows


@dataclass(frozen=True)
class PayslipsOfMonth:
    """Who has their payslip and how, who has none yet, and whose pay is held; (name, detail) each."""

    mailed: int
    on_paper: list[tuple[str, str]]
    missing: list[tuple[str, str]]
    held: list[tuple[str, str]]

    @property
    def headline(self) -> str:
        given = self.mailed + len(self.on_paper)
        text = f"{_people(self.mailed)} got the payslip by mail, {len(self.on_paper)} on paper"
        if self.missing:
            return f"{text}; {len(self.missing)} of {given + len(self.missing)} wait for theirs."
        return f"{text}. The pay goes out now, to all who are not held."

    def result(self) -> dict[str, Any]:
        """For the job's record: counts, and names of whom the office must look after."""
        return {
            "mailed": self.mailed,
            "on_paper": [name for name, _ in self.on_paper[:SHOWN]],
            "waiting": [name for name, _ in self.missing[:SHOWN]],
            "held": dict(self.held[:SHOWN]),
        }


def payslips_of(connection: Connection, of: Society, period: Period) -> PayslipsOfMonth:
    """The month as it stands in the tables."""
    day = reference.today(connection, "payroll")
    by_way: dict[str | None, list[Any]] = defaultdict(list)
    for row in all_rows(
        connection, statements.payslips_of_month, community_id=str(of.id), period=period.first_day, day=day
    ):
        by_way[row.way].append(row)
    printed = [
        (
            row.name,
            f"staff no. {row.staff_number}: "
            + ("its mail was refused" if row.email else "no e-mail address"),
        )
        for row in by_way["PAPER"]
    ]
    everyone = sorted((row for rows in by_way.values() for row in rows), key=lambda row: row.name)
    return PayslipsOfMonth(
        mailed=len(by_way["MAIL"]),
        on_paper=printed,
        missing=[(row.name, "no payslip yet, so no pay") for row in by_way[None]],
        held=[(row.name, row.held) for row in everyone if row.held and row.net],
    )


def tell_once(connection: Connection, of: Society, period: Period, found: PayslipsOfMonth) -> bool:
    """Mail the manager who has their payslip; again only when more people have it."""
    (manager, *_) = officers(connection, "payroll", of, period.last_day, "MANAGER")
    given = found.mailed + len(found.on_paper)
    subject = f"Payslips of {period.label}: {found.mailed} mailed"
    if found.on_paper:
        subject += f", {len(found.on_paper)} to print"
    if found.missing:
        subject += f", {len(found.missing)} to come"
    lists = (
        ("To print and hand over", found.on_paper),
        ("Not given yet", found.missing),
        ("Held: not paid out", found.held),
    )
    return letters.send_once(
        connection,
        "payroll",
        f"payroll/payslips/{of.id}/{period}/{given}",
        to=manager.email,
        name=manager.name,
        subject=subject,
        template="payslips_summary",
        society=of,
        period=period,
        found=found,
        folder=paper(of, period, "x").parent.relative_to(settings().home),
        shown=SHOWN,
        lists=[(heading, people) for heading, people in lists if people],
    )


def _people(count: int) -> str:
    return "1 employee" if count == 1 else f"{count} employees"
