"""Refresh tokens that have expired are deleted, some thousand a transaction: nobody waits for longer than one takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from infra.queue import current_job
from infra.store import connections
from infra.store.rows import all_rows, one_row
from infra.store.sql import load

CHUNK = 5_000


def delete_expired_tokens(scheduled_for: datetime) -> dict[str, Any]:
    """Delete what expired before `scheduled_for`. Returns how many, and how many were in use and wait for tomorrow.

    A token that somebody locks just now is passed over. Asked to stop, it stops after a chunk, and keeps what it did.
    """
    statements, job = load("actors.common.housekeeping"), current_job()
    with connections.transaction("common") as common:
        expired = one_row(common, statements.expired_tokens, before=scheduled_for).tokens
    deleted = 0
    while not job.cancellation_requested():
        with connections.transaction("common") as common:
            all_rows(common, statements.short_of_patience)
            now = one_row(common, statements.delete_expired_tokens, before=scheduled_for, chunk=CHUNK).deleted
        deleted += now
        job.progress(min(deleted, expired), expired)
        if now < CHUNK:
            break
    return {"deleted": deleted, "left": max(0, expired - deleted)}
