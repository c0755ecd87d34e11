"""The provident fund's electronic challan cum return, ECR 2.0: a line a member, eleven fields, whole rupees, no header.

The layout is of secondary sources (knowinfonow, public code; unchanged in September 2025: complianceage).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from actors.common.rules.money import ZERO, to_rupee
from actors.payroll.rules.epf import Epf

SEPARATOR = "#~#"
_UAN = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Z][A-Z .']*")


@dataclass(frozen=True)
class EcrLine:
    """A member's month, or what an earlier month lacked. Rupees, days.

    Parameters:
      loss_of_pay: days employed that are not paid (NCP); a half day is rounded up.
      refund: advances given back to the fund; none are kept here.
    """

    uan: str
    name: str
    gross: Decimal
    epf: Epf
    loss_of_pay: Decimal
    refund: Decimal = ZERO

    @property
    def ncp_days(self) -> int:
        return whole_days(self.loss_of_pay)

    @property
    def text(self) -> str:
        epf = self.epf
        amounts = (
            self.gross,
            epf.wages,
            epf.pension_wages,
            epf.insurance_wages,
            epf.employee,
            epf.pension,
            epf.employer,
        )
        fields = (
            self.uan,
            self.name.upper(),
            *(f"{to_rupee(amount):.0f}" for amount in amounts),
            str(self.ncp_days),
            f"{to_rupee(self.refund):.0f}",
        )
        return SEPARATOR.join(fields)


def whole_days(days: Decimal) -> int:
    """Half a day counts as a day."""
    return int(days.to_integral_value(ROUND_CEILING))


def fault_of(line: EcrLine, days_in_month: int, others: Iterable[str] = ()) -> str | None:
    """Why the portal would refuse a line; None when it would not.

    Parameters:
      others: UANs of the lines before.
    """
    epf = line.epf
    if not _UAN.fullmatch(line.uan):
        return f"UAN {line.uan} does not have 12 digits"
    if line.uan in others:
        return f"UAN {line.uan} stands on another line"
    if not _NAME.fullmatch(line.name.upper()):
        return "the name is not in Latin letters, as the fund has it"
    if not max(epf.pension_wages, epf.insurance_wages) <= epf.wages:
        return f"pension or EDLI wages exceed EPF wages of {epf.wages:.0f}"
    if to_rupee(epf.wages) > to_rupee(line.gross):
        return f"EPF wages of {epf.wages:.0f} exceed gross of {line.gross:.0f}"
    if line.ncp_days > days_in_month:
        return f"{line.ncp_days} days without pay in a month of {days_in_month}"
    return None


def ecr_text(lines: Iterable[EcrLine]) -> str:
    """The file."""
    return "".join(f"{line.text}\n" for line in lines)
