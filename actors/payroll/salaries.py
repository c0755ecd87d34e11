"""A page of the month's pay, worked out: for each employee the month's own line, arrears of earlier months, and what
somebody must look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

from actors.common.rules.calendar import Period
from actors.common.rules.money import rupees
from actors.common.rules.rates import MissingRate
from actors.payroll.rules import esi
from actors.payroll.rules.arrears import PaidBefore, arrears, fingerprint, inputs
from actors.payroll.rules.attendance import AttendanceError, Basis, MonthOfWork
from actors.payroll.rules.law import Law
from actors.payroll.rules.pay import Advance, NegativeNet, Pay, contributions, with_deductions
from actors.payroll.rules.stat_rates import StatRates
from actors.payroll.rules.wages import Component, basic_of, earnings, short_of_minimum
from actors.payroll.store import Attended, Employee, Establishment, MonthOf, Page

NAMESPACE = UUID("b7a5b1de-8d5c-4c55-9f63-0a1c1d7f6f10")
REGULAR, ARREARS = "REGULAR", "ARREARS"


@dataclass(frozen=True)
class Finding:
    """What the treasurer must look at."""

    employee_id: UUID
    kind: str
    detail: str


@dataclass(frozen=True)
class Item:
    """One line of a run: an employee's pay of a month, and what it was worked out from."""

    employee_id: UUID
    period: Period
    kind: str
    source: Period
    work: MonthOfWork
    pay: Pay
    inputs: dict[str, Any]
    rate_ids: tuple[int, ...]

    @cached_property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"{self.employee_id}/{self.period}/{self.kind}/{self.source}")

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.inputs)

    @property
    def overpaid_id(self) -> UUID:
        """The advance that an overpaid month becomes."""
        return uuid5(NAMESPACE, f"overpaid/{self.id}")


@dataclass(frozen=True)
class Month:
    """The month that is paid, in one society.

    Parameters:
      sources: earlier months whose pay is posted, looked at for arrears.
      laws: of this month and of each source month.
    """

    community_id: UUID
    period: Period
    establishment: Establishment
    rates: StatRates
    sources: tuple[Period, ...]
    laws: Mapping[Period, Law]

    def run_id(self, kind: str = REGULAR) -> UUID:
        return uuid5(NAMESPACE, f"{self.community_id}/{self.period}/{kind}")

    @property
    def look_back(self) -> date:
        """The first day that is looked at."""
        return self.sources[0].first_day if self.sources else self.period.first_day


@dataclass(frozen=True)
class _Source:
    """An employee's month: days, structure, basis. A month that was paid keeps the basis it was paid on."""

    period: Period
    work: MonthOfWork
    components: tuple[Component, ...]
    basis: Basis
    inputs: dict[str, Any]


def changed_months(month: Month, page: Page) -> set[MonthOf]:
    """Earlier months of these employees whose attendance or structure is no longer what was paid."""
    return {
        (employee.id, source.first_day)
        for employee in page.employees
        for source in month.sources
        if employee.employed_in(source)
        and fingerprint(_source(month, page, employee, source).inputs)
        != page.hashes.get((employee.id, source.first_day), ("",))[0]
    }


def work_out(
    month: Month, page: Page, changed: set[MonthOf], paid: dict[MonthOf, dict[str, Decimal]]
) -> tuple[list[Item], list[Finding]]:
    """Every employee of a page; whom the rules refuse is named, and the others go on."""
    items: list[Item] = []
    findings: list[Finding] = []
    for employee in page.employees:
        try:
            found, remarks = _of_employee(month, page, employee, changed, paid)
        except (AttendanceError, MissingRate, NegativeNet, NoStructure) as refusal:
            findings.append(Finding(employee.id, "REFUSED", str(refusal)))
            continue
        items += found
        findings += remarks
    return items, findings


class NoStructure(LookupError):
    """There is no salary to work out."""


def _of_employee(
    month: Month,
    page: Page,
    employee: Employee,
    changed: set[MonthOf],
    paid: dict[MonthOf, dict[str, Decimal]],
) -> tuple[list[Item], list[Finding]]:
    items = [
        item
        for source in month.sources
        if (employee.id, source.first_day) in changed
        and (item := _arrears(month, page, employee, source, paid))
    ]
    findings: list[Finding] = []
    components: tuple[Component, ...] = ()
    if employee.employed_in(month.period):
        now = _source(month, page, employee, month.period)
        components = now.components
        items.append(_regular(month, page, employee, now))
        attended = page.attended.get((employee.id, month.period.first_day), Attended())
        findings += _remarks_on_month(month, employee, now, attended)
    if not items:
        return [], []
    owed = [*page.advances.get(employee.id, ()), *(
        Advance(item.overpaid_id, item.pay.overpaid) for item in items if item.pay.overpaid)]  # fmt: skip
    pays = with_deductions(
        [item.pay for item in items],
        employee.person,
        month.laws[month.period],
        page.years[employee.id],
        sum((component.rate for component in components), Decimal(0)),
        owed,
        leaving=employee.leaves_in(month.period),
    )
    items = [replace(item, pay=pay) for item, pay in zip(items, pays, strict=True)]
    return items, [*findings, *_remarks_on_pay(employee, items)]


