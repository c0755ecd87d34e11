"""Partitions: made before they are needed, dropped when all they hold is past its retention."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from infra.settings import Settings

AHEAD_DAYS = 7
"""How far ahead partitions are made: workers may be away for so long before rows meet the default partition."""


def retentions(config: Settings) -> dict[str, timedelta]:
    """How long each partitioned table is kept."""
    return {
        "finished_done": config.jobs_retention_done,
        "finished_rejected": config.jobs_retention_deleted,
        "finished_failed": config.jobs_retention_failed,
        "finished_cancelled": config.jobs_retention_cancelled,
        "history": config.jobs_retention_history,
        "job_log": config.jobs_retention_history,
    }


def make_partitions(cursor: Any, sql: Any, branch: str) -> int:
    """Returns how many of this branch were missing. One branch a transaction: see schema.sql."""
    cursor.execute(sql.make_partitions, {"branch": branch, "ahead": AHEAD_DAYS})
    return int(cursor.fetchone()[0])


def drop_partitions(cursor: Any, sql: Any, branch: str, keep: timedelta) -> int:
    """Returns how many were past their time."""
    cursor.execute(sql.drop_partitions, {"branch": branch, "keep": keep})
    return int(cursor.fetchone()[0])
