"""Postings: one entry for each source event, whoever posts it and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.ledger import Entry
from infra.store import sql

REVERSALS = UUID("0d0b6d35-2c42-4d7a-93d0-3a3f6c0f3f51")


class NotPosted(LookupError):
    """There is no entry of this event that could be reversed."""


@dataclass(frozen=True)
class Posting:
    """An entry and the event it comes from.

    Parameters:
      day: Date in the books; its month must be open.
      source_kind: What kind of event, in capitals: `VENDOR_BILL`.
      source_id: The event; the same event is posted once.
    """

    community_id: UUID
    day: date
    narration: str
    source_kind: str
    source_id: UUID
    entry: Entry


def post(connection: Connection, service: str, postings: Sequence[Posting]) -> set[tuple[str, UUID]]:
    """Post in one statement. Returns the (kind, id) of the events that were not posted before.

    Raises psycopg2.errors.RestrictViolation for a closed month, at once; what is unbalanced is refused at commit.
    """
    if not postings:
        return set()
    lines = [
        (posting, position, line)
        for posting in postings
        for position, line in enumerate(posting.entry.lines, start=1)
    ]
    parameters = {
        "communities": [str(posting.community_id) for posting in postings],
        "days": [posting.day for posting in postings],
        "narrations": [posting.narration for posting in postings],
        "kinds": [posting.source_kind for posting in postings],
        "sources": [str(posting.source_id) for posting in postings],
        "line_kinds": [posting.source_kind for posting, _, _ in lines],
        "line_sources": [str(posting.source_id) for posting, _, _ in lines],
        "positions": [position for _, position, _ in lines],
        "accounts": [str(line.account) for _, _, line in lines],
        "parties": [str(line.party) if line.party else None for _, _, line in lines],
        "debits": [line.debit for _, _, line in lines],
        "credits": [line.credit for _, _, line in lines],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.load("actors.common.books").bind(service).post, parameters)
        return {(kind, UUID(source)) for kind, source in cursor.fetchall()}


def reverse(connection: Connection, service: str, kind: str, source_id: UUID, day: date) -> bool:
    """Take an event's entry back as of a day. Returns whether that was done now; a second time changes nothing.

    Raises NotPosted where the event has no entry.
    """
    statements = sql.load("actors.common.books").bind(service)
    parameters = {
        "kind": kind,
        "source": str(source_id),
        "day": day,
        "reversal_id": str(uuid5(REVERSALS, f"{kind}/{source_id}")),
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.reverse, parameters)
        if cursor.fetchone():
            return True
        cursor.execute(statements.is_posted, parameters)
        if cursor.fetchone() is None:
            raise NotPosted(f"{kind} {source_id} is not in the books of {service}")
    return False
