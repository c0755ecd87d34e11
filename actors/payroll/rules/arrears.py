"""Arrears: what an earlier month should have paid, less what it did pay.

The source month's own attendance, rates and law decide fund and insurance; the taxes fall into the month of payment.
A month that paid too much makes an advance, recovered like others; fund and insurance are not taken back, for a return
goes down only before it is paid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.common.rules.money import ZERO
from actors.payroll.rules.attendance import Basis, MonthOfWork
from actors.payroll.rules.epf import Epf
from actors.payroll.rules.esi import Esi
from actors.payroll.rules.pay import Contributions, Pay
from actors.payroll.rules.wages import Component, Earning, Treatment, gross_of


@dataclass(frozen=True)
class PaidBefore:
    """What a month's lines have paid so far, by component, and its contributions."""

    components: Mapping[str, Decimal]
    code_wages: Decimal = ZERO
    epf: Epf = field(default_factory=Epf)
    esi: Esi = field(default_factory=Esi)

    @property
    def gross(self) -> Decimal:
        return sum(self.components.values(), ZERO)


def inputs(work: MonthOfWork, components: Sequence[Component], basis: Basis) -> dict[str, Any]:
    """What decides a month's earnings, as JSON; kept with the line that it explains."""
    return {
        "basis": basis.value,
        "days_in_month": work.days_in_month,
        "days_employed": work.days_employed,
        "payable_days": f"{work.payable_days.normalize():f}",
        "weekly_offs": work.weekly_offs,
        "overtime_hours": f"{work.overtime_hours.normalize():f}",
        "components": [[c.code, f"{c.rate:.2f}", c.treatment.value, c.basic] for c in components],
    }


def fingerprint(of: Mapping[str, Any]) -> str:
    """The same for the same inputs: an earlier month whose fingerprint has changed is worked out again."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def arrears(earned: Sequence[Earning], should: Contributions, paid: PaidBefore) -> Pay | None:
    """The difference as a line of its own; None when there is none."""
    due = gross_of(earned) - paid.gross
    if due == 0:
        return None
    lines = _difference(earned, paid.components)
    if due < 0:
        return Pay(lines, ZERO, Epf(), Esi(), overpaid=-due)
    return Pay(
        earnings=lines,
        code_wages=max(ZERO, should.code_wages - paid.code_wages),
        epf=_more_epf(should.epf, paid.epf),
        esi=Esi(
            wages=max(ZERO, should.esi.wages - paid.esi.wages),
            employee=max(ZERO, should.esi.employee - paid.esi.employee),
            employer=max(ZERO, should.esi.employer - paid.esi.employer),
        ),
    )


def _difference(earned: Sequence[Earning], paid: Mapping[str, Decimal]) -> tuple[Earning, ...]:
    due = {earning.component: earning for earning in earned}
    found = []
    for code in (*due, *(code for code in paid if code not in due)):
        now = due.get(code, Earning(code, ZERO, ZERO, Treatment.WAGE))
        amount = now.amount - paid.get(code, ZERO)
        if amount:
            found.append(Earning(code, now.rate, amount, now.treatment))
    return tuple(found)


def _more_epf(should: Epf, paid: Epf) -> Epf:
    def more(name: str) -> Decimal:
        difference: Decimal = getattr(should, name) - getattr(paid, name)
        return max(ZERO, difference)

    employee, pension = more("employee"), more("pension")
    return Epf(
        wages=more("wages"),
        pension_wages=more("pension_wages"),
        insurance_wages=more("insurance_wages"),
        employee=employee,
        pension=min(pension, employee),
        employer=employee - min(pension, employee),
        insurance=more("insurance"),
        admin=more("admin"),
    )
