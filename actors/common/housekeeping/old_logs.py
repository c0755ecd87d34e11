"""Old logs: job history, log files, kept mails, reports, and the memory of letters, each past its own retention."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg2

from actors.common import letters
from actors.common.housekeeping.files import delete_old_files
from infra.maintenance.pruner import prune
from infra.queue import current_job
from infra.settings import SERVICES, Settings, settings
from infra.store import connections
from infra.store.connections import store_of

CHUNK = 5_000


def clean_up_old_logs(scheduled_for: datetime) -> dict[str, Any]:
    """Expire what is past JOBS_RETENTION_*. Returns counts by kind, and what could not be cleaned up, with why.

    The steps are a store's job history, a folder, a service's letters; after each it stops when it is asked to. One
    that fails, because a database is away, holds up no other.
    """
    job, config = current_job(), settings()
    steps = [*_steps(config)]
    done: dict[str, Any] = {"job_stores": {}, "files": {}, "letters": {}, "refused": {}}
    for number, (kind, name) in enumerate(steps, start=1):
        if job.cancellation_requested():
            break
        try:
            done[kind][name] = _clean_up(kind, name, config, scheduled_for, done["refused"])
        except (psycopg2.Error, OSError) as error:
            done["refused"][f"{kind} {name}"] = str(error).strip().partition("\n")[0]
        job.progress(number, len(steps))
    for what, why in done["refused"].items():
        job.log(f"not cleaned up: {what}: {why}")
    return done


def _steps(config: Settings) -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        yield "job_stores", service
    for folder in _folders(config):
        yield "files", folder
    for service in SERVICES:
        yield "letters", service


def _folders(config: Settings) -> dict[str, timedelta]:
    return {
        "log": config.jobs_retention_log_files,
        "mail": config.jobs_retention_mail_files,
        "reports": config.jobs_retention_report_files,
    }


def _clean_up(
    kind: str, name: str, config: Settings, scheduled_for: datetime, refused: dict[str, str]
) -> dict[str, Any] | int:
    if kind == "job_stores":
        return _prune(name, config)
    if kind == "files":
        before = scheduled_for - _folders(config)[name]
        return delete_old_files(config.home / "var" / name, before, refused, keep_newest=name == "log")
    return _forget_letters(name, scheduled_for - config.jobs_retention_letters)


def _prune(service: str, config: Settings) -> dict[str, Any]:
    pruned = prune(store_of(service), config)
    counts = {
        "partitions": pruned.dropped,
        "results": pruned.results,
        "workers": pruned.workers,
        "workflows": pruned.workflows,
    }
    return counts | ({"left_to_another_process": True} if pruned.busy else {})


def _forget_letters(service: str, before: datetime) -> int:
    forgotten = 0
    while not current_job().cancellation_requested():
        with connections.transaction(service) as connection:
            now = letters.forget(connection, service, before, CHUNK)
        forgotten += now
        if now < CHUNK:
            break
    return forgotten
