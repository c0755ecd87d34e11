"""Complaints: who hears of one that stays open, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Officer, Society, officers, society
from actors.common.rules.calendar import INDIA, india_date
from actors.community.rules.sla import MissingSla, OfficeHours, Priority, Step, due_times, earliest_letter
from actors.community.store import NO_ID, PAGE, UnknownRequest, statements
from infra.store.rows import all_rows, checked_id, one_row


@dataclass(frozen=True)
class Planned:
    """A step that waits for its moment."""

    request_id: str
    level: int
    due_at: datetime


@dataclass(frozen=True)
class Plans:
    """A page of plans.

    Parameters:
      refused: complaints for which no time could be reckoned, and why.
      last_id: where the next page begins; None after the last page.
    """

    planned: tuple[Planned, ...]
    refused: tuple[str, ...]
    last_id: str | None


@dataclass(frozen=True)
class Escalation:
    """A step of a complaint, as its letter tells it.

    Parameters:
      outcome: ESCALATED or NOT_NEEDED; None when it must wait until `not_before`.
    """

    society: Society
    number: str
    priority: Priority
    category: str
    title: str
    resident: str
    flat: str
    level: int
    opened_at: datetime
    due_at: datetime
    outcome: str | None
    not_before: datetime
    told: tuple[Officer, ...]

    @property
    def subject(self) -> str:
        urgent = "EMERGENCY, " if self.priority is Priority.EMERGENCY else ""
        return f"{urgent}level {self.level}: {self.number}, {self.title}"

    @property
    def figures(self) -> list[tuple[str, str]]:
        return [
            ("Complaint", self.number),
            ("About", f"{self.category}: {self.title}"),
            ("From", f"{self.resident}, flat {self.flat}"),
            ("Opened", f"{self.opened_at.astimezone(INDIA):%a %-d %b %Y, %H:%M}"),
            (f"Level {self.level} was due", f"{self.due_at.astimezone(INDIA):%a %-d %b %Y, %H:%M}"),
        ]


def plan(connection: Connection, after: str = NO_ID, request_id: str | UUID | None = None) -> Plans:
    """Reckon a page of open complaints, or one, that have no plan yet."""
    wanted = checked_id(request_id, "complaint", UnknownRequest) if request_id else None
    if wanted and one_row(connection, statements.request_exists, request_id=wanted) is None:
        raise UnknownRequest(f"no complaint has the id {request_id}")
    requests = all_rows(connection, statements.unplanned_requests, after=after, request_id=wanted, page=PAGE)
    reckoning = _Reckoning(connection, requests)
    due: list[Planned] = []
    refused: list[str] = []
    for request in requests:
        try:
            due += [
                Planned(request.id, level, moment) for level, moment in reckoning.due_times(request).items()
            ]
        except MissingSla as error:
            refused.append(f"complaint {request.number}: {error}")
    rows = all_rows(
        connection,
        statements.plan_escalations,
        requests=[step.request_id for step in due],
        levels=[step.level for step in due],
        due=[step.due_at for step in due],
    )
    return Plans(
        tuple(Planned(*row) for row in rows),
        tuple(refused),
        requests[-1].id if len(requests) == PAGE else None,
    )


def due_steps(connection: Connection, at: datetime) -> list[Planned]:
    """Steps that are due and undecided, after those of closed complaints were dropped."""
    with connection.cursor() as cursor:
        cursor.execute(statements.drop_needless_escalations, {"at": at})
    found: list[Planned] = []
    after: dict[str, Any] = {
        "after_due": datetime.fromtimestamp(0, INDIA),
        "after_id": NO_ID,
        "after_level": 0,
    }
    while True:
        page = [
            Planned(*row)
            for row in all_rows(connection, statements.due_escalations, at=at, page=PAGE, **after)
        ]
        found += page
        if len(page) < PAGE:
            return found
        last = page[-1]
        after = {"after_due": last.due_at, "after_id": last.request_id, "after_level": last.level}


def escalate(connection: Connection, request_id: str | UUID, level: int) -> Escalation:
    """Decide a step whose moment has come. Decided before, it is told as it was decided; who is told stays the same."""
    key = checked_id(request_id, "complaint", UnknownRequest)
    row = one_row(connection, statements.hold_escalation, request_id=key, level=level)
    if row is None:
        raise UnknownRequest(f"complaint {request_id} has no level {level} planned")
    priority = Priority(row.priority)
    outcome, decided_at, not_before = row.outcome, row.decided_at or row.now, row.now
    if outcome is None:
        not_before = max(row.due_at, earliest_letter(priority, row.now))
        if row.closed_at is not None:
            outcome = "NOT_NEEDED"
        elif not_before <= row.now:
            outcome = "ESCALATED"
        if outcome:
            with connection.cursor() as cursor:
                cursor.execute(
                    statements.decide_escalation,
                    {"request_id": key, "level": level, "outcome": outcome, "at": decided_at},
                )
    of = society(connection, "community", row.community_id)
    roles = {
        step.level: step.roles
        for step in _steps_on(_sla_steps(connection), priority, india_date(row.opened_at))
    }
    if level not in roles:
        raise MissingSla(
            f"level {level} of {priority} complaints of {row.opened_at:%d %b %Y} is not on record"
        )
    return Escalation(
        of,
        row.number,
        priority,
        row.category,
        row.title,
        row.resident,
        row.flat,
        level,
        row.opened_at,
        row.due_at,
        outcome,
        not_before,
        tuple(officers(connection, "community", of, india_date(decided_at), *roles[level])),
    )


class _Reckoning:
    """The steps, office hours and holidays that a page of complaints is reckoned by."""

    def __init__(self, connection: Connection, requests: Iterable[Any]) -> None:
        communities = sorted({request.community_id for request in requests})
        first = min((india_date(request.opened_at) for request in requests), default=date.max)
        self._steps = _sla_steps(connection)
        hours: dict[str, dict[int, tuple[time, time]]] = {}
        for row in all_rows(connection, statements.office_hours, communities=communities):
            hours.setdefault(row.community_id, {})[row.weekday] = (row.opens, row.closes)
        holidays: dict[str, set[date]] = {}
        for row in all_rows(connection, statements.holidays_of, communities=communities, first=first):
            holidays.setdefault(row.community_id, set()).add(row.day)
        self._offices = {of: OfficeHours(hours.get(of, {}), holidays.get(of, set())) for of in communities}

    def due_times(self, request: Any) -> dict[int, datetime]:
        priority = Priority(request.priority)
        steps = _steps_on(self._steps, priority, india_date(request.opened_at))
        return due_times(request.opened_at, priority, steps, self._offices[request.community_id])


def _sla_steps(connection: Connection) -> list[Any]:
    return all_rows(connection, statements.sla_steps)


def _steps_on(rows: Iterable[Any], priority: Priority, day: date) -> list[Step]:
    """The latest row of each level that has begun."""
    steps: dict[int, Step] = {}
    for row in rows:  # latest first
        if row.priority == priority and row.effective_from <= day:
            steps.setdefault(row.level, Step(row.level, timedelta(minutes=row.minutes), tuple(row.roles)))
    return [steps[level] for level in sorted(steps)]
