"""Rates and limits as dated data: what was in force on a day, or an error that names what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

COUNTRY = "IN"


class MissingRate(LookupError):
    """No rate is known for that day; it is never guessed."""


@dataclass(frozen=True)
class Rate:
    """One row of the rate table.

    Parameters:
      code: Which rate, such as `CGST_MAINTENANCE`.
      scope: `IN`, or the state whose law it is, such as `MH`.
      effective_from: First day in force.
      effective_to: Last day in force; None while it holds. A later row ends an earlier one by itself.
      value: Percent for rates, rupees for limits.
      source: The law, notification or order.
    """

    code: str
    scope: str
    effective_from: date
    effective_to: date | None
    value: Decimal
    source: str


class RateBook:
    """All rate rows of a place, asked by day; a state's own row goes before the country's."""

    def __init__(self, rows: Iterable[Rate], scope: str = COUNTRY) -> None:
        self._rows = sorted(rows, key=lambda row: row.effective_from, reverse=True)
        self._scopes = (scope, COUNTRY) if scope != COUNTRY else (COUNTRY,)

    def on(self, day: date, code: str) -> Decimal:
        """The value of `code` in force on `day`."""
        for scope in self._scopes:
            for row in self._rows:
                if row.code == code and row.scope == scope and row.effective_from <= day:
                    if row.effective_to is None or day <= row.effective_to:
                        return row.value
                    break
        raise MissingRate(f"no rate {code} is recorded for {'/'.join(self._scopes)} on {day:%d %b %Y}")
