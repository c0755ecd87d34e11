"""Grants: a database role for the work of one service, which can touch only that service's jobs."""

from __future__ import annotations

from pathlib import Path

from infra.store.connections import Store
from infra.store.sql import Statements, parse

GRANTS = Path(__file__).with_name("grants.sql")


class UnknownRole(ValueError):
    """The database has no such role."""


def grant(store: Store, role: str) -> None:
    """Lets a role enqueue, work and operate the jobs of this store's service. May be repeated.

    Raises UnknownRole; psycopg2.Error when the store is not migrated or this connection may not grant.
    """
    sql = Statements(dict(parse(GRANTS.read_text(encoding="utf-8"), origin=GRANTS.name)), GRANTS.name).bind(
        store.schema
    )
    if not store.fetch(sql.role_exists, {"role": role})[0][0]:
        raise UnknownRole(
            f"the database has no role {role!r}; an administrator makes it: create role \"{role}\" login password '…'"
        )
    with store.transaction() as cursor:
        cursor.execute(sql.grant_service, {"role": role})
