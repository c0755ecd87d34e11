"""Rates of labour and tax law as dated rows, whose payload holds what the section says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from actors.common.rules.rates import COUNTRY, MissingRate


@dataclass(frozen=True)
class StatRate:
    """One row of `stat_rate`.

    Parameters:
      code: Which rule, such as `EPF` or `PT`.
      scope: `IN`, a State (`KA`), a town (`TN/CHENNAI`), or a State and sex (`MH/F`).
      effective_from: First day in force.
      effective_to: Last day in force; None while it holds.
      payload: Percents, limits and slabs, figures as text.
      source: Act, notification or circular.
    """

    id: int
    code: str
    scope: str
    effective_from: date
    effective_to: date | None
    payload: Mapping[str, Any]
    source: str

    def holds_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def number(self, name: str) -> Decimal:
        """A figure of the payload. Raises MissingRate, naming it."""
        try:
            return Decimal(str(self.payload[name]))
        except KeyError:
            raise MissingRate(
                f"rate {self.code} for {self.scope} from {self.effective_from} lacks {name!r}"
            ) from None

    def slabs(self, name: str = "slabs") -> tuple[Slab, ...]:
        """Rows of [up to, figure], in order; the last reaches to infinity."""
        if name not in self.payload:
            raise MissingRate(f"rate {self.code} for {self.scope} from {self.effective_from} lacks {name!r}")
        return tuple(
            Slab(None if limit is None else Decimal(limit), Decimal(figure))
            for limit, figure in self.payload[name]
        )


@dataclass(frozen=True)
class Slab:
    """A step of a scale; `up_to` belongs to it, None is infinity. `figure` is rupees, or percent for a tax."""

    up_to: Decimal | None
    figure: Decimal


def figure_of(slabs: Iterable[Slab], amount: Decimal) -> Decimal:
    """The figure of the step that an amount stands on."""
    return next(slab.figure for slab in slabs if slab.up_to is None or amount <= slab.up_to)


@dataclass(frozen=True)
class StatRates:
    """All rows, asked by day; nothing is guessed."""

    rows: tuple[StatRate, ...]
    _found: dict[tuple[date, str, tuple[str, ...]], StatRate] = field(
        default_factory=dict, compare=False, repr=False
    )

    def on(self, day: date, code: str, *scopes: str) -> StatRate:
        """The row in force on a day, of the first of these scopes that has one (by default all of India).

        Raises MissingRate, which names code, scopes and day.
        """
        wanted = scopes or (COUNTRY,)
        key = (day, code, wanted)
        if key not in self._found:
            self._found[key] = self._search(day, code, wanted)
        return self._found[key]

    def _search(self, day: date, code: str, scopes: tuple[str, ...]) -> StatRate:
        for scope in scopes:
            for row in self.rows:
                if row.code == code and row.scope == scope and row.holds_on(day):
                    return row
        raise MissingRate(f"no rate {code} is recorded for {' or '.join(scopes)} on {day:%d %b %Y}")
