"""Purchase orders that wait for approval, and the decisions on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.reference import Society
from actors.common.rules.calendar import INDIA, india_date
from actors.common.rules.rates import RateBook
from actors.purchase import store
from actors.purchase.rules.approval import (
    LADDER,
    Approver,
    Requirement,
    WaitingOrder,
    approvers,
    missing_quotes,
    missing_roles,
    requirement,
)
from actors.purchase.store import SERVICE, statements
from infra.store.rows import all_rows, checked_id, one_row


class UnknownOrder(LookupError):
    """No purchase order has this id."""


class ApprovalRefused(ValueError):
    """Who may not approve, or what cannot be approved; the message names the order."""


@dataclass(frozen=True)
class Order:
    """An order that waits, with what it still needs.

    Parameters:
      version: which of its amounts.
      told: addresses of the approvers who were told of this version.
    """

    id: UUID
    number: str
    subject: str
    vendor: str
    version: int
    waiting_since: datetime
    state: WaitingOrder
    needed: Requirement
    told: frozenset[str]

    @property
    def amount(self) -> Decimal:
        return self.state.amount

    @property
    def missing_roles(self) -> tuple[str, ...]:
        return missing_roles(self.state, self.needed)

    @property
    def missing_quotes(self) -> int:
        return missing_quotes(self.state, self.needed)

    def steps_of(self, approver: str, officers: Sequence[Approver]) -> tuple[str, ...]:
        """The steps still to come that this person may take."""
        return tuple(
            role
            for role in self.missing_roles
            if approver in {found.email for found in approvers(role, self.state, officers)}
        )


def waiting(connection: Connection, society: Society, moment: datetime, book: RateBook) -> list[Order]:
    """Orders of a society that wait at a moment, the longest waiting first."""
    rows = all_rows(connection, statements.orders_waiting, community_id=str(society.id), moment=moment)
    return [_order(row, book) for row in rows]


def approving_officers(connection: Connection, society: Society, day: date) -> list[Approver]:
    """All who hold a role that approves. Empty where no office is filled."""
    found = reference.officers(connection, SERVICE, society, day, *LADDER, else_office=False)
    return [Approver(officer.name, officer.email, officer.role) for officer in found]


def decide(
    connection: Connection,
    order_id: str | UUID,
    approver: str,
    *,
    approved: bool = True,
    reason: str | None = None,
) -> str:
    """Take the next step of an order's approval that this officer may take. Returns the order's status after it.

    Raises UnknownOrder; ApprovalRefused for who asked for the order, who may not approve it or did so before, for an
    order that does not wait, and for one whose quotes are missing.
    """
    row = one_row(connection, statements.lock_order, order_id=checked_id(order_id, "order", UnknownOrder))
    if row is None:
        raise UnknownOrder(f"no order has the id {order_id}")
    if row.status != "WAITING":
        raise ApprovalRefused(f"order {row.number} is {row.status.lower()}; it does not wait for approval")
    office = store.office(connection, row.community_id)
    order = _order(row, office.rates)
    now = reference.now(connection, SERVICE)
    steps = order.steps_of(approver, approving_officers(connection, office.society, india_date(now)))
    if approver == order.state.requested_by:
        raise ApprovalRefused(f"order {order.number} was asked for by {approver}, who may not approve it")
    if not steps:
        raise ApprovalRefused(f"order {order.number} does not wait for {approver}")
    if approved and order.missing_quotes:
        raise ApprovalRefused(
            f"order {order.number} needs {order.needed.quotes} quotes and has {order.state.quotes}"
        )
    store.run(
        connection,
        statements.record_approval,
        order_id=str(order.id),
        version=order.version,
        role=steps[0],
        approver=approver,
        requested_by=order.state.requested_by,
        approved=approved,
        reason=reason,
    )
    status = "REJECTED" if not approved else "WAITING" if len(order.missing_roles) > 1 else "APPROVED"
    if status != "WAITING":
        store.run(connection, statements.settle_order, order_id=str(order.id), status=status)
    return status


def note_told(connection: Connection, approver: str, told: Sequence[Order], moment: datetime) -> None:
    """Record that an approver was told of these orders."""
    store.run(
        connection,
        statements.note_told,
        approver=approver,
        moment=moment,
        order_ids=[str(order.id) for order in told],
        versions=[order.version for order in told],
    )


def _order(row: Any, book: RateBook) -> Order:
    since = row.waiting_since.astimezone(INDIA)
    return Order(
        id=UUID(row.id),
        number=row.number,
        subject=row.subject,
        vendor=row.vendor,
        version=row.version,
        waiting_since=since,
        state=WaitingOrder(row.amount, row.requested_by, json.loads(row.approved), row.quotes),
        needed=requirement(row.amount, since.date(), book),
        told=frozenset(row.told),
    )
