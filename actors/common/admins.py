"""Who looks after the installation, and so gets its alerts."""

from __future__ import annotations

from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Officer
from infra.settings import settings
from infra.store.rows import all_rows
from infra.store.sql import load

ROLE = "ADMIN"


def admins(connection: Connection, day: date) -> list[Officer]:
    """Those of JOBS_ADMINS, else the societies' ADMIN officers of that day; each address once. May be nobody."""
    named = [Officer("Administrator", address, ROLE) for address in settings().jobs_admins]
    statement = load("actors.common").admins
    return named or [Officer(*row) for row in all_rows(connection, statement, role=ROLE, day=day)]
