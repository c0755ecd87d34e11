"""Professional tax by State and slab: how many heads stand on which step, and what they bear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO, grouped
from actors.payroll.rules.epf import age
from actors.payroll.rules.professional_tax import Sex, is_half_yearly, rate_for
from actors.payroll.rules.stat_rates import Slab, StatRate, StatRates


@dataclass(frozen=True)
class SlabTax:
    """A step of a State's scale: heads that stand on it, and rupees in all."""

    slab: str
    heads: int
    amount: Decimal


@dataclass(frozen=True)
class StateTax:
    """One State's, or town's, tax of a month."""

    scope: str
    slabs: tuple[SlabTax, ...]

    @property
    def heads(self) -> int:
        return sum(slab.heads for slab in self.slabs)

    @property
    def amount(self) -> Decimal:
        return sum((slab.amount for slab in self.slabs), ZERO)


def by_state(people: Iterable[list[Any]], period: Period, rates: StatRates) -> tuple[StateTax, ...]:
    """Of each employee's items of a month. A State without the tax is left out.

    Raises MissingRate.
    """
    found: dict[str, dict[tuple[Any, ...], list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for items in people:
        first = items[0]
        tax = sum((item.professional_tax for item in items), ZERO)
        rate = rate_for(rates, first.work_scope, Sex(first.sex), period.last_day)
        if "none" in rate.payload and not tax:
            continue
        gross = sum((item.gross - item.overpaid for item in items), ZERO)
        found[first.work_scope][_slab(rate, gross, tax, age(first.birth_date, period.last_day))].append(tax)
    return tuple(
        StateTax(
            scope,
            tuple(SlabTax(key[-1], len(taxes), sum(taxes, ZERO)) for key, taxes in sorted(slabs.items())),
        )
        for scope, slabs in sorted(found.items())
    )


def _slab(rate: StatRate, gross: Decimal, tax: Decimal, years: int) -> tuple[str, int, str]:
    """Where someone stands: the rate's scope, the step's place, and what it is called."""
    whom = {"F": ", women", "M": ", men"}.get(rate.scope.partition("/")[2], "")
    exempt_from = rate.payload.get("exempt_from_age")
    if exempt_from is not None and not tax and years >= int(exempt_from):
        return rate.scope, -1, f"exempt from {exempt_from} years{whom}"
    slabs = rate.slabs()
    if is_half_yearly(rate):
        if not tax:
            return rate.scope, 0, "by the half-year: nothing this month"
        place = next((place for place, slab in enumerate(slabs) if slab.figure == tax), len(slabs) - 1)
        return rate.scope, place, f"{_span(slabs, place)} in the half-year"
    place = next(
        place for place, slab in enumerate(slabs) if slab.up_to is None or max(gross, ZERO) <= slab.up_to
    )
    return rate.scope, place, f"{_span(slabs, place)}{whom}"


def _span(slabs: tuple[Slab, ...], place: int) -> str:
    """`up to ₹ 7,500`, `₹ 7,500 to ₹ 10,000`, `above ₹ 10,000`."""
    upper, lower = slabs[place].up_to, slabs[place - 1].up_to if place else None
    if upper is None:
        return f"above {_short(lower)}" if lower is not None else "all"
    return f"{_short(lower)} to {_short(upper)}" if lower is not None else f"up to {_short(upper)}"


def _short(amount: Decimal) -> str:
    return f"₹ {grouped(amount).removesuffix('.00')}"
