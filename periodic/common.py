"""When the jobs of common run."""

from __future__ import annotations

from datetime import datetime

from infra.scheduling import cron, recurring
from periodic.to_come import FAILS_AT_ONCE, not_built_yet


@recurring("sync-auth0-users", cron("0 */6 * * *"), retry_policy=FAILS_AT_ONCE)
def sync_auth0_users(scheduled_for: datetime) -> None:
    """Mirror users from the Auth0 Management API."""
    not_built_yet(f"mirror users from the Auth0 Management API ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("cleanup-expired-tokens", cron("0 3 * * *"), retry_policy=FAILS_AT_ONCE)
def cleanup_expired_tokens(scheduled_for: datetime) -> None:
    """Delete expired refresh tokens."""
    not_built_yet(f"delete expired refresh tokens ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("generate-system-health-report", cron("0 8 * * *"), retry_policy=FAILS_AT_ONCE)
def generate_system_health_report(scheduled_for: datetime) -> None:
    """Mail queues, failures, disk and database to the admins."""
    not_built_yet(f"mail queues, failures, disk and database to the admins ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("generate-daily-reports", cron("0 2 * * *"), retry_policy=FAILS_AT_ONCE)
def generate_daily_reports(scheduled_for: datetime) -> None:
    """Mail yesterday's figures to each community."""
    not_built_yet(f"mail yesterday's figures to each community ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("cleanup-old-logs", cron("0 0 * * 0"), retry_policy=FAILS_AT_ONCE)
def cleanup_old_logs(scheduled_for: datetime) -> None:
    """Expire logs and history past their retention."""
    not_built_yet(f"expire logs and history past their retention ({scheduled_for:%Y-%m-%d %H:%M})")


@recurring("database-backup", cron("0 */6 * * *"), retry_policy=FAILS_AT_ONCE)
def database_backup(scheduled_for: datetime) -> None:
    """Back the databases up, and check the backup."""
    not_built_yet(f"back the databases up, and check the backup ({scheduled_for:%Y-%m-%d %H:%M})")