def _source(month: Month, page: Page, employee: Employee, period: Period) -> _Source:
    attended = page.attended.get((employee.id, period.first_day), Attended())
    components = page.components(employee.id, period.first_day)
    work = MonthOfWork(
        period.days,
        employee.employed_in(period),
        attended.payable,
        attended.weekly_offs,
        attended.overtime_hours,
    )
    _, basis = page.hashes.get((employee.id, period.first_day), ("", month.establishment.basis))
    return _Source(period, work, components, basis, inputs(work, components, basis))


def _regular(month: Month, page: Page, employee: Employee, now: _Source) -> Item:
    if not now.components:
        raise NoStructure(f"no salary structure on {month.period.first_day:%d %b %Y}")
    law = month.laws[month.period]
    earned = earnings(now.components, now.work, now.basis)
    should = contributions(earned, now.components, _at_start(page, employee, now), employee.person, law)
    pay = Pay(earned, should.code_wages, should.epf, should.esi)
    return Item(employee.id, month.period, REGULAR, month.period, now.work, pay, now.inputs, law.rate_ids)


def _arrears(
    month: Month, page: Page, employee: Employee, source: Period, paid: dict[MonthOf, dict[str, Decimal]]
) -> Item | None:
    then, law = _source(month, page, employee, source), month.laws[source]
    key = (employee.id, source.first_day)
    before = replace(page.paid.get(key, PaidBefore({})), components=paid.get(key, {}))
    earned = earnings(then.components, then.work, then.basis)
    should = contributions(earned, then.components, _at_start(page, employee, then), employee.person, law)
    pay = arrears(earned, should, before)
    if pay is None:
        return None
    if pay.net < 0:
        raise NegativeNet(
            f"arrears of {source.label} ({rupees(pay.gross)}) are less than fund and insurance on them "
            f"({rupees(pay.statutory)}): let the new structure begin with this month"
        )
    return Item(employee.id, month.period, ARREARS, source, then.work, pay, then.inputs, law.rate_ids)


def _at_start(page: Page, employee: Employee, of: _Source) -> tuple[Component, ...]:
    """The structure when the insurance's contribution period began, or on joining in it."""
    begins = max(esi.period_start(of.period.first_day), employee.joined_on.replace(day=1))
    return page.components(employee.id, begins) or of.components


def _remarks_on_month(month: Month, employee: Employee, now: _Source, attended: Attended) -> list[Finding]:
    found = []
    missing = now.work.days_employed - attended.recorded
    if missing:
        found.append(Finding(employee.id, "NO_RECORD", f"{_days(missing)} without a record, not paid"))
    minimum = minimum_a_day(month.rates, employee.person.work_scope, month.period.last_day)
    short = short_of_minimum(basic_of(now.components), minimum) if minimum else Decimal(0)
    if short:
        found.append(
            Finding(
                employee.id, "BELOW_MINIMUM", f"basic and DA are {rupees(short)} short of the minimum wage"
            )
        )
    return found


def minimum_a_day(rates: StatRates, scope: str, day: date) -> Decimal | None:
    """The minimum wage of a place; None where none is recorded, for it only warns."""
    try:
        return rates.on(day, "MIN_WAGE", scope, scope[:2]).number("day")
    except MissingRate:
        return None


def _remarks_on_pay(employee: Employee, items: Sequence[Item]) -> list[Finding]:
    found = []

    def remark(kind: str, detail: str) -> None:
        found.append(Finding(employee.id, kind, detail))

    net = sum((item.pay.net for item in items), Decimal(0))
    hold = employee.hold or (None if employee.bank_account else "no bank account")
    if hold and net:
        remark("HELD", f"{rupees(net)} worked out and held: {hold}")
    if employee.uan is None and any(item.pay.epf.wages for item in items):
        remark("NO_UAN", "left out of the provident fund's return until the UAN is known")
    if employee.ip_number is None and any(item.pay.esi.wages for item in items):
        remark("NO_IP_NUMBER", "left out of the ESI return until the IP number is known")
    if not employee.person.has_pan:
        remark("NO_PAN", "left out of the TDS return; tax, where any is due, is deducted at 20 % or more")
    for item in items:
        if item.pay.overpaid:
            text = f"{rupees(item.pay.overpaid)} paid too much for {item.source.label}, now an advance"
            remark("OVERPAID", text)
    carried = sum((item.pay.carried_forward for item in items), Decimal(0))
    if carried:
        remark("CARRIED_FORWARD", f"{rupees(carried)} of advances carried over: deductions are capped")
    return _merged(found)


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding a kind."""
    by_kind: dict[str, Finding] = {}
    for finding in findings:
        other = by_kind.get(finding.kind)
        by_kind[finding.kind] = (
            replace(other, detail=f"{other.detail}; {finding.detail}") if other else finding
        )
    return list(by_kind.values())


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
