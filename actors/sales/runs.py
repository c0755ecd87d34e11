"""Billing runs: a society's month as a batch of jobs. Which flats it bills, what came of it, and who was told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import INDIA, Period
from actors.sales.invoice import Supplier
from actors.sales.report import MonthSummary, month_summary
from actors.sales.rules.billing import Head
from actors.sales.store import UnknownUnit, statements, supplier
from infra.store.rows import all_rows, checked_id, one_row


class UnknownCommunity(LookupError):
    """No society has this id."""


class UnknownRun(LookupError):
    """No billing run has this id."""


@dataclass(frozen=True)
class SocietyToBill:
    """A society and its flats that are charged in a month."""

    community_id: UUID
    name: str
    unit_ids: tuple[str, ...]


@dataclass(frozen=True)
class BillingRun:
    """A batch that bills a society for a month.

    Parameters:
      treasurer: address for its summary.
      told_unbilled: how many flats the last summary named as unbilled; None before the first.
      flats: how many it bills, where its jobs bill several each; None where each flat is a job.
    """

    batch_id: str
    community_id: UUID
    period: Period
    opened_at: datetime
    name: str
    supplier: Supplier
    treasurer: str
    told_unbilled: int | None
    flats: int | None = None


@dataclass(frozen=True)
class RunOutcome:
    """The month as the run left it.

    Parameters:
      billed: flats that have their bill of the month.
      new_bills: made since the run began; the others stood before.
      letters_ahead: bills of members with an address that were not mailed yet.
      without_address: flats whose members get no mail.
    """

    month: MonthSummary
    heads: dict[Head, Decimal]
    billed: int
    new_bills: int
    letters: int
    letters_ahead: int
    without_address: tuple[str, ...]


@dataclass(frozen=True)
class Flat:
    """A flat as people speak of it; `member` is None where no owner is on record."""

    label: str
    member: str | None


def flats_to_bill(connection: Connection, community_id: str | UUID, period: Period) -> SocietyToBill:
    """Flats that are handed over later than `period` are left out. Raises UnknownCommunity."""
    row = one_row(
        connection,
        statements.flats_to_bill,
        community_id=checked_id(community_id, "society", UnknownCommunity),
        last_day=period.last_day,
    )
    if row is None:
        raise UnknownCommunity(f"no society has the id {community_id}")
    return SocietyToBill(UUID(row.id), row.name, tuple(row.unit_ids))


def societies_to_bill(connection: Connection, period: Period) -> list[UUID]:
    """The societies that have a flat to bill for `period`."""
    return [
        UUID(row.id) for row in all_rows(connection, statements.societies_to_bill, last_day=period.last_day)
    ]


def note_run(
    connection: Connection, batch_id: str, community_id: UUID, period: Period, flats: int | None = None
) -> None:
    """Record what a batch bills; a second time changes nothing.

    Parameters:
      flats: how many it bills, where its jobs bill several each.
    """
    parameters = {
        "batch_id": batch_id,
        "community_id": str(community_id),
        "period": period.first_day,
        "flats": flats,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.note_run, parameters)


def run(connection: Connection, batch_id: str) -> BillingRun:
    """Raises UnknownRun."""
    row = one_row(connection, statements.run, batch_id=checked_id(batch_id, "billing run", UnknownRun))
    if row is None:
        raise UnknownRun(f"batch {batch_id} is no billing run")
    return BillingRun(
        batch_id=batch_id,
        community_id=UUID(row.community_id),
        period=Period.of(row.period),
        opened_at=row.opened_at.astimezone(INDIA),
        name=row.name,
        supplier=supplier(row),
        treasurer=row.treasurer,
        told_unbilled=row.told_unbilled,
        flats=row.flats,
    )


def outcome(connection: Connection, of: BillingRun) -> RunOutcome:
    """What the books and the letters say of the run's month."""
    parameters = {"community_id": str(of.community_id), "period": of.period.first_day}
    row = one_row(connection, statements.outcome_of_run, opened_at=of.opened_at, **parameters)
    amounts = {
        Head(found.head): found.amount
        for found in all_rows(connection, statements.heads_of_month, **parameters)
    }
    return RunOutcome(
        month=month_summary(connection, of.community_id, of.period),
        heads={head: amounts[head] for head in Head if head in amounts},
        billed=row.billed,
        new_bills=row.new_bills,
        letters=row.letters,
        letters_ahead=row.letters_ahead,
        without_address=tuple(row.without_address),
    )


def flats(connection: Connection, unit_ids: Iterable[Any]) -> dict[str, Flat]:
    """By id, as one walks through the towers; those that are on record."""
    rows = all_rows(connection, statements.flats_by_id, unit_ids=list(unit_ids))
    return {row.id: Flat(row.label, row.member) for row in rows}


def flat(connection: Connection, unit_id: str | UUID) -> Flat:
    """Raises UnknownUnit."""
    known = flats(connection, [checked_id(unit_id, "unit", UnknownUnit)])
    if not known:
        raise UnknownUnit(f"no flat has the id {unit_id}")
    return next(iter(known.values()))


def claim_summary(
    connection: Connection, batch_id: str, unbilled: int, recipient: str, message_id: str
) -> bool:
    """Whether this transaction may mail a run's summary: False when the same was mailed before."""
    row = one_row(
        connection,
        statements.claim_summary,
        batch_id=batch_id,
        unbilled=unbilled,
        recipient=recipient,
        message_id=message_id,
    )
    return row is not None
