"""When the jobs of payroll run."""

from __future__ import annotations

from datetime import datetime

from actors.common.rules.calendar import Period
from infra.scheduling import cron, recurring
from pipelines.payroll import (
    give_payslips_everywhere,
    pay_every_society,
    prepare_returns_everywhere,
    summarise_every_society,
)


# Every month that was missed is paid, each by its own due time: nobody's pay is left out because a server slept.
@recurring("process-monthly-salaries", cron("0 23 L * *"), missed="all", overlap="queue")
def process_monthly_salaries(scheduled_for: datetime) -> dict[str, str]:
    """Work out, write and post the pay of the month that ends. Returns society → id of its job or batch."""
    return pay_every_society(f"{scheduled_for:%Y-%m}")


# As salaries: nobody is paid before the payslip, so a month that was missed is made up for, each by its own due time.
@recurring("generate-payslips", cron("0 0 1 * *"), missed="all", overlap="queue")
def generate_payslips(scheduled_for: datetime) -> dict[str, str]:
    """Give last month's payslips, then pay. Returns society → id of its job or batch."""
    return give_payslips_everywhere(str(Period.of(scheduled_for.date()).previous))


# Every month has returns of its own; a set that was mailed is not mailed again.
@recurring("statutory-compliance-report", cron("0 6 2 * *"), missed="all", overlap="queue")
def statutory_compliance_report(scheduled_for: datetime) -> dict[str, str]:
    """Prepare last month's PF, ESI, PT and TDS returns. Returns society → its job's id."""
    return prepare_returns_everywhere(str(Period.of(scheduled_for.date()).previous))


# Yesterday's attendance is no news tomorrow: only the latest missed evening is made up for.
@recurring("attendance-summary", cron("0 18 * * *"), missed="once", overlap="skip")
def attendance_summary(scheduled_for: datetime) -> int:
    """Mail each society's manager the day's attendance. Returns how many societies."""
    return summarise_every_society(scheduled_for)
