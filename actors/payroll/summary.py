"""What the treasurer is told of a month's pay: sums, arrears, and by name what somebody must look at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters
from actors.common.reference import Society, officers
from actors.common.rules.calendar import Period
from actors.common.rules.money import rupees
from actors.payroll.rules.posting import RunTotals
from actors.payroll.runs import totals_of
from actors.payroll.salaries import ARREARS, REGULAR, Month, minimum_a_day
from actors.payroll.store import statements
from infra.store.rows import all_rows

SHOWN = 40
"""People named under each heading of a letter; the rest are counted. A job's result names as many."""
HEADINGS = {
    "REFUSED": "Not paid",
    "HELD": "Held: not paid out",
    "NO_RECORD": "Days without attendance",
    "OVERPAID": "Paid too much before",
    "CARRIED_FORWARD": "Advances carried over",
    "NO_UAN": "No UAN",
    "NO_IP_NUMBER": "No ESI number",
    "NO_PAN": "No PAN",
    "BELOW_MINIMUM": "Below the minimum wage",
}
"""In the order in which they press."""


@dataclass(frozen=True)
class SalariesOfMonth:
    """A society's month as the runs left it.

    Parameters:
      findings: kind → (name, detail).
      arrears: name, source month, rupees; below nought where a month had been overpaid.
      unchecked: places of work for which no minimum wage is recorded.
    """

    period: Period
    posted: bool
    people: int
    regular: RunTotals
    with_arrears: RunTotals
    overtime_hours: Decimal
    findings: dict[str, list[tuple[str, str]]]
    arrears: list[tuple[str, str, Decimal]]
    unchecked: tuple[str, ...]

    @property
    def total(self) -> RunTotals:
        return self.regular + self.with_arrears

    @property
    def refused(self) -> list[tuple[str, str]]:
        return self.findings.get("REFUSED", [])

    @property
    def headline(self) -> str:
        people = "1 employee" if self.people == 1 else f"{self.people} employees"
        if not self.posted:
            return "Nothing is posted yet: see below what is missing, and run the month again."
        text = f"The pay of {people} is worked out and posted, {rupees(self.total.net)} net."
        if self.refused:
            text += f" {len(self.refused)} could not be worked out: once put right, it comes as arrears next month."
        return text

    def result(self) -> dict[str, Any]:
        """For the job's record: counts, sums, and names of what was refused or needs a look."""
        return {
            "period": str(self.period),
            "posted": self.posted,
            "employees": self.people,
            "gross": str(self.total.gross),
            "net": str(self.total.net),
            "arrears": len(self.arrears),
            "refused": dict(self.refused[:SHOWN]),
            "reported": {
                kind: [name for name, _ in people[:SHOWN]]
                for kind, people in self.findings.items()
                if kind != "REFUSED"
            },
        }


def salaries_of(connection: Connection, month: Month) -> SalariesOfMonth:
    """The month as it stands in the tables."""
    society = {"community_id": str(month.community_id), "period": month.period.first_day}
    sums = {row.kind: row for row in all_rows(connection, statements.sums_of_month, **society)}
    findings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in all_rows(connection, statements.findings, run_id=str(month.run_id())):
        findings[row.kind].append((row.name, row.detail))
    arrears = [
        (row.name, Period.of(row.source_period).label, row.amount)
        for row in all_rows(
            connection, statements.arrears_of_month, arrears_run=str(month.run_id(ARREARS)), **society
        )
    ]
    scopes = all_rows(connection, statements.scopes_of_staff, last_day=month.period.last_day, **society)
    regular = sums.get(REGULAR)
    return SalariesOfMonth(
        period=month.period,
        posted=regular is not None and regular.status == "POSTED",
        people=regular.people if regular else 0,
        regular=totals_of(regular) if regular else RunTotals(),
        with_arrears=totals_of(sums[ARREARS]) if ARREARS in sums else RunTotals(),
        overtime_hours=regular.overtime_hours if regular else Decimal(0),
        findings={kind: findings[kind] for kind in HEADINGS if kind in findings},
        arrears=arrears,
        unchecked=tuple(
            row.work_scope
            for row in scopes
            if minimum_a_day(month.rates, row.work_scope, month.period.last_day) is None
        ),
    )


def tell_once(connection: Connection, society: Society, found: SalariesOfMonth) -> bool:
    """Mail the treasurer; once when the month is posted, and once before that if it could not be."""
    (treasurer, *_) = officers(connection, "payroll", society, found.period.last_day, "TREASURER")
    total = found.total
    subject = f"Salaries of {found.period.label}: "
    subject += f"{found.people} worked out, net {rupees(total.net)}" if found.posted else "not posted"
    if found.refused:
        subject += f", {len(found.refused)} refused"
    return letters.send_once(
        connection,
        "payroll",
        f"payroll/salaries/{society.id}/{found.period}/{'posted' if found.posted else 'draft'}",
        to=treasurer.email,
        name=treasurer.name,
        subject=subject,
        template="salaries_summary",
        society=society,
        found=found,
        shown=SHOWN,
        lists=[(HEADINGS[kind], people) for kind, people in found.findings.items()],
        arrears=[(name, source, rupees(amount)) for name, source, amount in found.arrears],
        staff_side=_figures(
            ("Gross", total.gross),
            ("Provident fund", -total.epf_employee),
            ("ESI", -total.esi_employee),
            ("Professional tax", -total.professional_tax),
            ("Income tax (TDS)", -total.income_tax),
            ("Advances recovered", -total.recovered),
        ),
        net=rupees(total.net),
        employer_side=_figures(
            ("Provident fund and pension", total.epf_employer + total.pension),
            ("EDLI", total.insurance),
            ("Fund's administration charge", total.admin),
            ("ESI", total.esi_employer),
        ),
        cost=rupees(total.gross - total.overpaid + total.benefits),
    )


def _figures(*named: tuple[str, Decimal]) -> list[tuple[str, str]]:
    return [(name, rupees(amount)) for name, amount in named if amount]
