"""Entries of payroll (docs/domain.md, Payroll 20). Codes with a * are ours, the others Dhanman's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from uuid import UUID

from actors.common.rules.ledger import Entry
from actors.common.rules.money import ZERO

BANK = "11120"
STAFF_ADVANCES = "11510"  # *
NET_PAY = "21020"
PF_PAYABLE = "23040"
TDS_PAYABLE = "23050"
ESI_PAYABLE = "23060"  # *
PT_PAYABLE = "23070"  # *
SALARIES = "51710"
BENEFITS = "51910"


@dataclass(frozen=True)
class RunTotals:
    """A run's sums, in rupees."""

    gross: Decimal = ZERO
    overpaid: Decimal = ZERO
    epf_employee: Decimal = ZERO
    epf_employer: Decimal = ZERO
    pension: Decimal = ZERO
    insurance: Decimal = ZERO
    admin: Decimal = ZERO
    esi_employee: Decimal = ZERO
    esi_employer: Decimal = ZERO
    professional_tax: Decimal = ZERO
    income_tax: Decimal = ZERO
    recovered: Decimal = ZERO
    net: Decimal = ZERO

    def __add__(self, other: RunTotals) -> RunTotals:
        return RunTotals(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(RunTotals)}
        )

    @property
    def benefits(self) -> Decimal:
        """The employer's own shares."""
        return self.epf_employer + self.pension + self.insurance + self.admin + self.esi_employer

    @property
    def epf_payable(self) -> Decimal:
        return self.epf_employee + self.epf_employer + self.pension + self.insurance + self.admin

    @property
    def esi_payable(self) -> Decimal:
        return self.esi_employee + self.esi_employer


@dataclass(frozen=True)
class PersonTotals:
    """What one employee's lines of a run come to on the control accounts."""

    net: Decimal
    recovered: Decimal = ZERO
    overpaid: Decimal = ZERO


def payroll_entry(totals: RunTotals, people: Mapping[UUID, PersonTotals]) -> Entry:
    """Salaries and benefits against what is owed: to fund, insurance, State, tax office, and each employee by name.

    Raises UnbalancedEntry when the people do not add up to the totals.
    """
    return Entry.of(
        (SALARIES, totals.gross - totals.overpaid),
        (BENEFITS, totals.benefits),
        (PF_PAYABLE, -totals.epf_payable),
        (ESI_PAYABLE, -totals.esi_payable),
        (PT_PAYABLE, -totals.professional_tax),
        (TDS_PAYABLE, -totals.income_tax),
        *((STAFF_ADVANCES, person.overpaid - person.recovered, who) for who, person in people.items()),
        *((NET_PAY, -person.net, who) for who, person in people.items()),
    )


def top_up_entry(amount: Decimal) -> Entry:
    """What the fund's administration charge lacks to its minimum."""
    return Entry.of((BENEFITS, amount), (PF_PAYABLE, -amount))


def payout_entry(paid: Iterable[tuple[UUID, Decimal]]) -> Entry:
    """Net pay, by employee, from the bank."""
    amounts = tuple(paid)
    total = sum((amount for _, amount in amounts), ZERO)
    return Entry.of(*((NET_PAY, amount, who) for who, amount in amounts), (BANK, -total))


def advance_entry(employee: UUID, amount: Decimal) -> Entry:
    """An advance given from the bank."""
    return Entry.of((STAFF_ADVANCES, amount, employee), (BANK, -amount))
