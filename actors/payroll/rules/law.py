"""The law of a month: what its rows of `stat_rate` say on the month's last day.

Tax follows the day on which salary is credited, the last of the month paid, so arrears are taxed when they are paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from actors.payroll.rules import epf, esi, tds
from actors.payroll.rules.esi import EsiBase
from actors.payroll.rules.stat_rates import StatRates


@dataclass(frozen=True)
class Law:
    """Rates in force on a day.

    Parameters:
      excluded_cap: Percent of remuneration above which what is excluded counts as wages.
      deduction_cap: Percent of wages that deductions may take (Code on Wages s. 18).
      epf: None where the establishment is not registered with the fund.
      esi: None where it is not registered with the corporation.
      rate_ids: The rows used.
    """

    day: date
    excluded_cap: Decimal
    deduction_cap: Decimal
    epf: epf.EpfTerms | None
    esi: esi.EsiTerms | None
    esi_base: EsiBase
    tax: tds.TaxTerms
    rates: StatRates
    rate_ids: tuple[int, ...]

    @classmethod
    def on(cls, day: date, rates: StatRates, *, with_epf: bool = True, with_esi: bool = True) -> Law:
        """Raises MissingRate, which names code, scope and day."""
        definition, cap = rates.on(day, "WAGE_DEF"), rates.on(day, "DEDUCTION_CAP")
        fund, insurance = rates.on(day, "EPF"), rates.on(day, "ESI")
        base, tax = rates.on(day, "ESI_BASE"), rates.on(day, "TAX_NEW")
        return cls(
            day=day,
            excluded_cap=definition.number("percent"),
            deduction_cap=cap.number("percent"),
            epf=epf.EpfTerms.of(fund) if with_epf else None,
            esi=esi.EsiTerms.of(insurance) if with_esi else None,
            esi_base=EsiBase(base.payload["base"]),
            tax=tds.TaxTerms.of(tax),
            rates=rates,
            rate_ids=tuple(row.id for row in (definition, cap, fund, insurance, base, tax)),
        )
