"""Errors as people should read them: one line that says what to do, and the exit code. Loaded only when one occurs."""

from __future__ import annotations

import psycopg2
from psycopg2.errors import InvalidSchemaName, UndefinedColumn, UndefinedFunction, UndefinedTable

from infra.cli.output import FAILED, UNREACHABLE, USAGE, Stop
from infra.composition.errors import UnknownWorkflow
from infra.queue.errors import JobRefused, StoreNotMigrated, StoreUnavailable
from infra.scheduling.errors import RecurringRefused, WrongRecurring
from infra.store.connections import DISCONNECTED
from infra.store.embedded import EmbeddedPostgresError

NOT_MIGRATED = (InvalidSchemaName, UndefinedTable, UndefinedFunction, UndefinedColumn)
MIGRATE = "run `dhanman-jobs migrate`"


def explained(error: Exception) -> tuple[str, int] | None:
    """(sentence, exit code) for what can go wrong in every command; None for what is a fault of ours."""
    said = str(error).strip().partition("\n")[0]
    if isinstance(error, Stop):
        return str(error), error.code
    if isinstance(error, JobRefused):
        return f"refused: {error}", USAGE
    if isinstance(error, RecurringRefused):
        return f"refused: {error}", USAGE if isinstance(error, WrongRecurring) else FAILED
    if isinstance(error, StoreNotMigrated | UnknownWorkflow):
        return str(error), FAILED
    if isinstance(error, NOT_MIGRATED):
        return f"the job store is not there or not up to date ({said}): {MIGRATE}", FAILED
    if isinstance(error, StoreUnavailable | EmbeddedPostgresError):
        return str(error), UNREACHABLE
    if isinstance(error, DISCONNECTED) and getattr(error, "pgcode", None) is None:
        return (
            f"the database cannot be reached: {said}; check JOBS_DATABASE_URL and that the server runs",
            UNREACHABLE,
        )
    if isinstance(error, psycopg2.Error):
        return f"the database refused: {said}", FAILED
    return None
