"""When the jobs of payroll run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet


@recurring("process-monthly-salaries", cron("0 23 L * *"), retry_policy=FAILS_AT_ONCE)
def process_monthly_salaries(scheduled_for: datetime) -> None:
    """Work out the month's pay."""
    not_built_yet(f"work out the month's pay ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("generate-payslips", cron("0 0 1 * *"), retry_policy=FAILS_AT_ONCE)
def generate_payslips(scheduled_for: datetime) -> None:
    """Mail last month's payslips."""
    not_built_yet(f"mail last month's payslips ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("statutory-compliance-report", cron("0 6 2 * *"), retry_policy=FAILS_AT_ONCE)
def statutory_compliance_report(scheduled_for: datetime) -> None:
    """Prepare the PF, ESI, PT and TDS returns."""
    not_built_yet(f"prepare the PF, ESI, PT and TDS returns ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("attendance-summary", cron("0 18 * * *"), retry_policy=FAILS_AT_ONCE)
def attendance_summary(scheduled_for: datetime) -> None:
    """Sum up the day's attendance."""
    not_built_yet(f"sum up the day's attendance ({scheduled_for:%Y-%m-%d %H:%M})")
