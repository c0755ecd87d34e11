"""What stands in the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from infra.store import sql


@dataclass(frozen=True)
class AccountBalance:
    """One line of a trial balance, in rupees."""

    account: str
    name: str
    kind: str
    debit: Decimal
    credit: Decimal


def trial_balance(
    connection: Connection, service: str, community_id: UUID, until: date
) -> list[AccountBalance]:
    """Every account of a society that was posted to until the end of a day; debits equal credits over all."""
    statement = sql.load("actors.common.books").bind(service).trial_balance
    with connection.cursor() as cursor:
        cursor.execute(statement, {"community_id": str(community_id), "until": until})
        return [AccountBalance(*row) for row in cursor.fetchall()]


def balances_of_parties(
    connection: Connection, service: str, account: str, community_id: UUID, until: date
) -> dict[UUID, Decimal]:
    """Each party's balance on a control account, debit minus credit."""
    statement = sql.load("actors.common.books").bind(service).balances_of_parties
    parameters = {"account": account, "community_id": str(community_id), "until": until}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {UUID(party): balance for party, balance in cursor.fetchall() if party}
