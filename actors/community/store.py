"""What all of community's jobs share: its transactions, its statements, its clock, its errors."""

from __future__ import annotations

from contextlib import AbstractContextManager

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from infra.store import connections, sql

statements = sql.load("actors.community")

PAGE = 500
"""Rows that are changed in one transaction."""
NO_ID = "00000000-0000-0000-0000-000000000000"
"""Before every id, where a walk through pages begins."""


class UnknownEvent(LookupError):
    """No event has this id."""


class UnknownPass(LookupError):
    """No pass has this id, or it is not of the kind asked for."""


class UnknownRequest(LookupError):
    """No complaint has this id."""


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the community database: committed at the end, rolled back on an error."""
    return connections.transaction("community")
