"""The admins hear of a backup that failed: once a day for the same trouble of the same databases."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from actors.common.admins import admins
from actors.common.backup.errors import BackupError
from actors.common.letters.several import send_to_each
from actors.common.rules.calendar import INDIA
from infra.gateways.mail import MailError
from infra.queue import current_job
from infra.store import connections
from infra.store.rows import one_row
from infra.store.sql import load

HEADLINES = {
    "unreachable": "the database did not answer",
    "credentials": "the database refused the log-in",
    "permission": "the database role may not read everything",
    "programs": "pg_dump is missing or too old",
    "dump": "pg_dump failed",
    "disk full": "the disk is full",
    "folder": "the folder cannot be written",
    "object store": "the object store failed",
    "check": "what was written cannot be read",
    "rotation": "old backups could not be removed",
    "interrupted": "it was interrupted",
}


def tell(failures: list[tuple[str, BackupError]]) -> None:
    """A letter for each kind of failure. One that cannot be sent is logged: the job itself fails, too.

    Parameters:
      failures: the name of a database, or its address, and what went wrong.
    """
    by_kind = defaultdict(list)
    for name, error in failures:
        by_kind[error.kind].append((name, str(error)))
    for kind, those in by_kind.items():
        try:
            _tell(kind, sorted(those))
        except MailError as error:
            current_job().log(f"no alert could be mailed: {error}")


def _tell(kind: str, those: list[tuple[str, str]]) -> None:
    names = ", ".join(name for name, _ in those)
    with connections.transaction("common") as connection:
        now: datetime = one_row(connection, load("actors.common.backup").now).now.astimezone(INDIA)
        recipients = admins(connection, now.date())
    told = send_to_each(
        "common",
        recipients,
        f"common/backup-failed/{kind}/{names}/{now:%Y-%m-%d}",
        subject=f"Backup failed: {HEADLINES[kind]} ({names})"[:200],
        template="backup_failed",
        headline=HEADLINES[kind],
        failures=those,
        at=f"{now:%d %b %Y, %H:%M} IST",
    )
    for refused in told.refused:
        current_job().log(f"no alert could be mailed: {refused}")
