"""Postings into the books of sales. A party is a flat, and stands on each line of its entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.books import Posting
from actors.common.books.posting import REVERSALS
from actors.sales.store import statements


def post(connection: Connection, postings: Sequence[tuple[UUID, Posting]]) -> None:
    """Post what happened to flats, in one statement: each is (flat, posting).

    Raises psycopg2.errors.UniqueViolation for an event that is in the books, RestrictViolation for a closed month.
    """
    lines = [
        (unit_id, posting, position, line)
        for unit_id, posting in postings
        for position, line in enumerate(posting.entry.lines, start=1)
    ]
    if not lines:
        return
    parameters = {
        "communities": [str(posting.community_id) for _, posting in postings],
        "days": [posting.day for _, posting in postings],
        "narrations": [posting.narration for _, posting in postings],
        "kinds": [posting.source_kind for _, posting in postings],
        "sources": [str(posting.source_id) for _, posting in postings],
        "line_kinds": [posting.source_kind for _, posting, _, _ in lines],
        "line_sources": [str(posting.source_id) for _, posting, _, _ in lines],
        "positions": [position for _, _, position, _ in lines],
        "accounts": [str(line.account) for *_, line in lines],
        "units": [str(unit_id) for unit_id, *_ in lines],
        "debits": [line.debit for *_, line in lines],
        "credits": [line.credit for *_, line in lines],
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.post, parameters)


def reverse(connection: Connection, kind: str, source_id: UUID, day: date) -> None:
    """Take an event's entry back as of a day. Raises UniqueViolation when that was done before."""
    reversal_id = uuid5(REVERSALS, f"{kind}/{source_id}")
    parameters = {"kind": kind, "source": str(source_id), "day": day, "reversal_id": str(reversal_id)}
    with connection.cursor() as cursor:
        cursor.execute(statements.reverse, parameters)
