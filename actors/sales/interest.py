"""Overdue bills and their late interest: marked by the hour, reckoned by the day, put into the books by the month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO
from actors.common.rules.rates import RateBook
from actors.sales.rules.interest import RateSpan, Resolution, rate_spans
from actors.sales.rules.posting import Account
from actors.sales.store import statements
from infra.store.rows import all_rows, one_row

PAGE = 1_000
"""Bills marked in a transaction."""
_ONE = timedelta(days=1)


@dataclass(frozen=True)
class LateSociety:
    """A society with late bills.

    Parameters:
      accrued_to: the last day that is reckoned; None before the first.
      resolved: whether a general body ever resolved interest; without, none is charged.
    """

    id: UUID
    name: str
    law: RateBook
    resolutions: tuple[Resolution, ...]
    accrued_to: date | None

    @property
    def resolved(self) -> bool:
        return bool(self.resolutions)

    def spans(self, first: date, last: date) -> tuple[RateSpan, ...]:
        """Raises MissingRate."""
        return rate_spans(self.resolutions, self.law, first, last)


@dataclass(frozen=True)
class Day:
    """What a day brought: lines and rupees."""

    lines: int
    amount: Decimal


def mark_page(connection: Connection, day: date) -> int:
    """Mark up to a page of bills overdue whose due date lies before `day`. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(statements.mark_overdue, {"day": day, "page": PAGE})
        return cursor.rowcount


def mark_of_units(connection: Connection, days: Mapping[UUID, date]) -> None:
    """The same for flats whose accounts are held, each on its own day."""
    parameters = {"unit_ids": [str(unit_id) for unit_id in days], "days": list(days.values())}
    with connection.cursor() as cursor:
        cursor.execute(statements.mark_overdue_of_units, parameters)


def resolutions(connection: Connection, communities: Iterable[UUID]) -> dict[UUID, tuple[Resolution, ...]]:
    """What each of these societies resolved."""
    ids = [str(community_id) for community_id in communities]
    found: dict[UUID, tuple[Resolution, ...]] = {UUID(community_id): () for community_id in ids}
    for row in all_rows(connection, statements.resolutions, communities=ids):
        one = Resolution(row.effective_from, row.effective_to, row.percent, row.grace_days)
        found[UUID(row.community_id)] += (one,)
    return found


def late_societies(connection: Connection) -> list[LateSociety]:
    """Those with overdue bills, or that had some."""
    rows = all_rows(connection, statements.societies_with_late_bills)
    resolved = resolutions(connection, [UUID(row.id) for row in rows])
    laws: dict[str, RateBook] = {}
    for row in rows:
        if row.law_scope not in laws:
            laws[row.law_scope] = reference.rate_book(connection, "sales", row.law_scope)
    return [
        LateSociety(UUID(row.id), row.name, laws[row.law_scope], resolved[UUID(row.id)], row.accrued_to)
        for row in rows
    ]


def days_to_reckon(connection: Connection, society: LateSociety, until: date) -> Iterator[date]:
    """The days that are missing up to `until`, in order; before the first run, from the first late bill on."""
    if society.accrued_to is not None:
        first = society.accrued_to + _ONE
    else:
        oldest = _oldest_late_due(connection, society)
        first = oldest + _ONE if oldest else until
    return (first + timedelta(days=number) for number in range((until - first).days + 1))


def reckon(connection: Connection, society: LateSociety, day: date) -> Day:
    """A day's lines of a society; on the first of a month, the month before enters the books too.

    A day that is reckoned stands: a second time changes nothing. Raises MissingRate, naming what is missing.
    """
    community = str(society.id)
    with connection.cursor() as cursor:
        cursor.execute(statements.hold_society, {"community_id": community})
    oldest = _oldest_late_due(connection, society)
    spans = society.spans(oldest + _ONE, day) if oldest else ()
    row = one_row(
        connection,
        statements.accrue,
        community_id=community,
        day=day,
        firsts=[span.first for span in spans],
        lasts=[span.last for span in spans],
        percents=[span.percent for span in spans],
    )
    if not row.new:
        return Day(0, ZERO)
    found = Day(row.lines, row.amount)
    with connection.cursor() as cursor:
        cursor.execute(statements.begin_late_interest, {"community_id": community, "day": day})
        cursor.execute(statements.tell_run, {"community_id": community, "day": day, **vars(found)})
    if day.day == 1:
        charge_month(connection, society.id, Period.of(day - _ONE))
    return found


def _oldest_late_due(connection: Connection, society: LateSociety) -> date | None:
    row = one_row(connection, statements.oldest_late_due, community_id=str(society.id))
    return row.due_date  # type: ignore[no-any-return]


def charge_month(connection: Connection, community_id: UUID, month: Period) -> None:
    """Put a month's interest into the books, as far as no receipt has called for it: one entry a bill.

    Its GST is not due before it is received, so `interest_entry` has two lines here.
    """
    parameters = {
        "community_id": str(community_id),
        "first_day": month.first_day,
        "last_day": month.last_day,
        "receivable": Account.RECEIVABLE.value,
        "interest": Account.LATE_INTEREST.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.charge_month, parameters)
        cursor.execute(statements.post_month, parameters)
