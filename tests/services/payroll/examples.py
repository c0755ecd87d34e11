"""The two people of the accountant's sheet, and the rates as the migrations record them."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import actors
from actors.payroll.rules.attendance import Basis, MonthOfWork
from actors.payroll.rules.epf import EpfMember, EpfOption
from actors.payroll.rules.law import Law
from actors.payroll.rules.pay import Person
from actors.payroll.rules.professional_tax import Sex
from actors.payroll.rules.stat_rates import StatRate, StatRates
from actors.payroll.rules.wages import Component, Treatment

WAGE, EXCLUDED = Treatment.WAGE, Treatment.EXCLUDED
_ROW = re.compile(r"\('([A-Z_]+)', '([A-Z/]+)', '([\d-]+)', (?:'([\d-]+)'|null),\s*'(\{.*?\})',", re.DOTALL)


def recorded_rates(migration: str = "0003_record_rates.sql") -> StatRates:
    """The rows of a migration, so that examples prove what is really recorded."""
    text = (Path(actors.__file__).parent / "payroll" / "migrations" / migration).read_text()
    rows = [
        StatRate(
            number,
            code,
            scope,
            date.fromisoformat(begins),
            date.fromisoformat(ends) if ends else None,
            json.loads(payload),
            "",
        )
        for number, (code, scope, begins, ends, payload) in enumerate(_ROW.findall(text), start=1)
    ]
    assert len(rows) == text.count("\n('"), "every row was read"
    return StatRates(tuple(rows))


def recorded_returns() -> StatRates:
    """By when returns are due."""
    return recorded_rates("0004_file_returns.sql")


RATES = recorded_rates()
JUNE = date(2026, 6, 30)
LAW = Law.on(JUNE, RATES)
BASIS = Basis.CALENDAR

GUARD = Person(Sex.MALE, date(1990, 7, 5), "MH", EpfMember(EpfOption.CEILING, date(1990, 7, 5)))
GUARD_PAY = (
    Component("BASIC", D(9600), WAGE, basic=True),
    Component("DA", D(2880), WAGE, basic=True),
    Component("HRA", D(3000), EXCLUDED),
    Component("CONVEYANCE", D(1200), EXCLUDED),
)
GUARD_JUNE = MonthOfWork(30, 30, D(29), overtime_hours=D(10))

MANAGER = Person(Sex.MALE, date(1980, 1, 1), "KA", EpfMember(EpfOption.CEILING, date(1980, 1, 1)))
MANAGER_PAY = (
    Component("BASIC", D(75000), WAGE, basic=True),
    Component("HRA", D(45000), EXCLUDED),
    Component("SPECIAL", D(30000), WAGE),
)
MANAGER_JUNE = MonthOfWork(30, 30, D(30))
