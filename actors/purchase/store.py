"""The purchase database: its transactions, its statements, and what is known of a society on a day."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.reference import Officer, Society
from actors.common.rules.calendar import INDIA
from actors.common.rules.rates import MissingRate, RateBook
from infra.store import connections, sql
from infra.store.rows import one_row

SERVICE = "purchase"
statements = sql.load("actors.purchase")


@dataclass(frozen=True)
class Office:
    """A society with the rates of its State: what every job of purchase begins with."""

    society: Society
    rates: RateBook


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the purchase database: committed at the end, rolled back on an error."""
    return connections.transaction(SERVICE)


def societies(connection: Connection) -> list[Society]:
    """Every society that purchase works for."""
    return reference.societies(connection, SERVICE)


def office(connection: Connection, community_id: str | UUID) -> Office:
    """Raises UnknownSociety."""
    society = reference.society(connection, SERVICE, community_id)
    return Office(society, reference.rate_book(connection, SERVICE, society.law_scope))


def officers(connection: Connection, society: Society, day: date, *roles: str) -> list[Officer]:
    """Who holds these offices on a day; the society's office where nobody does."""
    return reference.officers(connection, SERVICE, society, day, *roles)


def hold_books(connection: Connection, society: Society) -> None:
    """Makes others who match, pay or void for this society wait until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(statements.hold_books, {"community_id": str(society.id)})


def input_credit(connection: Connection, society: Society, day: date) -> Decimal:
    """Percent of the GST on purchases that a society may credit; none while it is not registered.

    Raises MissingRate where it is registered and nobody has said how much.
    """
    if society.gstin is None:
        return Decimal(0)
    row = one_row(connection, statements.input_credit, community_id=str(society.id), day=day)
    if row is None:
        raise MissingRate(f"{society.name}: no share of input credit is recorded for {day:%d %b %Y}")
    percent: Decimal = row.percent
    return percent


def moment_of(text: str) -> datetime:
    """A moment as jobs carry it, in India. Raises ValueError for one without zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the moment {text} has no zone")
    return moment.astimezone(INDIA)


def run(connection: Connection, statement: str, **parameters: Any) -> int:
    """A statement that changes rows. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount
