"""Payroll: attendance, the month's pay and its postings, payslips, payout, returns. Others may import these names."""

from actors.payroll.actors import (
    finish_payslips,
    give_page_of_payslips,
    give_payslips,
    pay_society,
    post_salaries,
    prepare_returns,
    release_salaries,
    summarise_attendance,
    work_out_salaries,
)

__all__ = [
    "finish_payslips",
    "give_page_of_payslips",
    "give_payslips",
    "pay_society",
    "post_salaries",
    "prepare_returns",
    "release_salaries",
    "summarise_attendance",
    "work_out_salaries",
]
