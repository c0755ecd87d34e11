"""The 23 recurring jobs, by name, service and schedule."""

from __future__ import annotations

import pytest

import actors
from infra.scheduling import cron
from infra.scheduling.declare import declared
from infra.settings import SERVICES

CALENDAR = """
common sync-auth0-users 0 */6 * * *
common cleanup-expired-tokens 0 3 * * *
common generate-system-health-report 0 8 * * *
common generate-daily-reports 0 2 * * *
common cleanup-old-logs 0 0 * * 0
common database-backup 0 */6 * * *
sales generate-monthly-invoices 0 6 1 * *
sales send-payment-reminders 0 10 * * *
sales check-overdue-invoices 0 * * * *
sales calculate-late-fees 0 0 * * *
purchase send-po-approvals 0 */2 * * *
purchase check-grn-matching 0 9 * * *
purchase vendor-payment-reminders 0 9 * * 1
payroll process-monthly-salaries 0 23 L * *
payroll generate-payslips 0 0 1 * *
payroll statutory-compliance-report 0 6 2 * *
payroll attendance-summary 0 18 * * *
community send-event-reminders 0 8 * * *
community expire-visitor-passes */30 * * * *
community maintenance-request-escalation 0 */4 * * *
inventory check-low-stock-alerts 0 9 * * *
inventory generate-stock-report 0 17 * * 5
inventory expire-items-check 0 0 * * *
""".strip().splitlines()


def test_all_of_them_are_declared_and_no_others() -> None:
    found = {
        (service, name, job.cron)
        for service in SERVICES
        for name, (_, job) in declared(actors.broker, service).items()
    }
    wanted = {(s, name, cron(spec)) for s, name, spec in (line.split(" ", 2) for line in CALENDAR)}
    assert found == wanted
    assert len(wanted) == 23


@pytest.mark.parametrize("line", CALENDAR)
def test_periodiq_sees_each(line: str) -> None:
    service, name, _ = line.split(" ", 2)
    actor = actors.broker.get_actor(f"{service}.{name.replace('-', '_')}")
    assert actor.options["periodic"] is actor.options["recurring"].cron
