"""Believable data of common for demo and tests: the society, its officers, and refresh tokens of a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference.seed import FOUNDED, seed_society
from actors.common.rules.calendar import INDIA
from infra.store.rows import one_row
from infra.store.sql import load


@dataclass(frozen=True)
class Seeded:
    """What is there now."""

    community_id: UUID
    tokens: int


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    users: int = 240,
    tokens: int = 2_400,
    until: datetime | None = None,
) -> Seeded:
    """Put a society and refresh tokens in; a second run changes nothing.

    Parameters:
      tokens: spread over the year before `until`, each good for 30 days, one in eight revoked.
      until: by default 1 April of the year after the society was founded.
    """
    community_id = seed_society(connection, "common", seed_number=seed_number)
    row = one_row(
        connection,
        load("actors.common").seed_tokens,
        seed_number=seed_number,
        users=users,
        tokens=tokens,
        until=until or datetime(FOUNDED.year + 1, FOUNDED.month, FOUNDED.day, tzinfo=INDIA),
    )
    return Seeded(community_id, row.tokens)
