"""When the jobs of common run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from actors.common import backup, housekeeping, users
from actors.common.reports import health
from actors.common.rules.calendar import india_date
from infra.gateways.auth0 import Auth0Refused
from infra.middleware.retries import RetryPolicy
from infra.scheduling import cron, recurring
from pipelines.common import report_every_society

HOURS = 3_600_000
"""In milliseconds."""
BACKUPS = RetryPolicy(delays=(600, 3_600), give_up_on=(backup.BackupNeedsAPerson,), at_end="fail")
"""A disk may be freed and a server come back; a wrong password stays wrong, and the admins have their letter."""
MIRRORING = RetryPolicy(
    delays=(300, 1_800, 7_200), give_up_on=(Auth0Refused, users.TooManyMissing), at_end="fail"
)
"""Auth0 may be away; a missing scope, and users that vanished by the dozen, are for a person."""
REPORTING = RetryPolicy(delays=(60, 300, 900, 3_600), at_end="fail")
HOUSEKEEPING = RetryPolicy(delays=(300, 3_600), at_end="fail")


# Missed: only the users of now can be listed. Overlap: a second listing would find the same.
@recurring(
    "sync-auth0-users",
    cron("0 */6 * * *"),
    missed="once",
    overlap="skip",
    retry_policy=MIRRORING,
    time_limit=HOURS,
)
def sync_auth0_users(scheduled_for: datetime) -> dict[str, Any]:
    """Mirror users from the Auth0 Management API. Returns counts, or that Auth0 is not configured."""
    return users.sync(scheduled_for)


# Missed: a later run deletes the same and more. Overlap: two of them would pass over each other's rows to no avail.
@recurring(
    "cleanup-expired-tokens", cron("0 3 * * *"), missed="once", overlap="skip", retry_policy=HOUSEKEEPING
)
def cleanup_expired_tokens(scheduled_for: datetime) -> dict[str, Any]:
    """Delete the refresh tokens that have expired, some thousand a transaction. Returns how many."""
    return housekeeping.delete_expired_tokens(scheduled_for)


# Missed: it tells the state of now, so one is enough. Overlap: likewise.
@recurring(
    "generate-system-health-report",
    cron("0 8 * * *"),
    missed="once",
    overlap="skip",
    retry_policy=REPORTING,
)
def generate_system_health_report(scheduled_for: datetime) -> dict[str, Any]:
    """Mail queues, failures, disk and database to the admins. Returns the verdict and what needs somebody."""
    return health.report(scheduled_for)


# Missed: every day has its report, however late. Overlap: one day after the other, as they came.
@recurring("generate-daily-reports", cron("0 2 * * *"), missed="all", overlap="queue", retry_policy=REPORTING)
def generate_daily_reports(scheduled_for: datetime) -> str | None:
    """Mail yesterday's figures to each community. Returns the id of the job or batch that does."""
    return report_every_society(india_date(scheduled_for) - timedelta(days=1))


# Missed: once a week is enough, whenever. Overlap: as above.
@recurring(
    "cleanup-old-logs",
    cron("0 0 * * 0"),
    missed="once",
    overlap="skip",
    retry_policy=HOUSEKEEPING,
    time_limit=2 * HOURS,
)
def cleanup_old_logs(scheduled_for: datetime) -> dict[str, Any]:
    """Expire job history, log files, kept mails, reports and the memory of letters. Returns counts and what refused."""
    return housekeeping.clean_up_old_logs(scheduled_for)


# Missed: only the state of now can be copied. Overlap: one that takes longer than six hours is not overtaken.
@recurring(
    "database-backup",
    cron("0 */6 * * *"),
    missed="once",
    overlap="skip",
    retry_policy=BACKUPS,
    time_limit=12 * HOURS,
)
def database_backup(scheduled_for: datetime) -> dict[str, Any]:
    """Copy every database, check the copies, and remove old ones. Returns what was taken and removed."""
    return backup.by_the_clock(scheduled_for)
