"""The password of a payslip's file: something that the employee knows, and nobody has to send them."""

from __future__ import annotations

from datetime import date


def payslip_password(birth_date: date, bank_account: str | None) -> str:
    """Day and month of birth, then the last four characters of the bank account: `0507` + `4417`.

    Without an account, the year of birth takes its place. It is worked out when the payslip is made, and kept nowhere.
    """
    return f"{birth_date:%d%m}{bank_account[-4:] if bank_account else format(birth_date, '%Y')}"
