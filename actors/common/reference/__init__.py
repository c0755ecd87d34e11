"""What every service knows of its societies: address, officers, holidays, and the dated rates of the law.

A service that uses it includes `reference.sql` in its migrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import india_date
from actors.common.rules.rates import COUNTRY, Rate, RateBook
from infra.store import sql
from infra.store.rows import all_rows


class UnknownSociety(LookupError):
    """No society has this id."""


@dataclass(frozen=True)
class Society:
    """A housing society, as on its documents.

    Parameters:
      law_scope: `MH`: under which the State's own rates are kept.
    """

    id: UUID
    name: str
    legal_name: str
    registration_number: str
    address: str
    city: str
    state_name: str
    law_scope: str
    pin_code: str
    gstin: str | None
    email: str


@dataclass(frozen=True)
class Officer:
    """Who holds an office, such as TREASURER."""

    name: str
    email: str
    role: str


def now(connection: Connection, service: str) -> datetime:
    """The moment, by the service's own clock."""
    moment: datetime = _rows(connection, service, "clock")[0].now
    return moment


def today(connection: Connection, service: str) -> date:
    """The day in India, by the service's own clock."""
    return india_date(now(connection, service))


def societies(connection: Connection, service: str) -> list[Society]:
    """Every society a service works for, by name."""
    rows = _rows(connection, service, "societies", community_id=None)
    return [Society(UUID(row.id), *row[1:]) for row in rows]


def society(connection: Connection, service: str, community_id: UUID | str) -> Society:
    """Raises UnknownSociety, also for what is no id."""
    try:
        wanted = str(UUID(str(community_id)))
    except ValueError:
        raise UnknownSociety(f"{community_id!r} is not the id of any society") from None
    for row in _rows(connection, service, "societies", community_id=wanted):
        return Society(UUID(row.id), *row[1:])
    raise UnknownSociety(f"{service} knows no society with the id {community_id}")


def officers(
    connection: Connection, service: str, of: Society, day: date, *roles: str, else_office: bool = True
) -> list[Officer]:
    """Who holds one of these offices on a day, in the order of the roles.

    Parameters:
      else_office: where nobody does, the society's office stands in, so that a report always reaches someone.
    """
    found = [
        Officer(*row)
        for row in _rows(connection, service, "officers", community_id=str(of.id), roles=list(roles), day=day)
    ]
    return found or ([Officer(f"{of.name} office", of.email, "OFFICE")] if else_office else [])


def holidays(connection: Connection, service: str, of: Society, first: date, last: date) -> frozenset[date]:
    """The society's holidays from one day to another, both included."""
    rows = _rows(connection, service, "holidays", community_id=str(of.id), first=first, last=last)
    return frozenset(row.day for row in rows)


def rate_book(connection: Connection, service: str, scope: str = COUNTRY) -> RateBook:
    """The dated rates in force in a State, or in all of India."""
    return RateBook((Rate(*row) for row in _rows(connection, service, "tax_rates", scope=scope)), scope)


def _rows(connection: Connection, service: str, statement: str, **parameters: Any) -> list[Any]:
    statements = sql.load("actors.common.reference").bind(service)
    return all_rows(connection, getattr(statements, statement), **parameters)
