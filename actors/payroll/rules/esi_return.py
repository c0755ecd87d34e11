"""The monthly contribution sheet of ESI: six columns, whole days and rupees (officeanywhere, from memory)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum

from actors.common.rules.money import to_rupee
from actors.payroll.rules.ecr import whole_days

COLUMNS = (
    "IP Number",
    "IP Name",
    "No of Days",
    "Total Monthly Wages",
    "Reason Code",
    "Last Working Day",
)
_IP_NUMBER = re.compile(r"[0-9]{10}")
_NAME = re.compile(r"[A-Z]+( [A-Z]+)*")


class Reason(IntEnum):
    """Why somebody has no wages, or is on the sheet for the last time."""

    NONE = 0
    ON_LEAVE = 1
    LEFT = 2
    RETIRED = 3
    OUT_OF_COVERAGE = 4
    DIED = 5


@dataclass(frozen=True)
class EsiLine:
    """An insured person's month. A half day is rounded up."""

    ip_number: str
    name: str
    days: Decimal
    wages: Decimal
    reason: Reason = Reason.NONE
    last_day: date | None = None

    @property
    def cells(self) -> tuple[str, str, int, int, int, str]:
        """In the order of COLUMNS; the portal takes letters and spaces in names."""
        last = f"{self.last_day:%d/%m/%Y}" if self.last_day else ""
        name = " ".join(re.sub(r"[.'’-]", " ", self.name.upper()).split())
        return self.ip_number, name, whole_days(self.days), int(to_rupee(self.wages)), int(self.reason), last

    @property
    def text(self) -> str:
        return ",".join(map(str, self.cells))


def fault_of(line: EsiLine, days_in_month: int) -> str | None:
    """Why the portal would refuse a line; None when it would not."""
    number, name, days, *_ = line.cells
    if not _IP_NUMBER.fullmatch(number):
        return f"IP number {number} does not have 10 digits"
    if not _NAME.fullmatch(name):
        return "the name is not in Latin letters"
    if days > days_in_month:
        return f"{days} days in a month of {days_in_month}"
    return None


def reason_of_leaving(leaving_reason: str | None) -> Reason:
    """Of `employee.leaving_reason`; where none is recorded, somebody left."""
    return {"RETIRED": Reason.RETIRED, "DIED": Reason.DIED}.get(leaving_reason or "", Reason.LEFT)
